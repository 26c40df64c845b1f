"""The global stop: nothing leaves Tenth while it is on. Reading goes on."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from service.db.audit import Entry, append
from service.db.models import Switch
from service.deps import Deps

_STOP = "stop"
_ON = "on"


def is_stopped(session: Session) -> bool:
    """Whether the global stop is on."""
    row = session.get(Switch, _STOP)
    return row is not None and row.value == _ON


def stopped_since(session: Session) -> datetime | None:
    """When the stop was pulled; None while sending is on."""
    row = session.get(Switch, _STOP)
    return row.changed_at if row is not None and row.value == _ON else None


def set_stop(deps: Deps, on: bool, actor: str, reason: str = "") -> None:
    """Pulls or lifts the stop. Doing it twice writes one audit entry."""
    now = deps.now()
    with deps.store.write() as session:
        before = is_stopped(session)
        if before == on:
            return
        session.merge(Switch(name=_STOP, value=_ON if on else "", changed_at=now))
        kind = "switch:stop" if on else "switch:lift"
        append(session, deps.vault, Entry(kind, actor, "switch:stop", reason[:500], before, on), now)
