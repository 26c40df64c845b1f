"""Drafts of public answers that programs write: each waits for a person, who takes it over, and sends it or drops it.

A program has a row of its own among the people, so that the history of an answer can name it. Nobody signs in by it,
nobody runs it: it is closed, and its role is none that a person can be given.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from moderation.guards.contract import Finding
from service.db.deliveries import insert_new
from service.db.models import Case, Person
from service.db.reply_tables import BrandAccount, Reply, ReplyRevision
from service.deps import Deps
from service.usecases import guarding
from service.usecases.clients import Client
from service.usecases.people import Known, as_known
from service.usecases.wording import Words, account_for, begin, move, without_nul, write

#: The role of such a row.
PROGRAM = "program"
_OVER = {"sent": "sent", "deleted": "deleted", "cancelled": "dropped"}


@dataclass(frozen=True, slots=True)
class Draft:
    """A program's draft, as the program may see it. State: draft taken sent deleted dropped.

    `text` are the program's own words; what a person makes of them is not told before it is public, at `url`.
    `length` is what the platform counts, of `most` (None: it names no limit); `findings` lack those of links. All three
    are of a draft that nobody took over yet.
    """

    id: int
    thread_id: int
    account: str
    state: str
    text: str
    language: str
    length: int | None
    most: int | None
    findings: tuple[Finding, ...]
    url: str
    created_at: datetime
    updated_at: datetime


def write_draft(deps: Deps, client: Client, thread_id: int, words: Words, account: str = "") -> Draft:
    """Keeps a program's words for a conversation, as the brand account of this name ("": the first there).

    A program has one open draft in a conversation: other words replace it. Words that a person has taken over already
    are not kept again. Raises BadInput, NotAllowed.
    """
    with deps.store.write() as session:
        case = session.scalars(select(Case).where(Case.thread_id == thread_id).with_for_update()).one_or_none()
        if case is None:
            raise BadInput("There is no such conversation.")
        program = as_person(deps, session, client)
        reply = _open(session, case, program)
        if reply is None:
            reply = _taken(session, case, program, without_nul(words.text))
            if reply is not None:
                return _shown(deps, session, reply, case, program)
        wanted = _account(session, case, account) if account else reply.account_id if reply else None
        wanted = account_for(deps, session, case, program.asking, wanted)
        reply = reply or begin(deps, session, case, program, wanted)
        words = replace(words, account_id=wanted, language=words.language or reply.language)
        write(session, deps, reply, words, program, "write")
        move(session, deps, reply, "draft", program, "draft")
        return _shown(deps, session, reply, case, program)


def drafts(deps: Deps, client: Client, before: int | None = None, size: int = 50) -> tuple[Draft, ...]:
    """What a program drafted, the newest first; `before` is where a page ended."""
    with deps.store.read() as session:
        program = _known(session, client)
        if program is None:
            return ()
        query = _own(program).order_by(Reply.id.desc()).limit(size)
        rows = session.execute(query if before is None else query.where(Reply.id < before)).all()
        return tuple(_shown(deps, session, reply, case, program) for reply, case in rows)


def draft(deps: Deps, client: Client, reply_id: int) -> Draft:
    """One of them. Raises BadInput when it is none of this program's."""
    with deps.store.read() as session:
        program = _known(session, client)
        row = session.execute(_own(program).where(Reply.id == reply_id)).one_or_none() if program else None
        if row is None or program is None:
            raise BadInput("There is no such draft.")
        return _shown(deps, session, row[0], row[1], program)


def offered(deps: Deps, case_id: int, person: Known) -> bool:
    """Whether a program left a draft in a case that this person can take over."""
    with deps.store.read() as session:
        return _offered(deps, session, session.get_one(Case, case_id), person, None) is not None


def take_over(deps: Deps, session: Session, case: Case, person: Known, account_id: int | None) -> Reply | None:
    """A program's draft in a case becomes this person's own; in the caller's transaction. None when there is none.

    It is the newest of those that speak as `account_id` (None: as an account that the person may use).
    """
    session.get_one(Case, case.id, with_for_update=True)  # two who begin at once do not both have it
    reply = _offered(deps, session, case, person, account_id)
    if reply is not None:
        reply.writer_id = person.id
        move(session, deps, reply, "draft", person, "take")
    return reply


def program_of(deps: Deps, reply_id: int) -> str:
    """The program that drafted an answer, whoever has it; "" when none did."""
    query = select(Person.name).join(ReplyRevision, ReplyRevision.person_id == Person.id)
    query = query.where(ReplyRevision.reply_id == reply_id, Person.role == PROGRAM)
    with deps.store.read() as session:
        return session.scalar(query.limit(1)) or ""


# ------------------------------------------------------------------ small parts


def as_person(deps: Deps, session: Session, client: Client) -> Known:
    """The program as somebody who writes or decides, with its row made at the first time."""
    row = {"username": _username(client), "name": f"{PROGRAM}:{client.name}", "role": PROGRAM, "active": False}
    hidden = {"password_hash": "", "audit_salt": secrets.token_hex(16), "created_at": deps.now()}
    known = _known(session, client)
    if known is None:
        insert_new(session, Person, [row | hidden])
        known = _known(session, client)
    if known is None:
        raise BadInput("This program cannot write here.")
    return known


def _known(session: Session, client: Client) -> Known | None:
    row = session.scalars(select(Person).where(Person.username == _username(client))).one_or_none()
    return replace(as_known(session, row), actor=client.actor) if row is not None else None


def _username(client: Client) -> str:
    """No person can have it: the names of people hold no colon."""
    return f"{PROGRAM}:{client.id}"


def _offered(deps: Deps, session: Session, case: Case, person: Known, account_id: int | None) -> Reply | None:
    query = select(Reply).join(Person, Person.id == Reply.writer_id).where(Person.role == PROGRAM)
    query = query.where(Reply.case_id == case.id, Reply.state == "draft").order_by(Reply.id.desc())
    for reply in session.scalars(query):
        if account_id in (None, reply.account_id) and _may_use(deps, session, case, person, reply.account_id):
            return reply
    return None


def _may_use(deps: Deps, session: Session, case: Case, person: Known, account_id: int) -> bool:
    try:
        return account_for(deps, session, case, person.asking, account_id) == account_id
    except BadInput:
        return False


def _own(program: Known) -> Select[Reply, Case]:
    """What a program began, whoever has it."""
    begun = select(ReplyRevision.reply_id).where(ReplyRevision.person_id == program.id)
    return select(Reply, Case).join(Case, Case.id == Reply.case_id).where(Reply.id.in_(begun))


def _open(session: Session, case: Case, program: Known) -> Reply | None:
    mine = (Reply.case_id == case.id, Reply.writer_id == program.id, Reply.state == "draft")
    return session.scalars(select(Reply).where(*mine)).first()


def _taken(session: Session, case: Case, program: Known, text: str) -> Reply | None:
    """The draft with these very words that a person has already."""
    same = (ReplyRevision.person_id == program.id, ReplyRevision.text == text, Reply.case_id == case.id)
    query = select(Reply).join(ReplyRevision, ReplyRevision.reply_id == Reply.id).where(*same)
    return session.scalars(query.order_by(Reply.id.desc()).limit(1)).first()


def _account(session: Session, case: Case, handle: str) -> int:
    named = (BrandAccount.connection_id == case.connection_id, BrandAccount.handle == handle)
    number = session.scalar(select(BrandAccount.id).where(*named))
    if number is None:
        raise BadInput(f"There is no brand account “{handle}” here.")
    return number


def _shown(deps: Deps, session: Session, reply: Reply, case: Case, program: Known) -> Draft:
    own = reply.writer_id == program.id
    post, limits = guarding.composed(deps, session, reply) if own else (None, None)
    last = select(ReplyRevision.text).where(ReplyRevision.reply_id == reply.id, ReplyRevision.person_id == program.id)
    return Draft(
        id=reply.id,
        thread_id=case.thread_id,
        account=session.get_one(BrandAccount, reply.account_id).handle,
        state="draft" if own else _OVER.get(reply.state, "taken"),
        text=session.scalar(last.order_by(ReplyRevision.id.desc()).limit(1)) or "",
        language=reply.language,
        length=post.length if post else None,
        most=limits.most if limits else None,
        findings=guarding.findings(deps, session, reply) if own else (),
        url=reply.url if reply.state == "sent" else "",
        created_at=reply.created_at,
        updated_at=reply.updated_at,
    )
