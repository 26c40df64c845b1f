"""What is not kept: raw deliveries after their days, and what was never needed again."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import CursorResult, delete, select

from service.db.models import DeliveryRow
from service.deps import Deps

KEEP_DEAD = timedelta(days=30)
_BLOCK = 5_000


def purge(deps: Deps) -> int:
    """Deletes raw deliveries past their days, in blocks so that nobody waits long. Returns how many."""
    now = deps.now()
    read = DeliveryRow.received_at < now - timedelta(days=deps.settings.keep_deliveries_days)
    gone = _delete(deps, (DeliveryRow.state == "done") & read)
    return gone + _delete(deps, (DeliveryRow.state == "dead") & (DeliveryRow.received_at < now - KEEP_DEAD))


def _delete(deps: Deps, condition: object) -> int:
    total = 0
    while True:
        with deps.store.write() as session:
            ids = select(DeliveryRow.id).where(condition).limit(_BLOCK)  # type: ignore[arg-type]
            result = session.execute(
                delete(DeliveryRow).where(DeliveryRow.id.in_(ids)).execution_options(synchronize_session=False)
            )
        count = result.rowcount if isinstance(result, CursorResult) else 0
        total += count
        if count < _BLOCK:
            return total
