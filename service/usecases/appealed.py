"""Appeals as those see them who may decide, and what they say of a grant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, or_, select
from sqlalchemy.orm import Session, aliased

from moderation.errors import NotAllowed
from moderation.statements import Reasons
from service.db.grant_tables import ModerationAct
from service.db.models import Action, Author, Case, Message
from service.db.redress_tables import Appeal, Statement
from service.deps import Deps
from service.usecases.appeals import ForAuthor, appeal_of, may_judge, reversible, shown_to_author, taken_back
from service.usecases.people import Known
from service.usecases.statements import done_at

_carrier = aliased(Action)
#: What became of a notice that may not have arrived: the same link given twice harms nobody.
_LOST = ("failed", "cancelled", "unknown")


@dataclass(frozen=True, slots=True)
class Kept:
    """A statement of an act that was done. Told: no, waiting, sent (done), asked (on its way) or failed."""

    statement_id: int
    action_id: int
    thread_id: int
    handle: str
    told: str
    shown: ForAuthor


@dataclass(frozen=True, slots=True)
class ForJudge:
    """An appeal as those who may decide it see it. `refused` says why this person may not ("": they may).

    `said` is the message that the act was about, as far as its words are kept.
    """

    id: int
    state: str
    made_at: datetime
    text: str
    language: str
    reasons: Reasons
    action_id: int
    thread_id: int
    message_id: int | None
    handle: str
    said: str
    acted_at: datetime
    reversible: bool
    taken_back: bool
    decided_at: datetime | None
    outcome: str
    undo_id: int | None
    refused: str


def appeals(deps: Deps, by: Known | None = None, states: tuple[str, ...] = (), most: int = 200) -> list[ForJudge]:
    """Appeals, open ones first, then the newest. `by` is who looks at them."""
    query = select(Appeal, Statement, Action, ModerationAct, Case.thread_id, Author.handle)
    query = query.join(Statement, Statement.id == Appeal.statement_id).join(Action, Action.id == Statement.action_id)
    query = query.join(ModerationAct, ModerationAct.action_id == Action.id).join(Case, Case.id == Action.case_id)
    query = query.outerjoin(Author, Author.id == Statement.author_id)
    query = query.where(Appeal.state.in_(states)) if states else query
    query = query.order_by(Appeal.state != "open", Appeal.id.desc()).limit(most)
    with deps.store.read() as session:
        return [_shown(deps, session, row, by) for row in session.execute(query)]


def open_appeals(deps: Deps) -> int:
    """How many wait for a decision."""
    with deps.store.read() as session:
        return session.scalar(select(func.count()).select_from(Appeal).where(Appeal.state == "open")) or 0


def overturned(deps: Deps) -> dict[int, int]:
    """How many acts of each grant were overturned on appeal."""
    query = select(ModerationAct.grant_id, func.count()).join(Statement, Statement.action_id == ModerationAct.action_id)
    query = query.join(Appeal, Appeal.statement_id == Statement.id).where(Appeal.state == "overturned")
    with deps.store.read() as session:
        found = session.execute(query.where(ModerationAct.grant_id.is_not(None)).group_by(ModerationAct.grant_id))
        return {int(grant_id): count for grant_id, count in found if grant_id is not None}


def _shown(deps: Deps, session: Session, row: tuple[Any, ...], by: Known | None) -> ForJudge:
    appeal, statement, action, act, thread_id, handle = row
    refused = ""
    if by is not None and appeal.state == "open":
        try:
            may_judge(deps, session, appeal, statement, by)
        except NotAllowed as error:
            refused = str(error)
    message = session.get(Message, act.message_id) if act.message_id is not None else None
    return ForJudge(
        id=appeal.id,
        state=appeal.state,
        made_at=appeal.made_at,
        text=appeal.text,
        language=appeal.language,
        reasons=Reasons.from_body(statement.body),
        action_id=action.id,
        thread_id=thread_id,
        message_id=act.message_id,
        handle=handle or "",
        said=(message.text or "") if message is not None else "",
        acted_at=done_at(session, action.id) or statement.made_at,
        reversible=reversible(action),
        taken_back=taken_back(session, action.id) is not None,
        decided_at=appeal.decided_at,
        outcome=appeal.reason,
        undo_id=appeal.undo_id,
        refused=refused,
    )


def statement(deps: Deps, action_id: int) -> Kept | None:
    """The statement of an act that was done."""
    with deps.store.read() as session:
        row = session.execute(_kept().where(Statement.action_id == action_id)).one_or_none()
        return _as_kept(session, row) if row is not None else None


def untold(deps: Deps, most: int = 20) -> list[Kept]:
    """Statements that no platform carried to their author, the newest first: a manager may hand the link over."""
    query = _kept().where(or_(Statement.told == "no", _carrier.state.in_(_LOST)))
    with deps.store.read() as session:
        return [_as_kept(session, row) for row in session.execute(query.order_by(Statement.id.desc()).limit(most))]


def _kept() -> Select[*tuple[Any, ...]]:
    query = select(Statement, Action, ModerationAct, Case.thread_id, Author.handle, _carrier.state)
    query = query.join(Action, Action.id == Statement.action_id).join(Case, Case.id == Action.case_id)
    query = query.join(ModerationAct, ModerationAct.action_id == Action.id)
    query = query.outerjoin(Author, Author.id == Statement.author_id)
    return query.outerjoin(_carrier, _carrier.id == Statement.notify_id).where(Action.state == "done")


def _as_kept(session: Session, row: Row[*tuple[Any, ...]]) -> Kept:
    made, action, act, thread_id, handle, carried = row
    appeal = appeal_of(session, made.id)
    told = "sent" if carried == "done" else "failed" if carried in _LOST else made.told
    return Kept(made.id, action.id, thread_id, handle or "", told, shown_to_author(session, made, act, appeal))
