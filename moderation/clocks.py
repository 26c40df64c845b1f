"""Clocks: the time that counts, when an answer is due, whether it came in time, what happens as time runs out. Pure.

Time that counts is when a community is attended: weekly hours in its own zone, without its holidays.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import accumulate
from zoneinfo import ZoneInfo

from moderation.errors import BadInput

#: Minutes of a day; as an end, the midnight after it.
DAY = 1440
#: Outside these years nobody is attended: a platform may date a post as it likes.
FIRST_YEAR, LAST_YEAR = 1990, 2100
#: An answer that is not due within this many years never is.
HORIZON = 10
NONE = timedelta()
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Hours:
    """When a community is attended: spans of each local day in minutes, Monday first, in order.

    A local time that a change of clocks skips is read as PEP 495 says, with the offset before it. Raises BadInput.
    """

    zone: str = "UTC"
    week: tuple[tuple[Span, ...], ...] = (((0, DAY),),) * 7
    holidays: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        zone_of(self.zone)
        if len(self.week) != 7 or not all(_in_order(spans) for spans in self.week):
            raise BadInput("Hours are spans of one day, one after the other: 09:00-12:00, 14:00-18:00.")


def zone_of(name: str) -> ZoneInfo:
    """A time zone of the IANA database by its name. Raises BadInput."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise BadInput(f"There is no time zone “{name[:60]}”. Write it like Europe/Paris.") from None


def _in_order(spans: tuple[Span, ...]) -> bool:
    ends = [0, *(end for _, end in spans)]
    return all(before <= start < end <= DAY for before, (start, end) in zip(ends, spans, strict=False))


#: Attended day and night: what holds where nobody said otherwise.
ALWAYS = Hours()


@dataclass(frozen=True, slots=True)
class _Open:
    """The open spans of some years in order: where they begin and end, and how much was open up to each end."""

    first: int
    last: int
    starts: tuple[datetime, ...]
    ends: tuple[datetime, ...]
    upto: tuple[timedelta, ...]

    def until(self, at: datetime) -> timedelta:
        """How much was open before a moment."""
        place = bisect_right(self.starts, at) - 1
        if place < 0:
            return NONE
        end, upto = self.ends[place], self.upto[place]
        return upto if at >= end else upto - (end - at)

    def when(self, amount: timedelta) -> datetime | None:
        """The moment by which so much, more than nothing, was open; None where it never was."""
        place = bisect_left(self.upto, amount)
        return self.ends[place] - (self.upto[place] - amount) if place < len(self.upto) else None


class _Calendar:
    """Hours laid out over the years that were asked about, so that asking again costs two look-ups."""

    def __init__(self, hours: Hours) -> None:
        self._hours = hours
        self._open = _Open(LAST_YEAR + 1, FIRST_YEAR - 1, (), (), ())

    def covering(self, first: int, last: int) -> _Open:
        """At least these years, as far as anybody is attended in them."""
        first, last = (max(FIRST_YEAR, min(LAST_YEAR, year)) for year in (first, last))
        known = self._open
        if not known.first <= first <= last <= known.last:
            known = self._open = _lay_out(self._hours, min(first, known.first), max(last, known.last))
        return known


@lru_cache(maxsize=256)
def _calendar(hours: Hours) -> _Calendar:
    return _Calendar(hours)


def _lay_out(hours: Hours, first: int, last: int) -> _Open:
    """Spans that touch, or that a change of clocks laid over each other, are one."""
    zone, merged = ZoneInfo(hours.zone), [(datetime.min.replace(tzinfo=UTC),) * 2]
    begin = date(first, 1, 1)
    for day in (begin + timedelta(days=n) for n in range((date(last + 1, 1, 1) - begin).days)):
        for span in hours.week[day.weekday()] if day not in hours.holidays else ():
            start, end = (_moment(day, minutes, zone) for minutes in span)
            if start <= merged[-1][1] < end:
                merged[-1] = (merged[-1][0], end)
            elif merged[-1][1] < start < end:
                merged.append((start, end))
    starts, ends = zip(*merged[1:], strict=True) if merged[1:] else ((), ())
    return _Open(first, last, starts, ends, tuple(accumulate(end - start for start, end in merged[1:])))


def _moment(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    local = datetime.combine(day, time(), zone) + timedelta(minutes=minutes)
    return local.astimezone(UTC)


def open_between(hours: Hours, start: datetime, end: datetime) -> timedelta:
    """How much of the time between two moments counts; nothing where the end is before the start."""
    if end <= start:
        return NONE
    opened = _calendar(hours).covering(start.year - 1, end.year + 1)
    return opened.until(end) - opened.until(start)


def due_at(hours: Hours, start: datetime, length: timedelta) -> datetime | None:
    """When so much time will have counted since `start`; None: never."""
    if length <= NONE:
        return start
    for years in (1, HORIZON):
        opened = _calendar(hours).covering(start.year - 1, start.year + years)
        at = opened.when(opened.until(start) + length)
        if at is not None:
            return at if at.year <= max(FIRST_YEAR, start.year) + HORIZON else None
    return None


# ------------------------------------------------------------------ what happened


class What(StrEnum):
    """What stops or starts a clock. `solved`: an answer was accepted, or the desk decided that it is done."""

    ASKED = "asked"
    BRAND = "brand"
    COMMUNITY = "community"
    SOLVED = "solved"


@dataclass(frozen=True, slots=True)
class Event:
    at: datetime
    what: What


@dataclass(frozen=True, slots=True)
class Times:
    """The first of each since somebody asked; all None where nobody did."""

    asked: datetime | None = None
    brand: datetime | None = None
    community: datetime | None = None
    solved: datetime | None = None


def times(events: Iterable[Event]) -> Times:
    """Reads a conversation's clock off its events, which come in the order of time."""
    found: dict[str, datetime] = {}
    for event in events:
        if event.what is What.ASKED or found:
            found.setdefault(event.what, event.at)
    return Times(**found)


# ------------------------------------------------------------------ targets


class Kind(StrEnum):
    """The two clocks: until the brand answers, until it is solved."""

    RESPONSE = "response"
    RESOLUTION = "resolution"


@dataclass(frozen=True, slots=True)
class Targets:
    """How much time that counts each clock may take; None: no target."""

    response: timedelta | None = None
    resolution: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """A clock that runs. `used` is the share of its target that is gone: 1 and more is overdue."""

    kind: Kind
    since: datetime
    at: datetime
    used: float

    def left(self, now: datetime) -> timedelta:
        """Time on the wall until it is due; below zero: overdue by so much."""
        return self.at - now


def running(
    hours: Hours, targets: Targets, waiting: datetime | None, asked: datetime | None, now: datetime
) -> tuple[Due, ...]:
    """The clocks of an open case, the one due first in front.

    `waiting` is since when somebody waits for the brand's answer (None: nobody does), `asked` the first question.
    """
    clocks = ((Kind.RESPONSE, waiting, targets.response), (Kind.RESOLUTION, asked, targets.resolution))
    found = [_due(hours, kind, since, target, now) for kind, since, target in clocks if since and target]
    return tuple(sorted((due for due in found if due is not None), key=lambda due: due.at))


def _due(hours: Hours, kind: Kind, since: datetime, target: timedelta, now: datetime) -> Due | None:
    at = due_at(hours, since, target)
    return Due(kind, since, at, open_between(hours, since, now) / target) if at is not None else None


def met(hours: Hours, target: timedelta, since: datetime, done: datetime | None, now: datetime) -> bool | None:
    """Whether something was done in time; None while it still can be."""
    if done is not None:
        return open_between(hours, since, done) <= target
    return None if open_between(hours, since, now) <= target else False


# ------------------------------------------------------------------ the ladder


class Step(StrEnum):
    """What happens to a case as its time runs out, from the least to the most."""

    MARK = "mark"
    NOTIFY = "notify"
    ESCALATE = "escalate"


@dataclass(frozen=True, slots=True)
class Ladder:
    """After which share of a target each step is taken; None: never."""

    mark: float | None = 0.5
    notify: float | None = 0.8
    escalate: float | None = 1.0


def steps(ladder: Ladder, used: float) -> tuple[Step, ...]:
    """The steps whose time has come, least first."""
    return tuple(step for step in Step if (share := getattr(ladder, step)) is not None and used >= share)
