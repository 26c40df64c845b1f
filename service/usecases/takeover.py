"""Freeing what a killed worker still holds, so that nothing waits for its lease to end."""

from __future__ import annotations

import structlog
from sqlalchemy import update

from service.db import deliveries as inbox
from service.db.models import Community, Connection
from service.deps import Deps

log = structlog.get_logger(__name__)


def take_over(deps: Deps) -> int:
    """Called by the embedded worker at its start, when no other worker of its desk is there. Returns how much was held.

    Should somebody be at work after all (an import, a second worker), their attempt number fences them off: what they
    did in vain is done again, nothing is done twice.
    """
    now = deps.now()
    with deps.store.write() as session:
        held = inbox.free_all(session, now)
        for model in (Community, Connection):
            session.execute(update(model).where(model.lease_until > now).values(lease_until=None))
    if held:
        log.warning("worker.took_over", deliveries=held)
    return held
