"""Key rotation: everything sealed is opened with any key and sealed again with the newest.

Questions to other servers that nobody may answer any more are dropped first: they are swept when the next one is asked,
and one that lies about until then may be sealed with a key that is gone.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from service.db.audit import Entry, append, reseal
from service.db.base import Base
from service.db.identity_tables import ExternalFlow
from service.db.redress_tables import Notice
from service.deps import Deps

#: How the column of a table is called that holds what is sealed.
COLUMN = "sealed"
#: What a notice of illegal content keeps sealed, as text.
OF_NOTICES = ("name", "address")


def sealed_tables() -> list[type[Any]]:
    """Every table that keeps a secret; a new one is found by its column's name."""
    return [mapper.class_ for mapper in Base.registry.mappers if COLUMN in mapper.columns]


def rotate(deps: Deps, actor: str) -> int:
    """Reseals in one transaction; returns how many. Raises VaultError, and changes nothing, when a key is missing."""
    count = 1
    with deps.store.write() as session:
        session.execute(delete(ExternalFlow).where(ExternalFlow.expires_at <= deps.now()))
        for table in sealed_tables():
            for row in session.scalars(select(table).where(table.sealed != b"")):
                row.sealed = deps.vault.reseal(row.sealed)
                count += 1
        count += _reseal_notices(deps, session)
        reseal(session, deps.vault)
        append(session, deps.vault, Entry("secrets:rotate", actor, "vault"), deps.now())
    return count


def _reseal_notices(deps: Deps, session: Session) -> int:
    count = 0
    for row in session.scalars(select(Notice).where(or_(Notice.name != "", Notice.address != ""))):
        for column in OF_NOTICES:
            if sealed := getattr(row, column):
                setattr(row, column, deps.vault.reseal(sealed.encode()).decode())
                count += 1
    return count
