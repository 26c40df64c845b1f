"""Reading the queue and a thread: the records that pages, API and CLI show. Nothing here writes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from moderation.scoring.contract import Reason
from moderation.words import Spoken, reasons_in_words
from service.db.models import Case, Community, Connection, Message, Person, Revision, ScoreRow, Thread
from service.db.team_tables import CaseTeam
from service.deps import Deps

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
    seen: bool = False
    version: int = 0

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


#: `open` stands in each, so that an index gives the cases in their order and nothing is sorted.
LANES = {
    "needs": (Case.lane.in_(("needs", "always")), Case.open.is_(True)),
    "left": (Case.lane == "left", Case.open.is_(False)),
    "decided": (Case.lane == "decided", Case.open.is_(False)),
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


def cases() -> Select[Any]:
    """Cases with all that `item_of` reads of each; whoever asks says which ones, and in what order."""
    return (
        select(*_COLUMNS)
        .join(Thread, Thread.id == Case.thread_id)
        .join(Community, Community.id == Case.community_id)
        .join(Connection, Connection.id == Case.connection_id)
        .outerjoin(Person, Person.id == Case.person_id)
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
    deps: Deps,
    lane: str = "needs",
    locale: str = "en",
    after: str = "",
    size: int | None = PAGE,
    community: int | None = None,
    teams: Collection[int] | None = None,
) -> Queue:
    """Cases of a lane, highest priority first, by keyset: `after` is what the page before gave.

    `size` None gives all. With `teams`, those in one of their queues and those in everybody's. Raises BadInput on a
    made-up `after` or lane.
    """
    if lane not in LANES:
        raise BadInput(f"There is no part “{lane}” of the queue. Take one of: {', '.join(LANES)}.")
    with deps.store.read() as session:
        now = deps.now()
        query = _select_cases(lane, community)
        if teams is not None:
            query = query.where(in_queue_of(teams))
        if after:
            query = query.where(_after(after))
        if size is not None:
            query = query.limit(size + 1)
        rows = session.execute(query).all()
        more = size is not None and len(rows) > size
        rows = rows[:size] if size is not None else rows
        marked = marked_texts(session, [r[0].marked_message_id for r in rows])
        total = line(session, now, [community] if community is not None else None)
        items = tuple(item_of(r, marked, now, locale) for r in rows)
    last = items[-1] if items else None
    return Queue(total, items, f"{last.priority!r}:{last.case_id}" if more and last else None)


def in_queue_of(teams: Collection[int]) -> ColumnElement[bool]:
    """The condition on a case that it stands in a queue of these teams: theirs by name, or everybody's."""
    elsewhere = select(CaseTeam.case_id).where(CaseTeam.case_id == Case.id, CaseTeam.team_id.is_not(None))
    elsewhere = elsewhere.where(CaseTeam.team_id.not_in(teams))
    return ~elsewhere.exists()


def _select_cases(lane: str, community: int | None) -> Any:
    query = cases().where(*LANES[lane]).order_by(Case.priority.desc(), Case.id.desc())
    return query.where(Case.community_id == community) if community is not None else query


def _after(after: str) -> Any:
    try:
        priority, case_id = after.split(":")
        at, below = float(priority), int(case_id)
    except ValueError:
        raise BadInput("`after` must be what the page before gave as its next position.") from None
    return or_(Case.priority < at, and_(Case.priority == at, Case.id < below))


def marked_texts(session: Session, ids: Sequence[int | None]) -> dict[int, tuple[str, str, list[Reason]]]:
    """Text, language and score reasons of the marked messages."""
    wanted = [i for i in ids if i]
    newest = select(func.max(Revision.id)).where(Revision.message_id == Message.id).scalar_subquery()
    query = (
        select(Message.id, Message.text, Message.language, ScoreRow.reasons)
        .outerjoin(ScoreRow, ScoreRow.revision_id == newest)
        .where(Message.id.in_(wanted))
    )
    return {r[0]: (r[1], r[2], [Reason(*x) for x in r[3] or []]) for r in session.execute(query)}


def item_of(row: Any, marked: dict[int, tuple[str, str, list[Reason]]], now: datetime, locale: str) -> Item:
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
        seen=case.seen_at is not None,
        version=case.version,
    )


def first_words(text: str, length: int = 80) -> str:
    """The beginning of a text on one line, cut at a word."""
    flat = " ".join(text.split())
    if len(flat) <= length:
        return flat
    return flat[:length].rsplit(" ", 1)[0] + "…"
