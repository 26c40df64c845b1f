"""The desk's processes in a trial of replies, kept alive: whoever is killed, at a point or at random, starts again.

They are the real ones: `tenth run` with gunicorn and a worker under it, and a second worker, since two must not get in
each other's way. Gunicorn starts its own workers again, the supervisor its children, and the crew what nobody is above:
the supervisor, as a host's service manager would, and the second worker.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from sqlalchemy import select

from service.db.models import Case
from service.selftest.place import Place, TrialError, last_words
from service.selftest.processes import desk_processes
from service.selftest.replies_clock import Clock
from service.selftest.replies_inside import write_inside
from service.selftest.replies_person import Person, Task
from service.selftest.replies_points import EVERY_POINT, POINTS
from service.selftest.replies_slips import Slips
from service.usecases.people import create_person

#: Who is killed at random.
TARGETS = ("web", "web_master", "worker", "worker", "supervisor")
PEOPLE = 2
#: Our seconds between two kills at random, between two starts of a supervisor, and that it may be away.
MEAN_SECONDS, START_EVERY, MOST_AWAY = 3.0, 1.0, 90.0
#: A supervisor that has run this long did not end because the port was still taken.
STEADY_SECONDS = 6.0
STOP_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Kills:
    """How many: `at_points` at each of the `points`, and `at_random` beside them."""

    at_points: int
    at_random: int
    points: Collection[str] = EVERY_POINT

    def by_role(self, rng: Random) -> dict[str, list[str]]:
        """The points to die at, in random order."""
        found = {}
        for role, names in POINTS.items():
            found[role] = [name for name in names if name in self.points for _ in range(self.at_points)]
            rng.shuffle(found[role])
        return found


class Crew:
    """Starts the desk and its people, looks after them, and kills at random beside the points."""

    def __init__(self, place: Place, clock: Clock, kills: Kills, rng: Random, *, each: int) -> None:
        """`each`: how often every case is answered."""
        self._place, self._rng, self._each = place, rng, each
        cases = self._cases()
        self._slips = Slips(place.folder / "points")
        points = kills.by_role(rng)
        # Over the first half of the work: later there may be none left to reach a point with.
        most = {role: len(cases) * each // (2 * max(1, len(names))) for role, names in points.items()}
        self._slips.put(points, most, rng)
        place.given |= write_inside(place.folder / "inside", str(clock), self._slips) | {"TENTH_POLL_SECONDS": "1200"}
        self._people = self._hire(cases)
        self._second: subprocess.Popen[bytes] | None = None
        self._left, self._strike_at = kills.at_random, time.monotonic() + self._pause()
        self._launched_at, self._steady_at = float("-inf"), time.monotonic()
        self._struck: Counter[str] = Counter()
        #: How many processes have died, by point, and those at random by role.
        self.killed: Counter[str] = Counter()

    @property
    def written(self) -> bool:
        """Whether the people have sent everything."""
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

    def _cases(self) -> Sequence[int]:
        """In an order of its own for each trial."""
        with self._place.deps.store.read() as session:
            cases = session.scalars(select(Case.id).order_by(Case.id)).all()
        return self._rng.sample(cases, len(cases))

    def _hire(self, cases: Sequence[int]) -> list[Person]:
        """All answers to one case are written by one person: another's answer would hold theirs back."""
        made = []
        for number in range(PEOPLE):
            name = f"trial-{number + 1}"
            tasks = [Task(case_id, n) for n in range(self._each) for case_id in cases[number::PEOPLE]]
            password = create_person(self._place.deps, name, "manager")
            made.append(Person(self._place.deps, self._place.port, name, password, tasks))
        return made

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
