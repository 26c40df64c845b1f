"""Requests that come together are scored together.

The request that finds nobody scoring leads: it scores what waits, its own text first, in its own thread. Others that
come meanwhile wait, and the first of them leads the next batch. A lone request therefore waits for nobody and passes
through no other thread. Where requests follow each other closely, the leader gives the others a moment (`GATHER`) to
get their texts in line, because a batch of eight costs little more than one text.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from moderation.scoring.contract import Score, Text

Scoring = Callable[[Sequence[Text]], list[Score]]

WAITING_MAX = 256
BATCH = 256
WAIT_SECONDS = 10.0
GATHER = 0.001
#: A leader that comes this soon after the last one is not alone.
CLOSE = 0.004


class Busy(Exception):
    """More waits already than can be scored in time."""


@dataclass(slots=True, eq=False)
class _Waiting:
    texts: Sequence[Text]
    called: threading.Event = field(default_factory=threading.Event)
    leads: bool = False
    scores: list[Score] | None = None
    error: Exception | None = None


class Batcher:
    """Thread-safe. `seen` is told the number of texts in each batch and the seconds it took."""

    def __init__(
        self,
        score: Scoring,
        seen: Callable[[int, float], None],
        *,
        waiting_max: int = WAITING_MAX,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._score, self._seen = score, seen
        self._waiting_max, self._wait_seconds = waiting_max, wait_seconds
        self._waiting: deque[_Waiting] = deque()
        self._lock = threading.Lock()
        self._led = False
        self._last = float("-inf")

    def score(self, texts: Sequence[Text]) -> list[Score]:
        """The scores in the order of the texts. Raises Busy, or what the scorer raised."""
        mine = _Waiting(texts)
        with self._lock:
            if len(self._waiting) >= self._waiting_max:
                raise Busy
            self._waiting.append(mine)
            mine.leads, self._led = not self._led, True
        if mine.leads or self._called_to_lead(mine):
            self._lead()
        if mine.error is not None:
            raise mine.error
        assert mine.scores is not None
        return mine.scores

    def _called_to_lead(self, mine: _Waiting) -> bool:
        """Waits for the scores, or for the turn to lead; gives up in time unless the text is being scored."""
        if not mine.called.wait(self._wait_seconds):
            with self._lock:
                if mine in self._waiting and not mine.leads:
                    self._waiting.remove(mine)
                    raise Busy
            mine.called.wait()
        return mine.leads

    def _lead(self) -> None:
        try:
            if time.monotonic() - self._last < CLOSE:
                time.sleep(GATHER)
            self._run(self._next_batch())
        finally:
            self._last = time.monotonic()
            self._pass_on()

    def _next_batch(self) -> list[_Waiting]:
        """The leader, who stands first, and as many others as fit."""
        with self._lock:
            batch = [self._waiting.popleft()]
            texts = len(batch[0].texts)
            while self._waiting and texts + len(self._waiting[0].texts) <= BATCH:
                texts += len(self._waiting[0].texts)
                batch.append(self._waiting.popleft())
            return batch

    def _pass_on(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting[0].leads = True
                self._waiting[0].called.set()
            else:
                self._led = False

    def _run(self, batch: Sequence[_Waiting]) -> None:
        """One text that cannot be scored must not take its neighbours along: then each goes alone."""
        try:
            started = time.perf_counter()
            scores = iter(self._score([text for waiting in batch for text in waiting.texts]))
            self._seen(sum(len(w.texts) for w in batch), time.perf_counter() - started)
            for waiting in batch:
                waiting.scores = [next(scores) for _ in waiting.texts]
                waiting.called.set()
        except Exception as error:
            if len(batch) > 1:
                for waiting in batch:
                    self._run([waiting])
                return
            batch[0].error = error
            batch[0].called.set()
        except BaseException:  # the thread is being ended: nobody may wait for it
            for waiting in batch:
                waiting.error = Busy()
                waiting.called.set()
            raise
