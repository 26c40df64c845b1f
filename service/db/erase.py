"""Taking words out: what was deleted upstream leaves no text here, wherever a copy stands."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from service.db.models import DeliveryRow, Message, Revision, ScoreRow, Tombstone


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
