"""Key rotation: everything sealed is opened with any key and sealed again with the newest."""

from __future__ import annotations

from sqlalchemy import select

from service.db.audit import Entry, append, reseal
from service.db.models import Connection
from service.deps import Deps


def rotate(deps: Deps, actor: str) -> int:
    """Reseals in one transaction; returns how many. Raises VaultError, and changes nothing, when a key is missing."""
    with deps.store.write() as session:
        rows = session.scalars(select(Connection).where(Connection.sealed != b"")).all()
        for row in rows:
            row.sealed = deps.vault.reseal(row.sealed)
        reseal(session, deps.vault)
        append(session, deps.vault, Entry("secrets:rotate", actor, "vault"), deps.now())
    return len(rows) + 1
