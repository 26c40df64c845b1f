"""The line learns from a team's decisions: a few weights of one community, kept near the shipped ones.

Logistic regression with a Gaussian prior around the shipped weights (a maximum a posteriori fit by Newton's method; see
Bishop, Pattern Recognition and Machine Learning, 2006, 4.3 and 4.5). Few decisions change little; many can change much
of what they speak about. A fit is only recommended when it ranked decisions that it had not seen at least as well as
the shipped weights did.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

import numpy as np

from moderation.evaluation.metrics import Floats, auc
from moderation.triage import BASE, TOPICS, ThreadFacts, terms
from moderation.tuning import PRIOR, Tuning

#: How strongly each kind of weight is held to the shipped one: the precision of its prior.
HOLD_SHIFT, HOLD_TERMS, HOLD_TOPICS = 0.05, 3.0, 0.7
#: A reason may come to count for nothing or for three times as much; it never comes to mean its opposite.
LEAST, MOST = 0.0, 3.0
#: What decisions of one person may weigh: this many times those of the person in the middle, and never less than this.
PERSON_TIMES, PERSON_LEAST = 2.0, 20
#: Decisions of each kind before anything is learned, and parts that are each judged by a fit on the earlier ones.
FEWEST = 10
PARTS = 4
_STEPS, _HALVINGS = 30, 8


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person said of a thread at a moment, with what was known of it then. `needs`: the brand had to act."""

    person: int
    at: datetime
    facts: ThreadFacts
    needs: bool


@dataclass(frozen=True, slots=True)
class Trial:
    """A fit and how it did on decisions that came after those it learned from: areas under the ROC curve.

    `better` is False, and the shipped weights should stay, when there are too few decisions or the fit ranked worse.
    """

    tuning: Tuning
    decisions: int
    judged: int
    prior_auc: float
    tuned_auc: float
    better: bool


def learn(decisions: Sequence[Decision]) -> Tuning:
    """The weights that explain the decisions best without going far from the shipped ones. Order does not matter."""
    if not decisions:
        return PRIOR
    ordered = sorted(decisions, key=lambda d: (d.at, d.person, d.facts.first_at, d.facts.marked, d.needs))
    rows = np.array([_row(d.facts, d.at) for d in ordered])
    labels = np.array([d.needs for d in ordered], dtype=float)
    return _tuning(_fit(rows, labels, _weights(ordered)))


def trial(decisions: Sequence[Decision]) -> Trial:
    """Learns from the past and judges by what came after it, part by part; then learns from everything."""
    ordered = sorted(decisions, key=lambda d: d.at)
    yes = sum(d.needs for d in ordered)
    if min(yes, len(ordered) - yes) < FEWEST:
        return Trial(PRIOR, len(ordered), 0, float("nan"), float("nan"), False)
    bounds = np.linspace(0, len(ordered), PARTS + 1).astype(int)[1:]
    pairs = [(learn(ordered[:start]), ordered[start:end]) for start, end in itertools.pairwise(bounds)]
    later = [d for _, part in pairs for d in part]
    labels = np.array([d.needs for d in later])
    prior = np.array([logit(d.facts, d.at) for d in later])
    tuned = np.array([logit(d.facts, d.at, tuning) - tuning.shift for tuning, part in pairs for d in part])
    before, after = auc(prior, labels), auc(tuned, labels)
    whole = learn(ordered)
    return Trial(whole, len(ordered), len(later), before, after, after >= before and _replays_well(ordered, whole))


def _replays_well(decisions: Sequence[Decision], tuning: Tuning) -> bool:
    """On all past decisions, the weights that would be used rank no worse than the shipped ones."""
    labels = np.array([d.needs for d in decisions])
    prior = np.array([logit(d.facts, d.at) for d in decisions])
    tuned = np.array([logit(d.facts, d.at, tuning) for d in decisions])
    return auc(tuned, labels) >= auc(prior, labels)


def logit(facts: ThreadFacts, at: datetime, tuning: Tuning = PRIOR) -> float:
    """Log-odds that the brand must act."""
    return float(np.dot(_row(facts, at), _vector(tuning)))


_CODES = tuple(term.code for term in terms(ThreadFacts(), datetime.fromtimestamp(0)))  # noqa: DTZ006 (codes only)


def _row(facts: ThreadFacts, at: datetime) -> list[float]:
    """1, each reason's shipped weight, and the chance of each topic: times the weights of `_vector`, the log-odds."""
    return [1.0, *(term.weight for term in terms(facts, at)), *(facts.topics.get(name, 0.0) for name in TOPICS)]


def _vector(tuning: Tuning) -> Floats:
    by_term = [tuning.terms.get(code, 1.0) for code in _CODES]
    return np.array([BASE + tuning.shift, *by_term, *(tuning.topics.get(name, 0.0) for name in TOPICS)])


def _tuning(vector: Floats) -> Tuning:
    shift, by_term, topics = vector[0] - BASE, vector[1 : 1 + len(_CODES)], vector[1 + len(_CODES) :]
    return Tuning(
        round(float(shift), 4),
        {code: round(float(value), 4) for code, value in zip(_CODES, by_term, strict=True) if abs(value - 1) > 1e-3},
        {name: round(float(value), 4) for name, value in zip(TOPICS, topics, strict=True) if abs(value) > 1e-3},
    )


def _fit(rows: Floats, labels: Floats, weights: Floats) -> Floats:
    """Newton's method with steps halved until they help, kept within what a reason may come to count."""
    prior = _vector(PRIOR)
    hold = np.array([HOLD_SHIFT, *[HOLD_TERMS] * len(_CODES), *[HOLD_TOPICS] * len(TOPICS)])

    def cost(point: Floats) -> float:
        logits = rows @ point
        loss = weights @ (np.logaddexp(0.0, logits) - labels * logits)
        return float(loss + 0.5 * hold @ (point - prior) ** 2)

    point = prior.copy()
    for _ in range(_STEPS):
        chances = 1.0 / (1.0 + np.exp(-np.clip(rows @ point, -30, 30)))
        slope = rows.T @ (weights * (chances - labels)) + hold * (point - prior)
        bend = (rows * (weights * chances * (1 - chances))[:, None]).T @ rows + np.diag(hold)
        step, now = np.linalg.solve(bend, slope), cost(point)
        tries = (_bounded(point - step * 0.5**halved) for halved in range(_HALVINGS))
        better = next((found for found in tries if cost(found) < now - 1e-9), None)
        if better is None:
            break
        point = better
    return point


def _bounded(point: Floats) -> Floats:
    point[1 : 1 + len(_CODES)] = np.clip(point[1 : 1 + len(_CODES)], LEAST, MOST)
    return point


def _weights(decisions: Sequence[Decision]) -> Floats:
    """1 for each decision, less for those of a person who made many more than the others did."""
    counts = Counter(d.person for d in decisions)
    most = max(PERSON_TIMES * median(counts.values()), PERSON_LEAST) if len(counts) > 1 else len(decisions)
    return np.array([min(1.0, most / counts[d.person]) for d in decisions])
