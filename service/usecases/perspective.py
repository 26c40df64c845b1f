"""Who may use the Perspective API and how much, and which maps onto Perspective's scale are installed.

A key is shown once; only its digest is kept. Of what clients send nothing is kept but how often they called.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from service.db.audit import Entry, append
from service.db.models import PerspectiveKey, PerspectiveMap
from service.deps import Deps
from service.usecases.perspective_scale import Curve
from service.vault import token_digest

PREFIX = "tenthp_"
#: Longer than any key of ours; nothing longer is worth a digest.
MAX_KEY = 200
MOST = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Key:
    """A client, as far as it may be shown. `per_second` and `per_day` are None without a limit; `used` is today's."""

    id: int
    name: str
    per_second: int | None
    per_day: int | None
    used: int
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


def create_key(deps: Deps, name: str, per_second: int | None, per_day: int | None, actor: str = "system") -> str:
    """Makes a client and returns its key, which is never shown again. Raises BadInput."""
    name = name.strip()
    _check(name, per_second, per_day)
    key, now = PREFIX + secrets.token_urlsafe(32), deps.now()
    with deps.store.write() as session:
        if session.scalar(select(PerspectiveKey.id).where(PerspectiveKey.name == name)):
            raise BadInput(f"There is a key named “{name}” already. Take another name.")
        row = PerspectiveKey(
            name=name, key_digest=token_digest(key), per_second=per_second, per_day=per_day, created_at=now
        )
        session.add(row)
        session.flush()
        told = Entry("perspective-key:create", actor, f"perspective-key:{row.id}", after=[per_second, per_day])
        append(session, deps.vault, told, now)
    return key


def revoke_key(deps: Deps, name: str, actor: str = "system") -> None:
    """Ends a key for good; doing it twice changes nothing. Raises BadInput when there is no such key."""
    now = deps.now()
    with deps.store.write() as session:
        row = session.scalars(select(PerspectiveKey).where(PerspectiveKey.name == name.strip())).one_or_none()
        if row is None:
            raise BadInput(f"There is no key named “{name}”.")
        if row.revoked_at is None:
            row.revoked_at = now
            append(session, deps.vault, Entry("perspective-key:revoke", actor, f"perspective-key:{row.id}"), now)


def list_keys(deps: Deps) -> list[Key]:
    """Every key, revoked ones too, by name."""
    with deps.store.read() as session:
        rows = session.scalars(select(PerspectiveKey).order_by(PerspectiveKey.name))
        return [_key(row, deps.now()) for row in rows]


def find_key(deps: Deps, key: str) -> Key | None:
    """The client whose key this is, unless it was revoked."""
    if not key or len(key) > MAX_KEY:
        return None
    query = select(PerspectiveKey).where(
        PerspectiveKey.key_digest == token_digest(key), PerspectiveKey.revoked_at.is_(None)
    )
    with deps.store.read() as session:
        row = session.scalars(query).one_or_none()
        return _key(row, deps.now()) if row is not None else None


def note_uses(deps: Deps, uses: Mapping[int, int]) -> None:
    """Adds calls to the keys' counts of today, for every process that serves them."""
    if not uses:
        return
    now = deps.now()
    today = day_of(now)
    with deps.store.write() as session:
        for row in session.scalars(select(PerspectiveKey).where(PerspectiveKey.id.in_(uses)).with_for_update()):
            row.used = uses[row.id] + (row.used if row.used_on == today else 0)
            row.used_on, row.last_used_at = today, now


def known_keys(deps: Deps) -> dict[int, Key]:
    """The keys that are not revoked, by id."""
    with deps.store.read() as session:
        rows = session.scalars(select(PerspectiveKey).where(PerspectiveKey.revoked_at.is_(None)))
        return {row.id: _key(row, deps.now()) for row in rows}


def install_maps(deps: Deps, scorer: str, curves: Mapping[str, Curve], texts: int, actor: str = "system") -> None:
    """Has the server answer with these curves, by attribute, as long as it scores with this scorer version."""
    now = deps.now()
    with deps.store.write() as session:
        for attribute, curve in curves.items():
            row = PerspectiveMap(attribute=attribute, scorer=scorer, points=curve.points, texts=texts, installed_at=now)
            session.add(row)
        told = Entry("perspective-map:install", actor, scorer, after=sorted(curves))
        append(session, deps.vault, told, now)


def remove_maps(deps: Deps, actor: str = "system") -> list[str]:
    """Takes back the maps that were installed last and returns their attributes; those before them hold again."""
    now = deps.now()
    with deps.store.write() as session:
        last = session.scalar(_in_force().with_only_columns(PerspectiveMap.installed_at).limit(1))
        if last is None:
            return []
        rows = [row for row in session.scalars(_in_force()) if row.installed_at == last]
        ids = [row.id for row in rows]
        session.execute(update(PerspectiveMap).where(PerspectiveMap.id.in_(ids)).values(retired_at=now))
        append(session, deps.vault, Entry("perspective-map:remove", actor, rows[0].scorer), now)
        return sorted(row.attribute for row in rows)


def installed_maps(deps: Deps, scorer: str) -> dict[str, Curve]:
    """The newest curve of each attribute for this scorer version; a map of another version says nothing of it."""
    with deps.store.read() as session:
        return _newest(session, scorer)


def _newest(session: Session, scorer: str) -> dict[str, Curve]:
    found: dict[str, Curve] = {}
    for row in session.scalars(_in_force().where(PerspectiveMap.scorer == scorer)):
        found.setdefault(row.attribute, Curve.through((x, y) for x, y in row.points))
    return found


def _in_force() -> Any:
    order = PerspectiveMap.installed_at.desc(), PerspectiveMap.id.desc()
    return select(PerspectiveMap).where(PerspectiveMap.retired_at.is_(None)).order_by(*order)


def day_of(now: datetime) -> str:
    """The day that a quota is counted in, UTC."""
    return now.strftime("%Y-%m-%d")


def _check(name: str, *limits: int | None) -> None:
    if not 1 <= len(name) <= 80 or not name.isprintable():
        raise BadInput("A key needs a name of 1 to 80 printable characters.")
    if any(limit is not None and not 1 <= limit <= MOST for limit in limits):
        raise BadInput(f"A limit is a number from 1 to {MOST:,}.")


def _key(row: PerspectiveKey, now: datetime) -> Key:
    used = row.used if row.used_on == day_of(now) else 0
    return Key(row.id, row.name, row.per_second, row.per_day, used, row.created_at, row.last_used_at, row.revoked_at)
