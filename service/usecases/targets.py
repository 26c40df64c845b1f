"""Business hours and targets of each community: read, and changed by people who write them as they would say them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from moderation.clocks import ALWAYS, DAY, Hours, Ladder, Span, Step, Targets
from moderation.errors import BadInput
from service.db.audit import Entry, append
from service.db.clock_tables import CommunityClock
from service.db.models import Community, Connection
from service.deps import Deps
from service.usecases.people import Known

#: Holidays that one community may have.
MOST_HOLIDAYS = 200
LONGEST = timedelta(days=90)
NO_TARGETS, USUAL = Targets(), Ladder()
_SPAN = re.compile(r"(\d{1,2})[:h.](\d{2})?\s*[-–—]\s*(\d{1,2})[:h.](\d{2})?\Z")
_LENGTH = re.compile(r"(?:(\d{1,4})\s*(?:h|hours?|heures?)\s*(?:et\s*|and\s*)?)?(?:(\d{1,4})\s*(?:m|min|minutes?)?)?\Z")


@dataclass(frozen=True, slots=True)
class Plan:
    """When a community is attended, and how fast it is to be answered."""

    hours: Hours = ALWAYS
    targets: Targets = NO_TARGETS
    ladder: Ladder = USUAL


DEFAULT = Plan()


@dataclass(frozen=True, slots=True)
class Place:
    """A community with its plan; `set_up` where somebody said one."""

    id: int
    name: str
    connection: str
    plan: Plan
    set_up: bool


@dataclass(frozen=True, slots=True)
class Typed:
    """A plan as it stands in a form: spans of each day from Monday on, dates, lengths of time, percents."""

    zone: str = ""
    week: tuple[str, ...] = ("",) * 7
    holidays: str = ""
    response: str = ""
    resolution: str = ""
    mark: str = ""
    notify: str = ""
    escalate: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """What was understood of a form. `problems` are by the field's name; the plan is None where there are any."""

    plan: Plan | None
    problems: Mapping[str, str] = field(default_factory=dict)


class Unread(BadInput):
    """A form of which something cannot be used; `problems` says what, by field."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = dict(problems)


# ------------------------------------------------------------------ reading and changing


def places(deps: Deps) -> list[Place]:
    """Every community, by connection and name."""
    query = (
        select(Community.id, Community.name, Connection.name, CommunityClock)
        .join(Connection, Connection.id == Community.connection_id)
        .outerjoin(CommunityClock, CommunityClock.community_id == Community.id)
        .order_by(Connection.name, Community.name, Community.id)
    )
    with deps.store.read() as session:
        return [
            Place(number, name, connection, plan_of(row) if row else DEFAULT, row is not None)
            for number, name, connection, row in session.execute(query)
        ]


def plans(session: Session) -> dict[int, Plan]:
    """The plans that were set up, by community."""
    return {row.community_id: plan_of(row) for row in session.scalars(select(CommunityClock))}


def plan_of(row: CommunityClock) -> Plan:
    """A plan as it was kept."""
    week = tuple(tuple((int(start), int(end)) for start, end in spans) for spans in row.week)
    hours = Hours(row.zone, week, frozenset(date.fromisoformat(day) for day in row.holidays))
    lengths = [timedelta(seconds=s) if s is not None else None for s in (row.response, row.resolution)]
    return Plan(hours, Targets(*lengths), Ladder(**{step: row.ladder.get(step) for step in Step}))


def set_plan(deps: Deps, community_id: int, typed: Typed, person: Known) -> Plan:
    """Keeps a plan. Raises Unread with what cannot be used, BadInput when there is no such community."""
    found = understood(typed)
    if found.plan is None:
        raise Unread(found.problems)
    plan, now = found.plan, deps.now()
    values = _values(plan)
    with deps.store.write() as session:
        if session.get(Community, community_id) is None:
            raise BadInput("There is no such community.")
        row = session.get(CommunityClock, community_id)
        before = _values(plan_of(row)) if row is not None else None
        if row is None:
            session.add(CommunityClock(community_id=community_id, changed_at=now, **values))
        else:
            mine = update(CommunityClock).where(CommunityClock.community_id == community_id)
            session.execute(mine.values(changed_at=now, **values))
        entry = Entry("clock:set", person.actor, f"community:{community_id}", "", before, values)
        append(session, deps.vault, entry, now)
    return plan


def _values(plan: Plan) -> dict[str, Any]:
    return {
        "zone": plan.hours.zone,
        "week": [[list(span) for span in spans] for spans in plan.hours.week],
        "holidays": sorted(day.isoformat() for day in plan.hours.holidays),
        "response": _seconds(plan.targets.response),
        "resolution": _seconds(plan.targets.resolution),
        "ladder": asdict(plan.ladder),
    }


def _seconds(length: timedelta | None) -> int | None:
    return int(length.total_seconds()) if length is not None else None


# ------------------------------------------------------------------ as people write it


def typed(plan: Plan) -> Typed:
    """A plan as a form shows it."""
    ladder = {step.value: _percent(getattr(plan.ladder, step)) for step in Step}
    return Typed(
        plan.hours.zone,
        tuple(", ".join(f"{_clock(start)}-{_clock(end)}" for start, end in spans) for spans in plan.hours.week),
        "\n".join(sorted(day.isoformat() for day in plan.hours.holidays)),
        length_text(plan.targets.response),
        length_text(plan.targets.resolution),
        **ladder,
    )


def understood(form: Typed) -> Read:
    """Reads a form; every field that cannot be used is named."""
    problems: dict[str, str] = {}

    def read(name: str, how: Any, text: str) -> Any:
        try:
            return how(text)
        except BadInput as error:
            problems[name] = str(error)
            return None

    week = [read(f"day{n}", read_spans, text) or () for n, text in enumerate(form.week)]
    holidays = read("holidays", read_holidays, form.holidays)
    hours = read("zone", lambda zone: Hours(zone, tuple(week), holidays or frozenset()), form.zone.strip())
    targets = [read(name, read_length, getattr(form, name)) for name in ("response", "resolution")]
    shares = [read(step.value, read_percent, getattr(form, step)) for step in Step]
    given = [share for share in shares if share is not None]
    if not problems and given != sorted(given):
        problems["escalate"] = "The steps come one after the other: mark, notify, escalate."
    return Read(None if problems else Plan(hours, Targets(*targets), Ladder(*shares)), problems)


def read_spans(text: str) -> tuple[Span, ...]:
    """09:00-12:00, 14:00-18:00. Nothing: not that day. Raises BadInput."""
    spans = sorted(_span(part.strip()) for part in re.split(r"[,;]", text) if part.strip())
    if any(before[1] > after[0] for before, after in pairwise(spans)):
        raise BadInput("Two times of one day overlap.")
    return tuple(spans)


def _span(text: str) -> Span:
    found = _SPAN.match(text)
    hours, minutes, until, rest = (int(part or 0) for part in found.groups()) if found else (24, 0, 0, 0)
    start, end = hours * 60 + minutes, until * 60 + rest
    if minutes > 59 or rest > 59 or not start < end <= DAY:
        raise BadInput(f"“{text[:40]}” is no time of a day. Write it like 09:00-12:00, 14:00-18:00.")
    return start, end


def read_holidays(text: str) -> frozenset[date]:
    """Dates, one after the other. Raises BadInput."""
    parts = re.split(r"[\s,;]+", text.strip()) if text.strip() else []
    if len(parts) > MOST_HOLIDAYS:
        raise BadInput(f"That is more than {MOST_HOLIDAYS} dates.")
    return frozenset(_date(part) for part in parts)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"“{text[:40]}” is no date. Write it like 2026-12-25.") from None


def read_length(text: str) -> timedelta | None:
    """45 min, 4 h, 1 h 30. Nothing: no target. Raises BadInput."""
    if not text.strip():
        return None
    found = _LENGTH.match(text.strip().lower())
    hours, minutes = (int(part or 0) for part in found.groups()) if found else (0, 0)
    length = timedelta(hours=hours, minutes=minutes)
    if not timedelta() < length <= LONGEST:
        raise BadInput(f"“{text[:40]}” is no length of time. Write it like 45 min, 4 h or 1 h 30.")
    return length


def length_text(length: timedelta | None) -> str:
    """A length as `read_length` reads it, in every language."""
    if length is None:
        return ""
    hours, minutes = divmod(int(length.total_seconds()) // 60, 60)
    return " ".join([f"{hours} h"] * (hours > 0) + [f"{minutes} min"] * (minutes > 0))


def read_percent(text: str) -> float | None:
    """A share of the target in percent. Nothing: that step is not taken. Raises BadInput."""
    digits = text.strip().rstrip("%").strip()
    if not digits:
        return None
    if not digits.isdecimal() or not 1 <= int(digits[:6]) <= 1_000:
        raise BadInput(f"“{text[:40]}” is no share of the target. Write a number from 1 to 1000, in percent.")
    return int(digits[:6]) / 100


def _percent(share: float | None) -> str:
    return str(round(100 * share)) if share is not None else ""


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
