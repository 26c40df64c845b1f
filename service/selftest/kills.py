"""SIGKILL at random moments: the web's master, its worker, or the worker of jobs."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from random import Random

from service.selftest.place import Place
from service.selftest.processes import Process, Role, desk_processes

MEAN_SECONDS = 3.0
_ROLES: tuple[Role, ...] = ("web", "worker", "web_master", "worker")


class Killer:
    """Kills `wanted` times, on a thread of its own."""

    def __init__(self, place: Place, wanted: int, rng: Random) -> None:
        self._place, self._wanted, self._rng = place, wanted, rng
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="killer", daemon=True)
        self.done: Counter[str] = Counter()
        self.error: Exception | None = None

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        """Waits for the last kill. Raises what stopped the killing, if anything did."""
        self._thread.join()
        if self.error is not None:
            raise self.error

    def stop(self) -> None:
        self._stop.set()

    def _run(self) -> None:
        try:
            while self.done.total() < self._wanted and not self._stop.wait(self._rng.uniform(0.5, 1.5) * MEAN_SECONDS):
                self._kill_one(self._rng.choice(_ROLES))
        except Exception as error:
            self.error = error

    def _kill_one(self, role: Role) -> None:
        """One that lives; while none of the role does, because it was killed just before, we look again soon."""
        while not self._stop.is_set():
            alive = [p for p in desk_processes(self._place.pid) if p.role == role]
            if alive and _kill(self._rng.choice(alive)):
                self.done[role] += 1
                return
            self._stop.wait(0.05)


def _kill(process: Process) -> bool:
    try:
        os.kill(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
