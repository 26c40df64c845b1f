"""Which actions are due, of all connections or of one: a platform that is silent keeps none waiting but its own."""

from __future__ import annotations

from sqlalchemy import func, select

from service.db.models import Action
from service.deps import Deps

#: How many are taken on in one go.
BATCH = 20
_MOVING = ("approved", "sending", "unknown")


def due_actions(deps: Deps, connection_id: int | None = None) -> list[int]:
    """Actions to be performed, or looked for, the longest due first; `connection_id` None: of every connection."""
    due = [Action.state.in_(_MOVING), Action.due_at <= deps.now()]
    if connection_id is not None:
        due.append(Action.connection_id == connection_id)
    with deps.store.read() as session:
        return list(session.scalars(select(Action.id).where(*due).order_by(Action.due_at).limit(BATCH)))


def connections_with_due(deps: Deps) -> list[int]:
    """Connections that have such actions, the one that waits longest first."""
    due = (Action.state.in_(_MOVING), Action.due_at <= deps.now())
    query = select(Action.connection_id).where(*due).group_by(Action.connection_id)
    with deps.store.read() as session:
        return list(session.scalars(query.order_by(func.min(Action.due_at))))
