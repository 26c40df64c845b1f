"""What was done on platforms, and what became of it: as whoever did it sees it, and as programs do."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from moderation.errors import BadInput, NotAllowed
from moderation.model import INVERSES, MODERATING, Capability
from service.db.grant_tables import ModerationAct
from service.db.models import Action, Case, Community, Connection, Person, Thread
from service.db.redress_tables import Appeal, Statement
from service.deps import Deps
from service.usecases import acting
from service.usecases.bearing import refuse_unseen
from service.usecases.people import Known

_TOLD = frozenset({Capability.NOTIFY, Capability.RESOLVE_REPORT})
KINDS = tuple(sorted(MODERATING - _TOLD))
_Found = Row[Action, ModerationAct, Thread, str, str, Person]
_LIVE = ("approved", "sending", "unknown", "done")


@dataclass(frozen=True, slots=True)
class Acted:
    """An act. State: waiting, approved (held for undo), sending, done, failed, unknown, cancelled.

    `law` is the one under which it was illegal ("": against the rules). `taken_back_by` is the role of whoever took it
    back ("": nobody). `appeal`: "", open, upheld or overturned. `title` is "" where whoever asks may not see the
    conversation. `undo_until` is None where it is too late, `inverse` what takes it back (None: nothing does, or it
    was). `automated`: a rule of watched words did it.
    """

    id: int
    kind: Capability
    state: str
    thread_id: int
    message_id: int | None
    community_id: int
    community: str
    connection: str
    title: str
    reason: str
    law: str
    error: str
    role: str
    hours: int | None
    automated: bool
    at: datetime
    ends_at: datetime | None
    undo_until: datetime | None
    undoes_id: int | None
    taken_back_by: str
    appeal: str
    inverse: Capability | None


def acts_of(deps: Deps, by: Known, thread_id: int | None = None, most: int = 50) -> list[Acted]:
    """What somebody asked for, the newest first. Titles are told only where they may still see."""
    query = _selected().where(Action.person_id == by.id).limit(most)
    if thread_id is not None:
        query = query.where(Case.thread_id == thread_id)
    with deps.store.read() as session:
        return [_shown(session, row, deps.now(), by) for row in session.execute(query)]


def acts(
    deps: Deps, communities: Collection[int] | None = None, before: int | None = None, size: int = 50
) -> list[Acted]:
    """Everybody's acts, the newest first, of some communities or of all (None)."""
    query = _selected().limit(size)
    query = query.where(ModerationAct.community_id.in_(communities)) if communities is not None else query
    query = query.where(Action.id < before) if before is not None else query
    with deps.store.read() as session:
        return [_shown(session, row, deps.now(), None) for row in session.execute(query)]


def act_numbered(deps: Deps, action_id: int) -> Acted:
    """One act. Raises BadInput."""
    with deps.store.read() as session:
        row = session.execute(_selected().where(Action.id == action_id)).one_or_none()
        if row is None:
            raise BadInput("There is no such act.")
        return _shown(session, row, deps.now(), None)


def undo(deps: Deps, action_id: int, by: Known) -> int:
    """Takes back all of one request while it is held: by whoever asked for it, or said the second yes.

    Returns how many acts. Raises BadInput when it is not theirs or too late.
    """
    with deps.store.read() as session:
        one, row = session.get(Action, action_id), session.get(ModerationAct, action_id)
        if one is None or row is None or by.id not in (one.person_id, row.second_id):
            raise BadInput("There is no such act of yours.")
        same = (Action.person_id == one.person_id, Action.created_at == one.created_at, Action.case_id == one.case_id)
        query = select(Action.id).join(ModerationAct, ModerationAct.action_id == Action.id)
        held = list(session.scalars(query.where(*same, Action.kind == one.kind, Action.state == "approved")))
    done = sum(acting.cancel(deps, number) for number in held)
    if not done:
        raise BadInput("It is too late to undo this. If it was done, take it back instead.")
    return done


def _selected() -> Select[Action, ModerationAct, Thread, str, str, Person]:
    query = select(Action, ModerationAct, Thread, Community.name, Connection.name, Person)
    query = query.join(ModerationAct, ModerationAct.action_id == Action.id).join(Case, Case.id == Action.case_id)
    query = query.join(Thread, Thread.id == Case.thread_id).join(Connection, Connection.id == Action.connection_id)
    query = query.join(Community, Community.id == ModerationAct.community_id)
    query = query.join(Person, Person.id == Action.person_id)
    return query.where(Action.kind.in_(KINDS), ModerationAct.planned.is_(False)).order_by(Action.id.desc())


def _shown(
    session: Session,
    found: _Found,
    now: datetime,
    by: Known | None,
) -> Acted:
    action, row, thread, community, connection, person = found
    kind, taken = Capability(action.kind), _taken_back_by(session, action.id)
    held = action.state == "approved" and action.attempt == 0 and action.due_at > now
    return Acted(
        id=action.id,
        kind=kind,
        state=action.state,
        thread_id=thread.id,
        message_id=row.message_id,
        community_id=row.community_id or thread.community_id,
        community=community,
        connection=connection,
        title=(thread.title or "") if by is None or _sees(session, by, thread, now) else "",
        reason=row.reason,
        law=row.law,
        error=action.error,
        role=person.role,
        hours=row.hours,
        automated=bool(row.automated),
        at=row.at,
        ends_at=row.ends_at,
        undo_until=action.due_at if held else None,
        undoes_id=row.undoes_id,
        taken_back_by=taken,
        appeal=_appeal(session, action.id),
        inverse=INVERSES.get(kind) if action.state == "done" and not taken else None,
    )


def _sees(session: Session, by: Known, thread: Thread, now: datetime) -> bool:
    try:
        refuse_unseen(session, by.asking, thread.id, now)
    except NotAllowed:
        return False
    return True


def _taken_back_by(session: Session, action_id: int) -> str:
    """The role of whoever took an act back; a planned end takes nothing back."""
    query = select(Person.role).join(Action, Action.person_id == Person.id)
    query = query.join(ModerationAct, ModerationAct.action_id == Action.id).where(Action.state.in_(_LIVE))
    return session.scalar(query.where(ModerationAct.undoes_id == action_id, ~ModerationAct.planned).limit(1)) or ""


def _appeal(session: Session, action_id: int) -> str:
    query = select(Appeal.state).join(Statement, Statement.id == Appeal.statement_id)
    return session.scalar(query.where(Statement.action_id == action_id).order_by(Appeal.id.desc()).limit(1)) or ""
