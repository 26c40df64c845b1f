"""Authors as platforms show them, as rows. Everything here runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.model import AuthorRole, AuthorSeen
from service.db.deliveries import insert_new
from service.db.models import Author


def author_values(a: AuthorSeen) -> dict[str, Any]:
    """The columns that a platform fills."""
    return {
        "remote_id": a.remote_id,
        "handle": a.handle[:300],
        "name": a.name[:300],
        "role": str(a.role),
        "trust": a.trust,
        "bot": a.bot,
        "url": a.url[:500],
    }


def strangers(session: Session, connection_id: int, people: Mapping[str, AuthorSeen], now: datetime) -> dict[str, int]:
    """Ids of authors who are only spoken of; who is not known yet is added as a customer.

    Nothing of a known one changes: what is said beside a report of somebody's role is a guess.
    """
    known = _ids(session, connection_id, people)
    missing = [
        author_values(seen) | {"connection_id": connection_id, "first_seen_at": now, "role": str(AuthorRole.CUSTOMER)}
        for key, seen in sorted(people.items())
        if key not in known
    ]
    if missing:
        insert_new(session, Author, missing)
        known = _ids(session, connection_id, people)
    return known


def _ids(session: Session, connection_id: int, remote_ids: Iterable[str]) -> dict[str, int]:
    query = select(Author.remote_id, Author.id).where(
        Author.connection_id == connection_id, Author.remote_id.in_(list(remote_ids))
    )
    return {row.remote_id: row.id for row in session.execute(query)}
