"""The clocks of open cases: what is due when, and the steps that are taken as time runs out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Row, Select, select
from sqlalchemy.orm import Session

from moderation.clocks import Due, Step, running, steps
from moderation.model import Capability
from moderation.policy import allows
from service.db.audit import Entry, append
from service.db.clock_tables import ClockStep, CommunityClock, OutcomeRow
from service.db.deliveries import insert_new
from service.db.engine import MANY
from service.db.models import Case, Community, Connection, Thread
from service.deps import Deps
from service.usecases.cases import VERBS
from service.usecases.people import Known
from service.usecases.targets import DEFAULT, Plan, plans

log = structlog.get_logger(__name__)

#: Who acts in the audit log when a clock does.
ACTOR = "clock"
#: Alerts on one person's list.
MOST = 20
_LANES = ("needs", "always")


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock of a case that is due first. `seconds` are left on the wall until then, below zero when it is overdue.

    `shape` says how far it is: in, soon (a step of the ladder was reached) or late.
    """

    case_id: int
    due: Due
    seconds: int
    shape: str

    @property
    def overdue(self) -> bool:
        return self.seconds < 0


@dataclass(frozen=True, slots=True)
class Alert:
    """A case of somebody's that runs out of time, or one that was escalated to the managers."""

    case_id: int
    thread_id: int
    title: str
    step: str
    at: datetime


def due(deps: Deps, case_ids: Collection[int]) -> dict[int, Clock]:
    """The clock of each of these cases that has one. For a page of the queue: two queries, however many cases."""
    if not case_ids:
        return {}
    with deps.store.read() as session:
        known = plans(session)
        rows = session.execute(_open_cases().where(Case.id.in_(list(case_ids)[:MANY]))).all() if known else []
    return {c.case_id: c for row in rows if (c := _clock(row, known, deps.now())) is not None}


def overdue(deps: Deps, communities: Collection[int] | None = None) -> dict[int, tuple[int, int]]:
    """How many open cases of each community run on a target, and how many of them are overdue."""
    with deps.store.read() as session:
        known = plans(session)
        rows = session.execute(_with_targets()).all() if known else []
    counts: dict[int, tuple[int, int]] = {}
    for row in rows:
        clock = _clock(row, known, deps.now())
        if clock is not None and (communities is None or row.community_id in communities):
            run, late = counts.get(row.community_id, (0, 0))
            counts[row.community_id] = (run + 1, late + clock.overdue)
    return counts


def _open_cases() -> Select[Any]:
    columns = (
        *(Case.id, Case.community_id, Case.state, Case.person_id, Case.version, Case.waiting_since),
        *(Thread.first_message_at, OutcomeRow.asked_at, Connection.connector, Community.summary),
    )
    return (
        select(*columns)
        .join(Thread, Thread.id == Case.thread_id)
        .join(Community, Community.id == Case.community_id)
        .join(Connection, Connection.id == Case.connection_id)
        .outerjoin(OutcomeRow, OutcomeRow.thread_id == Case.thread_id)
        .where(Case.open.is_(True), Case.lane.in_(_LANES))
    )


def _with_targets() -> Select[Any]:
    return _open_cases().join(CommunityClock, CommunityClock.community_id == Case.community_id)


def _clocks(row: Row[Any], plan: Plan, now: datetime) -> tuple[Due, ...]:
    """What runs on a case. Who asked is known a moment after they did; until then it is who began."""
    asked = row.asked_at or row.first_message_at
    return running(plan.hours, plan.targets, row.waiting_since, asked, now)


def _clock(row: Row[Any], known: dict[int, Plan], now: datetime) -> Clock | None:
    """An archive's clock stands still at its newest message."""
    plan = known.get(row.community_id, DEFAULT)
    as_of = _stands_at(row) or now
    first = next(iter(_clocks(row, plan, as_of)), None)
    if first is None:
        return None
    seconds = int(first.left(as_of).total_seconds())
    shape = "late" if seconds < 0 else "soon" if steps(plan.ladder, first.used) else "in"
    return Clock(row.id, first, seconds, shape)


def _stands_at(row: Row[Any]) -> datetime | None:
    if row.connector != "archive" or not row.summary:
        return None
    return datetime.fromisoformat(row.summary["as_of"])


# ------------------------------------------------------------------ the ladder


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Steps whose time has come on one clock of a case."""

    row: Row[Any]
    clock: Due
    steps: tuple[Step, ...]


def escalate_due(deps: Deps) -> int:
    """Takes the steps whose time has come, each once for each clock. Returns how many.

    A case that somebody holds stays theirs in name as it goes to the managers; archives have no hurry.
    """
    with deps.store.read() as session:
        wanted = list(_wanted(session, deps.now()))
    return sum(_climb(deps, one) for one in wanted)


def _wanted(session: Session, now: datetime) -> Iterable[_Wanted]:
    known = plans(session)
    rows = session.execute(_with_targets().where(Connection.connector != "archive")).all() if known else []
    taken = _taken(session, [row.id for row in rows])
    for row in rows:
        plan = known[row.community_id]
        for clock in _clocks(row, plan, now):
            new = tuple(s for s in steps(plan.ladder, clock.used) if (row.id, clock.kind, clock.since, s) not in taken)
            if new:
                yield _Wanted(row, clock, new)


def _taken(session: Session, ids: Sequence[int]) -> set[tuple[Any, ...]]:
    columns = (ClockStep.case_id, ClockStep.kind, ClockStep.since, ClockStep.step)
    blocks = [ids[n : n + MANY] for n in range(0, len(ids), MANY)]
    return {
        tuple(row) for block in blocks for row in session.execute(select(*columns).where(ClockStep.case_id.in_(block)))
    }


def _climb(deps: Deps, wanted: _Wanted) -> int:
    """One case's steps in one transaction; whoever writes a step first has taken it. A case that moved on waits."""
    now, row, clock = deps.now(), wanted.row, wanted.clock
    with deps.store.write() as session:
        case = session.get_one(Case, row.id, with_for_update=True)
        if not case.open or case.lane not in _LANES or case.waiting_since != row.waiting_since:
            return 0
        step = {"case_id": case.id, "kind": clock.kind, "since": clock.since, "person_id": case.person_id, "at": now}
        new = [s for s in wanted.steps if insert_new(session, ClockStep, [step | {"step": s.value}])]
        if Step.ESCALATE in new and case.state in VERBS["escalate"]:
            _escalate(session, deps, case, clock, now)
    return len(new)


def _escalate(session: Session, deps: Deps, case: Case, clock: Due, now: datetime) -> None:
    """To the managers, as a person's escalation does; nothing is learned from a clock's."""
    before = {"state": case.state, "person_id": case.person_id}
    case.state, case.claimed_until, case.version = "escalated", None, case.version + 1
    words = f"{clock.kind} due {clock.at:%Y-%m-%d %H:%M} UTC, {clock.used:.0%} of its target gone"
    after = before | {"state": case.state}
    append(session, deps.vault, Entry("case:escalate", ACTOR, f"case:{case.id}", words, before, after), now)
    log.info("clock.escalated", case=case.id, kind=str(clock.kind))


def alerts(deps: Deps, person: Known) -> list[Alert]:
    """What a person should know: open cases of theirs that run out of time; for managers, those escalated by a clock.

    The newest first, each case once.
    """
    mine = (ClockStep.step == Step.NOTIFY, Case.state == "claimed", Case.person_id == person.id)
    escalated = (ClockStep.step == Step.ESCALATE, Case.state == "escalated")
    with deps.store.read() as session:
        rows = _newest_steps(session, *mine)
        if allows(person.asking, Capability.MANAGE):
            rows += _newest_steps(session, *escalated)
    found = sorted((Alert(*row) for row in rows), key=lambda alert: alert.at)
    return list({w.case_id: w for w in found}.values())[::-1][:MOST]


def _newest_steps(session: Session, *which: ColumnElement[bool]) -> list[Any]:
    """Steps of cases in one state, which an index finds: an "or" over both would look at each open case."""
    query = (
        select(Case.id, Thread.id, Thread.title, ClockStep.step, ClockStep.at)
        .join(Case, Case.id == ClockStep.case_id)
        .join(Thread, Thread.id == Case.thread_id)
        .where(*which)
        .order_by(ClockStep.at.desc(), ClockStep.id.desc())
        .limit(3 * MOST)
    )
    return list(session.execute(query))
