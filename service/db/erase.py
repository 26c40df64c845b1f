"""Taking words out: what was deleted upstream leaves no text here, wherever a copy stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, Text, cast, delete, exists, or_, select, update
from sqlalchemy.orm import Session, aliased

from service.db.deliveries import insert_new
from service.db.models import Case, DeliveryRow, Message, Revision, ScoreRow, Thread, Tombstone
from service.db.watch_tables import WatchHit


def entomb(session: Session, connection_id: int, remote_id: str, at: datetime) -> None:
    """Remembers that a message is gone, so that older states that come late stay out."""
    kept = session.get(Tombstone, (connection_id, remote_id))
    if kept is None:
        session.add(Tombstone(connection_id=connection_id, remote_id=remote_id, at=at))
    elif kept.at < at:
        kept.at = at
    session.flush()


def erase_raw(session: Session, connection_id: int, delivery_ids: Collection[int]) -> None:
    """Empties raw deliveries about messages that are gone: one read with the end, or after it, has its text."""
    gone = select(Tombstone.remote_id).where(Tombstone.connection_id == connection_id)
    session.execute(
        update(DeliveryRow)
        .where(DeliveryRow.id.in_(delivery_ids), DeliveryRow.subject.in_(gone))
        .values(body=b"")
        .execution_options(synchronize_session=False)
    )


def erase_text(session: Session, connection_id: int, remote_id: str, at: datetime) -> set[int]:
    """Takes a message's words out of every place where they stand. Returns its thread."""
    session.execute(
        update(DeliveryRow)
        .where(DeliveryRow.connection_id == connection_id, DeliveryRow.subject == remote_id)
        .values(body=b"")
    )
    row = session.execute(
        select(Message.id, Message.thread_id).where(
            Message.connection_id == connection_id, Message.remote_id == remote_id
        )
    ).one_or_none()
    if row is None:
        return set()
    revisions = select(Revision.id).where(Revision.message_id == row.id)
    session.execute(
        update(ScoreRow)
        .where(ScoreRow.revision_id.in_(revisions))
        .values(reasons=[])
        .execution_options(synchronize_session=False)
    )
    session.execute(update(Revision).where(Revision.message_id == row.id).values(text=""))
    gone = {"text": "", "content_warning": "", "deleted_at": at}
    session.execute(update(Message).where(Message.id == row.id).values(**gone))
    return {row.thread_id}


@dataclass(frozen=True, slots=True)
class Known:
    """A message as it is known on its platform and here."""

    id: int
    thread_id: int
    connection_id: int
    remote_id: str


#: What is left of a message of which nothing is kept: others answered it, so that it must be there.
SHELL: dict[str, Any] = {
    **dict.fromkeys(("text", "url", "language", "content_warning", "rules"), ""),
    **dict.fromkeys(("toxicity", "urgency", "sentiment"), 0.0),
    "likes": 0,
    "shares": 0,
    "addressed": False,
    "edited_at": None,
    "intents": {},
}


def not_shells() -> Any:
    """The condition for messages of which something is kept."""
    kept = exists().where(Revision.message_id == Message.id)
    return or_(Message.deleted_at.is_(None), Message.text != "", Message.url != "", kept)


def make_shells(session: Session, messages: Sequence[Known], at: datetime) -> Counter[str]:
    """Leaves nothing of messages but that they were there, in the caller's transaction. Returns rows by table.

    Their ends are kept, so that nothing older than `at` comes back.
    """
    ids, done = [m.id for m in messages], Counter[str]()
    revisions = select(Revision.id).where(Revision.message_id.in_(ids))
    for model, which in (
        (ScoreRow, ScoreRow.revision_id.in_(revisions)),
        (Revision, Revision.message_id.in_(ids)),
        (WatchHit, WatchHit.message_id.in_(ids)),
    ):
        done[model.__tablename__] = changed(session, delete(model).where(which))
    done["delivery"] = _empty_raw(session, messages)
    insert_new(
        session, Tombstone, [{"connection_id": m.connection_id, "remote_id": m.remote_id, "at": at} for m in messages]
    )
    for connection_id in {m.connection_id for m in messages}:
        theirs = [m.remote_id for m in messages if m.connection_id == connection_id]
        ended = update(Tombstone).where(Tombstone.connection_id == connection_id, Tombstone.remote_id.in_(theirs))
        changed(session, ended.where(Tombstone.at < at).values(at=at))
    done["message"] = changed(session, update(Message).where(Message.id.in_(ids)).values(deleted_at=at, **SHELL))
    changed(session, update(Case).where(Case.marked_message_id.in_(ids)).values(marked_message_id=None))
    done["thread"] = untitle(session, {m.thread_id for m in messages})
    return done


def untitle(session: Session, thread_ids: Collection[int]) -> int:
    """A title is its author's words, too, and a platform makes the thread's address of it.

    Both go with the post that they were made of, and with the last message. Where a platform gives titles to threads,
    that post is the first one known, once nothing is kept of it.
    """
    other = aliased(Message)
    dead = exists().where(Message.thread_id == Thread.id, Message.deleted_at.is_not(None))
    alive = exists().where(other.thread_id == Thread.id, other.deleted_at.is_(None))
    earlier = (other.created_at < Message.created_at) | (
        (other.created_at == Message.created_at) & (other.id < Message.id)
    )
    first = ~exists().where(other.thread_id == Message.thread_id, earlier)
    shell = ~exists().where(Revision.message_id == Message.id)
    gone = or_(dead.where(Message.remote_id == Thread.remote_id), dead & ~alive, dead.where(first, shell))
    told = (Thread.title != "") | (Thread.url != "") | (cast(Thread.tags, Text) != "[]")
    statement = update(Thread).where(Thread.id.in_(list(thread_ids)), told, gone)
    return changed(session, statement.values(title="", url="", tags=[]))


def empty(session: Session, delivery_ids: Collection[int]) -> int:
    """Empties raw deliveries, whatever they are about."""
    which = update(DeliveryRow).where(DeliveryRow.id.in_(list(delivery_ids)), DeliveryRow.body != b"")
    return changed(session, which.values(body=b"", error=""))


def changed(session: Session, statement: Any) -> int:
    """Runs an UPDATE or DELETE; returns how many rows it was about."""
    result = session.execute(statement.execution_options(synchronize_session=False))
    return result.rowcount if isinstance(result, CursorResult) else 0


def _empty_raw(session: Session, messages: Sequence[Known]) -> int:
    done = 0
    for connection_id in {m.connection_id for m in messages}:
        subjects = [m.remote_id for m in messages if m.connection_id == connection_id]
        about = (DeliveryRow.connection_id == connection_id, DeliveryRow.subject.in_(subjects))
        done += changed(session, update(DeliveryRow).where(*about, DeliveryRow.body != b"").values(body=b"", error=""))
    return done
