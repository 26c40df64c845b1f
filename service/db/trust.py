"""What authors did and how they were praised, kept beside threads and made anew after anything in them changed.

A change only counts `dirty` up, in the transaction that makes it. Everything here runs in the caller's transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.orm import Session

from moderation.outcomes import Heard
from moderation.trust_threads import Deed, Praise, Read, areas_of, read_thread
from service.db.deliveries import insert_new
from service.db.engine import MANY
from service.db.models import Author, Message, Thread
from service.db.trust_tables import DeedRow, PraiseRow, Product, TrustAuthor, TrustThread

#: Characters of a thread's first message in which hashtags and products are looked for.
OPENING = 2_000


@dataclass(frozen=True, slots=True)
class Fresh:
    """A thread as it reads today; `dirty` is the count of changes that this takes in."""

    dirty: int
    read: Read
    areas: tuple[str, ...]


def chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    """Ids in order, as many at a time as one IN (...) takes."""
    ordered = sorted(ids)
    return (ordered[start : start + MANY] for start in range(0, len(ordered), MANY))


def touch(session: Session, thread_ids: Collection[int]) -> None:
    """Notes that these threads changed."""
    ids = sorted(thread_ids)
    if insert_new(session, TrustThread, [{"thread_id": i, "dirty": 1, "areas": []} for i in ids]) < len(ids):
        _count_up(session, TrustThread, TrustThread.thread_id, ids)


def touch_authors(session: Session, author_ids: Collection[int]) -> None:
    """Notes that the standing of these authors is to be made anew."""
    ids = sorted(author_ids)
    if insert_new(session, TrustAuthor, [{"author_id": i, "dirty": 1} for i in ids]) < len(ids):
        _count_up(session, TrustAuthor, TrustAuthor.author_id, ids)


def touch_all(session: Session) -> None:
    """Notes that every thread is to be read again."""
    changed = update(TrustThread).values(dirty=TrustThread.dirty + 1)
    session.execute(changed.execution_options(synchronize_session=False))


def touch_praised_by(session: Session, givers: Collection[int]) -> None:
    """Notes that the praise of these people may be worth something else."""
    touch_authors(session, _praised_by(session, givers))


def _count_up(session: Session, model: type[Any], key: Any, ids: Sequence[int]) -> None:
    for some in chunks(ids):
        changed = update(model).where(key.in_(some)).values(dirty=model.dirty + 1)
        session.execute(changed.execution_options(synchronize_session=False))


def changed(session: Session, limit: int) -> dict[int, int]:
    """Threads to be read again, with the count of their changes."""
    query = select(TrustThread.thread_id, TrustThread.dirty).where(TrustThread.dirty > 0).limit(limit)
    return {row.thread_id: row.dirty for row in session.execute(query)}


def read(session: Session, threads: Mapping[int, int]) -> dict[int, Fresh]:
    """Threads as they read today; reads only."""
    products = list(session.scalars(select(Product.name)))
    heard, openings = _heard(session, threads)
    columns = (Thread.id, Thread.community_id, Thread.title, Thread.tags, Thread.closed)
    found = {}
    for number, community, title, tags, closed in session.execute(select(*columns).where(Thread.id.in_(list(threads)))):
        areas = areas_of(community, f"{title} {openings.get(number, '')}", products, tags or ())
        found[number] = Fresh(threads[number], read_thread(heard.get(number, ()), closed=closed), areas)
    return found


def keep(session: Session, threads: Mapping[int, Fresh], now: datetime) -> None:
    """Writes what was read, unless it changed meanwhile, and notes the authors whom it concerns."""
    ids = list(threads)
    locked = select(TrustThread.thread_id, TrustThread.dirty, TrustThread.areas).where(TrustThread.thread_id.in_(ids))
    kept = {r.thread_id: r for r in session.execute(locked.order_by(TrustThread.thread_id).with_for_update())}
    mine = {i: f for i, f in threads.items() if i in kept and kept[i].dirty == f.dirty}
    deeds, praise = _kept_deeds(session, mine), _kept_praise(session, mine)
    new_deeds = {(i, d.author): _deed_values(i, f.read.asker or 0, d) for i, f in mine.items() for d in f.read.deeds}
    new_praise = {(i, p.giver, p.author): _praise_values(i, p) for i, f in mine.items() for p in f.read.praise}
    other_deeds, other_praise = _differing(deeds, new_deeds), _differing(praise, new_praise)
    _replace(session, DeedRow, {key[0] for key in other_deeds}, new_deeds)
    _replace(session, PraiseRow, {key[0] for key in other_praise}, new_praise)
    moved = {i for i, f in mine.items() if list(f.areas) != kept[i].areas}
    concerned = {author for _, author in other_deeds} | {who for _, *both in other_praise for who in both}
    concerned |= {author for thread, author in deeds.keys() | new_deeds.keys() if thread in moved}
    givers = {giver for _, giver, _ in other_praise} | _company_changed(
        {key[0] for key in other_deeds}, deeds, new_deeds
    )
    touch_authors(session, concerned | _praised_by(session, givers))
    table: Any = TrustThread.__table__
    done = update(table).where(table.c.thread_id == bindparam("b_id"))
    rows = [{"b_id": i, "b_areas": list(f.areas)} for i, f in mine.items()]
    if rows:
        session.connection().execute(done.values(dirty=0, made_at=now, areas=bindparam("b_areas")), rows)


def _heard(session: Session, threads: Iterable[int]) -> tuple[dict[int, list[Heard]], dict[int, str]]:
    """The messages of each thread without those that are gone, and the words of the first one."""
    columns = (
        *(Message.thread_id, Message.text, Message.remote_id, Message.created_at, Message.author_id, Author.role),
        *(Message.sentiment, Message.urgency, Message.toxicity, Message.rules != "", Message.addressed),
        *(Message.remote_id == Thread.accepted_answer, Author.bot, Message.in_reply_to),
    )
    query = (
        select(*columns)
        .join(Author, Author.id == Message.author_id)
        .join(Thread, Thread.id == Message.thread_id)
        .where(Message.thread_id.in_(list(threads)), Message.deleted_at.is_(None))
        .order_by(Message.thread_id, Message.created_at, Message.remote_id)
    )
    heard: dict[int, list[Heard]] = {}
    openings: dict[int, str] = {}
    for thread, text, *values in session.execute(query):
        heard.setdefault(thread, []).append(Heard(*values))
        openings.setdefault(thread, text[:OPENING])
    return heard, openings


def _kept_deeds(session: Session, ids: Iterable[int]) -> dict[tuple[int, ...], dict[str, Any]]:
    rows = session.execute(select(DeedRow.__table__).where(DeedRow.thread_id.in_(list(ids)))).mappings()
    return {(row["thread_id"], row["author_id"]): dict(row) for row in rows}


def _kept_praise(session: Session, ids: Iterable[int]) -> dict[tuple[int, ...], dict[str, Any]]:
    rows = session.execute(select(PraiseRow.__table__).where(PraiseRow.thread_id.in_(list(ids)))).mappings()
    return {(row["thread_id"], row["giver_id"], row["author_id"]): dict(row) for row in rows}


def _differing(old: Mapping[Any, Any], new: Mapping[Any, Any]) -> set[tuple[int, ...]]:
    return {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}


def _company_changed(threads: Collection[int], *tables: Mapping[Any, dict[str, Any]]) -> set[int]:
    """Those who began threads in which, before or after, fewer than two others wrote: they may be known only now."""
    found = set()
    for rows in tables:
        others = Counter(thread for (thread, author), row in rows.items() if author != row["asker_id"])
        found |= {row["asker_id"] for (thread, _), row in rows.items() if thread in threads and others[thread] < 2}
    return found


def _replace(session: Session, model: type[Any], threads: Collection[int], rows: Mapping[Any, dict[str, Any]]) -> None:
    if threads:
        gone = delete(model).where(model.thread_id.in_(list(threads)))
        session.execute(gone.execution_options(synchronize_session=False))
    fresh = [row for key, row in rows.items() if key[0] in threads]
    if fresh:
        session.connection().execute(model.__table__.insert(), fresh)


def _praised_by(session: Session, givers: Collection[int]) -> set[int]:
    """Those whom these people praised: what one of them gives is a part of what they all get."""
    found: set[int] = set()
    for some in chunks(givers):
        found |= set(session.scalars(select(PraiseRow.author_id).where(PraiseRow.giver_id.in_(some)).distinct()))
    return found


def _deed_values(thread: int, asker: int, deed: Deed) -> dict[str, Any]:
    names = ("began", "at", "posts", "toxic", "toxic_at", "answered", "accepted", "thanked", "passed_over")
    more = ("delay", "calmed", "best")
    key = {"thread_id": thread, "author_id": deed.author, "asker_id": asker, "weeks": sorted(deed.weeks)}
    return key | {name: getattr(deed, name) for name in (*names, *more)}


def _praise_values(thread: int, praise: Praise) -> dict[str, Any]:
    key = {"thread_id": thread, "giver_id": praise.giver, "author_id": praise.author}
    return key | {"at": praise.at, "accepted": praise.accepted}
