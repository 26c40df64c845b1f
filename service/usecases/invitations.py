"""One-time links: an invitation, or a new password for who forgot theirs. Only a link's digest is kept."""

from __future__ import annotations

import secrets
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from service.auth.passwords import hash_password
from service.db.audit import Entry, append
from service.db.models import Person
from service.db.people_tables import EntryLink
from service.deps import Deps
from service.usecases.people import Known, as_known, forget_note, give_password, known_words, named
from service.vault import token_digest

LASTS = timedelta(hours=24)


class LinkEnded(BadInput):
    """The link was used, is too old, or another one took its place."""


def address(base: str, token: str) -> str:
    """A link as it is handed over; `base` is where people reach Tenth."""
    return f"{base.rstrip('/')}/link/{token}"


def make_link(deps: Deps, username: str, actor: str = "system") -> str:
    """A new link for a person; the one before stops working. Raises BadInput."""
    with deps.store.write() as session:
        return link_for(deps, session, named(session, username), actor)


def link_for(deps: Deps, session: Session, person: Person, actor: str) -> str:
    """The same in the caller's transaction, which has asked whether that is allowed."""
    if not person.active:
        raise BadInput(f"“{person.username}” is switched off. Switch the account on first.")
    token, now = secrets.token_urlsafe(32), deps.now()
    session.execute(delete(EntryLink).where(EntryLink.person_id == person.id))
    session.add(EntryLink(person_id=person.id, digest=token_digest(token), made_at=now, expires_at=now + LASTS))
    append(session, deps.vault, Entry("person:link", actor, f"person:{person.id}"), now)
    return token


def holder(deps: Deps, token: str) -> Known | None:
    """Whose link this is, while it works."""
    with deps.store.read() as session:
        person = _holder(deps, session, token)
        return as_known(session, person) if person is not None else None


def use_link(deps: Deps, token: str, password: str) -> Known:
    """Sets the password of a link's holder; the link and every session of theirs end. Raises LinkEnded, BadInput."""
    known = holder(deps, token)
    hashed = hash_password(password, known_words(deps, known.username) if known is not None else ())
    with deps.store.write() as session:
        person = _holder(deps, session, token)
        ours = delete(EntryLink).where(EntryLink.digest == token_digest(token)).returning(EntryLink.person_id)
        if person is None or session.scalar(ours) is None:
            raise LinkEnded("This link does not work any more. Ask an owner or a manager for another one.")
        known = as_known(session, person)
        give_password(deps, session, person, hashed, known.actor)
        session.flush()
        known = as_known(session, person)
    forget_note(deps, person)
    return known


def _holder(deps: Deps, session: Session, token: str) -> Person | None:
    query = select(Person).join(EntryLink, EntryLink.person_id == Person.id)
    query = query.where(EntryLink.digest == token_digest(token), EntryLink.expires_at > deps.now(), Person.active)
    return session.scalars(query).one_or_none()
