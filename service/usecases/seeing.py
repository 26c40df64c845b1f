"""What somebody saw in the queue stays there until it is decided (docs/decisions/0001)."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import update

from service.db.models import Case
from service.deps import Deps
from service.usecases.queue import Item


def mark_seen(deps: Deps, items: Iterable[Item]) -> int:
    """Notes that a person was shown these; writes only when one of them above the line was new. Returns how many."""
    fresh = [i.case_id for i in items if not i.seen and i.lane in ("needs", "always")]
    if not fresh:
        return 0
    mine = update(Case).where(Case.id.in_(fresh), Case.open.is_(True), Case.seen_at.is_(None))
    statement = mine.values(seen_at=deps.now()).returning(Case.id)
    with deps.store.write() as session:
        return len(session.execute(statement.execution_options(synchronize_session=False)).all())
