"""What is in the database after a trial, counted."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.db.deliveries import waiting
from service.db.models import DeliveryRow, Message, Revision
from service.deps import Deps


@dataclass(frozen=True, slots=True)
class Stored:
    """Messages of one connection by the platform's id, and how many of them stand there more than once."""

    ids: frozenset[str]
    doubled: int
    dead: int


def stored(deps: Deps, connection_id: int) -> Stored:
    """Counts message rows, revisions of one state and deliveries of one event: each may be there once."""
    with deps.store.read() as session:
        ids = list(session.scalars(select(Message.remote_id).where(Message.connection_id == connection_id)))
        doubled = len(ids) - len(set(ids)) + _revisions(session, connection_id) + _deliveries(session, connection_id)
        dead = select(func.count(DeliveryRow.id)).where(
            DeliveryRow.connection_id == connection_id, DeliveryRow.state == "dead"
        )
        return Stored(frozenset(ids), doubled, session.scalar(dead) or 0)


def _revisions(session: Session, connection_id: int) -> int:
    """Nothing in a trial is edited: a second revision of a message is one too many."""
    query = (
        select(func.count(Revision.id) - 1)
        .join(Message, Message.id == Revision.message_id)
        .where(Message.connection_id == connection_id)
        .group_by(Revision.message_id)
        .having(func.count(Revision.id) > 1)
    )
    return sum(session.scalars(query))


def _deliveries(session: Session, connection_id: int) -> int:
    query = (
        select(func.count(DeliveryRow.id) - 1)
        .where(DeliveryRow.connection_id == connection_id, DeliveryRow.source != "poll")
        .group_by(DeliveryRow.key)
        .having(func.count(DeliveryRow.id) > 1)
    )
    return sum(session.scalars(query))


def still_waiting(deps: Deps) -> int:
    """Deliveries that are not read yet."""
    with deps.store.read() as session:
        return waiting(session)


def missing(wanted: Iterable[str], found: Collection[str]) -> int:
    """How many of the wanted ids are not there."""
    return len(set(wanted).difference(found))


def quantile(values: Iterable[float], share: float) -> float:
    """The value that `share` of the values do not exceed; 0 of none."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered)) - 1))]
