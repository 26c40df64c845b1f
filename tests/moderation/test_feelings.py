"""Feelings before and after an answer: whose they are, what counts as a change, figures with their intervals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.feelings import BAND, ENOUGH, Said, around, mean, middle, moved, moves, student

FEELING = st.floats(-1, 1)
BEGAN = datetime(2026, 11, 20, 9, tzinfo=UTC)
LENA, TOM, BRAND = 1, 2, 9


def talk(*said: tuple[int, float] | tuple[int, float, int]) -> list[Said]:
    """(author, sentiment, whom it answers) a minute each."""
    return [
        Said(BEGAN + timedelta(minutes=n), one[0], one[0] == BRAND, one[1], one[2] if len(one) > 2 else None)
        for n, one in enumerate(said)
    ]


def ours(said: Said) -> bool:
    return said.ours


def test_nobody_answered_nobody_felt() -> None:
    assert around([], ours) is None
    assert around(talk((LENA, -0.5), (TOM, 0.1)), ours) is None
    assert around(talk((BRAND, 0.5), (BRAND, 0.5)), ours) is None


def test_the_start_is_all_before_the_answer_and_the_end_the_last_word_after_it() -> None:
    found = around(talk((LENA, -0.2), (TOM, 0.9), (LENA, -0.6), (BRAND, 0.3), (LENA, -0.4), (LENA, 0.8)), ours)
    assert found is not None
    assert (found.author, found.start, found.end) == (LENA, pytest.approx(-0.4), 0.8)
    assert (found.end_at, found.moved) == (BEGAN + timedelta(minutes=5), "up")


def test_who_did_not_come_back_has_no_end() -> None:
    found = around(talk((LENA, -0.5), (BRAND, 0.5), (TOM, 0.9)), ours)
    assert found is not None
    assert (found.end, found.end_at, found.moved) == (None, None, "")


def test_it_is_the_one_who_was_answered() -> None:
    found = around(talk((LENA, 0.5), (TOM, -0.7), (BRAND, 0.2, TOM), (LENA, 0.1), (TOM, -0.1)), ours)
    assert found is not None
    assert (found.author, found.start, found.end) == (TOM, -0.7, -0.1)


def test_under_a_post_of_our_own_it_is_who_spoke_last() -> None:
    found = around(talk((BRAND, 0.5), (TOM, -0.7), (LENA, 0.3), (BRAND, 0.2), (LENA, 0.4)), ours)
    assert found is not None
    assert (found.author, found.start) == (LENA, 0.3)


def test_later_answers_change_neither_start_nor_who_it_is() -> None:
    found = around(talk((LENA, -0.5), (BRAND, 0.5), (LENA, -0.9), (BRAND, 0.5), (LENA, -0.1)), ours)
    assert found is not None
    assert (found.start, found.end) == (-0.5, -0.1)


@given(st.lists(st.tuples(st.sampled_from([LENA, TOM, BRAND]), FEELING), max_size=12))
def test_what_is_found_was_said_by_its_author_on_its_side_of_the_answer(said: list[tuple[int, float]]) -> None:
    found = around(talk(*said), ours)
    if found is None:
        return
    mine = [feeling for author, feeling in said if author == found.author]
    assert found.author != BRAND
    assert min(mine) - 1e-9 <= found.start <= max(mine) + 1e-9
    assert found.end in (None, mine[-1])


def test_a_change_within_the_band_is_none() -> None:
    assert [moved(0.0, end) for end in (BAND - 0.01, BAND, -BAND, None)] == ["same", "up", "down", ""]


@given(st.lists(st.tuples(FEELING, st.none() | FEELING), max_size=40))
def test_every_conversation_counts_once_and_shares_stay_in_their_intervals(
    feelings: list[tuple[float, float | None]],
) -> None:
    found = moves(feelings)
    assert found.started == len(feelings)
    assert found.up + found.same + found.down == found.ended == sum(end is not None for _, end in feelings)
    assert (found.start is None) == (found.ended == 0)
    if found.ended:
        for count in (found.up, found.same, found.down):
            share = found.share(count)
            assert -1e-9 <= share.low <= share.value + 1e-9 <= share.high + 2e-9 <= 1 + 3e-9
    assert (found.change is None) == (found.ended < ENOUGH)


def test_few_give_no_interval() -> None:
    assert mean([0.5] * (ENOUGH - 1)) is None
    assert middle([1.0] * (ENOUGH - 1)) is None
    found = mean([0.5] * ENOUGH)
    assert found is not None
    assert (found.low, found.high) == (0.5, 0.5)


def test_a_mean_has_students_interval() -> None:
    assert student(9) == pytest.approx(2.262, abs=0.005)
    assert student(4) == pytest.approx(2.776, abs=0.02)
    found = mean([0.1, 0.2, 0.3, 0.4, 0.5])
    assert found is not None
    assert (found.value, found.high) == (pytest.approx(0.3), pytest.approx(0.3 + 2.776 * 0.0707, abs=0.002))


@given(st.lists(st.floats(0, 1e6), min_size=ENOUGH, max_size=60))
def test_a_median_stands_in_its_interval(values: list[float]) -> None:
    found = middle(values)
    assert found is not None
    assert min(values) <= found.low <= found.value <= found.high <= max(values)
