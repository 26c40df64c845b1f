"""What became of each conversation, kept beside it and summed up anew after anything in it changed.

A change only counts `dirty` up, in the transaction that makes it; summing up is a job's work and never holds up
reading. Everything here runs in the caller's transaction.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from moderation.outcomes import Heard, Outcome, outcome
from service.db.clock_tables import OutcomeRow
from service.db.deliveries import insert_new
from service.db.models import Author, Case, Message, Revision, ScoreRow, Thread
from service.db.reply_tables import Reply, SavedReply

#: An answer that was sent so long ago was summed up with its conversation.
_FRESH = timedelta(days=2)
_BLANK = re.compile(r"\{[^{}]*\}")
_NEW = {"dirty": 1, "topic": "", "answered_by": "", "told": False, "messages": 0, "scored": 0}


def touch(session: Session, thread_ids: Collection[int]) -> None:
    """Notes that these conversations changed."""
    ids = sorted(thread_ids)
    if insert_new(session, OutcomeRow, [{"thread_id": i} | _NEW for i in ids]) < len(ids):
        changed = update(OutcomeRow).where(OutcomeRow.thread_id.in_(ids)).values(dirty=OutcomeRow.dirty + 1)
        session.execute(changed.execution_options(synchronize_session=False))


def answered_since(session: Session, now: datetime) -> set[int]:
    """Conversations whose answer turned out to be sent after they were summed up."""
    sent = (Reply.state == "sent", Reply.sent_at >= now - _FRESH, Reply.sent_at >= OutcomeRow.made_at)
    query = select(OutcomeRow.thread_id).join(Case, Case.thread_id == OutcomeRow.thread_id)
    return set(session.scalars(query.join(Reply, Reply.case_id == Case.id).where(*sent, OutcomeRow.dirty == 0)))


def changed(session: Session, limit: int) -> dict[int, int]:
    """Threads to be summed up, with the count of their changes."""
    query = select(OutcomeRow.thread_id, OutcomeRow.dirty).where(OutcomeRow.dirty > 0).limit(limit)
    return {row.thread_id: row.dirty for row in session.execute(query)}


def sum_up(session: Session, threads: Mapping[int, int], now: datetime) -> list[dict[str, Any]]:
    """The rows that `keep` writes for these threads; reads only."""
    heard, scored = _heard(session, threads)
    asked = _asked_back(session, list(threads))
    rows = []
    for thread, dirty in threads.items():
        messages = heard.get(thread, [])
        values = _values(outcome(messages), asked.get(thread))
        counts = {"b_messages": len(messages), "b_scored": scored.get(thread, 0), "b_made_at": now}
        rows.append({"b_thread_id": thread, "b_dirty": dirty} | values | counts)
    return rows


def keep(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Writes sums; what changed again meanwhile stays to be summed up."""
    table: Any = OutcomeRow.__table__
    names = [name.removeprefix("b_") for name in rows[0] if name not in ("b_thread_id", "b_dirty")]
    mine = update(table).where(table.c.thread_id == bindparam("b_thread_id"), table.c.dirty == bindparam("b_dirty"))
    session.connection().execute(mine.values(dirty=0, **{n: bindparam(f"b_{n}") for n in names}), list(rows))


def _values(found: Outcome, asked_back: datetime | None) -> dict[str, Any]:
    times, feeling = found.times, found.feeling
    end_at = feeling.end_at if feeling else None
    return {
        "b_asked_at": times.asked,
        "b_brand_after": _after(times.asked, times.brand),
        "b_community_after": _after(times.asked, times.community),
        "b_accepted_after": _after(times.asked, times.solved),
        "b_topic": found.topic,
        "b_answered_by": found.by,
        "b_feeling_start": round(feeling.start, 3) if feeling else None,
        "b_feeling_end": round(feeling.end, 3) if feeling and feeling.end is not None else None,
        "b_asked_back_at": asked_back,
        "b_told": bool(end_at and asked_back and end_at > asked_back),
    }


def _after(start: datetime | None, at: datetime | None) -> float | None:
    return (at - start).total_seconds() if start and at else None


def _heard(session: Session, threads: Iterable[int]) -> tuple[dict[int, list[Heard]], dict[int, int]]:
    """The messages of each thread in order, without those that are gone, and how many of them have a score."""
    newest = select(func.max(Revision.id)).where(Revision.message_id == Message.id).correlate(Message).scalar_subquery()
    score = select(ScoreRow.id).where(ScoreRow.revision_id == newest).correlate(Message).exists()
    columns = (
        *(Message.thread_id, Message.remote_id, Message.created_at, Message.author_id, Author.role),
        *(Message.sentiment, Message.urgency, Message.toxicity, Message.rules != "", Message.addressed),
        *(Message.remote_id == Thread.accepted_answer, Author.bot, Message.in_reply_to, Message.intents),
    )
    query = (
        select(*columns, score)
        .join(Author, Author.id == Message.author_id)
        .join(Thread, Thread.id == Message.thread_id)
        .where(Message.thread_id.in_(list(threads)), Message.deleted_at.is_(None))
        .order_by(Message.thread_id, Message.created_at, Message.id)
    )
    heard: dict[int, list[Heard]] = {}
    scored: dict[int, int] = {}
    for thread, *values, has_score in session.execute(query):
        heard.setdefault(thread, []).append(Heard(*values))
        scored[thread] = scored.get(thread, 0) + bool(has_score)
    return heard, scored


def _asked_back(session: Session, threads: Collection[int]) -> dict[int, datetime]:
    """When the brand first asked in public whether it helped, where it did so with a saved reply that asks."""
    kept = select(OutcomeRow.thread_id, OutcomeRow.asked_back_at).where(OutcomeRow.thread_id.in_(threads))
    found: dict[int, datetime] = {thread: at for thread, at in session.execute(kept) if at is not None}
    asks = [_words(text) for text in session.scalars(select(SavedReply.text).where(SavedReply.asks.is_(True)))]
    if not asks:
        return found
    sent = (Reply.state == "sent", Reply.sent_at.is_not(None), Case.thread_id.in_(threads))
    query = select(Case.thread_id, Reply.sent_at, Reply.text).join(Case, Case.id == Reply.case_id).where(*sent)
    for thread, at, text in session.execute(query.order_by(Reply.sent_at)):
        if at is not None and thread not in found and any(_in_order(words, _flat(text)) for words in asks):
            found[thread] = at
    return found


def _words(saved: str) -> list[str]:
    """What stands between the blanks of a saved reply."""
    return [part.strip() for part in _BLANK.split(_flat(saved)) if part.strip()]


def _in_order(parts: Sequence[str], text: str) -> bool:
    place = 0
    for part in parts:
        found = text.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    return bool(parts)


def _flat(text: str) -> str:
    return " ".join(text.split())
