"""Which accounts are one person's: those they proved by signing in with each. Never guessed from names or words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.auth.external.proof import Provider
from service.db.identity_tables import Identity
from service.db.models import Author, Connection

#: Platforms that vouch for their own accounts, by number.
_OWN_NUMBERS = (Provider.DISCOURSE, Provider.NODEBB, Provider.LEMMY)


def same_person(session: Session) -> dict[int, int]:
    """Author ids of people with several proven accounts, each to the lowest of that person."""
    people: defaultdict[int, set[int]] = defaultdict(set)
    for person, author in [*_on_forums(session), *_on_the_fediverse(session)]:
        people[person].add(author)
    return {author: min(found) for found in people.values() if len(found) > 1 for author in found}


def accounts(author: int, same: Mapping[int, int]) -> list[int]:
    """An author's accounts, the one that stands for the person first."""
    return sorted({author, *(a for a, first in same.items() if first == author)})


def _on_forums(session: Session) -> list[tuple[int, int]]:
    """A forum vouches for its own numbers."""
    query = (
        select(Identity.person_id, Author.id, Identity.issuer, Connection.url)
        .join(Author, Author.remote_id == Identity.subject)
        .join(Connection, Connection.id == Author.connection_id)
        .where(Identity.provider.in_(_OWN_NUMBERS), Connection.connector == Identity.provider)
    )
    return [(person, author) for person, author, issuer, url in session.execute(query) if issuer == url.rstrip("/")]


def _on_the_fediverse(session: Session) -> list[tuple[int, int]]:
    """A server vouches for the addresses that end with its own name; other servers number the same account anew."""
    identities = session.execute(
        select(Identity.person_id, Identity.handle).where(Identity.provider == Provider.MASTODON)
    ).all()
    by_handle = {handle.lstrip("@"): person for person, handle in identities}
    query = (
        select(Author.handle, Author.id)
        .join(Connection, Connection.id == Author.connection_id)
        .where(Connection.connector == "mastodon", Author.handle.in_(list(by_handle)))
    )
    return [(by_handle[handle], author) for handle, author in session.execute(query)]
