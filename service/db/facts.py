"""Summing threads up for triage, after anything in them changed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, select, update
from sqlalchemy.orm import Session

from moderation.triage import WATCHED, MessageFact, digest
from moderation.watching import Does, Mode
from service.db import outcomes, trust
from service.db.judgements import note_answers
from service.db.models import Author, Community, Message, Thread
from service.db.watch_tables import Watch, WatchHit

#: Messages of one thread that triage looks at: its newest ones.
MOST_FACTS = 1_000


def thread_messages(
    session: Session, thread_ids: Iterable[int], until: datetime | None = None
) -> dict[int, list[MessageFact]]:
    """What triage reads of the messages of each thread, deleted ones left out."""
    ids = list(thread_ids)
    watched = _watched(session, ids)
    columns = (
        Message.thread_id,
        Message.id,
        Message.created_at,
        Message.author_id,
        Author.role,
        Message.toxicity,
        Message.urgency,
        Message.sentiment,
        Message.rules,
        Message.addressed,
        Message.likes,
        Author.trust,
        Message.remote_id,
        Thread.accepted_answer,
        Message.intents,
    )
    query = (
        select(*columns)
        .join(Author, Author.id == Message.author_id)
        .join(Thread, Thread.id == Message.thread_id)
        .where(Message.thread_id.in_(ids), Message.deleted_at.is_(None))
    )
    if until is not None:
        query = query.where(Message.created_at <= until)
    found: dict[int, list[MessageFact]] = {}
    for row in session.execute(query.order_by(Message.thread_id, Message.created_at)):
        found.setdefault(row[0], []).append(
            MessageFact(
                id=row[1],
                at=row[2].timestamp(),
                author=row[3],
                role=row[4],
                toxicity=row[5],
                urgency=row[6],
                sentiment=row[7],
                rules=(*filter(None, row[8].split(",")), *((WATCHED,) if row[1] in watched else ())),
                addressed=row[9],
                likes=row[10],
                trust=row[11],
                accepted=bool(row[13]) and row[12] == row[13],
                intents=row[14],
            )
        )
    return {thread: messages[-MOST_FACTS:] for thread, messages in found.items()}


def _watched(session: Session, thread_ids: list[int]) -> set[int]:
    """Messages in which a watch that is on found what its conversation is to be shown for."""
    query = select(WatchHit.message_id).join(Watch, Watch.id == WatchHit.watch_id)
    query = query.join(Message, Message.id == WatchHit.message_id).where(Message.thread_id.in_(thread_ids))
    return set(session.scalars(query.where(*since_on(), Watch.does == Does.SURFACE)))


def since_on() -> tuple[ColumnElement[bool], ...]:
    """Of hits: those of a watch that is on, in messages that were written after it was switched on."""
    written = func.coalesce(Message.edited_at, Message.created_at)
    return (Watch.mode == Mode.ON, WatchHit.draft.is_(False), written > Watch.mode_at)


def refresh_threads(session: Session, thread_ids: set[int], now: datetime) -> set[int]:
    """Sums threads up again and makes the triage of their communities due. Returns those communities."""
    if not thread_ids:
        return set()
    messages = thread_messages(session, thread_ids)
    horizon = now + timedelta(days=366)
    rows = []
    digests = {thread_id: digest(messages.get(thread_id, ()), horizon) for thread_id in sorted(thread_ids)}
    note_answers(session, {thread_id: facts.brand_at for thread_id, facts in digests.items()})
    for thread_id, facts in digests.items():
        known = messages.get(thread_id, [])
        rows.append(
            {
                "b_id": thread_id,
                "b_facts": facts.to_json() if known else {},
                "b_messages": facts.messages,
                "b_first": datetime.fromtimestamp(facts.first_at, now.tzinfo) if known else None,
                "b_last": datetime.fromtimestamp(facts.last_at, now.tzinfo) if known else None,
            }
        )
    table = Thread.__table__
    statement = (
        update(table)  # type: ignore[arg-type]
        .where(table.c.id == bindparam("b_id"))
        .values(
            facts=bindparam("b_facts"),
            messages=bindparam("b_messages"),
            first_message_at=bindparam("b_first"),
            last_message_at=bindparam("b_last"),
        )
    )
    session.connection().execute(statement, rows)
    outcomes.touch(session, thread_ids)
    trust.touch(session, thread_ids)
    return _triage_due(session, thread_ids, now)


def _triage_due(session: Session, thread_ids: set[int], now: datetime) -> set[int]:
    newest = session.execute(
        select(Thread.community_id, func.max(Thread.last_message_at))
        .where(Thread.id.in_(thread_ids))
        .group_by(Thread.community_id)
        .order_by(Thread.community_id)
    ).all()
    for community_id, last in newest:
        values: dict[str, Any] = {"triage_due_at": now}
        if last is not None:
            later = (Community.newest_at.is_(None)) | (Community.newest_at < last)
            session.execute(update(Community).where(Community.id == community_id, later).values(newest_at=last))
        session.execute(update(Community).where(Community.id == community_id).values(**values))
    return {row[0] for row in newest}
