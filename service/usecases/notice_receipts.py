"""The receipt of a notice: what whoever gave it may know of what became of it, and of nobody who decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.notices import MOST
from moderation.statements import without_personal_data
from service.db.grant_tables import ModerationAct
from service.db.models import Action, Author, Message, Person
from service.db.redress_tables import Notice
from service.deps import Deps
from service.usecases.notices import UNDONE, digest


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one place. `did` is "" where nothing was done by us; `back`: it was taken back later."""

    url: str
    state: str
    decided_at: datetime | None
    reason: str
    did: str
    back: bool


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the holder of a code may know; nothing of who decided."""

    made_at: datetime
    category: str
    outcomes: tuple[Outcome, ...]


def receipt(deps: Deps, code: str) -> Receipt | None:
    """What became of a notice; None for a code that is none."""
    codes = [digest(code, number) for number in range(MOST)]
    with deps.store.read() as session:
        rows = session.scalars(select(Notice).where(Notice.code.in_(codes)).order_by(Notice.id)).all()
        if not rows:
            return None
        return Receipt(rows[0].made_at, rows[0].category, tuple(_outcome(session, row) for row in rows))


def _outcome(session: Session, row: Notice) -> Outcome:
    action = session.get(Action, row.action_id) if row.action_id is not None else None
    if row.state == "open" or (action is not None and action.state in UNDONE):
        return Outcome(row.url, "open", None, "", "", back=False)
    reason = without_personal_data(row.reason, _names(session, row))
    did = action.kind if action is not None else ""
    return Outcome(row.url, row.state, row.decided_at, reason, did, back=_is_back(session, row.action_id))


def _names(session: Session, row: Notice) -> Sequence[str]:
    """Who is not to be named in a reason: whoever decided, and whoever wrote."""
    person = session.get(Person, row.person_id) if row.person_id is not None else None
    message = session.get(Message, row.message_id) if row.message_id is not None else None
    author = session.get(Author, message.author_id) if message is not None else None
    found = [person.username, person.name] if person is not None else []
    return [*found, *([author.handle, author.name] if author is not None else [])]


def _is_back(session: Session, action_id: int | None) -> bool:
    """Whether what was done was taken back because somebody wanted it, as after an appeal."""
    if action_id is None:
        return False
    undone = select(ModerationAct.action_id).join(Action, Action.id == ModerationAct.action_id)
    live = (ModerationAct.planned.is_(False), Action.state == "done")
    return session.scalar(undone.where(ModerationAct.undoes_id == action_id, *live).limit(1)) is not None
