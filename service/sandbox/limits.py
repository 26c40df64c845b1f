"""Request limits of both platforms: fixed windows, counted per key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Allowance:
    allowed: bool
    limit: int
    remaining: int
    resets_at: datetime


class Windows:
    def __init__(self) -> None:
        self._open: dict[str, tuple[datetime, int]] = {}

    def take(self, key: str, limit: int, length: timedelta, now: datetime) -> Allowance:
        """Count one request; a refused one does not count."""
        ends, used = self._open.get(key, (now + length, 0))
        if ends <= now:
            ends, used = now + length, 0
        allowed = used < limit
        used += allowed
        self._open[key] = (ends, used)
        return Allowance(allowed, limit, limit - used, ends)
