"""The figures against scikit-learn's and against what they must be by definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score  # type: ignore[import-untyped]

from moderation.evaluation import metrics

ROWS = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=60).filter(
    lambda rows: len({label for _, label in rows}) == 2
)


def arrays(rows: list[tuple[int, bool]]) -> tuple[metrics.Floats, metrics.Flags]:
    return np.array([score / 6 for score, _ in rows]), np.array([label for _, label in rows])


def test_no_positive_no_figure() -> None:
    scores, labels = np.array([0.1, 0.9]), np.array([False, False])
    assert np.isnan(metrics.auc(scores, labels))
    assert np.isnan(metrics.average_precision(scores, labels))
    assert np.isnan(metrics.recall_at_budget(scores, labels).value)


@given(ROWS)
def test_agrees_with_scikit_learn(rows: list[tuple[int, bool]]) -> None:
    scores, labels = arrays(rows)
    assert metrics.auc(scores, labels) == pytest.approx(roc_auc_score(labels, scores))
    assert metrics.average_precision(scores, labels) == pytest.approx(average_precision_score(labels, scores))
    best = max(f1_score(labels, scores >= cut) for cut in np.unique(scores))
    assert metrics.best_f1(scores, labels) == pytest.approx(best)


def test_calibration_error_by_hand() -> None:
    chances = np.array([0.15, 0.15, 0.85, 0.85])
    assert metrics.calibration_error(chances, np.array([False, False, True, True])) == pytest.approx(0.15)
    assert metrics.calibration_error(np.array([1.0, 0.0]), np.array([True, False])) == 0.0


def test_a_perfect_order_finds_all_and_a_constant_finds_a_tenth() -> None:
    labels = np.arange(2000) < 400
    perfect = metrics.recall_at_budget(labels.astype(float), labels)
    assert (perfect.value, perfect.low, perfect.high) == (1.0, 1.0, 1.0)
    nothing = metrics.recall_at_budget(np.zeros(2000), labels)
    assert nothing.value == pytest.approx(0.1, abs=0.02)
    assert nothing == metrics.recall_at_budget(np.zeros(2000), labels)


def test_bootstrap_holds_the_value() -> None:
    generator = np.random.default_rng(3)
    labels = generator.random(300) < 0.3
    scores = labels + generator.normal(0, 1, 300)
    found = metrics.bootstrap(metrics.auc, scores, labels)
    assert found.low < found.value < found.high
    assert found.high - found.low < 0.2


@given(st.integers(0, 50), st.integers(0, 50))
def test_wilson_stays_a_share(hits: int, misses: int) -> None:
    found = metrics.wilson(hits, hits + misses)
    assert 0.0 <= found.low <= found.high <= 1.0
    if hits + misses:
        assert found.low - 1e-9 <= found.value <= found.high + 1e-9
