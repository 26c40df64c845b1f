"""Reading platforms: the base of every connector. A poll is work like any other: due, claimed, fenced."""

from __future__ import annotations

import random
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import func, or_, select, update

from moderation.errors import TenthError
from plugins.contract import ConnectorError, CredentialsRefused, MissingRight, Page, Permanent, RateLimited, Session
from service.db import deliveries as inbox
from service.db.models import Connection
from service.deps import Deps
from service.usecases.connections import open_session, opened

log = structlog.get_logger(__name__)

#: Longer than a page may take (a call is cut off after 30 s, a page is a handful of calls).
LEASE = timedelta(minutes=5)
#: One job reads at most this long, so that other connections get their turn.
TURN_SECONDS = 30.0
PAUSES = (15, 60, 300, 900, 1800)


@dataclass(frozen=True, slots=True)
class _Claim:
    id: int
    attempt: int
    cursor: str
    failures: int


class Superseded(Exception):
    """Somebody else took this poll over after our lease ended; what they write counts."""


def due_connections(deps: Deps) -> list[int]:
    """Connections whose poll is due and not being done."""
    now = deps.now()
    free = or_(Connection.lease_until.is_(None), Connection.lease_until <= now)
    with deps.store.read() as session:
        query = select(Connection.id).where(Connection.poll_due_at <= now, free).order_by(Connection.poll_due_at)
        return list(session.scalars(query))


def poll_connection(deps: Deps, connection_id: int, *, turn_seconds: float = TURN_SECONDS) -> int:
    """Reads what is new, page by page, each page kept with its cursor. Returns how many deliveries were new."""
    claim = _claim(deps, connection_id)
    if claim is None:
        return 0
    new = 0
    try:
        with deps.store.read() as session:
            connection = opened(deps, session, connection_id)
        platform = open_session(deps, connection)
        if platform is None:
            _rest(deps, claim, None)
            return 0
        with closing(platform):
            new, more = _read_pages(deps, claim, platform, turn_seconds)
        _succeed(deps, claim, more)
    except Superseded:
        log.warning("poll.superseded", connection=connection_id)
    except RateLimited as error:
        _rest(deps, claim, error)
    except TenthError as error:
        _fail(deps, claim, error)
    except Exception as error:
        log.exception("poll.failed", connection=connection_id)
        _fail(deps, claim, ConnectorError(f"The connector failed: {type(error).__name__}", detail=str(error)))
    return new


def _read_pages(deps: Deps, claim: _Claim, platform: Session, turn_seconds: float) -> tuple[int, bool]:
    started, cursor, new, more = time.monotonic(), claim.cursor, 0, True
    while more and time.monotonic() - started < turn_seconds:
        page = platform.poll(cursor)
        new += _keep(deps, claim, page)
        cursor, more = page.cursor, page.more
    return new, more


def _keep(deps: Deps, claim: _Claim, page: Page) -> int:
    now = deps.now()
    with deps.store.write() as session:
        values: dict[str, Any] = {"cursor": page.cursor, "lease_until": now + LEASE, "read_at": now}
        mine = update(Connection).where(Connection.id == claim.id, Connection.attempt == claim.attempt)
        if session.execute(mine.values(**values).returning(Connection.id)).one_or_none() is None:
            raise Superseded
        new = inbox.store(session, claim.id, "poll", page.deliveries, now)
        if new:
            session.execute(mine.values(message_at=now))
    if new:
        deps.ring("process_deliveries")
    return new


def _claim(deps: Deps, connection_id: int) -> _Claim | None:
    now = deps.now()
    free = or_(Connection.lease_until.is_(None), Connection.lease_until <= now)
    with deps.store.write() as session:
        row = session.execute(
            update(Connection)
            .where(Connection.id == connection_id, free)
            .values(lease_until=now + LEASE, attempt=Connection.attempt + 1)
            .returning(Connection.id, Connection.attempt, Connection.cursor, Connection.failures)
        ).one_or_none()
    return _Claim(*row) if row else None


def _release(deps: Deps, claim: _Claim, **values: Any) -> None:
    with deps.store.write() as session:
        mine = update(Connection).where(Connection.id == claim.id, Connection.attempt == claim.attempt)
        session.execute(mine.values(lease_until=None, **values))


def _succeed(deps: Deps, claim: _Claim, more: bool) -> None:
    again = deps.now() + timedelta(seconds=0 if more else deps.settings.poll_seconds * random.uniform(0.9, 1.1))
    _release(
        deps,
        claim,
        state="reading" if more else "ok",
        failures=0,
        error="",
        error_code="",
        error_since=None,
        poll_due_at=again,
    )


def _rest(deps: Deps, claim: _Claim, limited: RateLimited | None) -> None:
    """Waiting for call budget is no failure; a connector that calls nobody is never due."""
    if limited is None:
        _release(deps, claim, state="ok", poll_due_at=None)
        return
    _release(
        deps,
        claim,
        state="slowed",
        error=str(limited),
        error_code="429",
        error_at=deps.now(),
        poll_due_at=limited.retry_at,
    )


def _fail(deps: Deps, claim: _Claim, error: TenthError) -> None:
    now = deps.now()
    retry_at = getattr(error, "retry_at", None) or now + _pause(claim.failures, error)
    cut_off = isinstance(error, CredentialsRefused | MissingRight)
    log.warning("poll.error", connection=claim.id, error=type(error).__name__, detail=getattr(error, "detail", ""))
    _release(
        deps,
        claim,
        state="cut_off" if cut_off else "failing",
        failures=claim.failures + 1,
        error=str(error)[:2000],
        error_code=str(getattr(error, "status", None) or type(error).__name__),
        error_since=func.coalesce(Connection.error_since, now),
        error_at=now,
        poll_due_at=retry_at,
    )


def _pause(failures: int, error: TenthError) -> timedelta:
    """Back-off with jitter; a permanent error is asked about rarely, in case somebody mended it over there."""
    step = len(PAUSES) - 1 if isinstance(error, Permanent) and failures > 0 else min(failures, len(PAUSES) - 1)
    return timedelta(seconds=PAUSES[step] * random.uniform(0.8, 1.2))
