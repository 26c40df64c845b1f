"""Figures for ranked and calibrated scores. Pure: arrays in, numbers out, the same for the same input.

Scores are floats in any range that ranks (calibration wants chances in [0, 1]); labels are 0 or 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

BINS = 10
RESAMPLES = 100
PREVALENCE = 0.1
BUDGET = 0.1
#: Fewest texts of each label that a figure is given for.
FEW = 5


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with the middle 95% of its resamples."""

    value: float
    low: float
    high: float


def auc(scores: Floats, labels: Flags) -> float:
    """Area under the ROC curve: how often a positive ranks above a negative, ties counted half (Mann-Whitney)."""
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return float("nan")
    return float((_ranks(scores)[labels].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def _ranks(scores: Floats) -> Floats:
    """Ranks from 1, equal scores sharing their mean rank."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Floats = (last - (counts - 1) / 2)[inverse]
    return ranks


def average_precision(scores: Floats, labels: Flags) -> float:
    """Mean precision over the steps of recall; texts of one score come in together."""
    if not labels.any():
        return float("nan")
    hits, found = _steps(scores, labels)
    precision = hits / found
    gained = np.diff(hits, prepend=0) / labels.sum()
    return float((precision * gained).sum())


def best_f1(scores: Floats, labels: Flags) -> float:
    """The highest F1 that any threshold gives: what the ranking allows, not what a fixed threshold gets."""
    if not labels.any():
        return float("nan")
    hits, found = _steps(scores, labels)
    return float((2 * hits / (found + labels.sum())).max())


def _steps(scores: Floats, labels: Flags) -> tuple[Floats, Floats]:
    """At every distinct threshold, from the highest: positives found so far, and texts found so far."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    ends = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    return np.cumsum(labels[order])[ends].astype(float), (ends + 1).astype(float)


def calibration_error(chances: Floats, labels: Flags) -> float:
    """Expected calibration error: ten bins of equal width, weighted by size (Naeini et al., 2015)."""
    if not len(chances):
        return float("nan")
    bins = np.minimum((chances * BINS).astype(int), BINS - 1)
    sizes = np.bincount(bins, minlength=BINS)
    promised = np.bincount(bins, weights=chances, minlength=BINS)
    came = np.bincount(bins, weights=labels.astype(float), minlength=BINS)
    return float(np.abs(promised - came).sum() / sizes.sum())


def recall_at_budget(scores: Floats, labels: Flags, *, seed: int = 0) -> Estimate:
    """Share of the positives within the top tenth of a stream of which a tenth is positive.

    `RESAMPLES` streams are drawn, each with all of the scarcer label's texts that `PREVALENCE` allows. Ties are
    broken at random: a score that says nothing finds a tenth.
    """
    positives, negatives = np.flatnonzero(labels), np.flatnonzero(~labels)
    take = min(len(positives), int(len(negatives) * PREVALENCE / (1 - PREVALENCE)))
    if take < FEW:
        return Estimate(float("nan"), float("nan"), float("nan"))
    others = round(take * (1 - PREVALENCE) / PREVALENCE)
    generator = np.random.default_rng(seed)

    def once() -> float:
        chosen = np.concatenate([generator.choice(positives, take, False), generator.choice(negatives, others, False)])
        ranked = np.lexsort((generator.random(len(chosen)), -scores[chosen]))
        return float((ranked[: round(BUDGET * len(chosen))] < take).sum() / take)

    return _middle([once() for _ in range(RESAMPLES)])


def bootstrap(figure: Callable[[Floats, Flags], float], scores: Floats, labels: Flags, *, seed: int = 0) -> Estimate:
    """A figure with its 95% interval over texts drawn with replacement."""
    generator = np.random.default_rng(seed)
    draws = (generator.integers(0, len(labels), len(labels)) for _ in range(RESAMPLES))
    found = [value for rows in draws if not np.isnan(value := figure(scores[rows], labels[rows]))]
    value = figure(scores, labels)
    if not found:
        return Estimate(value, float("nan"), float("nan"))
    low, high = np.percentile(found, [2.5, 97.5])
    return Estimate(value, float(low), float(high))


def _middle(values: list[float]) -> Estimate:
    low, high = np.percentile(values, [2.5, 97.5])
    return Estimate(float(np.mean(values)), float(low), float(high))


def wilson(hits: float, tries: float, z: float = 1.96) -> Estimate:
    """A share with its 95% interval (Wilson, 1927), sound for few tries and for shares near 0 and 1."""
    if not tries:
        return Estimate(float("nan"), 0.0, 1.0)
    share, square = hits / tries, z * z
    middle = (share + square / (2 * tries)) / (1 + square / tries)
    reach = z / (1 + square / tries) * (share * (1 - share) / tries + square / (4 * tries * tries)) ** 0.5
    return Estimate(share, max(0.0, middle - reach), min(1.0, middle + reach))
