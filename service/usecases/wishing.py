"""What somebody wants done on a platform, made into an action with its act. Nothing is permitted or written here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from moderation.model import MODERATING, Capability
from moderation.policy import RANKS
from moderation.statements import named_law
from service.db.grant_tables import ModerationAct
from service.db.models import Action, Author, Case, Community, Connection, Message, Person, Thread
from service.deps import Deps
from service.usecases.acting import UNDO
from service.usecases.connections import connector_named
from service.usecases.rules import rule_in_force

ON_MESSAGES = frozenset({Capability.HIDE, Capability.RESTORE, Capability.MARK_ANSWER})
ON_THREADS = frozenset({Capability.LOCK, Capability.UNLOCK, Capability.MOVE})
ON_AUTHORS = MODERATING - ON_MESSAGES - ON_THREADS - {Capability.RESOLVE_REPORT, Capability.NOTIFY}
LONGEST = 24 * 365
LONGEST_REASON = 2000


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants done, to a message or (without one) to a thread. `hours`: until it ends by itself.

    `to` is the community that a thread is moved to, `rule_id` the community's rule that was broken. `automated`: asked
    for by a rule that a person switched on. `law` is the one under which it is illegal; None: it breaks the rules.
    """

    kind: Capability
    thread_id: int
    reason: str
    message_id: int | None = None
    hours: int | None = None
    to: int | None = None
    rule_id: int | None = None
    automated: bool = False
    law: str | None = None


def made_of(deps: Deps, session: Session, wish: Wish, person_id: int, now: datetime) -> tuple[Action, ModerationAct]:
    """The action and its act, not yet in the session. Raises BadInput for what cannot be done there."""
    thread = session.get(Thread, wish.thread_id)
    if thread is None:
        raise BadInput("There is no such conversation.")
    _refuse_impossible(deps, session, wish, thread)
    message = _message(session, wish, thread)
    author = session.get_one(Author, message.author_id) if message is not None else None
    case_id = session.scalar(select(Case.id).where(Case.thread_id == thread.id))
    if case_id is None:
        raise BadInput("This conversation was just read and is not placed yet. Try again in a few seconds.")
    action = Action(
        case_id=case_id,
        connection_id=thread.connection_id,
        person_id=person_id,
        kind=str(wish.kind),
        target=_target(wish, thread, message, author),
        options=_options(session, wish, thread, author),
        state="approved",
        attempt=0,
        error="",
        text="",
        due_at=now + UNDO,
        created_at=now,
    )
    row = ModerationAct(
        at=now,
        message_id=message.id if message is not None else None,
        author_id=author.id if author is not None else None,
        community_id=thread.community_id,
        hours=wish.hours,
        reason=wish.reason.strip()[:LONGEST_REASON],
        planned=False,
        rank=RANKS.get(session.get_one(Person, person_id).role, 0),
        rule_id=rule_in_force(session, wish.rule_id, thread.community_id).id if wish.rule_id is not None else None,
        automated=wish.automated,
        waits=False,
        law=named_law(wish.law) or "",
    )
    return action, row


def _refuse_impossible(deps: Deps, session: Session, wish: Wish, thread: Thread) -> None:
    if not wish.reason.strip():
        raise BadInput("Say why, by the community's own rules: whom it concerns will read it.")
    if wish.hours is not None and not 1 <= wish.hours <= LONGEST:
        raise BadInput(f"An act ends after 1 to {LONGEST} hours, or not by itself.")
    connector = connector_named(deps, session.get_one(Connection, thread.connection_id).connector)
    if wish.kind not in ON_MESSAGES | ON_THREADS | ON_AUTHORS or wish.kind not in connector.capabilities:
        raise BadInput(f"“{wish.kind}” cannot be done on {connector.label}.")


def _message(session: Session, wish: Wish, thread: Thread) -> Message | None:
    if wish.kind in ON_THREADS:
        return None
    message = session.get(Message, wish.message_id) if wish.message_id is not None else None
    if message is None or message.thread_id != thread.id:
        raise BadInput("Say which message of this conversation it is about.")
    return message


def _target(wish: Wish, thread: Thread, message: Message | None, author: Author | None) -> str:
    if message is None:
        return thread.remote_id
    return author.remote_id if wish.kind in ON_AUTHORS and author is not None else message.remote_id


def _options(session: Session, wish: Wish, thread: Thread, author: Author | None) -> dict[str, Any]:
    """As plugins.contract.Act wants them."""
    community = session.get_one(Community, thread.community_id)
    options: dict[str, Any] = {"reason": wish.reason.strip()[:300], "thread": thread.remote_id}
    if wish.kind is Capability.MOVE:
        to = session.get(Community, wish.to) if wish.to is not None else None
        if to is None or to.connection_id != thread.connection_id or to.id == community.id:
            raise BadInput("Say which other community of the same platform it is to be moved to.")
        return options | {"community": to.remote_id, "from": community.remote_id}
    if wish.kind in ON_AUTHORS and author is not None:
        return options | {"community": community.remote_id, "handle": author.handle, "hours": wish.hours}
    return options
