"""The desk's processes in a trial of replies, kept alive: whoever is killed, at a point or at random, starts again."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from random import Random

from service.selftest.place import Place, TrialError, last_words
from service.selftest.replies_clock import Clock
from service.selftest.replies_points import POINTS
from service.supervisor import die_with_parent

#: Two workers: they must not get in each other's way, either.
ROLES = ("web", "worker", "worker")
#: Our seconds between two kills at random.
MEAN_SECONDS = 3.0
STOP_SECONDS = 15.0
RANDOM = "at_random"


@dataclass(frozen=True, slots=True)
class Kills:
    """How many: `at_points` at each point of each role, and `at_random` beside them."""

    at_points: int
    at_random: int

    def by_role(self, rng: Random) -> dict[str, list[str]]:
        """The points to die at, in random order."""
        found = {role: [point for point in names for _ in range(self.at_points)] for role, names in POINTS.items()}
        for names in found.values():
            rng.shuffle(names)
        return found


@dataclass(slots=True)
class Member:
    """One place in the crew. `point` is where its process of now ends itself; `done` that its work is finished."""

    role: str
    process: subprocess.Popen[bytes] | None = None
    point: str = ""
    struck: bool = False
    done: bool = False


class Crew:
    """Starts processes until each point was reached as often as wanted, and kills at random beside it."""

    def __init__(self, place: Place, clock: Clock, kills: Kills, rng: Random, *, cases: int, each: int) -> None:
        """`each`: how often every case is answered."""
        self._place, self._clock, self._rng, self._each = place, clock, rng, each
        self._points = kills.by_role(rng)
        # Over the first half of the work: later there may be none left to reach a point with.
        self._most = {role: cases * each // (2 * max(1, len(names))) for role, names in self._points.items()}
        self._strikes = kills.at_random
        self._strike_at = time.monotonic() + self._pause()
        self._members = [Member(role) for role in ROLES]
        self.killed: Counter[str] = Counter()

    @property
    def written(self) -> bool:
        """Whether the person has sent everything."""
        return all(member.done for member in self._members if member.role == "web")

    def look_after(self) -> None:
        """Starts whoever is not there, and strikes when it is time. Raises TrialError when one ends by itself."""
        for member in self._members:
            if member.process is not None and member.process.poll() is not None:
                self._bury(member, member.process.returncode)
            if member.process is None and not member.done:
                self._start(member)
        if self._strikes > 0 and time.monotonic() >= self._strike_at:
            self._strike()

    def stop(self) -> None:
        """Asks everybody to end."""
        running = [m.process for m in self._members if m.process is not None]
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self, member: Member) -> None:
        given = [member.role, str(self._clock), str(self._rng.randrange(1_000_000)), str(self._each)]
        left = self._points.get(member.role, [])
        member.point = left.pop() if left else ""
        member.struck = False
        if member.point:
            given += [member.point, str(self._rng.randint(0, self._most[member.role]))]
        with self._place.log.open("ab") as log:
            member.process = subprocess.Popen(
                [sys.executable, "-m", "service.selftest.replies_process", *given],
                env=self._place.environment() | {"TENTH_POLL_SECONDS": "1200"},
                stdout=subprocess.DEVNULL,
                stderr=log,
                preexec_fn=die_with_parent,  # noqa: PLW1509 (no thread of ours runs yet)
            )

    def _bury(self, member: Member, code: int) -> None:
        if code == -signal.SIGKILL:
            self.killed[RANDOM if member.struck else member.point] += 1
            if member.struck and member.point:
                self._points[member.role].insert(0, member.point)  # it never came there
        elif code == 0 and member.role == "web":
            member.done = True
        else:
            raise TrialError(f"A {member.role} ended with code {code}:\n{last_words(self._place.log)}")
        member.process = None

    def _strike(self) -> None:
        alive = [m for m in self._members if m.process is not None and m.process.poll() is None]
        if alive:
            member = self._rng.choice(alive)
            assert member.process is not None
            member.process.kill()
            member.struck = True
            self._strikes -= 1
        self._strike_at = time.monotonic() + self._pause()

    def _pause(self) -> float:
        return self._rng.uniform(0.5, 1.5) * MEAN_SECONDS
