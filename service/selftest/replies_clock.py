"""The clock of a trial of replies: the desk's and the platforms' time, both faster than ours by the same factor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from plugins.contract import Io
from service.db.pacing import DbPacer
from service.deps import Deps, utc_now


@dataclass(frozen=True, slots=True)
class Clock:
    """`speed` seconds pass for each of ours since `born`. A speed of 1 is the true time.

    Everything that asks for the time is scaled alike: undo, lease, search, back-off, call budgets, the platforms' own
    limits and stamps. What waits on a socket is not: a call's time-out, and how long a process takes to start.
    """

    born: datetime
    speed: float = 1.0

    def __call__(self) -> datetime:
        return self.born + (utc_now() - self.born) * self.speed

    def real(self, seconds: float) -> float:
        """Our seconds for so many of its own."""
        return seconds / self.speed

    def __str__(self) -> str:
        return f"{self.born.isoformat()}@{self.speed}"

    @classmethod
    def read(cls, words: str) -> Clock:
        """From what `str` gave."""
        born, _, speed = words.rpartition("@")
        return cls(datetime.fromisoformat(born), float(speed))


def by_clock(deps: Deps, clock: Callable[[], datetime]) -> Deps:
    """The same desk, living in the clock's time, its call budgets too."""
    hosts, store = deps.settings.private_hosts, deps.store
    return replace(deps, now=clock, io_for=lambda site: Io(hosts, DbPacer(store, site, clock), clock))
