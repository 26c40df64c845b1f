"""Drawing the line in a community and keeping it: the cut is decided by moderation.triage, applied here."""

from __future__ import annotations

import time
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from psycopg.errors import LockNotAvailable
from sqlalchemy import bindparam, insert, or_, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from moderation.triage import Candidate, Cut, Placed, ThreadFacts, as_time, cut, window_start
from moderation.tuning import Tuning
from service.db.models import Case, Community, Connection, Thread
from service.deps import Deps
from service.usecases import alarms, learning, probes, routing
from service.usecases.alarms import Alarm, rule_alarm
from service.usecases.probes import Probes, Stayed

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=120)
#: How long a triage waits for a row that somebody else holds.
PATIENCE_MS = 400
#: Time moves priorities, too: a community without news is triaged again after this.
REFRESH = timedelta(seconds=60)
_HELD = ("claimed", "escalated")
_CASE = (
    Case.id.label("case_id"),
    Case.state,
    Case.open,
    Case.lane,
    Case.priority,
    Case.toxicity,
    Case.urgency,
    Case.rules,
    Case.reasons,
    Case.marked_message_id,
    Case.waiting_since,
    Case.surfaced_at,
    Case.seen_at,
    Case.stood,
    Case.look_again_at,
    Case.decided_at,
)


@dataclass(frozen=True, slots=True)
class _Row:
    """A thread in or just out of the window, with its case if it has one. Of an erased one no message is left."""

    thread_id: int
    connection_id: int
    remote_id: str
    last_message_at: datetime | None
    facts: ThreadFacts
    case: Any


def due_communities(session: Session, now: datetime) -> list[int]:
    """Communities whose triage is due and not being done."""
    query = select(Community.id).where(
        Community.triage_due_at <= now, or_(Community.lease_until.is_(None), Community.lease_until <= now)
    )
    return list(session.scalars(query.order_by(Community.triage_due_at, Community.id)))


def triage_due(deps: Deps) -> int:
    """Triages every community that is due. Returns how many were."""
    with deps.store.read() as session:
        ids = due_communities(session, deps.now())
    return sum(1 for community_id in ids if triage_community(deps, community_id))


def triage_community(deps: Deps, community_id: int) -> bool:
    """Draws the line of one community; False when somebody else is at it, or holds one of its cases.

    Whatever goes wrong, the community is free again at once, and due as it was.
    """
    now = deps.now()
    claim = _claim(deps, community_id, now)
    if claim is None:
        return False
    try:
        return _triage(deps, community_id, *claim, now)
    except BaseException as error:
        _give_back(deps, community_id, claim[0])
        if _was_impatient(error):
            log.info("triage.put_off", community=community_id)
            return False
        raise


def _triage(deps: Deps, community_id: int, attempt: int, due_at: datetime | None, now: datetime) -> bool:
    started = time.monotonic()
    with deps.store.read() as session:
        community = session.get_one(Community, community_id)
        as_of = line_time(session, community, now)
        rows = _load(session, community, as_of)
        start = window_start(as_of, community.window_days)
        known = probes.probes(session, community_id, start)
        tuning = learning.active(session, community_id)
        alarm = rule_alarm(session, community, as_of)
        before = float((community.summary or {}).get("seconds", 0.0))
    inside = [r for r in rows if r.last_message_at is not None and r.last_message_at > start]
    line, drawn = _draw_line(deps, inside, known, as_of, community.budget, tuning)
    with deps.store.write() as session:
        _wait_briefly(deps, session)
        if not _still_mine(session, community_id, attempt):
            return False
        probes.keep(session, community_id, drawn, now)
        _apply(session, community, rows, line, as_of, now)
        routing.route_new(session, deps, community_id)
        alarms.note(session, deps, community, alarm)
        summary = _summary(line, alarm, as_of, time.monotonic() - started)
        _release(session, community_id, attempt, due_at, summary, before, as_of == now, now)
    return True


def _draw_line(
    deps: Deps, rows: Sequence[_Row], known: Probes, as_of: datetime, budget: float, tuning: Tuning
) -> tuple[Cut, list[int]]:
    """The line, and what of the threads that stayed below it is drawn to be shown above."""
    line = cut([_candidate(r, known.open) for r in rows], as_of, budget, tuning)
    left = {p.id for p in line.placed if p.lane == "left"}
    stayed = [
        Stayed(r.thread_id, r.connection_id, r.remote_id, r.facts.last_at)
        for r in rows
        if r.thread_id in left and r.case is not None and r.case.lane == "left"
    ]
    drawn = probes.draw(deps.vault, stayed, known, as_of)
    if drawn:
        line = cut([_candidate(r, known.open.union(drawn)) for r in rows], as_of, budget, tuning)
    return line, drawn


def line_time(session: Session, community: Community, now: datetime) -> datetime:
    """When the window ends: now, or at the newest message of an archive."""
    connector = session.scalar(select(Connection.connector).where(Connection.id == community.connection_id))
    return community.newest_at if connector == "archive" and community.newest_at else now


def _claim(deps: Deps, community_id: int, now: datetime) -> tuple[int, datetime | None] | None:
    with deps.store.write() as session:
        free = or_(Community.lease_until.is_(None), Community.lease_until <= now)
        statement = (
            update(Community)
            .where(Community.id == community_id, free)
            .values(lease_until=now + LEASE, attempt=Community.attempt + 1)
            .returning(Community.attempt, Community.triage_due_at)
        )
        row = session.execute(statement).one_or_none()
    return (row[0], row[1]) if row else None


def _give_back(deps: Deps, community_id: int, attempt: int) -> None:
    with deps.store.write() as session:
        mine = (Community.id == community_id, Community.attempt == attempt)
        session.execute(update(Community).where(*mine).values(lease_until=None))


def _wait_briefly(deps: Deps, session: Session) -> None:
    """Whoever changes a case holds it and then wants its community, which is held here: one must give way, and it is
    this one, before PostgreSQL (a second later) takes either."""
    if deps.store.postgres:
        session.execute(text(f"SET LOCAL lock_timeout = '{PATIENCE_MS}ms'"))


def _was_impatient(error: BaseException) -> bool:
    return isinstance(error, OperationalError) and isinstance(error.orig, LockNotAvailable)


def _still_mine(session: Session, community_id: int, attempt: int) -> bool:
    """False when somebody took over meanwhile: two lines drawn at once would make two cases of one thread."""
    query = select(Community.attempt).where(Community.id == community_id)
    return session.scalar(query.with_for_update(key_share=True)) == attempt


def _load(session: Session, community: Community, as_of: datetime) -> list[_Row]:
    """Threads in the window, and those outside of it whose case still stands in the queue."""
    active = Thread.last_message_at > window_start(as_of, community.window_days)
    standing = Case.lane.in_(("needs", "always", "left"))
    query = (
        select(Thread.id, Thread.connection_id, Thread.remote_id, Thread.last_message_at, Thread.facts, *_CASE)
        .outerjoin(Case, Case.thread_id == Thread.id)
        .where(Thread.community_id == community.id, active | standing)
        .order_by(Thread.id)
    )
    return [
        _Row(r[0], r[1], r[2], r[3], ThreadFacts.from_json(r[4]), r if r.case_id is not None else None)
        for r in session.execute(query)
    ]


def _candidate(row: _Row, probed: Container[int]) -> Candidate:
    case, probe = row.case, row.thread_id in probed
    if case is None:
        return Candidate(row.thread_id, row.facts)
    decided = case.decided_at is not None and row.facts.last_at <= case.decided_at.timestamp()
    snoozed = case.state == "snoozed" and case.look_again_at is not None
    seen = case.seen_at is not None and case.open and not probe
    held = case.state in _HELD
    decided = decided or snoozed
    return Candidate(row.thread_id, row.facts, held=held, decided=decided, seen=seen, stood=case.stood, probe=probe)


def _apply(
    session: Session, community: Community, rows: Sequence[_Row], line: Cut, as_of: datetime, now: datetime
) -> None:
    placed = {p.id: p for p in line.placed}
    new: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    for row in rows:
        values = _values(row, placed.get(row.thread_id), as_of, now - as_of)
        if row.case is None:
            new.append(
                {"thread_id": row.thread_id, "community_id": community.id, "connection_id": row.connection_id} | values
            )
        elif any(getattr(row.case, name) != value for name, value in values.items()):
            changed.append({"b_id": row.case.case_id} | {f"b_{n}": v for n, v in values.items()})
    if new:
        session.execute(insert(Case), new)
    for size in {len(c) for c in changed}:
        _update_cases(session, [c for c in changed if len(c) == size])
    seen = [row.case.case_id for row in rows if row.case is not None and row.case.seen_at is not None]
    if seen:
        below = update(Case).where(Case.id.in_(seen), Case.open.is_(False))
        session.execute(below.values(seen_at=None).execution_options(synchronize_session=False))


def _update_cases(session: Session, rows: list[dict[str, Any]]) -> None:
    table = Case.__table__
    names = [n.removeprefix("b_") for n in rows[0] if n != "b_id"]
    statement = update(table).where(table.c.id == bindparam("b_id"))  # type: ignore[arg-type]
    session.connection().execute(statement.values({n: bindparam(f"b_{n}") for n in names}), rows)


def _values(row: _Row, placed: Placed | None, as_of: datetime, waited: timedelta) -> dict[str, Any]:
    """A case as it should stand. What a person decided or holds is theirs; the line moves the rest."""
    case, facts = row.case, row.facts
    if placed is None:
        held = case is not None and case.state in _HELD
        return {"lane": "needs" if held else "outside", "open": held, "state": case.state if held else "closed"}
    above = placed.lane in ("needs", "always")
    return {
        "lane": placed.lane,
        "open": above,
        "state": _state(case, placed.lane),
        "priority": round(placed.assessment.priority, 3),
        "stood": max(round(placed.assessment.priority, 3), case.stood if case is not None else 0.0),
        "toxicity": round(facts.toxicity, 3),
        "urgency": round(facts.need, 3),
        "rules": ",".join(placed.assessment.always),
        "reasons": [[b.code, round(b.weight, 1), b.params] for b in placed.assessment.because[:5]],
        "marked_message_id": facts.marked or None,
        "waiting_since": as_time(facts.open_at),
        "surfaced_at": (case.surfaced_at if case is not None and case.surfaced_at else as_of) if above else None,
        "look_again_at": _look_again(case, placed, waited),
    }


def _state(case: Any, lane: str) -> str:
    if lane == "decided":
        return str(case.state)
    if lane == "left":
        return "left"
    return str(case.state) if case is not None and case.state in _HELD else "open"


def _look_again(case: Any, placed: Placed, waited: timedelta) -> datetime | None:
    """The sooner of the time it already has and the new one, so that a triage a minute never postpones a look.

    `waited` is how long ago the line's time is: an archive's clock stands still, and a look at it is due in ours.
    """
    if placed.lane == "decided":
        kept: datetime | None = case.look_again_at
        return kept
    fresh = as_time(placed.look_again_at)
    if placed.lane != "left" or fresh is None:
        return None
    kept = case.look_again_at if case is not None and case.lane == "left" else None
    return min(kept, fresh + waited) if kept else fresh + waited


def _summary(line: Cut, alarm: Alarm | None, as_of: datetime, seconds: float) -> dict[str, Any]:
    return {
        "as_of": as_of.isoformat(),
        "threads": line.threads,
        "budget": line.budget,
        "cut": line.value,
        "surfaced": line.count("needs"),
        "always": line.count("always"),
        "left": line.count("left"),
        "decided": line.count("decided"),
        "alarm": alarm.to_json() if alarm else None,
        "seconds": round(seconds, 3),
    }


def _release(
    session: Session,
    community_id: int,
    attempt: int,
    due_at: datetime | None,
    summary: dict[str, Any],
    before: float,
    again: bool,
    now: datetime,
) -> None:
    """Keeps the figures. A triage that became due meanwhile stays due, a little later when triage is slow.

    Slow is what took long twice: one triage that waited for a busy machine must not hold up the next.
    """
    seconds = min(summary["seconds"], before)
    mine = (Community.id == community_id, Community.attempt == attempt)
    session.execute(update(Community).where(*mine).values(summary=summary, triaged_at=now, lease_until=None))
    next_at = now + max(REFRESH, timedelta(seconds=20 * seconds)) if again else None
    unchanged = Community.triage_due_at == due_at if due_at is not None else Community.triage_due_at.is_(None)
    session.execute(update(Community).where(*mine, unchanged).values(triage_due_at=next_at))
    if seconds > 0.2:
        pause = now + timedelta(seconds=10 * seconds)
        session.execute(update(Community).where(*mine, Community.triage_due_at < pause).values(triage_due_at=pause))
