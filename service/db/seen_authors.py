"""Authors as platforms show them, as rows. Everything here runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from moderation.model import AuthorRole, AuthorSeen
from service.db import remote
from service.db.models import Author


def keep_authors(
    session: Session, connection_id: int, people: Mapping[str, AuthorSeen], now: datetime
) -> dict[str, int]:
    """Ids of authors who wrote; each stands as the platform shows them now."""
    values = {key: _values(seen) for key, seen in people.items()}
    rows = {key: {"first_seen_at": now, **row} for key, row in values.items()}
    return remote.upsert(session, Author, connection_id, rows, values)


def strangers(session: Session, connection_id: int, people: Mapping[str, AuthorSeen], now: datetime) -> dict[str, int]:
    """Ids of authors who are only spoken of; who is not known yet is added as a customer.

    Nothing of a known one changes: what is said beside a report of somebody's role is a guess.
    """
    guess = {"first_seen_at": now, "role": str(AuthorRole.CUSTOMER)}
    rows = {key: _values(seen) | guess for key, seen in people.items()}
    return remote.upsert(session, Author, connection_id, rows, changes={})


def _values(a: AuthorSeen) -> dict[str, Any]:
    """The columns that a platform fills."""
    return {
        "handle": a.handle[:300],
        "name": a.name[:300],
        "role": str(a.role),
        "trust": a.trust,
        "bot": a.bot,
        "url": a.url[:500],
    }
