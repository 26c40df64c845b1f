"""Sessions on the server: begun at each sign-in, ended by idleness, age, the person, or a change of who they are."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.orm import Session

from service.db.audit import Entry, append
from service.db.models import Person
from service.db.people_tables import SignIn
from service.deps import Deps
from service.usecases.lockout import forgive
from service.usecases.people import Known, as_known
from service.vault import token_digest

#: How long somebody who has shown who they are need not show it again before a change of password or factors.
PROOF = timedelta(minutes=10)
_EVERY = timedelta(minutes=1)
#: Looked for in this order: browsers and systems name others before themselves.
_BROWSERS = {"Edg": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "FxiOS": "Firefox", "SamsungBrowser": "Samsung"}
_BROWSERS |= {"CriOS": "Chrome", "Chrome/": "Chrome", "Safari/": "Safari"}
_SYSTEMS = {"iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "CrOS": "ChromeOS", "Windows": "Windows"}
_SYSTEMS |= {"Mac OS": "macOS", "Linux": "Linux"}


@dataclass(frozen=True, slots=True)
class Current:
    """The session that a request belongs to, and whose it is."""

    id: int
    token: str
    person: Known
    seen_at: datetime
    proven_at: datetime


@dataclass(frozen=True, slots=True)
class Shown:
    """A session as its person sees it; `agent` is "" when the browser did not say what it is."""

    id: int
    method: str
    agent: str
    created_at: datetime
    seen_at: datetime
    here: bool


def begin(deps: Deps, person_id: int, method: str, user_agent: str, before: str = "") -> Current | None:
    """A session with a token of its own; `before`, the one this browser had, ends. None for somebody switched off."""
    token, now = secrets.token_urlsafe(32), deps.now()
    with deps.store.write() as session:
        session.execute(delete(SignIn).where(_over(deps) | (SignIn.digest == token_digest(before))))
        person = session.get(Person, person_id)
        if person is None or not person.active:
            return None
        forgive(deps, session, person.username)
        row = SignIn(person_id=person_id, digest=token_digest(token), method=method[:20], agent=in_short(user_agent))
        row.created_at = row.seen_at = row.proven_at = now
        session.add(row)
        session.flush()
        current = _current(session, row, person, token)
        _write_down(deps, session, current.person, "person:sign_in", row.method)
        return current


def find(deps: Deps, token: str) -> Current | None:
    """The session of a token, while it lasts and its person is active."""
    query = select(SignIn, Person).join(Person, Person.id == SignIn.person_id)
    query = query.where(SignIn.digest == token_digest(token), ~_over(deps), Person.active)
    with deps.store.read() as session:
        found = session.execute(query).one_or_none()
        return _current(session, found[0], found[1], token) if found else None


def seen(deps: Deps, current: Current) -> None:
    """Notes a sign of life, once a minute at most."""
    if deps.now() - current.seen_at >= _EVERY:
        with deps.store.write() as session:
            session.execute(update(SignIn).where(SignIn.id == current.id).values(seen_at=deps.now()))


def prove(deps: Deps, current: Current, method: str = "password") -> Current:
    """The person has just shown again who they are, and how: the session goes on under a token of its own."""
    token, now = secrets.token_urlsafe(32), deps.now()
    with deps.store.write() as session:
        changed = update(SignIn).where(SignIn.id == current.id).values(proven_at=now, digest=token_digest(token))
        session.execute(changed)
        _write_down(deps, session, current.person, "person:prove", method)
    return replace(current, token=token, proven_at=now)


def is_fresh(deps: Deps, current: Current) -> bool:
    """Whether they showed it a short while ago."""
    return deps.now() - current.proven_at < PROOF


def of_person(deps: Deps, current: Current) -> list[Shown]:
    """The sessions of the person of one, that one first, then as they were last seen."""
    query = select(SignIn).where(SignIn.person_id == current.person.id, ~_over(deps)).order_by(SignIn.seen_at.desc())
    with deps.store.read() as session:
        rows = session.scalars(query).all()
    shown = [Shown(r.id, r.method, r.agent, r.created_at, r.seen_at, r.id == current.id) for r in rows]
    return sorted(shown, key=lambda s: not s.here)


def end(deps: Deps, known: Known, session_id: int) -> bool:
    """Ends one session of a person; False when it is not theirs or ended before."""
    return _end(deps, known, "person:sign_out", SignIn.id == session_id) == 1


def end_others(deps: Deps, current: Current) -> int:
    """Ends every session of a person but this one; returns how many."""
    return _end(deps, current.person, "person:sign_out_elsewhere", SignIn.id != current.id)


def in_short(user_agent: str) -> str:
    """Browser and system in a few words; "" for what is not known. The names are the makers' own."""
    browser = next((name for mark, name in _BROWSERS.items() if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS.items() if mark in user_agent), "")
    return " · ".join(filter(None, (browser, system)))


def _over(deps: Deps) -> ColumnElement[bool]:
    """Which sessions are past their limits."""
    now, settings = deps.now(), deps.settings
    idle = now - timedelta(hours=settings.session_idle_hours)
    return or_(SignIn.seen_at <= idle, SignIn.created_at <= now - timedelta(days=settings.session_days))


def _current(session: Session, row: SignIn, person: Person, token: str) -> Current:
    return Current(row.id, token, as_known(session, person), row.seen_at, row.proven_at)


def _end(deps: Deps, known: Known, kind: str, which: ColumnElement[bool]) -> int:
    with deps.store.write() as session:
        gone = session.execute(delete(SignIn).where(SignIn.person_id == known.id, which).returning(SignIn.id)).all()
        if gone:
            _write_down(deps, session, known, kind)
    return len(gone)


def _write_down(deps: Deps, session: Session, known: Known, kind: str, reason: str = "") -> None:
    append(session, deps.vault, Entry(kind, known.actor, f"person:{known.id}", reason), deps.now())
