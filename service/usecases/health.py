"""How the service fares: what waits, what is dead, which connections live, when a worker was last seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from service.db.deliveries import due
from service.db.models import Case, Connection, DeliveryRow
from service.deps import Deps
from service.usecases.alarms import alarms
from service.usecases.heartbeat import last_beat

#: States that are counted; what is done is only ever more, and counting it would read the whole table.
WAITING = ("pending", "claimed")
COUNTED = (*WAITING, "dead")
STATEMENT_MS = 2_000


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """A connection as it may be shown to anybody who runs the service: no settings, no credentials."""

    id: int
    name: str
    connector: str
    url: str
    account: str
    server: str
    shadow: bool
    state: str
    error: str
    error_code: str
    error_since: datetime | None
    read_at: datetime | None
    message_at: datetime | None


@dataclass(frozen=True, slots=True)
class Figures:
    """One reading. Ages are in seconds; `alarms` are 1 where rules fire unusually often."""

    at: datetime
    deliveries: dict[str, int]
    oldest_due: float
    cases: dict[str, int]
    connections: tuple[ConnectionState, ...]
    alarms: dict[str, int]
    beat_at: datetime | None

    @property
    def waiting(self) -> int:
        return sum(self.deliveries[s] for s in WAITING)

    @property
    def by_state(self) -> dict[str, int]:
        """How many connections are in each state."""
        states = [c.state for c in self.connections]
        return {s: states.count(s) for s in sorted(set(states))}

    @property
    def beat_age(self) -> float | None:
        """Seconds since a worker was seen; None when none ever was."""
        return age(self.at, self.beat_at) if self.beat_at else None


def age(now: datetime, then: datetime) -> float:
    """Seconds since, never below zero."""
    return round(max(0.0, (now - then).total_seconds()), 3)


def figures(deps: Deps) -> Figures:
    """Reads all of it, quickly or not at all. Raises SQLAlchemyError when the database is away or has no tables."""
    now = deps.now()
    with deps.store.read() as session:
        if deps.store.postgres:
            session.execute(text(f"SET LOCAL statement_timeout = {STATEMENT_MS}"))
        oldest = session.scalar(select(func.min(DeliveryRow.due_at)).where(due(now)))
        return Figures(
            at=now,
            deliveries=dict.fromkeys(COUNTED, 0) | _counts(session, DeliveryRow.state, COUNTED),
            oldest_due=age(now, oldest) if oldest else 0.0,
            cases=_counts(session, Case.lane, ("needs", "always", "left", "decided")),
            connections=_connections(session),
            alarms={name: int(alarm is not None) for name, alarm in alarms(session).items()},
            beat_at=last_beat(session),
        )


def _counts(session: Session, column: Any, values: Sequence[str]) -> dict[str, int]:
    query = select(column, func.count()).where(column.in_(values)).group_by(column)
    return {str(r[0]): int(r[1]) for r in session.execute(query)}


def connections(deps: Deps) -> tuple[ConnectionState, ...]:
    """Every connection, by name."""
    with deps.store.read() as session:
        return _connections(session)


def _connections(session: Session) -> tuple[ConnectionState, ...]:
    columns = [getattr(Connection, name) for name in ConnectionState.__dataclass_fields__]
    return tuple(ConnectionState(*row) for row in session.execute(select(*columns).order_by(Connection.name)))
