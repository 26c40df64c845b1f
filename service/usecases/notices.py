"""Notices of illegal content by anybody: taken in, decided by a person of the desk, told to whoever holds the receipt.

Name and address of who gave a notice are sealed, and erased some days after the decision; of the receipt's code, only a
digest is kept. A notice that names several places is several, each decided by itself, with one receipt. An act for a
notice is asked for like any other, in one transaction with the decision. Where it was undone in time, or refused by the
platform, the notice is open again.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from moderation.errors import BadInput, NotAllowed
from moderation.model import Capability
from moderation.notices import Given, checked, is_address
from moderation.policy import Subject, authorize
from moderation.statements import named_law
from service.db.audit import Entry, append
from service.db.models import Action, Author, Community, Connection, Message, Person, Thread
from service.db.redress_tables import Appeal, Notice, Statement
from service.deps import Deps
from service.usecases.carrying import carried
from service.usecases.moderating import ON_THREADS, Wish, act_in, note_refusal
from service.usecases.noticed_places import by_address, by_key
from service.usecases.people import Known
from service.vault import token_digest

PAGE = 20
REASON = 2_000
#: What can be done for a notice at once; a suspension needs a second person and has a page of its own.
ACTS = (Capability.HIDE, Capability.LOCK, Capability.WARN, Capability.SILENCE)
#: An act that did not happen decides nothing.
UNDONE = ("cancelled", "failed")


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody of the desk decides. Without `acted` it is rejected.

    `kind` is what is to be done to the message that the address leads to; where none is known here, None: it was done
    on the platform by hand. `hours` is the term of a silence, `rule_id` the community's rule that it breaks, if any.
    `law` is the one under which it is illegal; None: it breaks the community's rules only.
    """

    acted: bool
    reason: str
    kind: Capability | None = None
    hours: int | None = None
    rule_id: int | None = None
    law: str | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """The message that an address leads to; `acts` are what can be done to it there."""

    id: int
    thread_id: int
    author: str
    text: str
    gone: bool
    community_id: int
    community: str
    connection: str
    acts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A notice as the desk shows it. `state`: open, acted, rejected; `did`: what was done; `by`: who decided."""

    id: int
    url: str
    category: str
    explanation: str
    name: str
    address: str
    made_at: datetime
    state: str
    decided_at: datetime | None
    reason: str
    did: str
    by: str
    content: Content | None


def receive(deps: Deps, given: Given) -> str:
    """Keeps a notice and returns the code of its receipt. Raises BadInput saying what is missing."""
    notice, code, now = checked(given), secrets.token_urlsafe(32), deps.now()
    with deps.store.write() as session:
        for number, url in enumerate(notice.urls):
            message_id = by_key(session, url)
            message = session.get_one(Message, message_id) if message_id is not None else None
            row = Notice(
                code=digest(code, number),
                url=url,
                connection_id=message.connection_id if message is not None else None,
                message_id=message_id,
                category=notice.category,
                explanation=notice.explanation,
                name=_sealed(deps, notice.name),
                address=_sealed(deps, notice.address),
                language=notice.language,
                made_at=now,
            )
            session.add(row)
            session.flush()
            after = {"url": url, "category": notice.category, "explanation": notice.explanation}
            append(session, deps.vault, Entry("notice:receive", "visitor", f"notice:{row.id}", after=after), now)
    return code


def decide(deps: Deps, notice_id: int, decision: Decision, by: Known) -> None:
    """Decides a notice. Raises BadInput, or NotAllowed where the act, or judging at all, is not theirs."""
    authorize(by.asking, Capability.JUDGE, Subject(f"notice:{notice_id}"), deps.now())
    reason = decision.reason.strip()
    if not 1 <= len(reason) <= REASON:
        raise BadInput(f"Give a reason of 1 to {REASON} characters: it is what whoever gave notice is told.")
    law = named_law(decision.law) if decision.acted else None
    wish: Wish | None = None
    try:
        with deps.store.write() as session:
            row = _open(session, notice_id)
            wish = _wish(session, row, decision, reason)
            row.action_id = act_in(deps, session, wish, by) if wish is not None else None
            row.state, row.decided_at = "acted" if decision.acted else "rejected", deps.now()
            row.person_id, row.reason = by.id, reason
            session.flush()
            after = {"state": row.state, "action": row.action_id, "law": law}
            entry = Entry("notice:decide", by.actor, f"notice:{notice_id}", reason, None, after)
            append(session, deps.vault, entry, deps.now())
    except NotAllowed as refused:
        if wish is not None:
            note_refusal(deps, wish, by, str(refused))
        raise


def place(deps: Deps, notice_id: int, url: str, by: Known) -> bool:
    """Looks for the message of an open notice, through all that are here; `url` may say it better than the notice."""
    authorize(by.asking, Capability.JUDGE, Subject(f"notice:{notice_id}"), deps.now())
    with deps.store.write() as session:
        row = _open(session, notice_id)
        address = url.strip() or row.url
        message_id = by_address(session, address) if is_address(address) else None
        if message_id is None:
            return False
        row.message_id, row.connection_id = message_id, session.get_one(Message, message_id).connection_id
        entry = Entry("notice:place", by.actor, f"notice:{notice_id}", after={"message": message_id})
        append(session, deps.vault, entry, deps.now())
        return True


def notices(deps: Deps, *, decided: bool = False, before: int | None = None) -> tuple[list[Shown], int | None]:
    """A page of notices: open ones, the oldest first, or decided ones, the newest first; and where the next begins."""
    query = select(Notice).where(~_is_open() if decided else _is_open())
    query = query.order_by(Notice.id.desc() if decided else Notice.id)
    if before is not None:
        query = query.where(Notice.id < before if decided else Notice.id > before)
    with deps.store.read() as session:
        rows = session.scalars(query.limit(PAGE + 1)).all()
        shown = [_shown(deps, session, row) for row in rows[:PAGE]]
    return shown, shown[-1].id if len(rows) > PAGE else None


def forget_senders(deps: Deps) -> int:
    """Erases name and address of who gave a notice, some days after its decision. Returns how many notices.

    The notice itself stays, as evidence. Nobody is forgotten while it is open, or what was done for it is contested.
    """
    now = deps.now()
    contested = exists().where(
        Statement.action_id == Notice.action_id, Appeal.statement_id == Statement.id, Appeal.state == "open"
    )
    over = (Notice.decided_at < now - timedelta(days=deps.settings.notice_days), ~_is_open(), ~contested)
    named = or_(Notice.name != "", Notice.address != "")
    with deps.store.write() as session:
        rows = session.scalars(select(Notice).where(*over, named).order_by(Notice.id).with_for_update()).all()
        for row in rows:
            row.name = row.address = ""
            append(session, deps.vault, Entry("notice:forget", "system", f"notice:{row.id}"), now)
    return len(rows)


def open_count(deps: Deps) -> int:
    """How many notices wait."""
    with deps.store.read() as session:
        return session.scalar(select(func.count()).select_from(Notice).where(_is_open())) or 0


def digest(code: str, number: int) -> str:
    """What is kept of a receipt's code, for each place that its notice names."""
    return token_digest(f"{code}.{number}")


def _sealed(deps: Deps, text: str) -> str:
    return deps.vault.seal(text).decode() if text else ""


def _opened(deps: Deps, sealed: str) -> str:
    return deps.vault.open(sealed.encode()) if sealed else ""


def _is_open() -> ColumnElement[bool]:
    undone = select(Action.id).where(Action.id == Notice.action_id, Action.state.in_(UNDONE)).exists()
    return or_(Notice.state == "open", and_(Notice.state == "acted", undone))


def _open(session: Session, notice_id: int) -> Notice:
    """Locked, and looked at once more behind the lock: of two who decide at one moment, one does."""
    session.scalar(select(Notice.id).where(Notice.id == notice_id).with_for_update())
    row = session.scalars(select(Notice).where(Notice.id == notice_id, _is_open())).one_or_none()
    if row is None:
        raise BadInput("There is no such notice that waits for a decision.")
    return row


def _wish(session: Session, row: Notice, decision: Decision, reason: str) -> Wish | None:
    """The act that a decision asks for."""
    if not decision.acted:
        return None
    message = session.get(Message, row.message_id) if row.message_id is not None else None
    if message is None and decision.kind is None:
        return None
    if message is None or decision.kind not in ACTS:
        raise BadInput("Say what is to be done with the message.")
    about = None if decision.kind in ON_THREADS else message.id
    hours = decision.hours if decision.kind is Capability.SILENCE else None
    return Wish(decision.kind, message.thread_id, reason, about, hours, rule_id=decision.rule_id, law=decision.law)


def _shown(deps: Deps, session: Session, row: Notice) -> Shown:
    action = session.get(Action, row.action_id) if row.action_id is not None else None
    person = session.get(Person, row.person_id) if row.person_id is not None else None
    undone = action is not None and action.state in UNDONE
    return Shown(
        id=row.id,
        url=row.url,
        category=row.category,
        explanation=row.explanation,
        name=_opened(deps, row.name),
        address=_opened(deps, row.address),
        made_at=row.made_at,
        state="open" if undone else row.state,
        decided_at=row.decided_at,
        reason=row.reason,
        did=action.kind if action is not None else "",
        by=person.name or person.username if person is not None else "",
        content=_content(deps, session, row.message_id) if row.message_id is not None else None,
    )


def _content(deps: Deps, session: Session, message_id: int) -> Content:
    query = select(Message, Author, Community, Connection).join(Author, Author.id == Message.author_id)
    query = query.join(Thread, Thread.id == Message.thread_id).join(Community, Community.id == Thread.community_id)
    query = query.join(Connection, Connection.id == Message.connection_id).where(Message.id == message_id)
    message, author, community, connection = session.execute(query).one()
    can = carried(deps, connection)
    return Content(
        id=message.id,
        thread_id=message.thread_id,
        author=author.name or author.handle,
        text=message.text,
        gone=message.deleted_at is not None,
        community_id=community.id,
        community=community.name or community.remote_id,
        connection=connection.name,
        acts=tuple(str(kind) for kind in ACTS if kind in can),
    )
