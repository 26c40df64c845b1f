"""Wrong tries are counted per name, in the database: after ten in a quarter of an hour the name is locked.

Each is in the audit log, but those at a name that is locked: they are in the log of the process.

Names that nobody has are counted alike, and a try at a locked name does the same work as any other, so that neither the
answer nor its time says who exists or whether a guess was right. Passkeys cannot be guessed: they open a locked name.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from moderation.errors import TenthError
from service.db.audit import Entry, append
from service.db.deliveries import insert_new
from service.db.models import Person
from service.db.people_tables import GuessLock
from service.deps import Deps
from service.usecases.people import as_kept

log = structlog.get_logger(__name__)
TRIES = 10
WINDOW = timedelta(minutes=15)
FIRST, LONGEST = timedelta(minutes=15), timedelta(hours=24)
#: After this long without a wrong try, what was is forgotten.
_FORGET = timedelta(hours=25)
_WORDS = "Too many wrong tries at this name. Wait a while, or ask an owner to unlock it."

Right = TypeVar("Right")


class Locked(TenthError):
    """Too many wrong tries at this name; a right one is refused, too, until the lock ends."""


def guarded(deps: Deps, username: str, check: Callable[[], Right | None]) -> Right | None:
    """What `check` finds, or None, which counts as a wrong try. Raises Locked, whatever it finds, when it is locked."""
    found = check()
    refuse_locked(deps, username)
    if found is None and _count(deps, username):
        raise Locked(_WORDS)  # others locked it while this one was looked at
    return found


def refuse_locked(deps: Deps, username: str) -> None:
    """Raises Locked while a name is; for a check that must not even be made then."""
    if locked_until(deps, username) is not None:
        log.warning("door.locked", name=digest(deps, username)[:20])
        raise Locked(_WORDS)


def locked_until(deps: Deps, username: str) -> datetime | None:
    """When the lock of a name ends; None while there is none."""
    with deps.store.read() as session:
        until = session.scalar(select(GuessLock.locked_until).where(GuessLock.who == digest(deps, username)))
    return until if until is not None and until > deps.now() else None


def forgive(deps: Deps, session: Session, username: str) -> None:
    """Forgets the tries of somebody who came in. A lock that is on stays: it keeps out somebody else."""
    over = or_(GuessLock.locked_until.is_(None), GuessLock.locked_until <= deps.now())
    session.execute(delete(GuessLock).where(GuessLock.who == digest(deps, username), over))


def unlock(deps: Deps, session: Session, person: Person, actor: str) -> None:
    """Takes a lock away in the caller's transaction, which has asked whether that is allowed."""
    session.execute(delete(GuessLock).where(GuessLock.who == digest(deps, person.username)))
    append(session, deps.vault, Entry("person:unlock", actor, f"person:{person.id}"), deps.now())


def digest(deps: Deps, username: str) -> str:
    """What a name is kept under. Keyed: people type passwords into the field of the name."""
    key = hashlib.sha256(b"tenth names at the door" + deps.settings.secrets[0].encode()).digest()
    return hmac.new(key, as_kept(username).encode(), hashlib.sha256).hexdigest()


def _count(deps: Deps, username: str) -> bool:
    """Counts a wrong try; whether the name was locked before it."""
    now, who = deps.now(), digest(deps, username)
    with deps.store.write() as session:
        session.execute(delete(GuessLock).where(GuessLock.changed_at < now - _FORGET))
        insert_new(session, GuessLock, [{"who": who, "tries": [], "locks": 0, "changed_at": now}])
        row = session.scalars(select(GuessLock).where(GuessLock.who == who).with_for_update()).one()
        if row.locked_until is not None and row.locked_until > now:
            return True
        row.tries = [t for t in row.tries if t > (now - WINDOW).timestamp()] + [now.timestamp()]
        row.changed_at = now
        _write_down(deps, session, row, username, "person:wrong_try")
        if len(row.tries) >= TRIES:
            _lock(row, now)
            _write_down(deps, session, row, username, "person:lock")
    return False


def _lock(row: GuessLock, now: datetime) -> None:
    """Each lock in a row lasts twice as long as the one before."""
    row.locked_until = now + min(FIRST * 2 ** min(row.locks, 10), LONGEST)
    row.changed_at, row.locks, row.tries = row.locked_until, row.locks + 1, []


def _write_down(deps: Deps, session: Session, row: GuessLock, username: str, kind: str) -> None:
    """Who it was that came is not known: the door says so. A name that nobody has stays a digest."""
    person_id = session.scalar(select(Person.id).where(Person.username == as_kept(username)))
    subject = f"person:{person_id}" if person_id is not None else f"name:{row.who[:20]}"
    append(session, deps.vault, Entry(kind, "door", subject), deps.now())
