"""Reading the queue and a thread: the records that pages, API and CLI show. Nothing here writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from moderation.scoring.contract import Reason
from moderation.triage import Candidate, ThreadFacts, as_time, cut, digest, window_start
from moderation.words import Spoken, reasons_in_words
from service.db.facts import thread_messages
from service.db.models import Author, Case, Community, Connection, Message, Person, Revision, ScoreRow, Thread
from service.deps import Deps
from service.usecases.triage import line_time

PAGE = 50


@dataclass(frozen=True, slots=True)
class Item:
    """One row of the queue. `reasons` are in words, the strongest first; `against` speak for leaving it."""

    case_id: int
    thread_id: int
    thread: str
    connection: str
    connector: str
    community: str
    title: str
    url: str
    lane: str
    state: str
    band: str
    priority: float
    toxicity: float
    urgency: float
    reasons: tuple[Spoken, ...]
    rules: tuple[str, ...]
    waiting_seconds: int
    messages: int
    known_replies: int
    total_replies: int | None
    last_line: str
    language: str
    last_message_at: datetime | None
    look_again_at: datetime | None
    surfaced_at: datetime | None
    person: str = ""
    shadow: bool = False

    def to_json(self) -> dict[str, Any]:
        """The fixed shape of `tenth queue --json`."""
        return {
            "thread": self.thread,
            "connection": self.connection,
            "community": self.community,
            "title": self.title,
            "url": self.url,
            "priority": self.priority,
            "toxicity": self.toxicity,
            "urgency": self.urgency,
            "reasons": [r.text for r in self.reasons],
            "always": self.lane == "always",
            "waiting_seconds": self.waiting_seconds,
            "messages": self.messages,
            "known_replies": self.known_replies,
            "total_replies": self.total_replies,
        }


@dataclass(frozen=True, slots=True)
class Line:
    """Where the line is, over the communities shown. `as_of` is the newest of their times."""

    as_of: datetime
    threads: int = 0
    budget: int = 0
    surfaced: int = 0
    always: int = 0
    left: int = 0
    decided: int = 0
    cut: float = 1.0

    @property
    def share(self) -> float:
        return round(self.surfaced / self.threads, 4) if self.threads else 0.0


@dataclass(frozen=True, slots=True)
class Queue:
    """A page of the queue. `after` asks for the next one; None at the end."""

    line: Line
    items: tuple[Item, ...]
    after: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The fixed shape of `tenth queue --json`."""
        line = self.line
        return {
            "as_of": line.as_of.isoformat(),
            "threads": line.threads,
            "surfaced": line.surfaced,
            "always": line.always,
            "share": line.share,
            "cut": line.cut,
            "items": [i.to_json() for i in self.items],
        }


@dataclass(frozen=True, slots=True)
class Shown:
    """One message of a thread as it is shown."""

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


LANES = {
    "needs": (Case.lane.in_(("needs", "always")), Case.open.is_(True)),
    "left": (Case.lane == "left",),
    "decided": (Case.lane == "decided",),
}
_COLUMNS = (
    Case,
    Thread,
    Community.name,
    Community.summary,
    Connection.name,
    Connection.connector,
    Connection.shadow,
    Person.name,
)


def band(priority: float, lane: str) -> str:
    """The word for a priority: rule, high, medium or low. Bands are shown, numbers on demand."""
    if lane == "always":
        return "rule"
    if priority >= 0.6:
        return "high"
    return "medium" if priority >= 0.25 else "low"


def line(session: Session, now: datetime, communities: Sequence[int] | None = None) -> Line:
    """The sum of the communities' last triages: read from their summaries, never counted again."""
    query = select(Community.summary)
    if communities is not None:
        query = query.where(Community.id.in_(communities))
    found = [s for s in session.scalars(query) if s]
    if not found:
        return Line(as_of=now)
    names = ("threads", "budget", "surfaced", "always", "left", "decided")
    totals = {n: sum(int(s.get(n, 0)) for s in found) for n in names}
    newest = max(datetime.fromisoformat(s["as_of"]) for s in found)
    return Line(as_of=newest, cut=min(float(s.get("cut", 1.0)) for s in found), **totals)


def queue_page(
    deps: Deps, lane: str = "needs", locale: str = "en", after: str = "", size: int | None = PAGE, community: int | None = None
) -> Queue:
    """Cases of a lane, highest priority first, by keyset: `after` is what the page before gave.

    Rule cases come first within "needs". `size` None gives all. Raises BadInput on a made-up `after` or lane.
    """
    if lane not in LANES:
        raise BadInput(f"There is no part “{lane}” of the queue. Take one of: {', '.join(LANES)}.")
    with deps.store.read() as session:
        now = deps.now()
        query = _select_cases(lane, community)
        if after:
            query = query.where(_after(after))
        if size is not None:
            query = query.limit(size + 1)
        rows = session.execute(query).all()
        more = size is not None and len(rows) > size
        rows = rows[:size] if size is not None else rows
        marked = _marked(session, [r[0].marked_message_id for r in rows])
        total = line(session, now, [community] if community is not None else None)
        items = tuple(_item(r, marked, now, locale) for r in rows)
    last = items[-1] if items else None
    return Queue(total, items, f"{last.priority!r}:{last.case_id}" if more and last else None)


def _select_cases(lane: str, community: int | None) -> Any:
    query = (
        select(*_COLUMNS)
        .join(Thread, Thread.id == Case.thread_id)
        .join(Community, Community.id == Case.community_id)
        .join(Connection, Connection.id == Case.connection_id)
        .outerjoin(Person, Person.id == Case.person_id)
        .where(*LANES[lane])
        .order_by(Case.priority.desc(), Case.id.desc())
    )
    return query.where(Case.community_id == community) if community is not None else query


def _after(after: str) -> Any:
    try:
        priority, case_id = after.split(":")
        at, below = float(priority), int(case_id)
    except ValueError:
        raise BadInput("`after` must be what the page before gave as its next position.") from None
    return or_(Case.priority < at, and_(Case.priority == at, Case.id < below))


def _marked(session: Session, ids: Sequence[int | None]) -> dict[int, tuple[str, str, list[Reason]]]:
    """Text, language and score reasons of the marked messages."""
    wanted = [i for i in ids if i]
    newest = select(func.max(Revision.id)).where(Revision.message_id == Message.id).scalar_subquery()
    query = (
        select(Message.id, Message.text, Message.language, ScoreRow.reasons)
        .outerjoin(ScoreRow, ScoreRow.revision_id == newest)
        .where(Message.id.in_(wanted))
    )
    return {r[0]: (r[1], r[2], [Reason(*x) for x in r[3] or []]) for r in session.execute(query)}


def _item(row: Any, marked: dict[int, tuple[str, str, list[Reason]]], now: datetime, locale: str) -> Item:
    """An archive's clock stands still at its newest message; elsewhere a thread waits until now."""
    case, thread, community, summary, connection, connector, shadow, person = row
    as_of = datetime.fromisoformat(summary["as_of"]) if connector == "archive" and summary else now
    text, language, score_reasons = marked.get(case.marked_message_id or 0, ("", "", []))
    waiting = max(0, int((as_of - case.waiting_since).total_seconds())) if case.waiting_since else 0
    return Item(
        case_id=case.id,
        thread_id=thread.id,
        thread=thread.remote_id,
        connection=connection,
        connector=connector,
        community=community,
        title=thread.title or first_words(text),
        url=thread.url,
        lane=case.lane,
        state=case.state,
        band=band(case.priority, case.lane),
        priority=case.priority,
        toxicity=case.toxicity,
        urgency=case.urgency,
        reasons=tuple(reasons_in_words(case.reasons, score_reasons, waiting, locale)[:4]),
        rules=tuple(filter(None, case.rules.split(","))),
        waiting_seconds=waiting,
        messages=thread.messages,
        known_replies=max(0, thread.messages - 1),
        total_replies=thread.total_replies,
        last_line=first_words(text, 160),
        language=language,
        last_message_at=thread.last_message_at,
        look_again_at=case.look_again_at,
        surfaced_at=case.surfaced_at,
        person=person or "",
        shadow=shadow,
    )


def first_words(text: str, length: int = 80) -> str:
    """The beginning of a text on one line, cut at a word."""
    flat = " ".join(text.split())
    if len(flat) <= length:
        return flat
    return flat[:length].rsplit(" ", 1)[0] + "…"


# ------------------------------------------------------------------ one thread


def thread_page(deps: Deps, thread_id: int, locale: str = "en", limit: int = 400) -> ThreadPage:
    """The conversation, its newest `limit` messages. Raises BadInput when there is no such thread."""
    with deps.store.read() as session:
        query = (
            select(*_COLUMNS)
            .join(Thread, Thread.id == Case.thread_id)
            .join(Community, Community.id == Case.community_id)
            .join(Connection, Connection.id == Case.connection_id)
            .outerjoin(Person, Person.id == Case.person_id)
            .where(Thread.id == thread_id)
        )
        row = session.execute(query).one_or_none()
        if row is None:
            raise BadInput("There is no such conversation here.")
        case, thread = row[0], row[1]
        marked = _marked(session, [case.marked_message_id])
        item = _item(row, marked, deps.now(), locale)
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
    query = select(Thread.id).join(Connection, Connection.id == Thread.connection_id).where(Thread.remote_id == remote_id)
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


def _one(
    m: Message, a: Author, s: ScoreRow | None, revisions: int, case: Case, thread: Thread, locale: str
) -> Shown:
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
    )


# ------------------------------------------------------------------ the queue as it was


@dataclass(slots=True)
class _Past:
    items: list[Item] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)


def queue_as_of(deps: Deps, as_of: datetime, locale: str = "en") -> Queue:
    """The queue as the messages up to `as_of` would have it, decided anew from the events; nothing is kept."""
    past = _Past()
    with deps.store.read() as session:
        for community in session.scalars(select(Community).order_by(Community.id)):
            _past_community(session, community, min(as_of, line_time(session, community, as_of)), past, locale)
    past.items.sort(key=lambda i: (-i.priority, i.connection, i.thread))
    names = ("threads", "budget", "surfaced", "always", "left")
    totals = {n: sum(getattr(x, n) for x in past.lines) for n in names}
    lowest = min((x.cut for x in past.lines), default=1.0)
    return Queue(Line(as_of=as_of, cut=lowest, **totals), tuple(past.items))


def _past_community(session: Session, community: Community, as_of: datetime, past: _Past, locale: str) -> None:
    start = window_start(as_of, community.window_days)
    ids = session.scalars(
        select(Thread.id).where(
            Thread.community_id == community.id, Thread.last_message_at > start, Thread.first_message_at <= as_of
        )
    )
    facts = {t: digest(m, as_of) for t, m in thread_messages(session, ids, until=as_of).items()}
    active = [Candidate(t, f) for t, f in sorted(facts.items()) if f.last_at > start.timestamp()]
    found = cut(active, as_of, community.budget)
    past.lines.append(
        Line(
            as_of, found.threads, found.budget, found.count("needs"), found.count("always"), found.count("left"), 0, found.value
        )
    )
    above = {p.id: p for p in found.placed if p.lane in ("needs", "always")}
    past.items += _past_items(session, community, above, facts, as_of, locale)


def _past_items(
    session: Session, community: Community, above: dict[int, Any], facts: dict[int, ThreadFacts], as_of: datetime, locale: str
) -> list[Item]:
    connection = session.get_one(Connection, community.connection_id)
    marked = _marked(session, [facts[i].marked for i in above])
    items = []
    for thread in session.scalars(select(Thread).where(Thread.id.in_(list(above)))):
        placed, known = above[thread.id], facts[thread.id]
        case = Case(
            id=0,
            lane=placed.lane,
            state="open",
            priority=round(placed.assessment.priority, 3),
            toxicity=round(known.toxicity, 3),
            urgency=round(known.need, 3),
            rules=",".join(placed.assessment.always),
            reasons=[[b.code, round(b.weight, 1), b.params] for b in placed.assessment.because[:5]],
            marked_message_id=known.marked,
            waiting_since=as_time(known.open_at),
            look_again_at=as_of + timedelta(hours=1),
        )
        shown = Thread(
            id=thread.id,
            remote_id=thread.remote_id,
            title=thread.title,
            url=thread.url,
            messages=known.messages,
            total_replies=thread.total_replies,
            last_message_at=as_time(known.last_at),
        )
        line_at = {"as_of": as_of.isoformat()}
        row = (case, shown, community.name, line_at, connection.name, connection.connector, connection.shadow, "")
        items.append(_item(row, marked, as_of, locale))
    return items
