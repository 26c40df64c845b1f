"""Many senders at once, each at its own speed or paced together, patient or not."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException

from service.selftest.place import HOST

TIMEOUT_SECONDS = 30.0
#: How long a patient sender goes on asking before it gives one up.
PATIENCE_SECONDS = 180.0
PAUSE_SECONDS = 0.2
UNANSWERED = 0


@dataclass(frozen=True, slots=True)
class Call:
    """One request."""

    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request got in the end: its status (0: none), the milliseconds of its last try, the number of tries."""

    status: int
    ms: float
    tries: int


class Storm:
    """Sends calls in their order from several threads; a paced one lets them go at `rate` a second."""

    def __init__(
        self, port: int, calls: Sequence[Call], *, senders: int, rate: float = 0.0, patient: bool = True
    ) -> None:
        self._port, self._calls = port, calls
        self._senders, self._rate, self._patient = senders, rate, patient
        self._answers: list[Answer | None] = [None] * len(calls)
        self._lock = threading.Lock()
        self._next = 0
        self._started = 0.0
        self.seconds = 0.0

    @property
    def sent(self) -> int:
        """How many calls were taken so far."""
        return self._next

    def run(self) -> list[Answer]:
        """Sends everything; the answers stand in the order of the calls."""
        self._started = time.perf_counter()
        threads = [threading.Thread(target=self._send, name=f"sender-{n}") for n in range(self._senders)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.seconds = time.perf_counter() - self._started
        return [answer or Answer(UNANSWERED, 0.0, 0) for answer in self._answers]

    def _send(self) -> None:
        line = HTTPConnection(HOST, self._port, timeout=TIMEOUT_SECONDS)
        try:
            while (index := self._take()) is not None:
                self._answers[index] = self._ask(line, self._calls[index])
        finally:
            line.close()

    def _take(self) -> int | None:
        with self._lock:
            index, self._next = self._next, self._next + 1
        if index >= len(self._calls):
            return None
        if self._rate:
            time.sleep(max(0.0, self._started + index / self._rate - time.perf_counter()))
        return index

    def _ask(self, line: HTTPConnection, call: Call) -> Answer:
        """A patient sender does as a forum with retries: again, with the same event id, until it is answered."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        tries = 0
        while True:
            tries += 1
            started = time.perf_counter()
            status = _once(line, call)
            ms = (time.perf_counter() - started) * 1000
            answered = status != UNANSWERED and status < 500 and status != 429
            if answered or not self._patient or time.monotonic() > deadline:
                return Answer(status, ms, tries)
            time.sleep(PAUSE_SECONDS)


def _once(line: HTTPConnection, call: Call) -> int:
    """The status, 0 without an answer; the line is closed then, so that the next try opens a new one."""
    try:
        line.request(call.method, call.path, call.body or None, dict(call.headers))
        answer = line.getresponse()
        answer.read()
    except (OSError, HTTPException):
        line.close()
        return UNANSWERED
    return answer.status
