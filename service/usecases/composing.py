"""What the composer shows: a draft, with all that its writer must know before the brand speaks. It only reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from moderation.guards.contract import Finding, Guard
from moderation.model import Capability
from moderation.policy import ROLES, TRUSTED, Level, level_of
from plugins.contract import Limits
from service.db.models import Author, Case, Connection, Message, Person, Thread
from service.db.reply_tables import AccountLevel, BrandAccount, Reply, ReplyImage
from service.deps import Deps
from service.usecases import guarding
from service.usecases.connections import host_of
from service.usecases.people import Known
from service.usecases.replies import WRITABLE, reasons_to_wait
from service.usecases.switches import is_stopped
from service.usecases.wording import WIDTH, narrowness

_APPROVING = [role for role, held in ROLES.items() if Capability.APPROVE in held]


@dataclass(frozen=True, slots=True)
class Voice:
    """A brand account that a person may write as."""

    id: int
    handle: str
    level: Level


@dataclass(frozen=True, slots=True)
class Came:
    """A message of the conversation as the composer quotes it."""

    id: int
    author: str
    handle: str
    role: str
    text: str
    at: datetime
    url: str
    gone: bool = False
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a draft; `size` in bytes."""

    id: int
    mime: str
    alt: str
    size: int


@dataclass(frozen=True, slots=True)
class Other:
    """Somebody else's answer to the same case that is not in public yet."""

    id: int
    writer: str
    state: str
    text: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer goes: the platform by its host and kind, and what holds everything back there.

    `shaded`: posts there have content warnings and visibilities.
    """

    host: str
    label: str
    connection: str
    shadow: bool
    stopped: bool
    shaded: bool


@dataclass(frozen=True, slots=True)
class Composer:
    """A reply before it is public. `shown` is the post as it will appear, `length` what the platform counts of it.

    `widths` are the visibilities that are not wider than what is answered. `findings` lack those of links, which take
    the network. `wants` are reasons for a second person, `approvers` who that may be.
    """

    id: int
    version: int
    state: str
    case_id: int
    thread_id: int
    writer_id: int
    writer: str
    place: Place
    voice: Voice
    voices: tuple[Voice, ...]
    to: Came
    text: str
    content_warning: str
    visibility: str
    widths: tuple[str, ...]
    language: str
    send_at: datetime | None
    reasons: dict[str, str]
    note: str
    error: str
    updated_at: datetime
    shown: str
    length: int
    limits: Limits
    pictures: tuple[Picture, ...]
    findings: tuple[Finding, ...]
    newer: tuple[Came, ...]
    wants: tuple[dict[str, str], ...]
    approvers: tuple[str, ...]
    others: tuple[Other, ...]

    @property
    def writable(self) -> bool:
        return self.state in WRITABLE

    @property
    def left(self) -> int | None:
        """What may still be written, in the platform's own count; None where it says no limit."""
        return self.limits.most - self.length if self.limits.most is not None else None


def composer(deps: Deps, reply_id: int, person: Known) -> Composer:
    """A reply as its writer, or somebody who judges it, sees it. Raises BadInput when there is none."""
    with deps.store.read() as session:
        return composer_in(deps, session, reply_in(session, reply_id), person)


def composer_in(deps: Deps, session: Session, reply: Reply, person: Known) -> Composer:
    """The same in the caller's transaction."""
    case = session.get_one(Case, reply.case_id)
    message = session.get_one(Message, reply.message_id)
    found = guarding.findings(deps, session, reply)
    post, limits = guarding.composed(deps, session, reply)
    writer = session.get_one(Person, reply.writer_id)
    voices = voices_of(session, case.connection_id, person)
    return Composer(
        id=reply.id,
        version=reply.version,
        state=reply.state,
        case_id=case.id,
        thread_id=case.thread_id,
        writer_id=writer.id,
        writer=writer.name or writer.username,
        place=_place(deps, session, case.connection_id, limits.warnings),
        voice=_voice(session, reply, person),
        voices=voices,
        to=_came(session, message),
        text=reply.text,
        content_warning=reply.content_warning,
        visibility=reply.visibility,
        widths=WIDTH[narrowness(message.visibility) :],
        language=reply.language,
        send_at=reply.send_at,
        reasons={str(name): str(reason) for name, reason in reply.overrides.items()},
        note=reply.note,
        error=reply.error,
        updated_at=reply.updated_at,
        shown=post.text,
        length=post.length,
        limits=limits,
        pictures=pictures_of(session, reply.id),
        findings=tuple(f for f in found if f.guard is not Guard.EMPTY),
        newer=tuple(_came(session, m) for m in guarding.newer(session, reply)),
        wants=tuple(_wants(session, reply, person, found)),
        approvers=approvers(session, reply),
        others=_others(session, reply),
    )


def own_answer(deps: Deps, case_id: int, person: Known) -> int | None:
    """The person's answer to a case that is not handed over yet: a draft, or one that waits."""
    with deps.store.read() as session:
        mine = (Reply.case_id == case_id, Reply.writer_id == person.id, Reply.state.in_((*WRITABLE, "waiting")))
        return session.scalar(select(Reply.id).where(*mine).order_by(Reply.id.desc()).limit(1))


def voices(deps: Deps, case_id: int, person: Known) -> tuple[Voice, ...]:
    """The brand accounts that a person may answer a case as."""
    with deps.store.read() as session:
        case = session.get(Case, case_id)
        return voices_of(session, case.connection_id, person) if case is not None else ()


def voices_of(session: Session, connection_id: int, person: Known) -> tuple[Voice, ...]:
    """The brand accounts of a connection that a person may write as, in the caller's transaction."""
    here = (BrandAccount.connection_id == connection_id, BrandAccount.state != "closed")
    rows = session.scalars(select(BrandAccount).where(*here).order_by(BrandAccount.id))
    levels = ((row, level_of(person.asking, row.id)) for row in rows)
    return tuple(Voice(row.id, row.handle, level) for row, level in levels if level is not None)


def reply_in(session: Session, reply_id: int) -> Reply:
    """Raises BadInput when there is no such answer."""
    reply = session.get(Reply, reply_id)
    if reply is None:
        raise BadInput("There is no such answer.")
    return reply


def pictures_of(session: Session, reply_id: int) -> tuple[Picture, ...]:
    """The pictures of a reply, without their bytes."""
    columns = ReplyImage.id, ReplyImage.mime, ReplyImage.alt, func.length(ReplyImage.body)
    rows = session.execute(select(*columns).where(ReplyImage.reply_id == reply_id).order_by(ReplyImage.id))
    return tuple(Picture(*row) for row in rows)


def approvers(session: Session, reply: Reply) -> tuple[str, ...]:
    """Who may say yes to an answer: who has the level on its brand account, or needs none; never its writer."""
    given = select(AccountLevel.person_id).where(AccountLevel.account_id == reply.account_id)
    levelled = and_(Person.role.in_(_APPROVING), Person.id.in_(given.where(AccountLevel.level == str(Level.APPROVE))))
    query = select(Person.name, Person.username).where(or_(Person.role.in_(TRUSTED), levelled), Person.active.is_(True))
    rows = session.execute(query.where(Person.id != reply.writer_id).order_by(Person.name, Person.username))
    return tuple(name or username for name, username in rows)


def _wants(session: Session, reply: Reply, person: Known, found: Sequence[Finding]) -> Sequence[dict[str, Any]]:
    if reply.state in WRITABLE and reply.writer_id == person.id:
        return reasons_to_wait(session, reply, person.asking, found)
    return reply.wants


def _place(deps: Deps, session: Session, connection_id: int, shaded: bool) -> Place:
    row = session.get_one(Connection, connection_id)
    connector = deps.connectors.get(row.connector)
    label = connector.label if connector else row.connector
    host = host_of(row.url) or row.name
    return Place(host, label, row.name, row.shadow, is_stopped(session), shaded)


def _voice(session: Session, reply: Reply, person: Known) -> Voice:
    account = session.get_one(BrandAccount, reply.account_id)
    return Voice(account.id, account.handle, level_of(person.asking, account.id) or Level.DRAFT)


def _came(session: Session, message: Message) -> Came:
    author = session.get_one(Author, message.author_id)
    who = author.name or author.handle
    gone = message.deleted_at is not None
    told = (message.text, message.created_at, message.url, gone, message.content_warning)
    return Came(message.id, who, author.handle, author.role, *told)


def _others(session: Session, reply: Reply) -> tuple[Other, ...]:
    query = select(Reply, Person).join(Person, Person.id == Reply.writer_id)
    theirs = (Reply.case_id == reply.case_id, Reply.writer_id != reply.writer_id, Reply.text != "")
    rows = session.execute(query.where(*theirs, Reply.state.in_((*WRITABLE, "waiting"))).order_by(Reply.id))
    return tuple(Other(r.id, p.name or p.username, r.state, r.text, r.updated_at) for r, p in rows)


def title_of(session: Session, reply: Reply) -> str:
    """The title of the conversation that a reply belongs to."""
    query = select(Thread.title).join(Case, Case.thread_id == Thread.id).where(Case.id == reply.case_id)
    return session.scalar(query) or ""
