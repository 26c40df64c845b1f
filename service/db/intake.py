"""Writing what platforms said: authors, communities, threads, messages with revisions and scores, in bulk.

Everything here runs inside the caller's transaction and is safe to repeat. The state of a message is ordered by its
own version (ties by the text's digest), never by arrival; a message that is gone stays gone for states older than
its end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from moderation.model import AuthorSeen, CommunitySeen, MessageGone, MessageSeen, ReportSeen, ThreadListed, ThreadSeen
from moderation.scoring.contract import Score
from service.db import reports
from service.db.deliveries import insert_new
from service.db.erase import entomb, erase_text, untitle
from service.db.facts import refresh_threads
from service.db.models import Author, Community, Message, Revision, ScoreRow, Thread, Tombstone
from service.db.seen_authors import author_values

#: A listing is dated by our clock, its messages by the platform's: one written in the last minutes before a listing
#: may have come after it.
CLOCK_BEHIND = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class State:
    """What is stored of a message: enough to tell whether a new state is newer."""

    id: int
    version: float
    digest: str
    likes: int
    shares: int
    deleted: bool
    thread_id: int


@dataclass(slots=True)
class Incoming:
    """What one batch says about one connection, newest state of each thing only."""

    connection_id: int
    now: datetime
    seen: dict[str, MessageSeen] = field(default_factory=dict)
    gone: dict[str, datetime] = field(default_factory=dict)
    threads: dict[str, ThreadSeen] = field(default_factory=dict)
    listed: list[ThreadListed] = field(default_factory=list)
    reports: list[ReportSeen] = field(default_factory=list)
    scores: dict[str, Score] = field(default_factory=dict)

    def add_seen(self, event: MessageSeen) -> None:
        kept = self.seen.get(event.remote_id)
        if kept is None or order(event) >= order(kept):
            self.seen[event.remote_id] = event
        self.add_thread(event.thread)

    def add_gone(self, event: MessageGone) -> None:
        self.gone[event.remote_id] = max(event.at, self.gone.get(event.remote_id, event.at))

    def add_thread(self, thread: ThreadSeen) -> None:
        kept = self.threads.get(thread.remote_id)
        self.threads[thread.remote_id] = merge_threads(kept, thread) if kept else thread


def thread_subject(remote_id: str) -> str:
    """Under which raw deliveries about a thread itself are found again; no message has such an id."""
    return f"thread {remote_id}"[:300]


def text_digest(text: str) -> str:
    """Short digest that tells two texts of one message apart."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def order(event: MessageSeen) -> tuple[float, str]:
    """What orders the states of a message."""
    return (event.version, text_digest(event.text))


def merge_threads(old: ThreadSeen, new: ThreadSeen) -> ThreadSeen:
    """The newer facts where they say something, the older ones elsewhere."""

    def newest(name: str) -> Any:
        value = getattr(new, name)
        return getattr(old, name) if value is None else value

    community = new.community if new.community.name or not old.community.name else old.community
    names = ("title", "url", "total_replies", "accepted_answer", "closed", "tags")
    return ThreadSeen(remote_id=new.remote_id, community=community, **{n: newest(n) for n in names})


def known_states(session: Session, connection_id: int, remote_ids: Iterable[str]) -> dict[str, State]:
    """The stored state of each message that is stored."""
    latest = (
        select(Revision.digest)
        .where(Revision.message_id == Message.id)
        .order_by(Revision.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    columns = (
        Message.remote_id,
        Message.id,
        Message.version,
        latest,
        Message.likes,
        Message.shares,
        Message.deleted_at,
        Message.thread_id,
    )
    query = select(*columns).where(Message.connection_id == connection_id, Message.remote_id.in_(list(remote_ids)))
    return {r[0]: State(r[1], r[2], r[3] or "", r[4], r[5], r[6] is not None, r[7]) for r in session.execute(query)}


def ended(session: Session, connection_id: int, remote_ids: Iterable[str]) -> dict[str, datetime]:
    """When messages that are gone went."""
    query = select(Tombstone.remote_id, Tombstone.at).where(
        Tombstone.connection_id == connection_id, Tombstone.remote_id.in_(list(remote_ids))
    )
    return {row[0]: row[1] for row in session.execute(query)}


def newer(event: MessageSeen, state: State | None, end: datetime | None) -> bool:
    """Whether an event brings a text that is not stored: a new message, an edit, or a return after a deletion."""
    changed_at = event.edited_at or event.created_at
    if end is not None and changed_at <= end:
        return False
    if state is None:
        return True
    return order(event) > (state.version, state.digest) or (state.deleted and end is not None and changed_at > end)


def settle(session: Session, incoming: Incoming) -> set[int]:
    """Writes a batch. Returns the ids of the communities whose triage is due."""
    c = incoming.connection_id
    authors = _authors(session, incoming)
    communities = _communities(session, incoming)
    threads = _threads(session, incoming, communities)
    states = known_states(session, c, [*incoming.seen, *incoming.gone])
    ends = ended(session, c, incoming.seen)
    fresh = {r: e for r, e in incoming.seen.items() if newer(e, states.get(r), ends.get(r)) and r in incoming.scores}
    _insert_messages(session, incoming, fresh, states, authors, threads)
    _update_messages(session, incoming, fresh, states, authors)
    _update_counts(session, incoming, states)
    reports.keep(session, c, incoming.reports, incoming.now)
    reports.link(session, c, incoming.seen)
    touched = {threads[e.thread.remote_id] for e in incoming.seen.values()} | {threads[t] for t in incoming.threads}
    for listed in incoming.listed:
        _miss(session, incoming, listed)
    touched |= _bury(session, incoming)
    untitle(session, touched)
    return refresh_threads(session, touched, incoming.now)


def _authors(session: Session, incoming: Incoming) -> dict[str, int]:
    wanted: dict[str, AuthorSeen] = {e.author.remote_id: e.author for e in incoming.seen.values()}
    known = _existing(session, Author, incoming.connection_id, wanted)
    missing = [
        {"connection_id": incoming.connection_id, "first_seen_at": incoming.now, **author_values(a)}
        for key, a in sorted(wanted.items())
        if key not in known
    ]
    if insert_new(session, Author, missing) or missing:
        known = _existing(session, Author, incoming.connection_id, wanted)
    for key, row in known.items():
        values = author_values(wanted[key])
        changed = {n: v for n, v in values.items() if getattr(row, n) != v}
        if changed:
            session.execute(update(Author).where(Author.id == row.id).values(**changed))
    return {key: row.id for key, row in known.items()}


def _existing(session: Session, model: Any, connection_id: int, keys: Iterable[str]) -> dict[str, Any]:
    query = select(model.__table__).where(model.connection_id == connection_id, model.remote_id.in_(list(keys)))
    return {row.remote_id: row for row in session.execute(query)}


def _communities(session: Session, incoming: Incoming) -> dict[str, int]:
    wanted: dict[str, CommunitySeen] = {}
    for thread in incoming.threads.values():
        kept = wanted.get(thread.community.remote_id)
        if kept is None or thread.community.name:
            wanted[thread.community.remote_id] = thread.community
    known = _existing(session, Community, incoming.connection_id, wanted)
    rows = [
        {
            "connection_id": incoming.connection_id,
            "remote_id": key,
            "name": seen.name[:300],
            "restricted": seen.restricted,
            "summary": {},
            "budget": 0.1,
            "window_days": 28,
            "attempt": 0,
        }
        for key, seen in sorted(wanted.items())
        if key not in known
    ]
    if rows:
        insert_new(session, Community, rows)
        known = _existing(session, Community, incoming.connection_id, wanted)
    for key, row in known.items():
        seen = wanted[key]
        if seen.name and (row.name, row.restricted) != (seen.name[:300], seen.restricted):
            values = {"name": seen.name[:300], "restricted": seen.restricted}
            session.execute(update(Community).where(Community.id == row.id).values(**values))
    return {key: row.id for key, row in known.items()}


def _threads(session: Session, incoming: Incoming, communities: Mapping[str, int]) -> dict[str, int]:
    wanted = incoming.threads
    known = _existing(session, Thread, incoming.connection_id, wanted)
    rows = [
        {
            "connection_id": incoming.connection_id,
            "remote_id": key,
            "messages": 0,
            "facts": {},
            "title": "",
            "url": "",
            "closed": False,
            "accepted_answer": "",
            "total_replies": None,
            "tags": None,
            **_thread_values(seen, communities),
        }
        for key, seen in sorted(wanted.items())
        if key not in known
    ]
    if rows:
        insert_new(session, Thread, rows)
        known = _existing(session, Thread, incoming.connection_id, wanted)
    for key, row in known.items():
        values = {n: v for n, v in _thread_values(wanted[key], communities).items() if getattr(row, n) != v}
        if values:
            session.execute(update(Thread).where(Thread.id == row.id).values(**values))
    ids = {key: row.id for key, row in known.items()}
    # Two batches about one thread must see each other's messages when they sum it up; its case may be made meanwhile.
    held = select(Thread.id).where(Thread.id.in_(sorted(ids.values()))).order_by(Thread.id)
    session.execute(held.with_for_update(key_share=True))
    return ids


def _thread_values(seen: ThreadSeen, communities: Mapping[str, int]) -> dict[str, Any]:
    values: dict[str, Any] = {"community_id": communities[seen.community.remote_id]}
    if seen.title is not None:
        values["title"] = seen.title[:500]
    if seen.url is not None:
        values["url"] = seen.url[:500]
    if seen.closed is not None:
        values["closed"] = seen.closed
    if seen.accepted_answer is not None:
        values["accepted_answer"] = seen.accepted_answer[:300]
    if seen.total_replies is not None:
        values["total_replies"] = seen.total_replies
    if seen.tags is not None:
        values["tags"] = list(seen.tags)
    return values


def _insert_messages(
    session: Session,
    incoming: Incoming,
    fresh: Mapping[str, MessageSeen],
    states: Mapping[str, State],
    authors: Mapping[str, int],
    threads: Mapping[str, int],
) -> None:
    new = [e for r, e in fresh.items() if r not in states]
    rows = [
        {
            "connection_id": incoming.connection_id,
            "remote_id": e.remote_id,
            "thread_id": threads[e.thread.remote_id],
            "created_at": e.created_at,
            "visibility": e.visibility,
            **_text_values(e, incoming.scores[e.remote_id], authors),
        }
        for e in new
    ]
    if not rows:
        return
    insert_new(session, Message, rows)
    ids = known_states(session, incoming.connection_id, [e.remote_id for e in new])
    _insert_revisions(session, incoming, [(ids[e.remote_id].id, e) for e in new])


def _text_values(e: MessageSeen, score: Score, authors: Mapping[str, int]) -> dict[str, Any]:
    return {
        "author_id": authors[e.author.remote_id],
        "in_reply_to": e.in_reply_to,
        "version": e.version,
        "text": e.text,
        "url": e.url[:500],
        "language": e.language[:20] or score.language,
        "content_warning": e.content_warning,
        "likes": e.likes,
        "shares": e.shares,
        "addressed": e.addressed,
        "edited_at": e.edited_at,
        "deleted_at": None,
        "toxicity": score.toxicity,
        "urgency": score.urgency,
        "sentiment": score.sentiment,
        "rules": ",".join(score.rules),
        "intents": {name: round(chance, 2) for name, chance in score.intents.items() if chance >= 0.05},
    }


def _insert_revisions(session: Session, incoming: Incoming, pairs: Sequence[tuple[int, MessageSeen]]) -> None:
    rows = [
        {
            "message_id": message_id,
            "version": e.version,
            "digest": text_digest(e.text),
            "text": e.text,
            "seen_at": incoming.now,
        }
        for message_id, e in pairs
    ]
    insert_new(session, Revision, rows)
    wanted = {(row["message_id"], row["version"], row["digest"]): e for row, (_, e) in zip(rows, pairs, strict=True)}
    query = select(Revision.id, Revision.message_id, Revision.version, Revision.digest).where(
        Revision.message_id.in_([m for m, _ in pairs])
    )
    found = {(r.message_id, r.version, r.digest): r.id for r in session.execute(query)}
    scores = [_score_row(found[key], incoming.scores[e.remote_id], incoming.now) for key, e in wanted.items()]
    insert_new(session, ScoreRow, scores)


def _score_row(revision_id: int, score: Score, now: datetime) -> dict[str, Any]:
    return {
        "revision_id": revision_id,
        "scorer": score.scorer,
        "toxicity": score.toxicity,
        "urgency": score.urgency,
        "sentiment": score.sentiment,
        "language": score.language,
        "rules": ",".join(score.rules),
        "reasons": [[r.code, r.quote, round(r.weight, 3)] for r in score.reasons],
        "classes": {name: round(value, 3) for name, value in score.classes.items()},
        "intents": {name: round(value, 3) for name, value in score.intents.items()},
        "scored_at": now,
    }


def _update_messages(
    session: Session,
    incoming: Incoming,
    fresh: Mapping[str, MessageSeen],
    states: Mapping[str, State],
    authors: Mapping[str, int],
) -> None:
    edited = [(states[r].id, e) for r, e in fresh.items() if r in states]
    for message_id, e in edited:
        values = _text_values(e, incoming.scores[e.remote_id], authors)
        session.execute(update(Message).where(Message.id == message_id).values(**values))
    if edited:
        _insert_revisions(session, incoming, edited)


def _update_counts(session: Session, incoming: Incoming, states: Mapping[str, State]) -> None:
    rows = [
        {"b_id": state.id, "b_likes": e.likes, "b_shares": e.shares}
        for r, e in incoming.seen.items()
        if (state := states.get(r)) and (state.likes, state.shares) != (e.likes, e.shares)
    ]
    if rows:
        statement = update(Message).where(Message.id == bindparam("b_id"))
        statement = statement.values(likes=bindparam("b_likes"), shares=bindparam("b_shares"))
        session.connection().execute(statement, rows)


def _miss(session: Session, incoming: Incoming, listed: ThreadListed) -> None:
    """Adds to what is gone the messages that a complete list of their thread lacks."""
    thread = (Thread.connection_id == incoming.connection_id, Thread.remote_id == listed.thread_id)
    thread_id = session.scalar(select(Thread.id).where(*thread).with_for_update(key_share=True))
    if thread_id is None:
        return
    query = select(Message.remote_id, Message.created_at, Message.edited_at)
    present, latest = set(listed.present), listed.at - (CLOCK_BEHIND if listed.present else timedelta())
    for row in session.execute(query.where(Message.thread_id == thread_id, Message.deleted_at.is_(None))):
        if row.remote_id not in present and (row.edited_at or row.created_at) < latest:
            incoming.add_gone(MessageGone(row.remote_id, listed.at))
    if not present:
        subject = thread_subject(listed.thread_id)
        entomb(session, incoming.connection_id, subject, listed.at)
        erase_text(session, incoming.connection_id, subject, listed.at)


def _bury(session: Session, incoming: Incoming) -> set[int]:
    """Deletes the text of messages that are gone, everywhere it stands. Returns the threads they were in."""
    touched: set[int] = set()
    for remote_id, at in incoming.gone.items():
        back = incoming.seen.get(remote_id)
        if back is not None and (back.edited_at or back.created_at) > at:
            continue
        entomb(session, incoming.connection_id, remote_id, at)
        touched |= erase_text(session, incoming.connection_id, remote_id, at)
    return touched
