"""Threads that turn: how many messages late the line catches them, and whether it could be told beforehand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from moderation.evaluation import metrics
from moderation.evaluation.metrics import Estimate
from moderation.scoring.contract import Score
from service.evaluation.judges import Scored
from service.evaluation.sets import LabelledSet
from service.evaluation.threads import priority

#: A thread can be told to turn later only when it began well for this many messages.
BEGINNING = 3
LINE = 90.0


@dataclass(frozen=True, slots=True)
class TurnRow:
    """Threads that began calm and turned. `caught` is the share that came above the line by their end; `at_once` at the
    very message that turned it; `delay` the mean number of messages later than that, over the caught."""

    name: str
    scorer: str
    threads: int
    caught: Estimate
    at_once: Estimate
    delay: Estimate


@dataclass(frozen=True, slots=True)
class HintRow:
    """How well something about the first messages of calm beginnings ranks those that will turn."""

    name: str
    scorer: str
    hint: str
    threads: int
    turned: int
    auc: Estimate


@dataclass(frozen=True, slots=True)
class _Thread:
    scores: list[Score]
    bad: list[bool]

    @property
    def turns_at(self) -> int:
        """Index of the first hostile message; -1 where there is none."""
        return next((i for i, bad in enumerate(self.bad) if bad), -1)


def turn_rows(sets: Sequence[LabelledSet], scored: Scored) -> Iterator[TurnRow]:
    """The line of a community in which all threads are still calm, and one after the other goes on as it did."""
    for one in (s for s in sets if s.threads and s.head == "toxicity"):
        for scorer in scored.scorers:
            found = _threads(one, scored.of(scorer, one.texts))
            calm = [priority(t.scores[: t.turns_at if t.turns_at > 0 else None]) for t in found if t.turns_at]
            turned = [t for t in found if t.turns_at > 0]
            if len(turned) >= metrics.FEW:
                line = float(np.percentile(calm, LINE))
                yield _turn_row(one.name, scorer, [_delay(t, line) for t in turned])


def _threads(one: LabelledSet, scores: Sequence[Score]) -> list[_Thread]:
    found: dict[str, _Thread] = {}
    for name, score, bad in zip(one.threads, scores, one.labels, strict=True):
        thread = found.setdefault(name, _Thread([], []))
        thread.scores.append(score)
        thread.bad.append(bool(bad))
    return list(found.values())


def _delay(thread: _Thread, line: float) -> int | None:
    """Messages after the turn until the thread stands above the line; None when it never does."""
    steps = range(thread.turns_at, len(thread.scores))
    return next((i - thread.turns_at for i in steps if priority(thread.scores[: i + 1]) > line), None)


def _turn_row(name: str, scorer: str, delays: Sequence[int | None]) -> TurnRow:
    caught = np.array([d for d in delays if d is not None], dtype=float)
    generator, few = np.random.default_rng(0), not len(caught)
    draws = [np.nan] if few else [generator.choice(caught, len(caught)).mean() for _ in range(metrics.RESAMPLES)]
    low, high = np.percentile(draws, [2.5, 97.5])
    mean = Estimate(float("nan") if few else float(caught.mean()), float(low), float(high))
    return TurnRow(
        name,
        scorer,
        len(delays),
        metrics.wilson(len(caught), len(delays)),
        metrics.wilson(int((caught == 0).sum()), len(delays)),
        mean,
    )


def hint_rows(sets: Sequence[LabelledSet], scored: Scored) -> Iterator[HintRow]:
    for one in (s for s in sets if s.threads and s.head == "toxicity"):
        for scorer in scored.scorers:
            found = [t for t in _threads(one, scored.of(scorer, one.texts)) if len(t.scores) > BEGINNING]
            calm = [t for t in found if t.turns_at < 0 or t.turns_at >= BEGINNING]
            labels = np.array([t.turns_at >= BEGINNING for t in calm], dtype=bool)
            if min(labels.sum(), (~labels).sum()) >= metrics.FEW:
                for hint, values in _hints(calm).items():
                    yield HintRow(
                        one.name, scorer, hint, len(calm), int(labels.sum()),
                        metrics.bootstrap(metrics.auc, values, labels),
                    )  # fmt: skip


def _hints(calm: Sequence[_Thread]) -> dict[str, metrics.Floats]:
    """The trivial one first: a longer thread has more messages that may be hostile."""
    first = [t.scores[:BEGINNING] for t in calm]
    return {
        "length (trivial)": np.array([float(len(t.scores)) for t in calm]),
        "toxicity so far": np.array([max(s.toxicity for s in some) for some in first]),
        "mood so far": np.array([-min(s.sentiment for s in some) for some in first]),
        "mood falling": np.array([some[0].sentiment - some[-1].sentiment for some in first]),
        "priority so far": np.array([priority(some) for some in first]),
    }
