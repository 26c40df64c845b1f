"""The queue as it was: decided anew from the messages up to a time. Nothing is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.triage import Candidate, MessageFact, ThreadFacts, as_time, cut, digest, window_start
from service.db.engine import MANY
from service.db.facts import thread_messages
from service.db.models import Case, Community, Connection, Thread
from service.deps import Deps
from service.usecases import learning
from service.usecases.queue import Item, Line, Queue, item_of, marked_texts
from service.usecases.triage import line_time


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


def messages_between(
    session: Session, community: Community, start: datetime, end: datetime
) -> dict[int, list[MessageFact]]:
    """The messages up to `end` of every thread that was in the window at some time between the two."""
    ids = session.scalars(
        select(Thread.id).where(
            Thread.community_id == community.id,
            Thread.last_message_at > window_start(start, community.window_days),
            Thread.first_message_at <= end,
        )
    ).all()
    found: dict[int, list[MessageFact]] = {}
    for some in in_blocks(ids):
        found |= thread_messages(session, some, until=end)
    return found


def in_blocks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """So many at a time that one IN (...) holds them."""
    return (ids[start : start + MANY] for start in range(0, len(ids), MANY))


def in_window(facts: Mapping[int, ThreadFacts], community: Community, as_of: datetime) -> list[Candidate]:
    """The threads that were active then. What people held, saw or decided is not part of the events."""
    start = window_start(as_of, community.window_days).timestamp()
    return [Candidate(thread, known) for thread, known in sorted(facts.items()) if known.last_at > start]


def _past_community(session: Session, community: Community, as_of: datetime, past: _Past, locale: str) -> None:
    facts = {t: digest(m, as_of) for t, m in messages_between(session, community, as_of, as_of).items()}
    tuning = learning.active_at(session, community.id, as_of)
    found = cut(in_window(facts, community, as_of), as_of, community.budget, tuning)
    past.lines.append(
        Line(
            as_of,
            found.threads,
            found.budget,
            found.count("needs"),
            found.count("always"),
            found.count("left"),
            0,
            found.value,
        )
    )
    above = {p.id: p for p in found.placed if p.lane in ("needs", "always")}
    past.items += _past_items(session, community, above, facts, as_of, locale)


def _past_items(
    session: Session,
    community: Community,
    above: dict[int, Any],
    facts: dict[int, ThreadFacts],
    as_of: datetime,
    locale: str,
) -> list[Item]:
    connection = session.get_one(Connection, community.connection_id)
    marked = marked_texts(session, [facts[i].marked for i in above])
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
        items.append(item_of(row, marked, as_of, locale))
    return items
