"""Grants as people see them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from moderation.errors import BadInput
from moderation.grants import GrantState
from moderation.model import Capability
from service.db.grant_tables import GrantRow, PlatformRight
from service.db.models import Author, Community, Connection
from service.deps import Deps
from service.usecases.carrying import Obstacle, obstacles
from service.usecases.people import Known
from service.usecases.proofs import authors_of


@dataclass(frozen=True, slots=True)
class Shown:
    """A grant as people see it. `obstacles` stand in the way of some of its acts: what our own account may not do."""

    id: int
    state: GrantState
    handle: str
    author_id: int
    person_id: int | None
    connection: str
    community: str
    tag: str
    template: str
    capabilities: tuple[Capability, ...]
    days: int
    hourly: int
    daily: int
    silence_hours: int
    evidence: tuple[Any, ...]
    message: str
    reason: str
    made_at: datetime
    offer_ends_at: datetime | None
    starts_at: datetime | None
    ends_at: datetime | None
    obstacles: tuple[Obstacle, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a grant can hold; `community_id` None is the whole connection."""

    connection_id: int
    community_id: int | None
    connection: str
    community: str

    @property
    def key(self) -> str:
        return f"{self.connection_id}:{self.community_id or ''}"


@dataclass(frozen=True, slots=True)
class Moving:
    """A right that is not yet as it should be on its platform, and what stands in the way."""

    handle: str
    connection: str
    community: str
    state: str
    error: str
    decided_at: datetime


def places(deps: Deps) -> list[Place]:
    """Every place there is, each connection before its communities."""
    query = select(Connection.id, Connection.name).where(Connection.connector != "archive").order_by(Connection.name)
    inside = select(Community.connection_id, Community.id, Community.name).order_by(Community.name)
    with deps.store.read() as session:
        communities = session.execute(inside).all()
        found = []
        for connection_id, name in session.execute(query):
            found.append(Place(connection_id, None, name, ""))
            found += [Place(connection_id, i, name, called) for c, i, called in communities if c == connection_id]
    return found


def author_named(deps: Deps, connection_id: int, handle: str) -> int:
    """The one author of a handle on a connection. Raises BadInput."""
    wanted = handle.strip().lstrip("@")
    query = select(Author.id).where(Author.connection_id == connection_id, Author.handle.in_((wanted, f"@{wanted}")))
    with deps.store.read() as session:
        ids = session.scalars(query.limit(2)).all()
    if len(ids) != 1:
        raise BadInput("Nobody of that name has written there. Take the handle as the platform shows it.")
    return ids[0]


def moving(deps: Deps) -> list[Moving]:
    """Rights on their way, the longest first."""
    query = (
        select(Author.handle, Connection.name, Community.name, PlatformRight)
        .join(Author, Author.id == PlatformRight.author_id)
        .join(Community, Community.id == PlatformRight.community_id)
        .join(Connection, Connection.id == PlatformRight.connection_id)
        .where(PlatformRight.state.in_(("giving", "taking")))
        .order_by(PlatformRight.decided_at)
    )
    with deps.store.read() as session:
        found = session.execute(query)
        return [Moving(handle, on, named, r.state, r.error, r.decided_at) for handle, on, named, r in found]


def grants(deps: Deps, states: Iterable[str] = (), author_id: int | None = None) -> list[Shown]:
    """Grants, the newest first."""
    query = _selected()
    if wanted := [GrantState(state) for state in states]:
        query = query.where(GrantRow.state.in_(wanted))
    if author_id is not None:
        query = query.where(GrantRow.author_id == author_id)
    with deps.store.read() as session:
        return [_shown(deps, *found) for found in session.execute(query.order_by(GrantRow.id.desc()))]


def grant(deps: Deps, grant_id: int) -> Shown:
    """One grant. Raises BadInput."""
    with deps.store.read() as session:
        found = session.execute(_selected().where(GrantRow.id == grant_id)).one_or_none()
        if found is None:
            raise BadInput("There is no such grant.")
        return _shown(deps, *found)


def mine(deps: Deps, by: Known) -> list[Shown]:
    """Grants that a person holds, held, or may accept."""
    with deps.store.read() as session:
        theirs = authors_of(session, by.id)
        where = GrantRow.person_id == by.id
        if theirs:
            where = where | (GrantRow.author_id.in_(theirs) & (GrantRow.state == "offered"))
        return [_shown(deps, *f) for f in session.execute(_selected().where(where).order_by(GrantRow.id.desc()))]


def _selected() -> Any:
    return (
        select(GrantRow, Author.handle, Connection, Community.name)
        .join(Author, Author.id == GrantRow.author_id)
        .join(Connection, Connection.id == GrantRow.connection_id)
        .outerjoin(Community, Community.id == GrantRow.community_id)
    )


def _shown(deps: Deps, row: GrantRow, handle: str, connection: Connection, community: str | None) -> Shown:
    same = ("id", "author_id", "person_id", "tag", "template", "days", "hourly", "daily", "silence_hours", "message")
    kept = {name: getattr(row, name) for name in (*same, "reason", "made_at", "offer_ends_at", "starts_at", "ends_at")}
    capabilities = tuple(Capability(one) for one in row.capabilities)
    return Shown(
        state=GrantState(row.state),
        handle=handle,
        connection=connection.name,
        community=community or "",
        capabilities=capabilities,
        evidence=tuple(row.evidence),
        obstacles=obstacles(deps, connection, capabilities),
        **kept,
    )
