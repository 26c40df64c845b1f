"""People who sign in: made, given passwords, known by id or by name and password."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from moderation.grants import Grant
from moderation.policy import PEOPLE, Actor, Level
from service.auth.passwords import hash_password, make_password, matches
from service.db.audit import Entry, append
from service.db.grants import held_by
from service.db.models import Connection, Person
from service.db.people_tables import EntryLink, SignIn
from service.db.reply_tables import AccountLevel, BrandAccount
from service.deps import Deps

OWNER = "owner"
LOCALES = ("en", "fr")
_SYSTEM = "system"


class NameTaken(BadInput):
    """Somebody else signs in under this name."""


class BadName(BadInput):
    """Nobody can sign in under this name."""


@dataclass(frozen=True, slots=True)
class Known:
    """A person as pages see them; `actor` is the pseudonym that the audit log keeps."""

    id: int
    username: str
    name: str
    role: str
    locale: str
    session_key: str
    actor: str
    levels: Mapping[int, Level] = field(default_factory=dict)
    grants: tuple[Grant, ...] = ()

    @property
    def asking(self) -> Actor:
        """The person, as `authorize` asks for them."""
        return Actor(self.actor, self.role, True, self.levels, grants=self.grants)

    @property
    def shown(self) -> str:
        return self.name or self.username


def create_person(deps: Deps, username: str, role: str, password: str | None = None, actor: str = _SYSTEM) -> str:
    """Adds a person and returns the password, a generated one when none is given. Raises BadInput."""
    password = password or make_password()
    hashed = hash_password(password, known_words(deps, username))
    with deps.store.write() as session:
        add_person(deps, session, username, role, hashed, actor)
    return password


def add_person(
    deps: Deps, session: Session, username: str, role: str, hashed: str, actor: str, name: str = ""
) -> Person:
    """Adds a person in the caller's transaction. Raises BadInput for a name or role that cannot be."""
    username = _good_name(username)
    if role not in PEOPLE:
        raise BadInput(f"There is no role “{role}”. Take one of: {', '.join(PEOPLE)}.")
    if session.scalar(select(Person.id).where(Person.username == username)):
        raise NameTaken(f"There is a person named “{username}” already. Take another name.")
    person = Person(
        username=username,
        name=printable(name)[:200] or username,
        role=role,
        password_hash=hashed,
        session_key=secrets.token_urlsafe(24),
        audit_salt=secrets.token_hex(16),
        created_at=deps.now(),
    )
    session.add(person)
    session.flush()
    entry = Entry("person:create", actor, f"person:{person.id}", after={"role": role})
    append(session, deps.vault, entry, deps.now())
    return person


def set_password(deps: Deps, username: str, password: str | None = None, actor: str = _SYSTEM) -> str:
    """Gives a person a new password, signs them out everywhere, and returns it. Raises BadInput."""
    password = password or make_password()
    hashed = hash_password(password, known_words(deps, username))
    with deps.store.write() as session:
        person = named(session, username)
        give_password(deps, session, person, hashed, actor)
    forget_note(deps, person)
    return password


def known_words(deps: Deps, username: str) -> set[str]:
    """What everybody knows who guesses at a person's password: their names, and those of the brand and its places."""
    with deps.store.read() as session:
        shown = session.scalars(select(Person.name).where(Person.username == as_kept(username)))
        places = (v for row in session.execute(select(Connection.name, Connection.url)) for v in row)
        return {username, deps.settings.public_url, *shown, *places, *session.scalars(select(BrandAccount.handle))}


def give_password(deps: Deps, session: Session, person: Person, hashed: str, actor: str) -> None:
    """A new password in the caller's transaction; sessions and links made before it end."""
    person.password_hash = hashed
    sign_out(session, person)
    session.execute(delete(EntryLink).where(EntryLink.person_id == person.id))
    append(session, deps.vault, Entry("person:password", actor, f"person:{person.id}"), deps.now())


def sign_out(session: Session, person: Person) -> None:
    """Ends every session of a person, and a sign-in that is half done, in the caller's transaction."""
    person.session_key = secrets.token_urlsafe(24)
    session.execute(delete(SignIn).where(SignIn.person_id == person.id))


def forget_note(deps: Deps, person: Person) -> None:
    """The first owner's password need not lie about once it was changed."""
    if person.username == OWNER:
        password_note(deps).unlink(missing_ok=True)


def is_password_of(deps: Deps, known: Known, password: str) -> bool:
    """Whether a password is this person's."""
    with deps.store.read() as session:
        kept = session.get_one(Person, known.id).password_hash
    return matches(kept, password)


def set_locale(deps: Deps, known: Known, locale: str) -> None:
    """The language a person reads; "" follows the browser."""
    if locale not in ("", *LOCALES):
        raise BadInput(f"There is no language “{locale}”. Take one of: {', '.join(LOCALES)}.")
    with deps.store.write() as session:
        session.get_one(Person, known.id).locale = locale


def sign_in(deps: Deps, username: str, password: str) -> Known | None:
    """The person, when name and password go together and the account is active."""
    with deps.store.read() as session:
        person = session.scalars(select(Person).where(Person.username == as_kept(username))).one_or_none()
    right = matches(person.password_hash if person else None, password)
    return known_person(deps, person.id) if person is not None and right else None


def known_person(deps: Deps, person_id: int) -> Known | None:
    """An active person by id."""
    with deps.store.read() as session:
        person = session.get(Person, person_id)
        return as_known(session, person) if person is not None and person.active else None


def names_by_actor(session: Session) -> dict[str, str]:
    """Whom each pseudonym of the audit log stands for, as long as their salt is kept."""
    return {pseudonym(p): p.name or p.username for p in session.scalars(select(Person))}


def pseudonym(person: Person) -> str:
    """What the audit log calls a person: nobody can tell who it was once the salt is erased."""
    digest = hmac.new(person.audit_salt.encode(), person.username.encode(), hashlib.sha256).hexdigest()
    return f"person:{digest[:20]}"


def ensure_owner(deps: Deps) -> tuple[str, str | None]:
    """The first owner, made when nobody is there yet. The password is known until it is changed."""
    with deps.store.read() as session:
        someone = session.scalar(select(Person.id).limit(1))
    note = password_note(deps)
    if someone is not None:
        return OWNER, note.read_text().strip() if note.exists() else None
    password = make_password()
    _keep_note(note, password)
    create_person(deps, OWNER, "owner", password)
    return OWNER, password


def password_note(deps: Deps) -> Path:
    """Where the first owner's password waits until it is changed."""
    return deps.settings.data_dir / "owner-password"


def _keep_note(path: Path, password: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(password + "\n")


def as_kept(username: str) -> str:
    """A sign-in name as it is kept, whatever somebody typed."""
    return printable(username).lower()


def printable(text: str) -> str:
    """A text without control characters, which a database may refuse, and without space around it."""
    return "".join(c for c in text if c.isprintable()).strip()


def _good_name(username: str) -> str:
    name = username.strip().lower()
    if not 1 <= len(name) <= 80 or not all(c.isalnum() or c in "-_.@+" for c in name):
        raise BadName("A sign-in name has 1 to 80 letters, digits or - _ . @ +")
    return name


def named(session: Session, username: str) -> Person:
    """The person of a sign-in name, active or not. Raises BadInput."""
    person = session.scalars(select(Person).where(Person.username == as_kept(username))).one_or_none()
    if person is None:
        raise BadInput(f"There is nobody named “{username}”.")
    return person


def as_known(session: Session, person: Person) -> Known:
    """A person as pages see them, with their levels on brand accounts and their grants."""
    levels = {
        account: Level(level)
        for account, level in session.execute(
            select(AccountLevel.account_id, AccountLevel.level).where(AccountLevel.person_id == person.id)
        )
    }
    return Known(
        person.id,
        person.username,
        person.name,
        person.role,
        person.locale,
        person.session_key,
        pseudonym(person),
        levels,
        held_by(session, person.id),
    )
