"""A private notice to one member about an act or a decision that concerns them, in the caller's transaction.

It was permitted together with that, so it goes even when whoever asked for it has no rights any more; the global stop
and shadow mode hold it back as they hold everything. Where no notice can be carried, `carries` says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from moderation.model import Capability
from service.db.grant_tables import ModerationAct
from service.db.models import Action, Author, Case, Connection, Person, Thread
from service.deps import Deps
from service.usecases.acting import UNDO
from service.usecases.carrying import carried
from service.usecases.settling import note


@dataclass(frozen=True, slots=True)
class Notice:
    """What is said to whom. `reason` and `decision`, the number of the one that it tells of, are for our own books."""

    author_id: int
    title: str
    text: str
    reason: str
    decision: int | None = None


def carries(deps: Deps, session: Session, connection_id: int) -> bool:
    """Whether a connection can tell one member something in private."""
    return Capability.NOTIFY in carried(deps, session.get_one(Connection, connection_id))


def tell(deps: Deps, session: Session, case_id: int, notice: Notice, person_id: int) -> Action:
    """Writes the notice as an action of its own in a case, on behalf of a person."""
    now = deps.now()
    author = session.get_one(Author, notice.author_id)
    thread = session.get_one(Thread, session.get_one(Case, case_id).thread_id)
    options: dict[str, Any] = {"handle": author.handle, "thread": thread.remote_id, "title": notice.title}
    if notice.decision is not None:
        options["decision"] = notice.decision
    action = Action(
        case_id=case_id,
        connection_id=author.connection_id,
        person_id=person_id,
        kind=str(Capability.NOTIFY),
        target=author.remote_id,
        text=notice.text,
        options=options,
        due_at=now + UNDO,
        created_at=now,
    )
    session.add(action)
    session.flush()
    session.add(
        ModerationAct(
            action_id=action.id,
            at=now,
            author_id=author.id,
            community_id=thread.community_id,
            reason=notice.reason,
            planned=True,
        )
    )
    session.flush()
    note(deps, session, action, session.get_one(Person, person_id), "approve")
    return action
