"""The figures of the tenth: recall from probes, agreement, an alarm. Little evidence gives none, or a wide one."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.quality import ENOUGH, Probed, agreement, poisson_tail, recall, unusual

COUNTS = st.integers(0, 500)


def test_few_probes_give_no_recall() -> None:
    assert recall(Probed(100, 0, ENOUGH - 1, 0, 900)) is None
    assert recall(Probed(0, 0, ENOUGH, 0, 900)) is None, "nothing needed the brand: nothing was found or missed"


def test_recall_is_what_was_found_of_all_that_needed() -> None:
    found = recall(Probed(found=80, by_hand=0, judged=100, needed=2, below=1000))
    assert found is not None
    assert found.value == pytest.approx(80 / (80 + 20))
    assert found.low < found.value < found.high
    by_hand = recall(Probed(found=80, by_hand=20, judged=100, needed=2, below=1000))
    assert by_hand is not None
    assert by_hand.value == pytest.approx(80 / 120)


@given(COUNTS, COUNTS, st.integers(ENOUGH, 300), st.floats(0, 1), COUNTS)
def test_recall_stays_within_its_interval(found: int, by_hand: int, judged: int, share: float, below: int) -> None:
    counts = Probed(found, by_hand, judged, round(share * judged), below)
    figure = recall(counts)
    if figure is not None:
        assert 0 <= figure.low <= figure.value + 1e-12
        assert figure.value <= figure.high + 1e-12 <= 1 + 1e-9
        more = recall(Probed(found, by_hand, judged, counts.needed, below + 100))
        assert more is not None
        assert more.value <= figure.value + 1e-12, "the more is below, the more is missed"


def test_agreement_counts_pairs_of_people_on_one_state() -> None:
    said = [("a", 1, True), ("a", 2, True), ("b", 1, False), ("b", 2, True), ("c", 1, True), ("d", 2, False)]
    found = agreement(said)
    assert (found.pairs, found.same) == (2, 1)
    assert found.share == 0.5
    assert agreement([("a", 1, True), ("a", 1, False)]).pairs == 0, "nobody agrees with themselves"


def test_kappa_is_what_cohen_says() -> None:
    """Cohen's table: 20 both yes, 5 and 10 split, 15 both no: kappa .4."""
    said = []
    cells = [(True, True)] * 20 + [(True, False)] * 5 + [(False, True)] * 10 + [(False, False)] * 15
    for state, (first, later) in enumerate(cells):
        said += [(state, 1, first), (state, 2, later)]
    found = agreement(said)
    assert found.kappa == pytest.approx(0.4)
    assert agreement([(s, p, True) for s in range(5) for p in (1, 2)]).kappa is None


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3), st.booleans()), max_size=40))
def test_kappa_never_passes_one(said: list[tuple[int, int, bool]]) -> None:
    once = list({(state, person): (state, person, needs) for state, person, needs in said}.values())
    found = agreement(once)
    assert found.same <= found.pairs
    assert found.kappa is None or -1 - 1e-9 <= found.kappa <= 1 + 1e-9


def test_an_alarm_needs_history_and_a_handful() -> None:
    assert not unusual(50, 0, 3.0), "three days say nothing of what is usual"
    assert not unusual(4, 0, 27.0)
    assert unusual(5, 0, 27.0)
    assert not unusual(9, 27 * 5, 27.0)
    assert unusual(15, 27 * 5, 27.0)


@given(st.integers(0, 60), st.floats(0.01, 400))
def test_the_tail_is_a_chance_that_falls(least: int, mean: float) -> None:
    tail = poisson_tail(least, mean)
    assert 0 <= tail <= 1
    assert poisson_tail(least + 1, mean) <= tail + 1e-12
    assert poisson_tail(1, mean) == pytest.approx(1 - math.exp(-mean), abs=1e-9)
