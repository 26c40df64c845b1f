"""Answers that waited when the rights of their author ended: they come back, and nobody sends them as they stand.

Somebody of the brand may take one over: it is their own draft then, under their own name. Or they drop it, with a note
for its writer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from moderation.errors import BadInput, NotAllowed
from moderation.model import Capability
from moderation.policy import ROLES, Subject, authorize, level_of
from service.db.models import Case, Message, Person, Thread
from service.db.reply_tables import BrandAccount, Reply
from service.deps import Deps
from service.usecases.people import Known
from service.usecases.queue import first_words
from service.usecases.standing import actor_of, subject_of
from service.usecases.wording import account_for, move, move_as, refuse_foreign, reply_in, without_nul

#: Roles that write answers by themselves; everybody else does so by a grant.
_BY_ROLE = tuple(role for role, held in ROLES.items() if Capability.DRAFT in held)
#: Stands among the reasons of an answer that came back for this.
_ENDED = {"kind": "ended", "value": "grant"}
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Left:
    """An answer that came back because its author's rights ended; `note` says so."""

    id: int
    version: int
    thread_id: int
    title: str
    account: str
    writer: str
    text: str
    note: str
    at: datetime


def send_back(deps: Deps, session: Session, person_id: int | None = None) -> int:
    """Sends back what waits (of one author, or of all) and was written by rights that ended. Returns how many.

    What somebody judges at this very moment is left to them: `refuse_outlived` stands there too.
    """
    query = select(Reply).join(Person, Person.id == Reply.writer_id)
    query = query.where(Reply.state == "waiting", Person.role.not_in(_BY_ROLE)).order_by(Reply.id)
    if person_id is not None:
        query = query.where(Reply.writer_id == person_id)
    waiting = session.scalars(query.with_for_update(skip_locked=True, of=Reply)).all()
    over = [(reply, why) for reply in waiting if (why := _why(deps, session, reply)) is not None]
    for reply, why in over:
        reply.wants, reply.note = [_ENDED], str(why)
        move_as(session, deps, reply, "returned", "clock", "end", reply.note)
    session.flush()
    return len(over)


def refuse_outlived(deps: Deps, session: Session, reply: Reply) -> None:
    """Raises NotAllowed for an answer by rights that ended."""
    why = _why(deps, session, reply)
    if why is not None:
        raise why


def left(deps: Deps, person: Known) -> tuple[Left, ...]:
    """What this person may take over or drop, in conversations that are open still; the newest first."""
    query = select(Reply, Thread, Message.text, BrandAccount.handle, Person)
    query = query.join(Case, Case.id == Reply.case_id).join(Thread, Thread.id == Case.thread_id)
    query = query.join(Message, Message.id == Reply.message_id).join(BrandAccount, BrandAccount.id == Reply.account_id)
    query = query.join(Person, Person.id == Reply.writer_id)
    query = query.where(Reply.state == "returned", Person.role.not_in(_BY_ROLE), Case.open.is_(True))
    with deps.store.read() as session:
        rows = session.execute(query.order_by(Reply.updated_at.desc(), Reply.id.desc()).limit(5 * SHOWN)).all()
    return tuple(_shown(row) for row in rows if _may_take(row[0], person))[:SHOWN]


def take(deps: Deps, reply_id: int, version: int, person: Known) -> None:
    """Makes such an answer this person's own draft. Raises Changed, BadInput."""
    with deps.store.write() as session:
        reply = _left(session, reply_id, version, person)
        case = session.get_one(Case, reply.case_id, with_for_update=True)
        account_for(deps, session, case, person.asking, reply.account_id)
        own = (Reply.case_id == case.id, Reply.writer_id == person.id, Reply.state.in_(("draft", "returned")))
        if session.scalar(select(Reply.id).where(*own).limit(1)) is not None:
            raise BadInput("You are writing an answer here already. Send it or give it up first.")
        reply.writer_id, reply.wants, reply.note = person.id, [], ""
        move(session, deps, reply, "draft", person, "take")


def drop(deps: Deps, reply_id: int, version: int, person: Known, note: str) -> None:
    """Gives such an answer up; its writer reads why. Raises Changed, BadInput, NotAllowed.

    Also where the brand account is out of use: it would have nowhere to go otherwise.
    """
    why = without_nul(note).strip()[:1_000]
    if not why:
        raise BadInput("Say why: a dropped answer needs a note for its writer.")
    with deps.store.write() as session:
        reply = _left(session, reply_id, version, person)
        authorize(person.asking, Capability.DRAFT, Subject(f"reply:{reply.id}", account=reply.account_id), deps.now())
        reply.wants, reply.note = [], why
        move(session, deps, reply, "cancelled", person, "drop", why)


def _left(session: Session, reply_id: int, version: int, person: Known) -> Reply:
    """Such an answer, locked, or one that came back to this person themselves. Raises Changed, BadInput."""
    reply = reply_in(session, reply_id, version, frozenset({"returned"}))
    if not _has_ended(reply):
        refuse_foreign(reply, person)
    return reply


def _why(deps: Deps, session: Session, reply: Reply) -> NotAllowed | None:
    """Why an answer cannot be sent as it stands; None where its author could write it at this moment."""
    writer = session.get_one(Person, reply.writer_id)
    if writer.role in _BY_ROLE:
        return None
    thread = session.get_one(Thread, session.get_one(Case, reply.case_id).thread_id)
    about = replace(subject_of(session, f"reply:{reply.id}", thread.connection_id), place=thread.place)
    try:
        authorize(actor_of(session, writer), Capability.DRAFT, about, deps.now())
    except NotAllowed:
        return NotAllowed("The rights of its author ended while it waited: it cannot be sent as it stands.")
    return None


def _has_ended(reply: Reply) -> bool:
    return _ENDED in reply.wants


def _may_take(reply: Reply, person: Known) -> bool:
    return _has_ended(reply) and level_of(person.asking, reply.account_id) is not None


def _shown(row: Row[Reply, Thread, str, str, Person]) -> Left:
    reply, thread, asked, account, writer = row
    title, name = thread.title or first_words(asked), writer.name or writer.username
    return Left(reply.id, reply.version, thread.id, title, account, name, reply.text, reply.note, reply.updated_at)
