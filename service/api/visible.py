"""What a client may see: restricted communities stay out unless it has the scope."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select

from service.db.models import Community, Connection, Thread
from service.deps import Deps
from service.usecases.clients import Client
from service.usecases.queue import Queue, line, queue_page

SCOPE = "restricted:read"
MAX_FOUND = 100


@dataclass(frozen=True, slots=True)
class Place:
    """A community, with what it is allowed and when it was last looked at."""

    id: int
    remote_id: str
    name: str
    connection: str
    restricted: bool
    budget: float
    window_days: int
    newest_at: datetime | None
    triaged_at: datetime | None


@dataclass(frozen=True, slots=True)
class ThreadRef:
    """Enough to name a thread and to ask for it."""

    id: int
    thread: str
    connection: str
    community: str
    title: str
    url: str


def communities(deps: Deps, client: Client) -> list[Place]:
    """The communities that a client may see."""
    columns = [getattr(Community, n) for n in Place.__dataclass_fields__ if n != "connection"]
    columns.insert(3, Connection.name)
    query = select(*columns).join(Connection, Connection.id == Community.connection_id)
    query = _without_restricted(query, client).order_by(Connection.name, Community.name, Community.id)
    with deps.store.read() as session:
        return [Place(*row) for row in session.execute(query)]


def sees_community(deps: Deps, client: Client, community: int) -> bool:
    """Whether a community is there for this client."""
    query = _without_restricted(select(Community.id).where(Community.id == community), client)
    with deps.store.read() as session:
        return session.scalar(query) is not None


def sees_thread(deps: Deps, client: Client, thread_id: int) -> bool:
    """Whether a thread is there for this client."""
    return bool(_seen(deps, client, [thread_id]))


def find_threads(deps: Deps, client: Client, remote_id: str, connection: str | None) -> list[ThreadRef]:
    """Threads by the platform's id; several connections may use the same one."""
    query = (
        select(Thread.id, Thread.remote_id, Connection.name, Community.name, Thread.title, Thread.url)
        .join(Connection, Connection.id == Thread.connection_id)
        .join(Community, Community.id == Thread.community_id)
        .where(Thread.remote_id == remote_id)
    )
    if connection is not None:
        query = query.where(Connection.name == connection)
    query = _without_restricted(query, client).order_by(Thread.id).limit(MAX_FOUND)
    with deps.store.read() as session:
        return [ThreadRef(*row) for row in session.execute(query)]


def page(deps: Deps, client: Client, lane: str, locale: str, after: str, size: int, community: int | None) -> Queue:
    """A page of the queue without what the client may not see; it may be shorter than asked for, even empty."""
    found = queue_page(deps, lane, locale, after, size, community)
    if client.may(SCOPE):
        return found
    seen = _seen(deps, client, [i.thread_id for i in found.items])
    items = tuple(i for i in found.items if i.thread_id in seen)
    ids = [community] if community is not None else [p.id for p in communities(deps, client)]
    with deps.store.read() as session:
        return replace(found, items=items, line=line(session, deps.now(), ids))


def _seen(deps: Deps, client: Client, ids: Collection[int]) -> set[int]:
    query = select(Thread.id).join(Community, Community.id == Thread.community_id).where(Thread.id.in_(ids))
    with deps.store.read() as session:
        return set(session.scalars(_without_restricted(query, client)))


def _without_restricted(query: Any, client: Client) -> Any:
    return query if client.may(SCOPE) else query.where(Community.restricted.is_(False))
