"""Reading one thread: the whole conversation with its case, as pages, API and CLI show it. Nothing here writes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from moderation.scoring.contract import Reason
from moderation.words import Spoken, reasons_in_words
from service.db.models import Author, Case, Connection, Message, Revision, ScoreRow, Thread
from service.deps import Deps
from service.usecases.queue import Item, cases, item_of, marked_texts


@dataclass(frozen=True, slots=True)
class Shown:
    """One message of a thread as it is shown. `classes` and `intents` are those that its scorer finds likely."""

    id: int
    remote_id: str
    author: str
    handle: str
    role: str
    trust: int | None
    text: str
    content_warning: str
    language: str
    url: str
    created_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None
    likes: int
    toxicity: float
    urgency: float
    sentiment: float
    rules: tuple[str, ...]
    reasons: tuple[Spoken, ...]
    scorer: str
    revisions: int
    marked: bool
    accepted: bool
    in_reply_to: str | None
    classes: tuple[str, ...] = ()
    intents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ThreadPage:
    """A whole conversation with its case. `messages` are oldest first."""

    item: Item
    messages: tuple[Shown, ...]
    because: tuple[Spoken, ...]
    authors: int
    closed: bool
    version: int
    decided_at: datetime | None = None
    decision: str = ""
    looked_at: datetime | None = None
    older: int = 0


def thread_page(deps: Deps, thread_id: int, locale: str = "en", limit: int = 400) -> ThreadPage:
    """The conversation, its newest `limit` messages. Raises BadInput when there is no such thread."""
    with deps.store.read() as session:
        row = session.execute(cases().where(Thread.id == thread_id)).one_or_none()
        if row is None:
            raise BadInput("There is no such conversation here.")
        case, thread = row[0], row[1]
        marked = marked_texts(session, [case.marked_message_id])
        item = item_of(row, marked, deps.now(), locale)
        messages = _shown(session, case, thread, locale, limit)
    return ThreadPage(
        item=item,
        messages=messages,
        because=tuple(reasons_in_words(case.reasons, [], item.waiting_seconds, locale)),
        authors=len({m.handle for m in messages}),
        closed=thread.closed,
        version=case.version,
        decided_at=case.decided_at,
        decision=case.decision,
        looked_at=case.looked_at,
        older=max(0, thread.messages - len(messages)),
    )


def find_thread(session: Session, remote_id: str, connection: str = "") -> int:
    """Our id of a thread by the platform's. Raises BadInput when none, or several, have it."""
    query = (
        select(Thread.id).join(Connection, Connection.id == Thread.connection_id).where(Thread.remote_id == remote_id)
    )
    if connection:
        query = query.where(Connection.name == connection)
    found = list(session.scalars(query.limit(2)))
    if len(found) != 1:
        problem = "no thread has" if not found else "threads of several connections have (name one with --connection)"
        raise BadInput(f"“{remote_id}”: {problem} this id.")
    return found[0]


def _shown(session: Session, case: Case, thread: Thread, locale: str, limit: int) -> tuple[Shown, ...]:
    newest = select(func.max(Revision.id)).where(Revision.message_id == Message.id).scalar_subquery()
    states = select(func.count()).where(Revision.message_id == Message.id).scalar_subquery()
    query = (
        select(Message, Author, ScoreRow, states)
        .join(Author, Author.id == Message.author_id)
        .outerjoin(ScoreRow, ScoreRow.revision_id == newest)
        .where(Message.thread_id == thread.id)
        .order_by(Message.created_at.desc(), Message.id.desc())
        .limit(limit)
    )
    rows = list(reversed(session.execute(query).all()))
    return tuple(_one(m, a, s, n, case, thread, locale) for m, a, s, n in rows)


def _one(m: Message, a: Author, s: ScoreRow | None, revisions: int, case: Case, thread: Thread, locale: str) -> Shown:
    reasons = [Reason(*x) for x in s.reasons] if s else []
    return Shown(
        id=m.id,
        remote_id=m.remote_id,
        author=a.name or a.handle,
        handle=a.handle,
        role=a.role,
        trust=a.trust,
        text=m.text,
        content_warning=m.content_warning,
        language=m.language,
        url=m.url,
        created_at=m.created_at,
        edited_at=m.edited_at,
        deleted_at=m.deleted_at,
        likes=m.likes,
        toxicity=m.toxicity,
        urgency=m.urgency,
        sentiment=m.sentiment,
        rules=tuple(filter(None, m.rules.split(","))),
        reasons=tuple(reasons_in_words([], reasons, 0, locale)),
        scorer=s.scorer if s else "",
        revisions=revisions,
        marked=m.id == case.marked_message_id,
        accepted=bool(thread.accepted_answer) and m.remote_id == thread.accepted_answer,
        in_reply_to=m.in_reply_to,
        classes=_likely(s.classes) if s else (),
        intents=_likely(s.intents) if s else (),
    )


def _likely(chances: dict[str, float]) -> tuple[str, ...]:
    """What is more likely than not, the likeliest first. Small talk is only said where nothing else is."""
    likely = sorted((n for n, chance in chances.items() if chance >= 0.5), key=lambda n: (-chances[n], n))
    return tuple(n for n in likely if n != "off_topic" or len(likely) == 1)
