"""Clocks: what counts adds up, changes of clocks are right, no hours are never due, the ladder only climbs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.clocks import (
    ALWAYS,
    Event,
    Hours,
    Kind,
    Ladder,
    Step,
    Targets,
    What,
    due_at,
    met,
    open_between,
    running,
    steps,
    times,
)
from moderation.errors import BadInput

NEVER = Hours(week=((),) * 7)
OFFICE = Hours("Europe/Paris", (((540, 720), (840, 1080)),) * 5 + ((), ()))
ROUND = Hours("Europe/Paris")
HOUR = timedelta(hours=1)


def spans(points: list[int]) -> tuple[tuple[int, int], ...]:
    ordered = sorted(points)[: len(points) // 2 * 2]
    return tuple(zip(ordered[::2], ordered[1::2], strict=True))


DAYS = st.lists(st.integers(0, 1440), max_size=6, unique=True).map(spans)
ZONES = st.sampled_from(
    ["UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca"]
)
HOURS = st.builds(
    Hours,
    ZONES,
    st.tuples(*[DAYS] * 7),
    st.frozensets(st.dates(date(2025, 1, 1), date(2027, 12, 31)), max_size=4),
)
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))
LENGTHS = st.timedeltas(timedelta(microseconds=1), timedelta(days=20))


def paris(*when: int, fold: int = 0) -> datetime:
    return datetime(*when, tzinfo=ZoneInfo("Europe/Paris"), fold=fold).astimezone(UTC)  # type: ignore[misc,arg-type]


@given(HOURS, st.lists(MOMENTS, min_size=3, max_size=3))
def test_what_counts_adds_up_and_is_never_more_than_the_wall_says(hours: Hours, at: list[datetime]) -> None:
    first, second, third = sorted(at)
    parts = open_between(hours, first, second), open_between(hours, second, third)
    assert sum(parts, timedelta()) == open_between(hours, first, third)
    assert all(timedelta() <= part for part in parts)
    assert parts[0] <= second - first
    assert open_between(hours, third, first) == timedelta()


@given(HOURS, MOMENTS, LENGTHS)
def test_what_is_due_has_had_its_time_and_not_a_moment_more(hours: Hours, start: datetime, length: timedelta) -> None:
    due = due_at(hours, start, length)
    if due is None:
        assert open_between(hours, start, start + timedelta(days=3650)) < length
        return
    assert open_between(hours, start, due) == length
    assert open_between(hours, start, due - timedelta(microseconds=1)) < length


@given(MOMENTS, LENGTHS)
def test_without_hours_nothing_counts_and_nothing_is_ever_due(start: datetime, length: timedelta) -> None:
    assert due_at(NEVER, start, length) is None
    assert open_between(NEVER, start, start + length) == timedelta()
    assert running(NEVER, Targets(length, length), start, start, start + length) == ()


@given(MOMENTS, LENGTHS)
def test_round_the_clock_is_the_time_on_the_wall(start: datetime, length: timedelta) -> None:
    assert open_between(ALWAYS, start, start + length) == length
    assert due_at(ALWAYS, start, length) == start + length


def test_a_night_and_a_weekend_do_not_count() -> None:
    friday = paris(2026, 11, 20, 17)
    assert due_at(OFFICE, friday, 2 * HOUR) == paris(2026, 11, 23, 10)
    assert open_between(OFFICE, paris(2026, 11, 20, 11), paris(2026, 11, 20, 15)) == 2 * HOUR
    assert due_at(OFFICE, paris(2026, 11, 21, 12), 3 * HOUR) == paris(2026, 11, 23, 12), "the last moment counts"


def test_a_holiday_does_not_count() -> None:
    closed = Hours("Europe/Paris", OFFICE.week, frozenset({date(2026, 12, 25)}))
    assert due_at(closed, paris(2026, 12, 24, 17), 2 * HOUR) == paris(2026, 12, 28, 10)


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 3, 30), 24)])
def test_the_day_on_which_clocks_change_is_as_long_as_it_is(day: tuple[int, int, int], hours: int) -> None:
    start = paris(*day)
    assert open_between(ROUND, start, start + timedelta(hours=30)) == timedelta(hours=30)
    sunday = Hours("Europe/Paris", tuple(((0, 1440),) if n == date(*day).weekday() else () for n in range(7)))
    assert open_between(sunday, start - 2 * HOUR, start + timedelta(hours=30)) == timedelta(hours=hours)


def test_an_hour_that_is_skipped_is_not_worked_and_one_that_comes_twice_is() -> None:
    night = Hours("Europe/Paris", ((),) * 6 + (((120, 180),),))
    spring, autumn = paris(2026, 3, 29), paris(2026, 10, 25)
    assert open_between(night, spring, spring + timedelta(hours=12)) == timedelta()
    assert open_between(night, autumn, autumn + timedelta(hours=12)) == 2 * HOUR
    assert due_at(night, autumn, timedelta(minutes=90)) == paris(2026, 10, 25, 2, 30, fold=1)


def test_hours_run_by_the_local_clock_in_summer_and_in_winter() -> None:
    assert due_at(OFFICE, paris(2026, 3, 27, 17), 2 * HOUR) == datetime(2026, 3, 30, 8, tzinfo=UTC)
    assert due_at(OFFICE, paris(2026, 10, 23, 17), 2 * HOUR) == datetime(2026, 10, 26, 9, tzinfo=UTC)


def test_a_post_dated_by_a_madman_costs_nothing() -> None:
    old, far = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
    assert open_between(ALWAYS, old, far) < timedelta(days=112 * 366)
    assert due_at(ALWAYS, far, HOUR) is None
    assert due_at(OFFICE, old, HOUR) is not None


@pytest.mark.parametrize(
    ("zone", "week"),
    [
        ("Mars/Olympus", ALWAYS.week),
        ("../../etc/passwd", ALWAYS.week),
        ("", ALWAYS.week),
        ("UTC", ((),) * 6),
        ("UTC", (((600, 540),),) + ((),) * 6),
        ("UTC", (((0, 1441),),) + ((),) * 6),
        ("UTC", (((0, 600), (540, 700)),) + ((),) * 6),
        ("UTC", (((600, 600),),) + ((),) * 6),
    ],
)
def test_hours_that_make_no_sense_are_refused(zone: str, week: tuple[tuple[tuple[int, int], ...], ...]) -> None:
    with pytest.raises(BadInput):
        Hours(zone, week)


def test_the_clock_starts_with_the_first_question() -> None:
    at = [datetime(2026, 11, 20, hour, tzinfo=UTC) for hour in range(8)]
    said = [What.BRAND, What.COMMUNITY, What.ASKED, What.COMMUNITY, What.ASKED, What.BRAND, What.SOLVED, What.BRAND]
    found = times(Event(when, what) for when, what in zip(at, said, strict=True))
    assert (found.asked, found.community, found.brand, found.solved) == (at[2], at[3], at[5], at[6])
    assert times([Event(at[0], What.BRAND)]).brand is None


def test_the_clock_that_ends_first_stands_first() -> None:
    now = paris(2026, 11, 23, 11)
    targets = Targets(4 * HOUR, 7 * HOUR)
    first, second = running(OFFICE, targets, paris(2026, 11, 23, 9), paris(2026, 11, 20, 14), now)
    assert (first.kind, first.at, first.used) == (Kind.RESOLUTION, paris(2026, 11, 23, 12), 6 / 7)
    assert (second.kind, second.at, second.used) == (Kind.RESPONSE, paris(2026, 11, 23, 15), 0.5)
    assert first.left(now) == HOUR
    assert running(OFFICE, Targets(), now, now, now) == ()
    assert running(OFFICE, targets, None, None, now) == ()


def test_in_time_too_late_and_not_known_yet() -> None:
    asked, now = paris(2026, 11, 20, 17), paris(2026, 11, 23, 10)
    assert met(OFFICE, 2 * HOUR, asked, paris(2026, 11, 23, 10), now) is True
    assert met(OFFICE, HOUR, asked, paris(2026, 11, 23, 10), now) is False
    assert met(OFFICE, 2 * HOUR, asked, None, now) is None
    assert met(OFFICE, HOUR, asked, None, now) is False


def test_the_ladder_takes_one_step_after_the_other() -> None:
    assert [len(steps(Ladder(), used)) for used in (0, 0.49, 0.5, 0.8, 0.99, 1, 7)] == [0, 0, 1, 2, 2, 3, 3]
    assert steps(Ladder(None, None, 0.9), 1.0) == (Step.ESCALATE,)
    assert steps(Ladder(None, None, None), 9.0) == ()


@given(st.floats(0, 3), st.floats(0, 3))
def test_more_time_gone_never_takes_a_step_back(some: float, more: float) -> None:
    least, most = sorted((some, more))
    assert set(steps(Ladder(), least)) <= set(steps(Ladder(), most))
