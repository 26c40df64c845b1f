"""Deliveries as work: stored once, claimed in batches by conditional update, fenced by attempt number."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, Select, and_, bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from plugins.contract import Delivery
from service.db.models import DeliveryRow

#: Far longer than anything done under a claim: reading takes no network, and writers wait 30 s at most.
LEASE = timedelta(seconds=90)
MAX_ATTEMPTS = 6
#: What was claimed this often and is still here is claimed alone from then on: it may be what ends those who read it.
ALONE_AFTER = 3


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claimed delivery; `attempt` is the fence."""

    id: int
    connection_id: int
    key: str
    kind: str
    body: bytes
    attempt: int
    received_at: datetime


def insert_new(session: Session, model: type[Any], rows: Sequence[dict[str, Any]]) -> int:
    """Inserts rows that no unique constraint forbids; returns how many were new."""
    if not rows:
        return 0
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(model).on_conflict_do_nothing()
    options = {"preserve_rowcount": True}  # for an INSERT, PostgreSQL's count would be thrown away otherwise
    result = session.connection().execute(statement, list(rows), execution_options=options)
    return max(0, result.rowcount)


def store(session: Session, connection_id: int, source: str, deliveries: Sequence[Delivery], now: datetime) -> int:
    """Keeps what is new; returns how many. What was not admitted leaves its key and is done at once."""
    return insert_new(session, DeliveryRow, [_row(connection_id, source, d, now) for d in deliveries])


def _row(connection_id: int, source: str, delivery: Delivery, now: datetime) -> dict[str, Any]:
    return {
        "connection_id": connection_id,
        "source": source,
        "key": delivery.key[:400],
        "kind": delivery.kind[:40],
        "digest": hashlib.sha256(delivery.body).hexdigest(),
        "body": delivery.body if delivery.admitted else b"",
        "state": "pending" if delivery.admitted else "done",
        "attempt": 0,
        "due_at": now,
        "error": "",
        "received_at": now,
    }


def due(now: datetime) -> Any:
    """The condition for work that may be claimed: waiting and due, or claimed by somebody who is gone."""
    return and_(DeliveryRow.state.in_(("pending", "claimed")), DeliveryRow.due_at <= now)


def claim(session: Session, now: datetime, limit: int, connection_id: int | None = None) -> list[Claimed]:
    """Claims up to `limit` due deliveries in the order they came."""
    columns_due = (DeliveryRow.id, DeliveryRow.attempt)
    query: Select[int, int] = select(*columns_due).where(due(now)).order_by(DeliveryRow.id).limit(limit)
    if connection_id is not None:
        query = query.where(DeliveryRow.connection_id == connection_id)
    found = session.execute(query.with_for_update(skip_locked=True)).all()
    worn = [row.id for row in found if row.attempt >= ALONE_AFTER]
    ids = worn[:1] or [row.id for row in found]
    if not ids:
        return []
    session.execute(
        update(DeliveryRow)
        .where(DeliveryRow.id.in_(ids), due(now))
        .values(state="claimed", attempt=DeliveryRow.attempt + 1, due_at=now + LEASE)
        .execution_options(synchronize_session=False)
    )
    columns = (
        DeliveryRow.id,
        DeliveryRow.connection_id,
        DeliveryRow.key,
        DeliveryRow.kind,
        DeliveryRow.body,
        DeliveryRow.attempt,
        DeliveryRow.received_at,
    )
    rows = session.execute(select(*columns).where(DeliveryRow.id.in_(ids)).order_by(DeliveryRow.id))
    return [Claimed(*row) for row in rows]


def still_mine(session: Session, claimed: Sequence[Claimed]) -> set[int]:
    """Ids of which the claim still stands; the others were taken over after the lease ended."""
    attempts = {c.id: c.attempt for c in claimed}
    query = select(DeliveryRow.id, DeliveryRow.attempt).where(
        DeliveryRow.id.in_(attempts), DeliveryRow.state == "claimed"
    )
    return {row.id for row in session.execute(query.with_for_update()) if attempts[row.id] == row.attempt}


def finish(session: Session, subjects: dict[int, str | None]) -> None:
    """Marks deliveries done, with the message each was about."""
    rows = [{"b_id": id_, "b_subject": subject} for id_, subject in subjects.items()]
    _many(session, update(DeliveryRow), rows, state="done", error="")


def fail(session: Session, errors: Mapping[int, tuple[str, datetime | None]]) -> None:
    """Puts deliveries back for a later try, or into the dead-letter state when no time is given."""
    for id_, (error, again) in errors.items():
        values: dict[str, Any] = {"error": error[:2000], "state": "pending" if again else "dead"}
        if again:
            values["due_at"] = again
        session.execute(update(DeliveryRow).where(DeliveryRow.id == id_).values(**values))


def free_all(session: Session, now: datetime) -> int:
    """Makes every claimed delivery due again; whoever holds one is fenced off by its next claim. Returns how many."""
    result = session.execute(update(DeliveryRow).where(DeliveryRow.state == "claimed").values(due_at=now))
    return result.rowcount if isinstance(result, CursorResult) else 0


def retry_dead(session: Session, now: datetime, ids: Sequence[int] | None = None) -> int:
    """Gives dead deliveries new tries; all of them when no ids are named. Returns how many."""
    statement = update(DeliveryRow).where(DeliveryRow.state == "dead")
    if ids is not None:
        statement = statement.where(DeliveryRow.id.in_(ids))
    result = session.execute(statement.values(state="pending", attempt=0, due_at=now, error=""))
    return result.rowcount if isinstance(result, CursorResult) else 0


def waiting(session: Session, connection_id: int | None = None) -> int:
    """How many deliveries are not read yet."""
    query = select(func.count()).select_from(DeliveryRow).where(DeliveryRow.state.in_(("pending", "claimed")))
    if connection_id is not None:
        query = query.where(DeliveryRow.connection_id == connection_id)
    return session.scalar(query) or 0


def _many(session: Session, statement: Any, rows: list[dict[str, Any]], **values: Any) -> None:
    if rows:
        one = statement.where(DeliveryRow.id == bindparam("b_id"))
        session.connection().execute(one.values(subject=bindparam("b_subject"), **values), rows)
