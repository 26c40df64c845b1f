"""A worker says that it lives; whoever asks after it can see when it last did."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from service.db.models import Switch
from service.deps import Deps

_NAME = "worker"


def beat(deps: Deps) -> None:
    """Writes down that a worker is alive now."""
    with deps.store.write() as session:
        session.merge(Switch(name=_NAME, value="", changed_at=deps.now()))


def last_beat(session: Session) -> datetime | None:
    """When a worker last said so; None when none ever did."""
    row = session.get(Switch, _NAME)
    return row.changed_at if row else None
