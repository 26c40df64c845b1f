"""Whom a proof from elsewhere stands for here.

A proof opens the account that this very (provider, issuer, subject) was linked to, and no other: an e-mail address or
a name that is the same links nothing. Linking is done by somebody who is signed in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from service.auth.external.address import host_of, server_origin
from service.auth.external.proof import PROFILE_PROVEN, Proof, Provider, Trouble, Why
from service.db.audit import Entry, append
from service.db.identity_tables import ForumSecret, Identity
from service.db.models import Person
from service.db.people_tables import Passkey
from service.db.trust import touch_authors
from service.deps import Deps
from service.usecases.people import Known, add_person, known_person, pseudonym
from service.usecases.proofs import authors_of, has_offer, offering
from service.usecases.proving import forums

#: Roles that do not come in by an account on a platform: whoever takes that account over would run the desk.
GUARDED = frozenset({"owner", "manager"})
_NOT_IN_NAMES = re.compile(r"[^\w.@+-]|[^\x00-\x7f]")
_LONGEST_NAME = 70


@dataclass(frozen=True, slots=True)
class Linked:
    """An identity as its owner sees it."""

    id: int
    provider: str
    host: str
    handle: str
    linked_at: datetime
    used_at: datetime | None
    removable: bool


@dataclass(frozen=True, slots=True)
class Ways:
    """How somebody may sign in from elsewhere: the company's name for its sign-in, servers, forums."""

    company: str
    mastodon: bool
    forums: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.company or self.mastodon or self.forums)


def ways_in(deps: Deps) -> Ways:
    """What the door offers: platforms only where somebody could come in by them."""
    with deps.store.read() as session:
        used = set(session.scalars(select(Identity.provider).distinct())) | offering(session)
    open_to = {p for p in Provider if deps.settings.allow_authors or p in used}
    known = forums(deps) if Provider.DISCOURSE in open_to else []
    return Ways(_company_name(deps), Provider.MASTODON in open_to, tuple(known))


def ways_to_link(deps: Deps) -> Ways:
    """What somebody who is signed in may link."""
    return Ways(_company_name(deps), True, tuple(forums(deps)))


def enter_by(deps: Deps, proof: Proof) -> Known:
    """The person that a proof stands for; a new one where the settings let strangers in. Raises Trouble."""
    try:
        with deps.store.write() as session:
            kept = _kept(session, proof)
            person = session.get_one(Person, kept.person_id) if kept is not None else _newcomer(deps, session, proof)
            _refuse(proof, person)
            identity = kept or _link(deps, session, person, proof)
            identity.handle, identity.used_at = proof.handle[:300], deps.now()
            person_id = person.id
    except IntegrityError:  # the same newcomer came twice at one moment
        raise Trouble(Why.UNKNOWN) from None
    known = known_person(deps, person_id)
    if known is None:
        raise Trouble(Why.CLOSED)
    return known


def link(deps: Deps, known: Known, proof: Proof) -> None:
    """Lets somebody who is signed in come in by this identity from now on. Raises Trouble when it is another's."""
    try:
        with deps.store.write() as session:
            kept = _kept(session, proof)
            if kept is not None and kept.person_id != known.id:
                raise Trouble(Why.TAKEN, host_of(proof.issuer))
            if kept is None:
                _link(deps, session, session.get_one(Person, known.id), proof)
    except IntegrityError:
        raise Trouble(Why.TAKEN, host_of(proof.issuer)) from None


def unlink(deps: Deps, known: Known, identity_id: int) -> None:
    """Takes one of their own identities away. Raises Trouble when it is the last way in, or not theirs."""
    with deps.store.write() as session:
        person = session.get_one(Person, known.id)
        row = session.get(Identity, identity_id)
        if row is None or row.person_id != known.id:
            raise Trouble(Why.UNKNOWN)
        if not _other_ways(session, person, row):
            raise Trouble(Why.LAST_WAY, host_of(row.issuer))
        touch_authors(session, authors_of(session, person.id))
        session.delete(row)
        _note(deps, session, "identity:unlink", person, row)


def linked(deps: Deps, person_id: int) -> list[Linked]:
    """What a person has linked, oldest first."""
    with deps.store.read() as session:
        person = session.get_one(Person, person_id)
        rows = session.scalars(select(Identity).where(Identity.person_id == person_id).order_by(Identity.id)).all()
        return [
            Linked(
                r.id, r.provider, host_of(r.issuer), r.handle, r.linked_at, r.used_at, _other_ways(session, person, r)
            )
            for r in rows
        ]


def set_forum_secret(deps: Deps, typed: str, secret: str, actor: str) -> str:
    """Keeps the DiscourseConnect secret of a forum, or forgets it (""). Returns the forum's origin. Raises Trouble."""
    origin = server_origin(typed, deps.settings.private_hosts)
    with deps.store.write() as session:
        row = session.get(ForumSecret, origin)
        if row is not None:
            session.delete(row)
            session.flush()
        if secret:
            session.add(ForumSecret(issuer=origin, sealed=deps.vault.seal(secret), set_at=deps.now()))
        kind = "forum_secret:set" if secret else "forum_secret:forget"
        append(session, deps.vault, Entry(kind, actor, f"forum:{origin}"), deps.now())
    return origin


def _shown(row: Identity, *, removable: bool) -> Linked:
    return Linked(row.id, row.provider, host_of(row.issuer), row.handle, row.linked_at, row.used_at, removable)


def _refuse(proof: Proof, person: Person) -> None:
    if not person.active:
        raise Trouble(Why.CLOSED)
    if proof.provider is not Provider.OIDC and person.role in GUARDED:
        raise Trouble(Why.STRONGER, host_of(proof.issuer))


def _newcomer(deps: Deps, session: Session, proof: Proof) -> Person:
    """A new person, where the settings say so. They have no password: they come back the way they came."""
    role = _role_for(deps, proof) or ("rock_star" if has_offer(session, proof) else "")
    if not role:
        raise Trouble(Why.NOT_INVITED, host_of(proof.issuer))
    return add_person(deps, session, _free_name(session, proof), role, "", proof.provider, proof.name or proof.handle)


def _role_for(deps: Deps, proof: Proof) -> str:
    """The role of somebody who comes for the first time; "" when they may not."""
    settings = deps.settings
    if proof.provider is not Provider.OIDC:
        return "rock_star" if settings.allow_authors else ""
    domain = proof.email.rpartition("@")[2]
    return settings.oidc_role if domain and domain in settings.oidc_domains else ""


def _free_name(session: Session, proof: Proof) -> str:
    """A sign-in name that nobody has. It says who somebody is to their team and opens nothing."""
    wished = _NOT_IN_NAMES.sub("", (proof.email or proof.handle).lower().lstrip("@"))[:_LONGEST_NAME] or "somebody"
    name, count = wished, 1
    while session.scalar(select(Person.id).where(Person.username == name)) is not None:
        count += 1
        name = f"{wished}-{count}"
    return name


def _kept(session: Session, proof: Proof) -> Identity | None:
    named = Identity.provider == proof.provider, Identity.issuer == proof.issuer, Identity.subject == proof.subject
    return session.scalars(select(Identity).where(*named)).one_or_none()


def _link(deps: Deps, session: Session, person: Person, proof: Proof) -> Identity:
    row = Identity(
        person_id=person.id,
        provider=proof.provider,
        issuer=proof.issuer,
        subject=proof.subject,
        handle=proof.handle[:300],
        linked_at=deps.now(),
    )
    session.add(row)
    session.flush()
    # Accounts of one person are counted together.
    touch_authors(session, authors_of(session, person.id))
    _note(deps, session, "identity:link", person, row)
    return row


def _note(deps: Deps, session: Session, kind: str, person: Person, row: Identity) -> None:
    what = {"provider": row.provider, "issuer": row.issuer, "subject": row.subject}
    append(session, deps.vault, Entry(kind, pseudonym(person), f"person:{person.id}", after=what), deps.now())


def _other_ways(session: Session, person: Person, row: Identity) -> bool:
    """Whether somebody could still sign in without this identity."""
    if row.provider in PROFILE_PROVEN:
        return True
    if person.password_hash or session.scalar(select(Passkey.id).where(Passkey.person_id == person.id).limit(1)):
        return True
    others = select(func.count()).select_from(Identity).where(Identity.person_id == person.id, Identity.id != row.id)
    others = others.where(Identity.provider.not_in(PROFILE_PROVEN))
    if person.role in GUARDED:
        others = others.where(Identity.provider == Provider.OIDC)
    return bool(session.scalar(others))


def _company_name(deps: Deps) -> str:
    settings = deps.settings
    return settings.oidc_name or host_of(settings.oidc_issuer) if settings.oidc_issuer else ""
