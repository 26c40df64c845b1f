"""A pacer in memory, for one host: the same promises as the stored one, for tests."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta

from plugins.contract import Budget, Clock, RateLimited


def utc_now() -> datetime:
    return datetime.now(UTC)


class MemoryPacer:
    """Keeps `plugins.contract.Pacer`. What happened is there to be looked at: `taken`, `blocks`, `notes`."""

    def __init__(self, now: Clock = utc_now) -> None:
        self._now = now
        self.taken: dict[str, deque[datetime]] = {}
        self.blocks: dict[str, datetime] = {}
        self.notes: dict[str, Budget] = {}

    def acquire(self, bucket: str, *, limit: int, per_seconds: float) -> None:
        now = self._now()
        for name in ("*", bucket):
            until = self.blocks.get(name)
            if until is not None and until > now:
                raise RateLimited("The platform asked us to wait.", retry_at=until, whole_site=name == "*")
        taken = self.taken.setdefault(bucket, deque())
        while taken and taken[0] <= now - timedelta(seconds=per_seconds):
            taken.popleft()
        if len(taken) >= limit:
            raise RateLimited("The budget of calls is used up.", retry_at=taken[0] + timedelta(seconds=per_seconds))
        taken.append(now)

    def note(self, bucket: str, budget: Budget) -> None:
        self.notes[bucket] = budget

    def block(self, bucket: str, until: datetime) -> None:
        self.blocks[bucket] = max(until, self.blocks.get(bucket, until))
