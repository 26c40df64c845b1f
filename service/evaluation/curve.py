"""The learning curve: how much of what needs an answer the tenth finds after so many decisions of a team.

Simulated on labelled texts, each a conversation of one message. Two thirds are the past, on which a desk works: it
shows the tenth by its present weights, and a few of the others at random; a person decides them as the label says; the
weights are learned again. The last third measures, and is never shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from moderation.evaluation import metrics
from moderation.evaluation.metrics import Estimate
from moderation.learning import Decision, learn, logit
from moderation.scoring.contract import Score
from moderation.triage import MessageFact, ThreadFacts, digest
from moderation.tuning import PRIOR, Tuning
from service.evaluation.judges import Scored
from service.evaluation.measure import streams
from service.evaluation.sets import LabelledSet

STOPS = (0, 50, 200, 500)
ROUND = 25
#: Of the decisions of a round, those on conversations drawn from below the line.
PROBES = 3
RUNS = 5
PEOPLE = 4
_AT = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class CurveRow:
    """Recall at a budget of 10% after `decisions`, mean of runs with the lowest and highest of them."""

    name: str
    language: str
    scorer: str
    decisions: int
    recall: Estimate


def curve_rows(sets: Sequence[LabelledSet], scored: Scored) -> Iterator[CurveRow]:
    wanted = [one for one in sets if one.head == "urgency"] + list(streams(sets))
    for one in wanted:
        for scorer in scored.scorers:
            yield from _curve(one, scorer, scored.of(scorer, one.texts))


def _curve(one: LabelledSet, scorer: str, scores: Sequence[Score]) -> Iterator[CurveRow]:
    facts = [_facts(score, number) for number, score in enumerate(scores)]
    runs = [_run(facts, one.labels, seed) for seed in range(RUNS)]
    for place, stop in enumerate(STOPS):
        found = [run[place] for run in runs if place < len(run)]
        if found and not np.isnan(found).any():
            mean = Estimate(float(np.mean(found)), min(found), max(found))
            yield CurveRow(one.name, one.language, scorer, stop, mean)


def _facts(score: Score, number: int) -> ThreadFacts:
    message = MessageFact(
        1, _AT.timestamp(), number, "customer", score.toxicity, score.urgency, score.sentiment, score.rules,
        intents=score.intents,
    )  # fmt: skip
    return digest([message], _AT + timedelta(hours=6))


def _run(facts: Sequence[ThreadFacts], labels: metrics.Flags, seed: int) -> list[float]:
    """Recall at each of `STOPS` that the past is long enough for."""
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(facts))
    past, later = list(order[: 2 * len(order) // 3]), order[2 * len(order) // 3 :]
    tuning, decided, found = PRIOR, list[Decision](), list[float]()
    for stop in STOPS:
        while len(decided) < stop:
            if len(past) < 10 * ROUND:
                return found
            decided += _shift(facts, labels, past, tuning, generator, len(decided))
            tuning = learn(decided)
        scores = np.array([logit(facts[i], _AT + timedelta(hours=6), tuning) for i in later])
        found.append(metrics.recall_at_budget(scores, labels[later], seed=seed).value)
    return found


def _shift(
    facts: Sequence[ThreadFacts],
    labels: metrics.Flags,
    past: list[int],
    tuning: Tuning,
    generator: np.random.Generator,
    already: int,
) -> list[Decision]:
    """A round of work: from some new conversations, the tenth and some others; what was new is then past."""
    new, past[:] = past[: 10 * ROUND], past[10 * ROUND :]
    at = _AT + timedelta(hours=6)
    ranked = sorted(new, key=lambda i: (-logit(facts[i], at, tuning), i))
    shown = ranked[: ROUND - PROBES] + list(generator.choice(ranked[ROUND - PROBES :], PROBES, replace=False))
    return [Decision((already + n) % PEOPLE, at, facts[i], bool(labels[i])) for n, i in enumerate(shown)]
