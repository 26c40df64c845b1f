"""Which remote authors a person is, by what they proved with each account; never by a name that looks the same."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from moderation.grants import GrantState
from service.auth.external.proof import Proof, Provider
from service.db.grant_tables import GrantRow
from service.db.identity_tables import Identity
from service.db.models import Author, Connection

#: Which connector reads what a provider proves. A company's sign-in proves no author.
_CONNECTORS = {
    Provider.MASTODON: "mastodon",
    Provider.DISCOURSE: "discourse",
    Provider.NODEBB: "nodebb",
    Provider.LEMMY: "lemmy",
}


def authors_of(session: Session, person_id: int) -> frozenset[int]:
    """Ids of the authors that a person has proven to be."""
    identities = session.scalars(select(Identity).where(Identity.person_id == person_id)).all()
    return frozenset(author for identity in identities for author in _authors(session, identity))


def is_author(session: Session, person_id: int, author_id: int) -> bool:
    """Whether a person has proven that they are this author."""
    return author_id in authors_of(session, person_id)


def person_of(session: Session, author_id: int) -> int | None:
    """The person who has proven to be an author, if anybody has."""
    return next((identity.person_id for identity in identities_of(session, author_id)), None)


def identities_of(session: Session, author_id: int) -> list[Identity]:
    """The identities by which somebody has proven to be an author."""
    author = session.get_one(Author, author_id)
    connection = session.get_one(Connection, author.connection_id)
    provider = next((p for p, connector in _CONNECTORS.items() if connector == connection.connector), None)
    if provider is None:
        return []
    name = author.handle.lstrip("@").split("@")[0]
    same = or_(
        Identity.subject == author.remote_id, func.lower(Identity.handle).contains(name.lower(), autoescape=True)
    )
    found = session.scalars(select(Identity).where(Identity.provider == provider, same).order_by(Identity.id))
    return [identity for identity in found.all() if author_id in _authors(session, identity)]


def has_offer(session: Session, proof: Proof) -> bool:
    """Whether somebody who comes for the first time was offered a grant: then they are let in, to answer it."""
    theirs = tuple(_authors(session, proof))
    offered = select(GrantRow.id).where(GrantRow.author_id.in_(theirs), GrantRow.state == GrantState.OFFERED)
    return bool(theirs) and session.scalar(offered.limit(1)) is not None


def offering(session: Session) -> frozenset[str]:
    """Connectors of the platforms on which somebody was offered a grant that they can still accept."""
    query = select(Connection.connector).join(GrantRow, GrantRow.connection_id == Connection.id)
    return frozenset(session.scalars(query.where(GrantRow.state == GrantState.OFFERED)))


def _authors(session: Session, proven: Identity | Proof) -> Iterator[int]:
    """The account itself on its own server; elsewhere in the fediverse, its full handle: its server alone gives it."""
    connector = _CONNECTORS.get(Provider(proven.provider))
    if connector is None:
        return
    for connection in session.scalars(select(Connection).where(Connection.connector == connector)):
        here = _origin(connection.url) == _origin(proven.issuer)
        query = select(Author.id).where(Author.connection_id == connection.id)
        if here:
            yield from session.scalars(query.where(Author.remote_id == proven.subject))
        elif connector == "mastodon":
            host = urlsplit(proven.issuer).netloc.lower()
            name = proven.handle.lstrip("@").split("@")[0].lower()
            yield from session.scalars(query.where(Author.handle.in_((f"{name}@{host}", f"@{name}@{host}"))))


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()
