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
from service.db.grant_tables import GrantRow
from service.db.models import Author, Community, Connection
from service.deps import Deps
from service.usecases.people import Known
from service.usecases.proofs import authors_of


@dataclass(frozen=True, slots=True)
class Shown:
    """A grant as people see it."""

    id: int
    state: GrantState
    handle: str
    author_id: int
    person_id: int | None
    connection: str
    community: str
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


def grants(deps: Deps, states: Iterable[str] = (), author_id: int | None = None) -> list[Shown]:
    """Grants, the newest first."""
    query = _selected()
    if wanted := [GrantState(state) for state in states]:
        query = query.where(GrantRow.state.in_(wanted))
    if author_id is not None:
        query = query.where(GrantRow.author_id == author_id)
    with deps.store.read() as session:
        return [_shown(*found) for found in session.execute(query.order_by(GrantRow.id.desc()))]


def grant(deps: Deps, grant_id: int) -> Shown:
    """One grant. Raises BadInput."""
    with deps.store.read() as session:
        found = session.execute(_selected().where(GrantRow.id == grant_id)).one_or_none()
    if found is None:
        raise BadInput("There is no such grant.")
    return _shown(*found)


def mine(deps: Deps, by: Known) -> list[Shown]:
    """Grants that a person holds, held, or may accept."""
    with deps.store.read() as session:
        theirs = authors_of(session, by.id)
        where = GrantRow.person_id == by.id
        if theirs:
            where = where | (GrantRow.author_id.in_(theirs) & (GrantRow.state == "offered"))
        return [_shown(*f) for f in session.execute(_selected().where(where).order_by(GrantRow.id.desc()))]


def _selected() -> Any:
    return (
        select(GrantRow, Author.handle, Connection.name, Community.name)
        .join(Author, Author.id == GrantRow.author_id)
        .join(Connection, Connection.id == GrantRow.connection_id)
        .outerjoin(Community, Community.id == GrantRow.community_id)
    )


def _shown(row: GrantRow, handle: str, connection: str, community: str | None) -> Shown:
    same = ("id", "author_id", "person_id", "template", "days", "hourly", "daily", "silence_hours", "message", "reason")
    kept = {name: getattr(row, name) for name in (*same, "made_at", "offer_ends_at", "starts_at", "ends_at")}
    return Shown(
        state=GrantState(row.state),
        handle=handle,
        connection=connection,
        community=community or "",
        capabilities=tuple(Capability(one) for one in row.capabilities),
        evidence=tuple(row.evidence),
        **kept,
    )
