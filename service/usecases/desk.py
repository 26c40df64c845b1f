"""What the desk shows around the queue: communities, counts, what came since, the state of each source."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from plugins.contract import Check
from service.db.audit import Entry, append
from service.db.models import Case, Community, Connection
from service.db.pacing import budget_left
from service.deps import Deps
from service.usecases.alarms import Alarm, alarm_of
from service.usecases.connections import found_by, host_of, open_session, opened, pace_key
from service.usecases.deadletters import count_dead
from service.usecases.incidents import Incident, incidents
from service.usecases.queue import LANES, in_queue_of

BROKEN = frozenset({"cut_off", "failing"})
_ORDER = {"cut_off": 0, "failing": 1, "slowed": 2}


@dataclass(frozen=True, slots=True)
class Place:
    """A community as a filter of the queue."""

    id: int
    name: str
    connection: str
    budget: float
    window_days: int
    alarm: Alarm | None
    incident: Incident | None


@dataclass(frozen=True, slots=True)
class Calls:
    """What is left of one call budget."""

    bucket: str
    limit: int | None
    left: int | None
    reset_at: datetime | None


@dataclass(frozen=True, slots=True)
class Source:
    """A connection with everything a person needs to trust it, or to mend it."""

    id: int
    name: str
    connector: str
    label: str
    url: str
    account: str
    server: str
    shadow: bool
    state: str
    error: str
    error_code: str
    error_since: datetime | None
    error_at: datetime | None
    read_at: datetime | None
    message_at: datetime | None
    poll_due_at: datetime | None
    failures: int
    dead: int
    calls: tuple[Calls, ...]

    @property
    def broken(self) -> bool:
        return self.state in BROKEN


@dataclass(frozen=True, slots=True)
class Public:
    """A community as the public page names it: nothing of restricted ones, no account, no credential."""

    community: str
    connection: str
    label: str
    server: str


def places(deps: Deps) -> list[Place]:
    """Every community, by connection and name."""
    columns = Community.id, Community.name, Connection.name, Community.budget, Community.window_days
    query = select(*columns, Community.summary).join(Connection, Connection.id == Community.connection_id)
    query = query.order_by(Connection.name, Community.name, Community.id)
    with deps.store.read() as session:
        rows = session.execute(query).all()
    open_now = incidents(deps)
    return [
        Place(i, name, where, budget, days, alarm_of(s), open_now.get(i)) for i, name, where, budget, days, s in rows
    ]


def lane_counts(deps: Deps, community: int | None = None, teams: Collection[int] | None = None) -> dict[str, int]:
    """How many cases stand in each part of the queue now."""
    with deps.store.read() as session:
        return {lane: _count(session, community, teams, *of_lane) for lane, of_lane in LANES.items()}


def new_since(deps: Deps, since: datetime, community: int | None = None, teams: Collection[int] | None = None) -> int:
    """How many cases came above the line after `since`."""
    with deps.store.read() as session:
        return _count(session, community, teams, *LANES["needs"], Case.surfaced_at > since)


def sources(deps: Deps) -> list[Source]:
    """Every connection, those that are broken first."""
    now = deps.now()
    with deps.store.read() as session:
        dead = count_dead(session)
        rows = session.scalars(select(Connection).order_by(Connection.name))
        found = [_source(deps, session, row, dead.get(row.id, 0), now) for row in rows]
    return sorted(found, key=lambda s: (_ORDER.get(s.state, 3), not s.dead, s.name))


def source(deps: Deps, connection_id: int) -> Source | None:
    """One connection."""
    return next((s for s in sources(deps) if s.id == connection_id), None)


def what_is_read(deps: Deps) -> list[Public]:
    """The communities that are read and may be named in public."""
    query = (
        select(Community.name, Connection.name, Connection.connector, Connection.url)
        .join(Connection, Connection.id == Community.connection_id)
        .where(Community.restricted.is_(False))
        .order_by(Connection.name, Community.name)
    )
    with deps.store.read() as session:
        rows = session.execute(query).all()
    return [Public(name, connection, _label(deps, kind), host_of(url)) for name, connection, kind, url in rows]


def check_now(deps: Deps, connection_id: int, actor: str) -> Check | None:
    """Asks the platform about the credentials. None when the connector calls nobody. Raises ConnectorError."""
    with deps.store.read() as session:
        connection = opened(deps, session, connection_id)
    platform = open_session(deps, connection)
    if platform is None:
        return None
    with closing(platform):
        found = platform.check()
    with deps.store.write() as session:
        values = {"account": found.account[:200], "server": found.server[:200], **found_by(found)}
        session.execute(update(Connection).where(Connection.id == connection_id).values(**values))
        append(session, deps.vault, Entry("connection:check", actor, f"connection:{connection_id}"), deps.now())
    return found


def _count(session: Session, community: int | None, teams: Collection[int] | None, *where: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(Case).where(*where)
    if community is not None:
        query = query.where(Case.community_id == community)
    if teams is not None:
        query = query.where(in_queue_of(teams))
    return session.scalar(query) or 0


def _source(deps: Deps, session: Session, row: Connection, dead: int, now: datetime) -> Source:
    calls = tuple(Calls(*c) for c in budget_left(session, pace_key(row.connector, row.url), now)) if row.url else ()
    return Source(
        id=row.id,
        name=row.name,
        connector=row.connector,
        label=_label(deps, row.connector),
        url=row.url,
        account=row.account,
        server=row.server,
        shadow=row.shadow,
        state=row.state,
        error=row.error,
        error_code=row.error_code,
        error_since=row.error_since,
        error_at=row.error_at,
        read_at=row.read_at,
        message_at=row.message_at,
        poll_due_at=row.poll_due_at,
        failures=row.failures,
        dead=dead,
        calls=calls,
    )


def _label(deps: Deps, connector: str) -> str:
    known = deps.connectors.get(connector)
    return known.label if known else connector
