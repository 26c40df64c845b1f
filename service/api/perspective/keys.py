"""Who calls, and how much: keys held in memory for a few seconds, with their counts of this second and this day.

Calls a second are counted by this process over the last second. Calls a day (UTC) are counted here and added to the
key's row every few seconds by the keeper, so that several processes share one count and a restart goes on with it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil

from flask import Request

from service.api.perspective import errors
from service.deps import Deps
from service.usecases.perspective import Key, day_of, find_key, known_keys, note_uses

HEADER = "X-Goog-Api-Key"
#: Older than this, a key is looked up again even when the keeper cannot reach the database.
STALE_SECONDS = 60.0


@dataclass(slots=True)
class _Held:
    """`used` is the day's count as the database has it, `new` what it does not have yet."""

    key: Key
    day: str
    seen_at: float
    used: int
    new: int = 0
    recent: deque[float] = field(default_factory=deque)


def key_of(request: Request) -> str:
    """The key that a request brings; "" when it brings none."""
    return request.args.get("key", "") or request.headers.get(HEADER, "")


class KeyRing:
    """Lets requests in. Thread-safe; unknown keys are looked up each time and never held."""

    def __init__(self, deps: Deps, clock: Callable[[], float] = time.monotonic) -> None:
        self._deps, self._clock = deps, clock
        self._lock = threading.Lock()
        self._held: dict[str, _Held] = {}

    def admit(self, given: str) -> None:
        """Counts a call. Raises GoogleError: no key, no such key, or its quota is used up."""
        if not given:
            raise errors.missing_key()
        held = self._held.get(given)
        if held is None or self._clock() - held.seen_at > STALE_SECONDS:
            held = self._look_up(given)
        with self._lock:
            self._count(held)

    def sync(self) -> None:
        """Adds the new counts to the database and takes what it knows: other processes' counts, keys revoked."""
        with self._lock:
            uses = {held.key.id: held.new for held in self._held.values() if held.new}
        note_uses(self._deps, uses)
        if not self._held:
            return
        keys = known_keys(self._deps)
        with self._lock:
            self._held = {given: held for given, held in self._held.items() if held.key.id in keys}
            for held in self._held.values():
                self._refresh(held, keys[held.key.id], uses.get(held.key.id, 0))

    def forget(self) -> None:
        """Lets go of every key that has nothing left to count."""
        with self._lock:
            self._held = {given: held for given, held in self._held.items() if held.new}

    def _refresh(self, held: _Held, key: Key, told: int) -> None:
        held.key, held.used, held.seen_at = key, key.used, self._clock()
        held.new -= min(told, held.new)

    def _look_up(self, given: str) -> _Held:
        key = find_key(self._deps, given)
        with self._lock:
            if key is None:
                self._held.pop(given, None)
                raise errors.invalid_key()
            held = self._held.get(given)
            if held is None:
                held = _Held(key, day_of(self._deps.now()), self._clock(), key.used)
                self._held[given] = held
            else:
                self._refresh(held, key, 0)
            return held

    def _count(self, held: _Held) -> None:
        now = self._deps.now()
        self._begin_day(held, day_of(now))
        key = held.key
        if key.per_day is not None and held.used + held.new >= key.per_day:
            raise errors.over_quota(key.per_day, "day", _until_tomorrow(now))
        if key.per_second is not None:
            self._count_second(held, key.per_second)
        held.new += 1

    def _count_second(self, held: _Held, most: int) -> None:
        since = self._clock() - 1.0
        while held.recent and held.recent[0] <= since:
            held.recent.popleft()
        if len(held.recent) >= most:
            raise errors.over_quota(most, "second", 1)
        held.recent.append(since + 1.0)

    def _begin_day(self, held: _Held, today: str) -> None:
        if held.day != today:
            held.day, held.used, held.new = today, 0, 0


def _until_tomorrow(now: datetime) -> int:
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return ceil((today + timedelta(days=1) - now).total_seconds())
