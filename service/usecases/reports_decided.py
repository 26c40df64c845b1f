"""What was decided about reports lately, and how far each decision has come on its platform."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from moderation.model import Capability
from moderation.policy import ROLES
from service.db.models import Action, Author, Community, Connection, Message, Person, Thread
from service.db.report_tables import ReportDecision, ReportRow
from service.deps import Deps
from service.usecases.acting import UNDO
from service.usecases.carrying import carried
from service.usecases.connections import connector_named
from service.usecases.people import Known
from service.usecases.report_closing import OVER
from service.usecases.report_subjects import asker, decided_by

SHOWN, RECENT = 30, timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Settled:
    """A decision about `reports` reports. `closing` is how they stand on the platform.

    That is: none (it lets us close nothing), lacking (our account may close nothing there), open (nothing was asked
    for), approved, sending, done, failed, unknown, cancelled; of several states the one that needs somebody most.
    `person` is "" for whoever may not know it. `told` counts notices to reporters, `tells` is whether the platform
    tells them itself.
    """

    id: int
    at: datetime
    verdict: str
    reason: str
    person: str
    mine: bool
    connection: str
    community: str
    on_post: bool
    author: str
    reports: int
    act: str
    act_state: str
    closing: str
    error: str
    told: int
    tells: bool
    undo_until: datetime | None


#: States of closings, from those that need somebody most.
_ORDER = ("failed", "unknown", "open", "cancelled", "sending", "approved", "done")


def lately(deps: Deps, by: Known) -> list[Settled]:
    """The decisions of the last days in the places where somebody decides, the newest first."""
    now = deps.now()
    query = select(ReportDecision).outerjoin(Message, Message.id == ReportDecision.message_id)
    query = query.outerjoin(Thread, Thread.id == Message.thread_id).where(ReportDecision.at > now - RECENT)
    # As `report_subjects.place_of` says where one is.
    community = func.coalesce(Thread.community_id, ReportDecision.community_id)
    with deps.store.read() as session:
        here = decided_by(asker(session, by).actor, now, ReportDecision.connection_id, community)
        mine = session.scalars(query.where(here).order_by(ReportDecision.id.desc()).limit(SHOWN)).all()
        told = _told(session, mine)
        named = Capability.TRIAGE in ROLES.get(by.role, frozenset())
        return [_settled(deps, session, one, by, told[one.id], named=named) for one in mine]


def _told(session: Session, decisions: Sequence[ReportDecision]) -> Counter[int]:
    """Notices by decision."""
    if not decisions:
        return Counter()
    since = min(one.at for one in decisions)
    notices = (Action.kind == str(Capability.NOTIFY), Action.created_at >= since, Action.state != "cancelled")
    options = session.scalars(select(Action.options).where(*notices))
    return Counter(int(found["decision"]) for found in options if found and "decision" in found)


def _settled(deps: Deps, session: Session, row: ReportDecision, by: Known, told: int, *, named: bool) -> Settled:
    on = session.get_one(Connection, row.connection_id)
    place = session.get(Community, row.community_id) if row.community_id is not None else None
    author = session.get(Author, row.author_id) if row.author_id is not None else None
    person = session.get_one(Person, row.person_id)
    act = session.get(Action, row.act_id) if row.act_id is not None else None
    connector = connector_named(deps, on.connector)
    states = _states(session, row.id)
    closing = min((state for state, _ in states), key=_ORDER.index, default="open")
    undo_until = row.at + UNDO
    return Settled(
        id=row.id,
        at=row.at,
        verdict=row.verdict,
        reason=row.reason,
        person=(person.name or person.username) if named or person.id == by.id else "",
        mine=person.id == by.id,
        connection=on.name,
        community=place.name if place is not None else "",
        on_post=row.message_id is not None or _on_post(session, row.id),
        author=(author.name or author.handle) if author is not None else "",
        reports=len(states),
        act=act.kind if act is not None else "",
        act_state=act.state if act is not None else "",
        closing=_closing(deps, on, closing),
        error=next((error for state, error in states if state == closing), ""),
        told=told,
        tells=connector.tells_reporters,
        undo_until=undo_until if person.id == by.id and deps.now() < undo_until else None,
    )


def _closing(deps: Deps, on: Connection, state: str) -> str:
    """The state that is shown: `none` and `lacking` where nothing can be closed, by the platform or by our account."""
    if Capability.RESOLVE_REPORT not in connector_named(deps, on.connector).capabilities:
        return "none"
    lacking = state in ("open", *OVER) and Capability.RESOLVE_REPORT not in carried(deps, on)
    return "lacking" if lacking else state


def _states(session: Session, decision_id: int) -> list[tuple[str, str]]:
    """The state of the closing of each report, and what went wrong."""
    query = select(Action.state, Action.error).select_from(ReportRow)
    query = query.outerjoin(Action, Action.id == ReportRow.action_id).where(ReportRow.decision_id == decision_id)
    return [(state or "open", error or "") for state, error in session.execute(query)]


def _on_post(session: Session, decision_id: int) -> bool:
    """Whether it was about a post that was not read here."""
    query = select(ReportRow.id).where(ReportRow.decision_id == decision_id, ReportRow.message_remote != "")
    return session.scalar(query.limit(1)) is not None
