"""Stored grants, as `authorize` knows them."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.grants import Grant, GrantState, Scope
from moderation.model import Capability
from service.db.grant_tables import GrantRow


def held_by(session: Session, person_id: int) -> tuple[Grant, ...]:
    """The grants that a person acts by."""
    rows = session.scalars(select(GrantRow).where(GrantRow.person_id == person_id, GrantRow.state == "active"))
    return tuple(grant_of(row) for row in rows)


def grant_of(row: GrantRow) -> Grant:
    """A stored grant as `authorize` knows it; one that never began covers no time."""
    return Grant(
        row.id or 0,
        frozenset(Capability(one) for one in row.capabilities),
        Scope(row.connection_id, row.community_id, row.tag or ""),
        row.starts_at or row.made_at,
        row.ends_at or row.made_at,
        GrantState(row.state or GrantState.PROPOSED),
        row.hourly,
        row.daily,
        row.silence_hours or 0,
    )
