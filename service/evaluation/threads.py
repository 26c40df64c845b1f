"""The triage on labelled threads: how many of those that turned bad, or were answered, stand within the budget.

A set of threads gives no times that can be trusted, so threads begin evenly over a month and messages follow a minute
apart, as if all had been active in the window.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from moderation.evaluation import metrics
from moderation.evaluation.metrics import Estimate, Flags, Floats
from moderation.scoring.contract import Score
from moderation.triage import MessageFact, ThreadFacts, assess, digest
from service.evaluation.judges import Scored
from service.evaluation.sets import LabelledSet

_START = datetime(2024, 1, 1, tzinfo=UTC)
_SPREAD = timedelta(days=27)
_AS_OF = _START + timedelta(days=28)


@dataclass(frozen=True, slots=True)
class ThreadRow:
    """A way to rank threads. A thread counts as positive when at least a third of its messages are."""

    name: str
    ranking: str
    threads: int
    positives: int
    auc: Estimate
    recall: Estimate


def thread_rows(sets: Sequence[LabelledSet], scored: Scored) -> Iterator[ThreadRow]:
    for one in sets:
        for scorer in scored.scorers if one.threads else ():
            yield from _rows(one, scored, scorer)


def _rows(one: LabelledSet, scored: Scored, scorer: str) -> Iterator[ThreadRow]:
    names = list(dict.fromkeys(one.threads))
    parts = {name: [i for i, thread in enumerate(one.threads) if thread == name] for name in names}
    labels = np.array([one.labels[parts[name]].mean() >= 1 / 3 for name in names])
    if not 0 < labels.sum() < len(labels):
        return
    scores = scored.of(scorer, one.texts)
    facts = [facts_of([scores[i] for i in parts[name]], place / len(names)) for place, name in enumerate(names)]
    for ranking, values in _rankings(facts).items():
        yield _row(one.name, f"{ranking} ({scorer})", values, labels)


def _row(name: str, ranking: str, values: Floats, labels: Flags) -> ThreadRow:
    found = metrics.bootstrap(metrics.auc, values, labels)
    recall = metrics.recall_at_budget(values, labels)
    return ThreadRow(name, ranking, len(labels), int(labels.sum()), found, recall)


def facts_of(scores: Sequence[Score], place: float = 1.0) -> ThreadFacts:
    """What triage knows of a thread that began at `place` (0 to 1) of the month."""
    begins = (_START + _SPREAD * place).timestamp()
    return digest(
        (
            MessageFact(n, begins + 60.0 * n, n, "customer", s.toxicity, s.urgency, s.sentiment, s.rules)
            for n, s in enumerate(scores, 1)
        ),
        _AS_OF,
    )


def priority(scores: Sequence[Score]) -> float:
    """Where the triage puts a thread of these messages, a day after the last thread began."""
    return assess(facts_of(scores), _AS_OF).priority


def _rankings(facts: Sequence[ThreadFacts]) -> dict[str, Floats]:
    return {
        "the tenth": np.array([assess(f, _AS_OF).priority for f in facts]),
        "toxicity alone": np.array([f.toxicity for f in facts]),
        "urgency alone": np.array([f.need for f in facts]),
        "longest thread": np.array([float(f.messages) for f in facts]),
        "first come": -np.array([f.first_at for f in facts]),
    }
