"""Acts of moderation: asked for with a reason, authorized, held for undo, carried out by the same job as answers.

A refusal is written in the audit log. What was done can be taken back by its inverse, at once or at a planned end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from moderation.errors import BadInput, NotAllowed
from moderation.model import INVERSES, MODERATING, Capability
from moderation.policy import Permit
from service.db.audit import Entry, append
from service.db.grant_tables import ModerationAct
from service.db.models import Action, Author, Case, Community, Connection, Message, Person, Thread
from service.deps import Deps
from service.usecases.acting import UNDO
from service.usecases.bearing import community_of, permit_act
from service.usecases.connections import connector_named
from service.usecases.grants import brake
from service.usecases.people import Known
from service.usecases.settling import note
from service.usecases.standing import actor_of

ON_MESSAGES = frozenset({Capability.HIDE, Capability.RESTORE, Capability.MARK_ANSWER})
ON_THREADS = frozenset({Capability.LOCK, Capability.UNLOCK, Capability.MOVE})
ON_AUTHORS = MODERATING - ON_MESSAGES - ON_THREADS - {Capability.RESOLVE_REPORT, Capability.NOTIFY}
LONGEST = 24 * 365
#: A grant suspends itself at so many acts in a minute, or when so many of the last acts were taken back by others.
BURST, BURST_TIME = 10, timedelta(minutes=1)
OVERTURNED, OF_LAST = 3, 20


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants done, to a message or (without one) to a thread. `hours`: until it ends by itself.

    `to` is the community that a thread is moved to.
    """

    kind: Capability
    thread_id: int
    reason: str
    message_id: int | None = None
    hours: int | None = None
    to: int | None = None


def act(deps: Deps, wish: Wish, by: Known) -> int:
    """Writes an act, held for undo. Raises BadInput, or NotAllowed, which is kept in the audit log."""
    try:
        with deps.store.write() as session:
            action, row = _action(deps, session, wish, by)
            permit = _permitted(session, action, row, deps.now())
            _write(deps, session, action, row, permit.grant)
            _plan_end(deps, session, action, row)
            _watch_speed(deps, session, row)
            return action.id
    except NotAllowed as refused:
        _note_refusal(deps, wish, by, str(refused))
        raise


def take_back(deps: Deps, action_id: int, by: Known, reason: str) -> int:
    """Writes the inverse of an act that was done. Raises BadInput where there is none, NotAllowed, kept as `act`'s."""
    wish = _inverse(deps, action_id, reason)
    try:
        with deps.store.write() as session:
            action, row = _action(deps, session, wish, by)
            row.undoes_id = action_id
            permit = _permitted(session, action, row, deps.now())
            _write(deps, session, action, row, permit.grant)
            _watch_overturned(deps, session, session.get_one(ModerationAct, action_id), by)
            return action.id
    except NotAllowed as refused:
        _note_refusal(deps, wish, by, str(refused))
        raise


def _action(deps: Deps, session: Session, wish: Wish, by: Known) -> tuple[Action, ModerationAct]:
    thread = session.get(Thread, wish.thread_id)
    if thread is None:
        raise BadInput("There is no such conversation.")
    reason = wish.reason.strip()[:2000]
    if not reason:
        raise BadInput("Say why, by the community's own rules: whom it concerns will read it.")
    if wish.hours is not None and not 1 <= wish.hours <= LONGEST:
        raise BadInput(f"An act ends after 1 to {LONGEST} hours, or not by itself.")
    connection = session.get_one(Connection, thread.connection_id)
    connector = connector_named(deps, connection.connector)
    if wish.kind not in ON_MESSAGES | ON_THREADS | ON_AUTHORS or wish.kind not in connector.capabilities:
        raise BadInput(f"“{wish.kind}” cannot be done on {connector.label}.")
    message = _message(session, wish, thread)
    author = session.get_one(Author, message.author_id) if message is not None else None
    case = session.scalars(select(Case).where(Case.thread_id == thread.id)).one_or_none()
    if case is None:
        raise BadInput("This conversation was just read and is not placed yet. Try again in a few seconds.")
    now = deps.now()
    action = Action(
        case_id=case.id,
        connection_id=thread.connection_id,
        person_id=by.id,
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
        reason=reason,
        planned=False,
    )
    return action, row


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


def _permitted(session: Session, action: Action, row: ModerationAct, now: datetime) -> Permit:
    actor = actor_of(session, session.get_one(Person, action.person_id))
    return permit_act(session, actor, action, row, now)


def _write(deps: Deps, session: Session, action: Action, row: ModerationAct, grant_id: int | None) -> None:
    session.add(action)
    session.flush()
    row.action_id, row.grant_id = action.id, grant_id
    session.add(row)
    session.flush()
    note(deps, session, action, session.get_one(Person, action.person_id), "approve")


def _plan_end(deps: Deps, session: Session, action: Action, row: ModerationAct) -> None:
    """The action that ends another at its time, where the platform does not do so by itself."""
    kind = Capability(action.kind)
    connector = connector_named(deps, session.get_one(Connection, action.connection_id).connector)
    if row.hours is None or kind not in INVERSES:
        return
    row.ends_at = action.due_at + timedelta(hours=row.hours)
    if kind in connector.timed:
        return
    end = Action(
        case_id=action.case_id,
        connection_id=action.connection_id,
        person_id=action.person_id,
        kind=str(INVERSES[kind]),
        target=action.target,
        options=dict(action.options or {}),
        due_at=row.ends_at,
        created_at=row.at,
    )
    same = {"message_id": row.message_id, "author_id": row.author_id, "community_id": row.community_id}
    ending = ModerationAct(at=row.at, undoes_id=action.id, planned=True, reason=row.reason, **same)
    _write(deps, session, end, ending, row.grant_id)


def _inverse(deps: Deps, action_id: int, reason: str) -> Wish:
    with deps.store.read() as session:
        action, row = session.get(Action, action_id), session.get(ModerationAct, action_id)
        if action is None or row is None or action.state != "done":
            raise BadInput("Only an act that was done can be taken back.")
        kind = INVERSES.get(Capability(action.kind))
        if kind is None:
            raise BadInput("This act has no inverse: it cannot be taken back.")
        taken = select(Action.id).join(ModerationAct, ModerationAct.action_id == Action.id)
        live = Action.state.in_(("approved", "sending", "unknown", "done"))
        if session.scalar(taken.where(ModerationAct.undoes_id == action_id, ModerationAct.planned.is_(False), live)):
            raise BadInput("This was taken back already.")
        case = session.get_one(Case, action.case_id)
        was = str((action.options or {}).get("from", ""))
        back = community_of(session, action.connection_id, was) if kind is Capability.MOVE else None
        return Wish(kind, case.thread_id, reason, row.message_id, None, back)


def _watch_speed(deps: Deps, session: Session, row: ModerationAct) -> None:
    if row.grant_id is None:
        return
    mine = (ModerationAct.grant_id == row.grant_id, ModerationAct.planned.is_(False))
    recent = select(func.count()).select_from(ModerationAct).where(*mine)
    if (session.scalar(recent.where(ModerationAct.at > row.at - BURST_TIME)) or 0) >= BURST:
        brake(deps, session, row.grant_id, f"{BURST} acts in a minute: faster than anybody reads.")


def _watch_overturned(deps: Deps, session: Session, row: ModerationAct, by: Known) -> None:
    """A grant of which others take back too much suspends itself until a manager has looked."""
    holder_id = session.get_one(Action, row.action_id).person_id
    if row.grant_id is None or holder_id == by.id:
        return
    last = select(ModerationAct.action_id).where(ModerationAct.grant_id == row.grant_id)
    last = last.where(ModerationAct.undoes_id.is_(None)).order_by(ModerationAct.action_id.desc()).limit(OF_LAST)
    others = (Action.state != "cancelled", Action.person_id != holder_id)
    undone = select(func.count(ModerationAct.undoes_id.distinct())).join(Action, Action.id == ModerationAct.action_id)
    if (session.scalar(undone.where(ModerationAct.undoes_id.in_(last), *others)) or 0) >= OVERTURNED:
        brake(deps, session, row.grant_id, f"{OVERTURNED} of the last {OF_LAST} acts were taken back by others.")


def _note_refusal(deps: Deps, wish: Wish, by: Known, words: str) -> None:
    after = {"kind": str(wish.kind), "thread": wish.thread_id, "message": wish.message_id}
    with deps.store.write() as session:
        entry = Entry("act:refuse", by.actor, f"thread:{wish.thread_id}", words, None, after)
        append(session, deps.vault, entry, deps.now())
