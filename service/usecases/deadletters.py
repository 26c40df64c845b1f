"""Deliveries that could not be read: listed without their content, and given new tries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.db import deliveries as inbox
from service.db.audit import Entry, append
from service.db.models import Connection, DeliveryRow
from service.deps import Deps

PAGE = 50


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What is known of a delivery that cannot be read; of its body only the size."""

    id: int
    connection: str
    source: str
    kind: str
    error: str
    attempts: int
    size: int
    received_at: datetime


def dead_letters(deps: Deps, before: int | None = None, size: int = PAGE) -> tuple[list[DeadLetter], int | None]:
    """The newest first, and where the next page starts (None at the end)."""
    query = (
        select(
            DeliveryRow.id,
            Connection.name,
            DeliveryRow.source,
            DeliveryRow.kind,
            DeliveryRow.error,
            DeliveryRow.attempt,
            func.length(DeliveryRow.body),
            DeliveryRow.received_at,
        )
        .join(Connection, Connection.id == DeliveryRow.connection_id)
        .where(DeliveryRow.state == "dead")
        .order_by(DeliveryRow.id.desc())
        .limit(size + 1)
    )
    if before is not None:
        query = query.where(DeliveryRow.id < before)
    with deps.store.read() as session:
        rows = [DeadLetter(*r) for r in session.execute(query)]
    return rows[:size], rows[size - 1].id if len(rows) > size else None


def count_dead(session: Session) -> dict[int, int]:
    """How many each connection has; connections without any are left out."""
    query = select(DeliveryRow.connection_id, func.count()).where(DeliveryRow.state == "dead")
    return {r[0]: r[1] for r in session.execute(query.group_by(DeliveryRow.connection_id))}


def retry(deps: Deps, actor: str, ids: Sequence[int] | None = None) -> int:
    """New tries for the deliveries named, or for all of them. Returns how many."""
    with deps.store.write() as session:
        count = inbox.retry_dead(session, deps.now(), ids)
        if count:
            subject = f"delivery:{ids[0]}" if ids and len(ids) == 1 else "delivery:all"
            append(session, deps.vault, Entry("delivery:retry", actor, subject, after=count), deps.now())
    if count:
        deps.ring("process_deliveries")
    return count
