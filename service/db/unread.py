"""Authors who are not read. Nobody can tell from the table who they are: it holds keyed digests of platforms' ids.

The key is the audit log's: random, made once, kept sealed, and put under the newest secret when secrets change.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from moderation.model import AuthorSeen, Event, MessageSeen, ReportSeen
from service.db.models import AuditHead
from service.db.privacy_tables import Unread
from service.vault import Vault

#: Nothing of theirs that is older than the erasure comes back; or nothing at all is read.
ERASED, OPTED_OUT = "erased", "opted_out"


@dataclass(frozen=True, slots=True)
class Closed:
    """Why an author is not read, and since when."""

    why: str
    at: datetime

    def covers(self, written_at: datetime) -> bool:
        """Whether what was written at this time stays out."""
        return self.why == OPTED_OUT or written_at <= self.at


def shut(session: Session, vault: Vault, connection_id: int, remote_id: str, closed: Closed) -> None:
    """Has an author not read from now on, in the caller's transaction, which has written to the audit log before.

    Who opted out stays so when they are erased, too.
    """
    digest = _digest(_key(session, vault), connection_id, remote_id)
    row = session.scalars(_rows(connection_id, [digest])).one_or_none()
    if row is None:
        session.add(Unread(connection_id=connection_id, digest=digest, why=closed.why, at=closed.at))
    else:
        row.why, row.at = (OPTED_OUT if OPTED_OUT in (row.why, closed.why) else ERASED), max(row.at, closed.at)
    session.flush()


def open_again(session: Session, vault: Vault, connection_id: int, remote_id: str) -> bool:
    """Has an author read again. Returns whether they were not."""
    digests = [_digest(_key(session, vault), connection_id, remote_id)]
    row = session.scalars(_rows(connection_id, digests)).one_or_none()
    if row is not None:
        session.execute(delete(Unread).where(Unread.id == row.id))
    return row is not None


def closed_among(session: Session, vault: Vault, connection_id: int, remote_ids: Iterable[str]) -> dict[str, Closed]:
    """Those of these authors who are not read."""
    wanted = sorted(set(remote_ids))
    anybody = select(Unread.id).where(Unread.connection_id == connection_id).limit(1)
    if not wanted or session.scalar(anybody) is None:
        return {}
    key = _key(session, vault)
    by_digest = {_digest(key, connection_id, remote_id): remote_id for remote_id in wanted}
    rows = session.scalars(_rows(connection_id, list(by_digest)))
    return {by_digest[row.digest]: Closed(row.why, row.at) for row in rows}


def speakers(events: Iterable[Event]) -> set[str]:
    """The platform's ids of everybody whom events name."""
    found: list[AuthorSeen | None] = []
    for event in events:
        if isinstance(event, MessageSeen):
            found.append(event.author)
        elif isinstance(event, ReportSeen):
            found += [event.about, event.reporter]
    return {author.remote_id for author in found if author is not None}


def heard(events: Sequence[Event], closed: Mapping[str, Closed]) -> list[Event]:
    """Events without what comes from, or tells of, somebody who is not read."""
    return [kept for event in events if (kept := _heard(event, closed)) is not None]


def _heard(event: Event, closed: Mapping[str, Closed]) -> Event | None:
    """A report is still dealt with: without the words and the name of who is not read."""
    if isinstance(event, MessageSeen):
        return None if _out(event.author, event.created_at, closed) else event
    if not isinstance(event, ReportSeen):
        return event
    if _out(event.reporter, event.at, closed):
        event = replace(event, reporter=None, text="")
    if _out(event.about, event.at, closed):
        return replace(event, about=None, text="") if event.message_id is not None else None
    return event


def _out(author: AuthorSeen | None, at: datetime, closed: Mapping[str, Closed]) -> bool:
    found = closed.get(author.remote_id) if author is not None else None
    return found is not None and found.covers(at)


def _rows(connection_id: int, digests: Sequence[str]) -> Select[Unread]:
    return select(Unread).where(Unread.connection_id == connection_id, Unread.digest.in_(digests))


def _key(session: Session, vault: Vault) -> bytes:
    return vault.open(session.get_one(AuditHead, 1).sealed_key).encode()


def _digest(key: bytes, connection_id: int, remote_id: str) -> str:
    return hmac.new(key, f"unread:{connection_id}:{remote_id}".encode(), hashlib.sha256).hexdigest()
