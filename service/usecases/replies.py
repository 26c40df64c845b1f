"""Public answers: drafted, guarded, approved by a second person where a rule wants it, and handed over to be sent once.

draft -> (waiting -> approved | returned) | approved -> sent -> deleted; a draft that is given up is cancelled.
What the platform did with it is told by the reply's actions (`usecases.acting`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.errors import BadInput, TenthError
from moderation.guards.contract import PASSED_BY, Finding
from moderation.model import Capability
from moderation.policy import Actor, Level, authorize, level_of
from service.db.models import Action, Message, Person
from service.db.reply_tables import BrandAccount, Reply
from service.deps import Deps
from service.usecases import guarding
from service.usecases.acting import Wanted, cancel, write_action
from service.usecases.cases import answered
from service.usecases.drafts import take_over
from service.usecases.links import broken_links
from service.usecases.outlived import refuse_outlived
from service.usecases.people import Known
from service.usecases.standing import subject_of
from service.usecases.wording import (
    Changed,
    Words,
    begin,
    case_of,
    move,
    options_of,
    refuse_foreign,
    reply_in,
    write,
)

__all__ = [
    "Changed",
    "Guarded",
    "Outcome",
    "Words",
    "approve",
    "discard",
    "reasons_to_wait",
    "refuse",
    "reject",
    "save",
    "seen",
    "send",
    "start",
    "undo",
    "withdraw",
]

WRITABLE = frozenset({"draft", "returned"})


class Guarded(TenthError):
    """Guards hold the answer back; `findings` say why."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("This is not sent yet: " + ", ".join(sorted({str(f.guard) for f in findings})))
        self.findings = tuple(findings)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a wish to send: `waiting` for a second person, or `approved` and held for undo."""

    reply_id: int
    state: str
    version: int
    action_id: int | None = None


# ------------------------------------------------------------------ writing


def start(deps: Deps, case_id: int, person: Known, account_id: int | None = None) -> int:
    """The person's open draft in a case, or a program's, which is theirs from here, or a new one.

    It speaks as `account_id` (None: the first they may use).
    """
    with deps.store.write() as session:
        case = case_of(session, case_id)
        mine = (Reply.case_id == case_id, Reply.writer_id == person.id, Reply.state.in_(WRITABLE))
        kept = session.scalars(select(Reply).where(*mine).order_by(Reply.id.desc()).limit(1)).one_or_none()
        if kept is not None and account_id in (None, kept.account_id):
            return kept.id
        left = take_over(deps, session, case, person, account_id)
        return (left or begin(deps, session, case, person, account_id)).id


def save(deps: Deps, reply_id: int, version: int, words: Words, person: Known) -> int:
    """Keeps what was typed. Returns the new version. Raises Changed, BadInput."""
    with deps.store.write() as session:
        reply = reply_in(session, reply_id, version, WRITABLE)
        refuse_foreign(reply, person)
        write(session, deps, reply, words, person, "write")
        return reply.version


def seen(deps: Deps, reply_id: int, person: Known, upto: int | None = None) -> None:
    """The writer, or who judges it, has read what came up to a message (None: all); it holds nothing back any more."""
    with deps.store.write() as session:
        reply = session.get(Reply, reply_id)
        if reply is None:
            raise BadInput("There is no such answer.")
        if reply.state == "waiting" and reply.writer_id != person.id:
            _to_judge(deps, session, reply_id, reply.version, person)
        else:
            refuse_foreign(reply, person)
        newest = guarding.newest_message(session, case_of(session, reply.case_id).thread_id)
        reply.seen_message_id = newest if upto is None or newest is None else min(newest, upto)


def withdraw(deps: Deps, reply_id: int, version: int, person: Known) -> None:
    """The writer takes back what waits for a second person, to go on writing."""
    with deps.store.write() as session:
        reply = reply_in(session, reply_id, version, frozenset({"waiting"}))
        refuse_foreign(reply, person)
        move(session, deps, reply, "draft", person, "withdraw")


def discard(deps: Deps, reply_id: int, version: int, person: Known) -> None:
    """Gives a draft up; its words stay in the history."""
    with deps.store.write() as session:
        reply = reply_in(session, reply_id, version, WRITABLE | {"waiting"})
        refuse_foreign(reply, person)
        move(session, deps, reply, "cancelled", person, "discard")


# ------------------------------------------------------------------ sending


def send(deps: Deps, reply_id: int, version: int, person: Known) -> Outcome:
    """Sends the writer's own draft, or asks for a second person's yes. Raises Guarded, Changed, NotAllowed."""
    links = broken_links(deps, _text(deps, reply_id))
    with deps.store.write() as session:
        reply = reply_in(session, reply_id, version, WRITABLE)
        refuse_foreign(reply, person)
        found = guarding.findings(deps, session, reply, links)
        reply.wants = reasons_to_wait(session, reply, person.asking, found)
        if reply.wants:
            refuse(guarding.unreasoned(found, reply))
            move(session, deps, reply, "waiting", person, "submit")
            return Outcome(reply.id, reply.state, reply.version)
        return _release(deps, session, reply, person, found)


def approve(deps: Deps, reply_id: int, version: int, person: Known, words: Words | None = None) -> Outcome:
    """A second person's yes, to words that they may have amended. Raises Guarded, Changed, NotAllowed."""
    links = broken_links(deps, words.text if words is not None else _text(deps, reply_id))
    with deps.store.write() as session:
        reply = _to_judge(deps, session, reply_id, version, person)
        refuse_outlived(deps, session, reply)
        if words is not None:
            write(session, deps, reply, words, person, "amend")
        return _release(deps, session, reply, person, guarding.findings(deps, session, reply, links))


def reject(deps: Deps, reply_id: int, version: int, person: Known, note: str) -> None:
    """Sends a draft back to its writer, with a note that says why."""
    if not note.strip():
        raise BadInput("Say why: a rejected answer needs a note for its writer.")
    with deps.store.write() as session:
        reply = _to_judge(deps, session, reply_id, version, person)
        reply.note = note.strip()[:1_000]
        move(session, deps, reply, "returned", person, "reject", note)


def undo(deps: Deps, reply_id: int, person: Known) -> None:
    """Takes an answer, its edit or its deletion back while it is held. Raises BadInput when it is too late."""
    with deps.store.read() as session:
        query = select(Action).where(Action.reply_id == reply_id).order_by(Action.id.desc()).limit(1)
        action = session.scalars(query).one_or_none()
        reply = session.get(Reply, reply_id)
    if reply is None or action is None or person.id not in (reply.writer_id, action.person_id):
        raise BadInput("There is nothing of yours to take back here.")
    if not cancel(deps, action.id):
        raise BadInput("It is too late: the answer is on its way. Edit or delete it once it is there.")


def _release(deps: Deps, session: Session, reply: Reply, person: Known, found: Sequence[Finding]) -> Outcome:
    """Hands the answer over to be sent, held for undo; the case is decided with it, in one transaction."""
    refuse(guarding.unpassed(found, reply, level_of(person.asking, reply.account_id)))
    now = deps.now()
    case = case_of(session, reply.case_id)
    message = session.get_one(Message, reply.message_id)
    wanted = Wanted(
        case_id=case.id,
        connection_id=case.connection_id,
        kind=Capability.REPLY,
        target=message.remote_id,
        text=reply.text,
        reply_id=reply.id,
        account_id=reply.account_id,
        options=options_of(reply),
        not_before=reply.send_at,
    )
    # The case before the audit log: triage and settling take their locks in this order.
    answered(session, case, person.id, now)
    action = write_action(deps, session, wanted, session.get_one(Person, person.id))
    reply.approver_id = person.id if person.id != reply.writer_id else None
    reply.error = reply.note = ""
    move(session, deps, reply, "approved", person, "release")
    deps.ring("perform_actions")
    return Outcome(reply.id, reply.state, reply.version, action.id)


def reasons_to_wait(session: Session, reply: Reply, actor: Actor, found: Sequence[Finding]) -> list[dict[str, str]]:
    """Why this person cannot send it alone: rules in force, their level on the account, guards that are not theirs."""
    reasons = guarding.wants(session, reply, found)
    held = level_of(actor, reply.account_id)
    if held is Level.DRAFT:
        reasons.append({"kind": "level", "value": "draft"})
    over = {f.guard for f in found if not f.final and PASSED_BY[f.guard] is Level.APPROVE}
    if over and held is not Level.APPROVE:
        reasons += [{"kind": "guard", "value": str(guard)} for guard in sorted(over) if reply.overrides.get(guard)]
    return reasons


def refuse(held: Sequence[Finding]) -> None:
    """Raises Guarded when anything holds it back."""
    if held:
        raise Guarded(held)


# ------------------------------------------------------------------ small parts


def _to_judge(deps: Deps, session: Session, reply_id: int, version: int, person: Known) -> Reply:
    """An answer that waits, for somebody who may say yes or no to it."""
    reply = reply_in(session, reply_id, version, frozenset({"waiting"}))
    writer = session.get_one(Person, reply.writer_id)
    connection = session.get_one(BrandAccount, reply.account_id).connection_id
    subject = subject_of(session, f"reply:{reply.id}", connection, reply.account_id, writer=writer)
    authorize(person.asking, Capability.APPROVE, subject, deps.now())
    return reply


def _text(deps: Deps, reply_id: int) -> str:
    with deps.store.read() as session:
        return session.scalar(select(Reply.text).where(Reply.id == reply_id)) or ""
