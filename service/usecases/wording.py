"""What a writer typed, and how a draft takes it: what replies are made of. In the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.errors import BadInput, TenthError
from moderation.guards.contract import PASSED_BY, Guard
from moderation.model import AuthorRole, Capability
from moderation.policy import Actor, authorize, level_of
from service.db.audit import Entry, append
from service.db.models import Author, Case, Message
from service.db.reply_tables import BrandAccount, Reply, ReplyRevision
from service.deps import Deps
from service.usecases.guarding import newest_message
from service.usecases.people import Known
from service.usecases.standing import subject_of

LONGEST = 20_000
#: From the widest to the narrowest; an answer is never seen by more people than what it answers.
WIDTH = ("public", "unlisted")
#: The furthest that an answer may be planned ahead.
AHEAD = timedelta(days=60)
#: Typing that goes on is one wording in the history, not one a second.
ONE_WORDING = timedelta(minutes=10)


class Changed(TenthError):
    """Somebody changed this answer meanwhile; nothing was done, and what was typed is still the sender's."""


@dataclass(frozen=True, slots=True)
class Words:
    """What a writer typed. `reasons` are given against guards, by their names; `send_at` None: as soon as may be.

    `account_id` None keeps the brand account that speaks.
    """

    text: str
    content_warning: str = ""
    visibility: str = "public"
    language: str = ""
    send_at: datetime | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)
    account_id: int | None = None


def begin(deps: Deps, session: Session, case: Case, person: Known, account_id: int | None) -> Reply:
    """A new draft without a word in it, as `account_id` (None: the first they may use). Raises BadInput, NotAllowed."""
    return begin_as(deps, session, case, person, account_for(deps, session, case, person.asking, account_id))


def begin_as(deps: Deps, session: Session, case: Case, person: Known, account: int) -> Reply:
    """The same as an account that the caller has authorized. Raises BadInput when there is nothing to answer."""
    message, now = to_answer(session, case), deps.now()
    reply = Reply(
        case_id=case.id,
        account_id=account,
        message_id=message.id,
        writer_id=person.id,
        content_warning=message.content_warning,
        visibility=message.visibility,
        language=message.language,
        seen_message_id=newest_message(session, case.thread_id),
        created_at=now,
        updated_at=now,
    )
    session.add(reply)
    session.flush()
    return reply


def write(session: Session, deps: Deps, reply: Reply, words: Words, person: Known, verb: str) -> None:
    """Puts the words into a draft, narrowed to what may be. Raises BadInput, NotAllowed."""
    message, words = session.get_one(Message, reply.message_id), _keepable(words)
    _check(deps, reply, words)
    if words.account_id not in (None, reply.account_id):
        reply.account_id = account_for(deps, session, case_of(session, reply.case_id), person.asking, words.account_id)
    if words.text != reply.text:
        _remember(session, deps, reply, words.text, person, verb)
    reply.text, reply.language, reply.send_at = words.text, words.language[:20], words.send_at
    reply.content_warning = words.content_warning.strip()[:500] or message.content_warning
    reply.visibility = max(words.visibility, message.visibility, key=narrowness)
    reply.overrides = reasons_of(words.reasons)
    reply.version, reply.updated_at = reply.version + 1, deps.now()


def _keepable(words: Words) -> Words:
    text, warning, language = map(without_nul, (words.text, words.content_warning, words.language))
    reasons = {name: without_nul(reason) for name, reason in words.reasons.items()}
    return replace(words, text=text, content_warning=warning, language=language, reasons=reasons)


def without_nul(typed: str) -> str:
    """PostgreSQL keeps no NUL sign, and no platform shows one."""
    return typed.replace("\0", "")


def reasons_of(given: Mapping[str, str]) -> dict[str, str]:
    """The reasons that say something, against guards that may be passed."""
    return {str(Guard(n)): r.strip()[:500] for n, r in given.items() if r.strip() and n in PASSED_BY}


def narrowness(visibility: str) -> int:
    """How few people see it: 0 is everybody."""
    return WIDTH.index(visibility) if visibility in WIDTH else 0


def account_for(deps: Deps, session: Session, case: Case, actor: Actor, account_id: int | None) -> int:
    """The account asked for, or the first of this connection that the person may write as. Raises BadInput."""
    here = (BrandAccount.connection_id == case.connection_id, BrandAccount.state != "closed")
    for found in session.scalars(select(BrandAccount.id).where(*here).order_by(BrandAccount.id)):
        if account_id in (None, found) and level_of(actor, found) is not None:
            subject = subject_of(session, f"case:{case.id}", case.connection_id, found)
            authorize(actor, Capability.DRAFT, subject, deps.now())
            return found
    raise BadInput("There is no brand account here that you may write as. A manager can give you one.")


def to_answer(session: Session, case: Case) -> Message:
    """The message that the case is about, or the last that somebody outside the brand wrote. Raises BadInput."""
    marked = session.get(Message, case.marked_message_id) if case.marked_message_id is not None else None
    if marked is not None and marked.deleted_at is None:
        return marked
    query = select(Message).join(Author, Author.id == Message.author_id)
    theirs = (Message.thread_id == case.thread_id, Message.deleted_at.is_(None), Author.role != AuthorRole.BRAND)
    last = session.scalars(query.where(*theirs).order_by(Message.created_at.desc()).limit(1)).one_or_none()
    if last is None:
        raise BadInput("There is nothing left here to answer.")
    return last


def reply_in(session: Session, reply_id: int, version: int, states: frozenset[str]) -> Reply:
    """A reply as its reader saw it. Raises BadInput when there is none, Changed when it moved on."""
    reply = session.get(Reply, reply_id, with_for_update=True)
    if reply is None:
        raise BadInput("There is no such answer.")
    if reply.version != version or reply.state not in states:
        raise Changed("This answer was changed after you opened it. Nothing was sent; your words are still yours.")
    return reply


def refuse_foreign(reply: Reply, person: Known) -> None:
    """Only its writer writes in a draft. Raises Changed."""
    if reply.writer_id != person.id:
        raise Changed("Somebody else is writing this answer. Start one of your own.")


def case_of(session: Session, case_id: int) -> Case:
    """Raises BadInput when there is no such case."""
    case = session.get(Case, case_id)
    if case is None:
        raise BadInput("There is no such case.")
    return case


def move(session: Session, deps: Deps, reply: Reply, state: str, person: Known, verb: str, reason: str = "") -> None:
    """Moves a reply to a state, with its entry in the audit log."""
    move_as(session, deps, reply, state, person.actor, verb, reason)


def move_as(session: Session, deps: Deps, reply: Reply, state: str, actor: str, verb: str, reason: str = "") -> None:
    """The same, by whom the audit log calls so."""
    before, reply.state = reply.state, state
    reply.version, reply.updated_at = reply.version + 1, deps.now()
    after = {"state": state, "text": reply.text, "overrides": dict(reply.overrides)}
    entry = Entry(f"reply:{verb}", actor, f"reply:{reply.id}", reason[:1_000], {"state": before}, after)
    append(session, deps.vault, entry, deps.now())


def options_of(reply: Reply) -> dict[str, str]:
    """What the platform is told beside the words; empty ones are left out."""
    given = {
        "visibility": reply.visibility,
        "language": reply.language,
        "content_warning": reply.content_warning,
    }
    return {name: value for name, value in given.items() if value}


def _check(deps: Deps, reply: Reply, words: Words) -> None:
    if len(words.text) > LONGEST:
        raise BadInput(f"An answer has at most {LONGEST} characters.")
    if words.visibility not in WIDTH:
        raise BadInput("An answer of the brand is public or unlisted.")
    planned = words.send_at if words.send_at != reply.send_at else None
    if planned is not None and not deps.now() <= planned <= deps.now() + AHEAD:
        raise BadInput("Plan it for a time from now to sixty days ahead.")


def _remember(session: Session, deps: Deps, reply: Reply, text: str, person: Known, verb: str) -> None:
    query = select(ReplyRevision).where(ReplyRevision.reply_id == reply.id).order_by(ReplyRevision.id.desc()).limit(1)
    last = session.scalars(query).one_or_none()
    same = last is not None and (last.verb, last.person_id) == (verb, person.id)
    if last is not None and same and verb == "write" and deps.now() - last.at < ONE_WORDING:
        last.text = text
        return
    session.add(ReplyRevision(reply_id=reply.id, person_id=person.id, at=deps.now(), verb=verb, text=text))
