"""Rows that stand for things of a platform, found by the id they have there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.orm import Session

from service.db.deliveries import insert_new

#: Columns and their values, by remote id.
Values = Mapping[str, Mapping[str, Any]]


def upsert(session: Session, model: Any, connection_id: int, rows: Values, changes: Values) -> dict[str, int]:
    """Adds each of `rows` that is not there, and makes of the `changes` those that differ. Returns ids by remote id.

    Safe when another transaction adds the same rows meanwhile.
    """
    known = _known(session, model, connection_id, rows)
    key = {"connection_id": connection_id}
    missing = [key | {"remote_id": name, **row} for name, row in sorted(rows.items()) if name not in known]
    if missing:
        insert_new(session, model, missing)
        known = _known(session, model, connection_id, rows)
    for name, row in known.items():
        stale = {n: v for n, v in changes.get(name, {}).items() if getattr(row, n) != v}
        if stale:
            session.execute(update(model).where(model.id == row.id).values(**stale))
    return {name: row.id for name, row in known.items()}


def _known(session: Session, model: Any, connection_id: int, names: Iterable[str]) -> dict[str, Row[Any]]:
    query = select(model.__table__).where(model.connection_id == connection_id, model.remote_id.in_(list(names)))
    # In one order for everybody: two batches that change the same rows must not wait for each other.
    return {row.remote_id: row for row in session.execute(query.order_by(model.id))}
