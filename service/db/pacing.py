"""One site's call budget, shared by every process through a row: a sliding window, and what the platform said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from plugins.contract import Budget, RateLimited
from service.db.deliveries import insert_new
from service.db.engine import Store
from service.db.models import Pace

EVERYTHING = "*"


class DbPacer:
    """Keeps plugins.contract.Pacer."""

    def __init__(self, store: Store, site: str, now: Callable[[], datetime]) -> None:
        self._store = store
        self._site = site
        self._now = now

    def acquire(self, bucket: str, *, limit: int, per_seconds: float) -> None:
        now = self._now()
        with self._store.write() as session:
            site, row = self._row(session, EVERYTHING), self._row(session, bucket)
            for one in (site, row):
                if one.blocked_until is not None and one.blocked_until > now:
                    raise self._wait(one.blocked_until, whole_site=one is site)
            if row.remaining == 0 and row.reset_at is not None and row.reset_at > now:
                raise self._wait(row.reset_at)
            since = now.timestamp() - per_seconds
            calls = [t for t in row.calls if t > since]
            if len(calls) >= limit:
                raise self._wait(datetime.fromtimestamp(calls[-limit] + per_seconds, UTC))
            row.calls = [*calls, now.timestamp()]
            row.limit = row.limit or limit

    def note(self, bucket: str, budget: Budget) -> None:
        with self._store.write() as session:
            row = self._row(session, bucket)
            row.limit, row.remaining, row.reset_at = budget.limit, budget.remaining, budget.reset_at
            row.noted_at = self._now()

    def block(self, bucket: str, until: datetime) -> None:
        with self._store.write() as session:
            row = self._row(session, bucket)
            row.blocked_until = max(until, row.blocked_until or until)

    def _row(self, session: Session, bucket: str) -> Pace:
        query = select(Pace).where(Pace.site == self._site, Pace.bucket == bucket).with_for_update()
        row = session.scalars(query).one_or_none()
        if row is None:
            insert_new(session, Pace, [{"site": self._site, "bucket": bucket, "calls": []}])
            row = session.scalars(query).one()
        return row

    def _wait(self, until: datetime, *, whole_site: bool = False) -> RateLimited:
        pause = max(1, round((until - self._now()).total_seconds()))
        return RateLimited(
            f"The call budget of {self._site} is used up; it goes on in {pause} s.",
            retry_at=until + timedelta(milliseconds=50),
            whole_site=whole_site,
        )


def budget_left(
    session: Session, site: str, now: datetime
) -> list[tuple[str, int | None, int | None, datetime | None]]:
    """(bucket, limit, calls left, reset) for each bucket of a site, from the platform's word or our own count."""
    found = []
    for row in session.scalars(select(Pace).where(Pace.site == site, Pace.bucket != EVERYTHING).order_by(Pace.bucket)):
        told = row.remaining is not None and row.reset_at is not None and row.reset_at > now
        own = max(0, row.limit - sum(1 for t in row.calls if t > now.timestamp() - 60)) if row.limit else None
        found.append((row.bucket, row.limit, row.remaining if told else own, row.reset_at if told else None))
    return found
