"""Reports, for every history: how they weigh together; the order in which their states come changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.model import ReportOutcome, ReportReason
from moderation.report_words import notice, title
from moderation.reports import CROWD, STRANGER, State, Verdict, credence, merged, pressing, version_of, weight
from moderation.trust import Reports

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
records = st.builds(Reports, st.integers(0, 60), st.integers(0, 60))
crowds = st.dictionaries(st.integers(0, 20), records, max_size=12)
states = st.builds(
    State,
    st.sampled_from([0.0, 1.0, 1.5, 2.0]),
    st.datetimes(datetime(2026, 5, 1), datetime(2026, 6, 1)).map(lambda at: at.replace(tzinfo=UTC)),
    st.sampled_from(ReportReason),
    st.sampled_from(ReportOutcome),
    st.sampled_from([None, "7", "8"]),
    st.sampled_from([None, 1, 2]),
    st.sampled_from([None, 3, 4]),
    st.sampled_from(["", "Spam.", "Rude."]),
)


@given(crowds, records)
def test_a_reporter_more_never_lowers_the_weight(crowd: dict[int, Reports], record: Reports) -> None:
    assert 0.0 <= weight(crowd) <= weight(crowd | {99: record}) + 1e-12 < 1.0


@given(crowds, records, st.integers(1, 5))
def test_being_right_never_lowers_and_being_wrong_never_raises(
    crowd: dict[int, Reports], record: Reports, more: int
) -> None:
    before = weight(crowd | {99: record})
    assert weight(crowd | {99: Reports(record.upheld + more, record.rejected)}) >= before - 1e-12
    assert weight(crowd | {99: Reports(record.upheld, record.rejected + more)}) <= before + 1e-12


@given(crowds)
def test_the_order_of_reporters_does_not_matter(crowd: dict[int, Reports]) -> None:
    assert weight(dict(reversed(crowd.items()))) == weight(crowd)


def test_a_crowd_of_strangers_weighs_less_than_a_few_who_were_always_right() -> None:
    assert weight({n: Reports() for n in range(500)}) == CROWD
    assert weight({n: Reports(0, 30) for n in range(500)}) <= CROWD
    assert weight({1: Reports(20, 0), 2: Reports(12, 1)}) > CROWD
    assert credence(Reports(0, 3)) < STRANGER < credence(Reports(3, 0)) < credence(Reports(30, 0)) < 1.0
    assert weight({}) == 0.0


@given(st.floats(0, 0.99), st.floats(0, 0.99), st.integers(0, 10_000), st.integers(0, 10_000))
def test_what_is_heavier_or_waits_longer_stands_higher(one: float, other: float, sooner: int, later: int) -> None:
    light, heavy = sorted((one, other))
    short, long = (timedelta(minutes=m) for m in sorted((sooner, later)))
    assert pressing(light, short) <= pressing(heavy, short) <= pressing(heavy, long) <= 1.0
    assert pressing(light, timedelta(days=-3)) == pressing(light, timedelta())


@given(st.lists(states, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_the_order_in_which_states_come_does_not_matter(seen: list[State], shuffled: object) -> None:
    other = list(seen)
    shuffled.shuffle(other)  # type: ignore[attr-defined]
    assert reduce(merged, other) == reduce(merged, seen)
    assert reduce(merged, [*seen, *seen]) == reduce(merged, seen), "seen twice is seen once"


def test_a_late_state_opens_nothing_again_and_silence_erases_nothing() -> None:
    closed = State(2.0, NOW, outcome=ReportOutcome.UPHELD)
    late = State(1.0, NOW, message="7", about=1, reporter=3, text="Rude.")
    found = merged(closed, late)
    assert (found.outcome, found.version) == (ReportOutcome.UPHELD, 2.0)
    assert (found.message, found.about, found.reporter, found.text) == ("7", 1, 3, "Rude.")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_version_that_is_no_number_cannot_hold_out_against_others(number: float) -> None:
    assert version_of(number) == 0.0
    assert version_of(3.5) == 3.5


def test_a_verdict_is_an_outcome() -> None:
    assert Verdict("upheld").outcome is ReportOutcome.UPHELD
    assert Verdict("dismissed").outcome is ReportOutcome.REJECTED


@pytest.mark.parametrize("verdict", list(Verdict))
def test_who_reported_is_told_in_a_language_that_there_is(verdict: Verdict) -> None:
    french, english = (notice(verdict, code, "https://forum.example/p/1", 7) for code in ("fr-CA", "de"))
    assert french.startswith("Merci")
    assert english.startswith("Thank you")
    assert english.splitlines()[1:] == ["https://forum.example/p/1", "Report no. 7"]
    assert len(notice(verdict, "", "", 7).splitlines()) == 2
    assert title("fr") != title("pt")
