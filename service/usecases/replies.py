"""Public answers: drafted, guarded, approved by a second person where a rule wants it, and handed over to be sent once.

draft -> (waiting -> approved | returned) | approved -> sent -> deleted; a draft that is given up is cancelled.
What the platform did with it is told by the reply's actions (`usecases.acting`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.errors import BadInput, TenthError
from moderation.guards.contract import PASSED_BY, Finding, Guard
from moderation.model import AuthorRole, Capability
from moderation.policy import Actor, Level, authorize, level_of
from service.db.audit import Entry, append
from service.db.models import Action, Author, Case, Message, Person
from service.db.reply_tables import BrandAccount, Reply, ReplyRevision
from service.deps import Deps
from service.usecases import guarding
from service.usecases.acting import Wanted, cancel, write_action
from service.usecases.cases import answered
from service.usecases.links import broken_links
from service.usecases.people import Known
from service.usecases.standing import subject_of

LONGEST = 20_000
#: From the widest to the narrowest; an answer is never seen by more people than what it answers.
WIDTH = ("public", "unlisted")
_WRITABLE = frozenset({"draft", "returned"})
#: The furthest that an answer may be planned ahead.
AHEAD = timedelta(days=60)


class Changed(TenthError):
    """Somebody changed this answer meanwhile; nothing was done, and what was typed is still the sender's."""


class Guarded(TenthError):
    """Guards hold the answer back; `findings` say why."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("This is not sent yet: " + ", ".join(sorted({str(f.guard) for f in findings})))
        self.findings = tuple(findings)


@dataclass(frozen=True, slots=True)
class Words:
    """What a writer typed. `reasons` are given against guards, by their names; `send_at` None: as soon as may be."""

    text: str
    content_warning: str = ""
    visibility: str = "public"
    language: str = ""
    send_at: datetime | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a wish to send: `waiting` for a second person, or `approved` and held for undo."""

    reply_id: int
    state: str
    version: int
    action_id: int | None = None


# ------------------------------------------------------------------ writing


def start(deps: Deps, case_id: int, person: Known, account_id: int | None = None) -> int:
    """The person's open draft in a case, or a new one as `account_id` (None: the first they may use)."""
    now = deps.now()
    with deps.store.write() as session:
        case = case_of(session, case_id)
        mine = (Reply.case_id == case_id, Reply.writer_id == person.id, Reply.state.in_(_WRITABLE))
        kept = session.scalars(select(Reply).where(*mine).order_by(Reply.id.desc()).limit(1)).one_or_none()
        if kept is not None and account_id in (None, kept.account_id):
            return kept.id
        account = _account(session, case, person.asking, account_id)
        authorize(
            person.asking,
            Capability.DRAFT,
            subject_of(session, f"case:{case_id}", case.connection_id, account.id),
            now,
        )
        message = _to_answer(session, case)
        reply = Reply(
            case_id=case_id,
            account_id=account.id,
            message_id=message.id,
            writer_id=person.id,
            content_warning=message.content_warning,
            visibility=message.visibility,
            language=message.language,
            seen_message_id=guarding.newest_message(session, case.thread_id),
            created_at=now,
            updated_at=now,
        )
        session.add(reply)
        session.flush()
        return reply.id


def save(deps: Deps, reply_id: int, version: int, words: Words, person: Known) -> int:
    """Keeps what was typed. Returns the new version. Raises Changed, BadInput."""
    with deps.store.write() as session:
        reply = reply_in(session, reply_id, version, _WRITABLE)
        _own(reply, person)
        _write(session, deps, reply, words, person, "write")
        return reply.version


def seen(deps: Deps, reply_id: int, person: Known) -> None:
    """The writer has read what came since; it holds nothing back any more."""
    with deps.store.write() as session:
        reply = session.get(Reply, reply_id)
        if reply is not None and reply.writer_id == person.id:
            reply.seen_message_id = guarding.newest_message(session, case_of(session, reply.case_id).thread_id)


def discard(deps: Deps, reply_id: int, version: int, person: Known) -> None:
    """Gives a draft up; its words stay in the history."""
    with deps.store.write() as session:
        reply = reply_in(session, reply_id, version, _WRITABLE | {"waiting"})
        _own(reply, person)
        move(session, deps, reply, "cancelled", person, "discard")


# ------------------------------------------------------------------ sending


def send(deps: Deps, reply_id: int, version: int, person: Known) -> Outcome:
    """Sends the writer's own draft, or asks for a second person's yes. Raises Guarded, Changed, NotAllowed."""
    links = broken_links(deps, _text(deps, reply_id))
    with deps.store.write() as session:
        reply = reply_in(session, reply_id, version, _WRITABLE)
        _own(reply, person)
        found = guarding.findings(deps, session, reply, links)
        reply.wants = _reasons_to_wait(session, reply, person.asking, found)
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
        if words is not None:
            _write(session, deps, reply, words, person, "amend")
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
    """Takes an answer back while it is held. Raises BadInput when it is too late."""
    with deps.store.read() as session:
        action = _sending(session, reply_id)
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
    action = write_action(deps, session, wanted, session.get_one(Person, person.id))
    reply.approver_id = person.id if person.id != reply.writer_id else None
    reply.error = reply.note = ""
    move(session, deps, reply, "approved", person, "release")
    answered(session, case, person.id, now)
    deps.ring("perform_actions")
    return Outcome(reply.id, reply.state, reply.version, action.id)


def _reasons_to_wait(session: Session, reply: Reply, actor: Actor, found: Sequence[Finding]) -> list[dict[str, str]]:
    reasons = guarding.wants(session, reply, found)
    held = level_of(actor, reply.account_id)
    if held is Level.DRAFT:
        reasons.append({"kind": "level", "value": "draft"})
    over = {f.guard for f in found if not f.final and PASSED_BY[f.guard] is Level.APPROVE}
    if over and held is not Level.APPROVE:
        reasons += [{"kind": "guard", "value": str(guard)} for guard in sorted(over) if reply.overrides.get(guard)]
    return reasons


def refuse(held: Sequence[Finding]) -> None:
    if held:
        raise Guarded(held)


def options_of(reply: Reply) -> dict[str, str]:
    given = {
        "visibility": reply.visibility,
        "language": reply.language,
        "content_warning": reply.content_warning,
    }
    return {name: value for name, value in given.items() if value}


# ------------------------------------------------------------------ small parts


def reply_in(session: Session, reply_id: int, version: int, states: frozenset[str]) -> Reply:
    reply = session.get(Reply, reply_id, with_for_update=True)
    if reply is None:
        raise BadInput("There is no such answer.")
    if reply.version != version or reply.state not in states:
        raise Changed("This answer was changed after you opened it. Nothing was sent; your words are still yours.")
    return reply


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


def _own(reply: Reply, person: Known) -> None:
    if reply.writer_id != person.id:
        raise Changed("Somebody else is writing this answer. Start one of your own.")


def case_of(session: Session, case_id: int) -> Case:
    case = session.get(Case, case_id)
    if case is None:
        raise BadInput("There is no such case.")
    return case


def _account(session: Session, case: Case, actor: Actor, account_id: int | None) -> BrandAccount:
    """The account asked for, or the first of this connection that the person may write as."""
    here = (BrandAccount.connection_id == case.connection_id, BrandAccount.state != "closed")
    for account in session.scalars(select(BrandAccount).where(*here).order_by(BrandAccount.id)):
        if account_id in (None, account.id) and level_of(actor, account.id) is not None:
            return account
    raise BadInput("There is no brand account here that you may write as. A manager can give you one.")


def _to_answer(session: Session, case: Case) -> Message:
    """The message that the case is about, or the last that somebody outside the brand wrote."""
    marked = session.get(Message, case.marked_message_id) if case.marked_message_id is not None else None
    if marked is not None and marked.deleted_at is None:
        return marked
    query = select(Message).join(Author, Author.id == Message.author_id)
    theirs = (Message.thread_id == case.thread_id, Message.deleted_at.is_(None), Author.role != AuthorRole.BRAND)
    last = session.scalars(query.where(*theirs).order_by(Message.created_at.desc()).limit(1)).one_or_none()
    if last is None:
        raise BadInput("There is nothing left here to answer.")
    return last


def _write(session: Session, deps: Deps, reply: Reply, words: Words, person: Known, verb: str) -> None:
    message = session.get_one(Message, reply.message_id)
    if len(words.text) > LONGEST:
        raise BadInput(f"An answer has at most {LONGEST} characters.")
    if words.visibility not in WIDTH:
        raise BadInput("An answer of the brand is public or unlisted.")
    if words.send_at is not None and not deps.now() <= words.send_at <= deps.now() + AHEAD:
        raise BadInput("Plan it for a time from now to sixty days ahead.")
    if words.text != reply.text:
        kept = ReplyRevision(reply_id=reply.id, person_id=person.id, at=deps.now(), verb=verb, text=words.text)
        session.add(kept)
    reply.text, reply.language, reply.send_at = words.text, words.language[:20], words.send_at
    reply.content_warning = words.content_warning.strip()[:500] or message.content_warning
    reply.visibility = max(words.visibility, message.visibility, key=_narrowness)
    reply.overrides = {str(Guard(n)): r.strip()[:500] for n, r in words.reasons.items() if r.strip() and n in PASSED_BY}
    reply.version, reply.updated_at = reply.version + 1, deps.now()


def _narrowness(visibility: str) -> int:
    return WIDTH.index(visibility) if visibility in WIDTH else 0


def move(session: Session, deps: Deps, reply: Reply, state: str, person: Known, verb: str, reason: str = "") -> None:
    before, reply.state = reply.state, state
    reply.version, reply.updated_at = reply.version + 1, deps.now()
    after = {"state": state, "text": reply.text, "overrides": dict(reply.overrides)}
    entry = Entry(f"reply:{verb}", person.actor, f"reply:{reply.id}", reason[:1_000], {"state": before}, after)
    append(session, deps.vault, entry, deps.now())


def _sending(session: Session, reply_id: int) -> Action | None:
    query = select(Action).where(Action.reply_id == reply_id, Action.kind == str(Capability.REPLY))
    return session.scalars(query.order_by(Action.id.desc()).limit(1)).one_or_none()
