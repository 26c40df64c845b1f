"""Who works here: added, given roles, switched off and on, unlocked, helped in; `authorize` is asked before each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from moderation.errors import BadInput, NotAllowed
from moderation.model import Capability
from moderation.policy import PEOPLE, Subject, authorize
from service.auth.passwords import hash_password, make_password
from service.db.audit import Entry, append
from service.db.models import Person
from service.db.people_tables import CodeFactor, EntryLink, GuessLock, Passkey, SignIn
from service.deps import Deps
from service.usecases import factors, lockout
from service.usecases.invitations import link_for
from service.usecases.people import OWNER, Known, add_person, as_known, sign_out

Given = TypeVar("Given")
_OWNERS = select(Person.id).where(Person.role == OWNER, Person.active).order_by(Person.id).with_for_update()


class Why(StrEnum):
    """Why a change of a person is refused to everybody."""

    SELF = "self"
    LAST_OWNER = "last_owner"
    NOBODY = "nobody"
    ROLE = "role"
    OFF = "off"


class Impossible(BadInput):
    """A change that would lock the house from inside."""

    def __init__(self, why: Why, words: str) -> None:
        super().__init__(words)
        self.why = why


@dataclass(frozen=True, slots=True)
class Colleague:
    """A person as those who run the desk see them. `link_until`: a link waits to be used."""

    id: int
    username: str
    name: str
    role: str
    active: bool
    second: bool
    seen_at: datetime | None
    link_until: datetime | None
    locked_until: datetime | None


def everybody(deps: Deps) -> list[Colleague]:
    """Everybody, by role from the most trusted down, then by name; who is switched off comes last."""
    now = deps.now()
    with deps.store.read() as session:
        people = session.scalars(select(Person).where(Person.role.in_(PEOPLE))).all()
        last = select(SignIn.person_id, func.max(SignIn.seen_at)).group_by(SignIn.person_id)
        seen = dict(session.execute(last).all())
        links = dict(session.execute(select(EntryLink.person_id, EntryLink.expires_at)).all())
        locked = select(GuessLock.who, GuessLock.locked_until).where(GuessLock.locked_until > now)
        locks = dict(session.execute(locked).all())
        codes = set(session.scalars(select(CodeFactor.person_id).where(CodeFactor.confirmed_at.is_not(None))))
        keys = set(session.scalars(select(Passkey.person_id)))
    found = [
        Colleague(
            *(p.id, p.username, p.name, p.role, p.active),
            second=p.id in codes | keys,
            seen_at=seen.get(p.id),
            link_until=_ahead(links.get(p.id), now),
            locked_until=locks.get(lockout.digest(deps, p.username)),
        )
        for p in people
    ]
    return sorted(found, key=lambda c: (not c.active, _rank(c.role), c.username))


def allowed(deps: Deps, by: Known, role: str) -> None:
    """Raises NotAllowed unless `by` may change somebody of a role, or give it."""
    authorize(by.asking, Capability.ADMINISTER, Subject("person", role=role), deps.now())


def add(deps: Deps, by: Known, username: str, name: str, role: str) -> str:
    """Adds a person and returns the token of their invitation. Raises NotAllowed, BadInput."""
    if role not in PEOPLE:
        raise Impossible(Why.ROLE, f"There is no role “{role}”. Take one of: {', '.join(PEOPLE)}.")
    hashed = hash_password(make_password())  # nobody knows it: the link sets the first one
    with deps.store.write() as session:
        by = _asking(session, by)
        allowed(deps, by, role)
        person = add_person(deps, session, username, role, hashed, by.actor, name)
        return link_for(deps, session, person, by.actor)


def change_role(deps: Deps, by: Known, person_id: int, role: str) -> None:
    """Gives a person another role and signs them out. Raises NotAllowed, BadInput."""
    if role not in PEOPLE:
        raise Impossible(Why.ROLE, f"There is no role “{role}”. Take one of: {', '.join(PEOPLE)}.")

    def change(session: Session, person: Person, by: Known) -> None:
        allowed(deps, by, role)
        if role == person.role:
            return
        _refuse_self(person, by)
        _refuse_last_owner(session, person)
        before, person.role = person.role, role
        sign_out(session, person)
        entry = Entry("person:role", by.actor, f"person:{person.id}", before={"role": before}, after={"role": role})
        append(session, deps.vault, entry, deps.now())

    _change(deps, by, person_id, change)


def switch(deps: Deps, by: Known, person_id: int, active: bool) -> None:
    """Switches an account off, which signs it out, or on again. Raises NotAllowed, BadInput."""

    def change(session: Session, person: Person, by: Known) -> None:
        if active == person.active:
            return
        _refuse_self(person, by)
        _refuse_last_owner(session, person)
        person.active = active
        sign_out(session, person)
        session.execute(delete(EntryLink).where(EntryLink.person_id == person.id))
        kind = "person:switch_on" if active else "person:switch_off"
        append(session, deps.vault, Entry(kind, by.actor, f"person:{person.id}"), deps.now())

    _change(deps, by, person_id, change)


def unlock(deps: Deps, by: Known, person_id: int) -> None:
    """Takes away the lock that wrong tries put on. Raises NotAllowed, BadInput."""
    _change(deps, by, person_id, lambda session, person, by: lockout.unlock(deps, session, person, by.actor))


def reset_factors(deps: Deps, by: Known, person_id: int) -> None:
    """Takes every second factor from a person who lost theirs. Raises NotAllowed, BadInput."""

    def change(session: Session, person: Person, by: Known) -> None:
        _refuse_self(person, by)
        factors.reset_in(deps, session, person, by.actor)

    _change(deps, by, person_id, change)


def link(deps: Deps, by: Known, person_id: int) -> str:
    """The token of a link by which a person sets a new password. Raises NotAllowed, BadInput."""

    def change(session: Session, person: Person, by: Known) -> str:
        if not person.active:
            raise Impossible(Why.OFF, "This account is switched off. Switch it on first.")
        return link_for(deps, session, person, by.actor)

    return _change(deps, by, person_id, change)


def _change(deps: Deps, by: Known, person_id: int, change: Callable[[Session, Person, Known], Given]) -> Given:
    """Carries out a change in one transaction, asked with what both are at that moment.

    Owners' rows are locked first, in order: two owners cannot switch each other off at once.
    """
    with deps.store.write() as session:
        session.execute(_OWNERS)
        by = _asking(session, by)
        one = select(Person).where(Person.id == person_id, Person.role.in_(PEOPLE))  # a program's row is nobody's
        person = session.scalars(one.with_for_update()).one_or_none()
        if person is None:
            raise Impossible(Why.NOBODY, "There is no such person.")
        allowed(deps, by, person.role)
        return change(session, person, by)


def _asking(session: Session, by: Known) -> Known:
    """Whoever asks, as they are at this moment."""
    person = session.get_one(Person, by.id)
    if not person.active:
        raise NotAllowed("This account is closed.")
    return as_known(session, person)


def _refuse_self(person: Person, by: Known) -> None:
    if person.id == by.id:
        raise Impossible(Why.SELF, "Nobody changes their own role or switches themselves off. Ask another owner.")


def _refuse_last_owner(session: Session, person: Person) -> None:
    if person.role == OWNER and person.active and len(session.execute(_OWNERS).all()) < 2:
        raise Impossible(Why.LAST_OWNER, "This is the last owner. Make somebody else an owner first.")


def _ahead(at: datetime | None, now: datetime) -> datetime | None:
    return at if at is not None and at > now else None


def _rank(role: str) -> int:
    return PEOPLE.index(role) if role in PEOPLE else len(PEOPLE)
