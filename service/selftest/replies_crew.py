"""The desk's processes in a trial, kept alive: whoever is killed, at a point or at random, starts again.

They are the real ones: `tenth run` with gunicorn and a worker under it, and a second worker, since two must not get in
each other's way. Gunicorn starts its own workers again, the supervisor its children, and the crew what nobody is above:
the supervisor, as a host's service manager would, and the second worker.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from service.selftest.place import Place, TrialError, last_words
from service.selftest.processes import desk_processes
from service.selftest.replies_clock import Clock
from service.selftest.replies_inside import write_inside
from service.selftest.replies_points import EVERY_POINT, POINTS
from service.selftest.replies_slips import Slips

#: Who is killed at random.
TARGETS = ("web", "web_master", "worker", "worker", "supervisor")
#: Our seconds between two kills at random, between two starts of a supervisor, and that it may be away.
MEAN_SECONDS, START_EVERY, MOST_AWAY = 3.0, 1.0, 90.0
#: A supervisor that has run this long did not end because the port was still taken.
STEADY_SECONDS = 6.0
STOP_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Kills:
    """How many: `at_points` at each of the `points`, and `at_random` beside them. `of`: all there are, by role."""

    at_points: int
    at_random: int
    points: Collection[str] = EVERY_POINT
    of: Mapping[str, Sequence[str]] = field(default_factory=lambda: POINTS)

    def by_role(self, rng: Random) -> dict[str, list[str]]:
        """The points to die at, in random order."""
        found = {}
        for role, names in self.of.items():
            found[role] = [name for name in names if name in self.points for _ in range(self.at_points)]
            rng.shuffle(found[role])
        return found


class Hand(threading.Thread):
    """Somebody who works at the desk, on a thread of their own; `error` says why they cannot go on."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.ended = threading.Event()
        self.done, self.error = False, ""

    def work(self) -> None:
        """All there is to do; returns early once `ended` is set."""
        raise NotImplementedError

    def leave(self) -> None:
        """Closes what is open."""

    def stop(self) -> None:
        """Asks to end after the page of now."""
        self.ended.set()

    def run(self) -> None:
        try:
            self.work()
            self.done = not self.ended.is_set()
        except Exception as error:
            self.error = f"{type(error).__name__}: {error}"
        finally:
            self.leave()


class Crew:
    """Starts the desk and its people, looks after them, and kills at random beside the points."""

    def __init__(
        self, place: Place, clock: Clock, kills: Kills, rng: Random, people: Sequence[Hand], *, tasks: int
    ) -> None:
        """`tasks`: how often a point is passed, all in all."""
        self._place, self._rng, self._people = place, rng, people
        own = secrets.token_hex(4)
        self._slips = Slips(place.folder / f"points-{own}")
        points = kills.by_role(rng)
        # Over the first half of the work: later there may be none left to reach a point with.
        most = {role: tasks // (2 * max(1, len(names))) for role, names in points.items()}
        self._slips.put(points, most, rng)
        inside = write_inside(place.folder / f"inside-{own}", str(clock), self._slips)
        place.given |= inside | {"TENTH_POLL_SECONDS": "1200"}
        self._second: subprocess.Popen[bytes] | None = None
        self._left, self._strike_at = kills.at_random, time.monotonic() + self._pause()
        self._launched_at, self._steady_at = float("-inf"), time.monotonic()
        self._struck: Counter[str] = Counter()
        #: How many processes have died, by point, and those at random by role.
        self.killed: Counter[str] = Counter()

    @property
    def written(self) -> bool:
        """Whether the people are through with everything."""
        return all(person.done for person in self._people)

    def start(self) -> None:
        """The desk, and the people who work at it."""
        self.look_after()
        for person in self._people:
            person.start()

    def look_after(self) -> None:
        """Starts whoever is not there, and strikes when it is time. Raises TrialError for what nobody has killed."""
        for person in self._people:
            if person.error:
                raise TrialError(f"{person.name} cannot go on. {person.error}\n{last_words(self._place.log)}")
        self._slips.give_back()
        self.killed = self._slips.died() + self._struck
        self._keep_supervisor(time.monotonic())
        self._keep_second()
        if self._left > 0 and time.monotonic() >= self._strike_at:
            self._strike()

    def stop(self) -> None:
        """Asks everybody to end."""
        for person in self._people:
            person.stop()
        self._place.stop()
        if self._second is not None:
            self._second.terminate()
            try:
                self._second.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._second.kill()
                self._second.wait()
        for person in self._people:
            if person.is_alive():
                person.join(STOP_SECONDS)
        self.killed = self._slips.died() + self._struck

    def _keep_supervisor(self, now: float) -> None:
        """Starts it again and again: what a killed one has left behind keeps the port for a while."""
        if self._place.runs:
            if now - self._launched_at > STEADY_SECONDS:
                self._steady_at = now
            return
        if now - self._steady_at > MOST_AWAY:
            raise TrialError(f"`tenth run` could not be started:\n{last_words(self._place.log)}")
        if now - self._launched_at > START_EVERY:
            self._place.launch()
            self._launched_at = now

    def _keep_second(self) -> None:
        code = self._second.poll() if self._second is not None else -signal.SIGKILL
        if code is None:
            return
        if code != -signal.SIGKILL:
            raise TrialError(f"A worker ended with code {code}:\n{last_words(self._place.log)}")
        self._second = self._place.command("worker", output=subprocess.DEVNULL)

    def _strike(self) -> None:
        role = self._rng.choice(TARGETS)
        alive = self._alive(role)
        if alive:
            with suppress(ProcessLookupError):
                os.kill(self._rng.choice(alive), signal.SIGKILL)
                self._struck[f"{role}_at_random"] += 1
                self._left -= 1
        self._strike_at = time.monotonic() + self._pause()

    def _alive(self, role: str) -> list[int]:
        second = [self._second.pid] if role == "worker" and self._second is not None else []
        if not self._place.runs:
            return second
        if role == "supervisor":
            return [self._place.pid]
        return second + [p.pid for p in desk_processes(self._place.pid) if p.role == role]

    def _pause(self) -> float:
        return self._rng.uniform(0.5, 1.5) * MEAN_SECONDS
