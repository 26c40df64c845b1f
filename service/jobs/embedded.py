"""The embedded worker: one process that looks for due rows itself. Reading has a thread of its own, platforms others.

A platform that answers a byte a second holds up its own connection and nothing else.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

import structlog

from service.deps import Deps
from service.jobs import work
from service.jobs.hints import Hints
from service.jobs.lanes import Lanes
from service.usecases import badges, grants, intake, polling, rights, seconding
from service.usecases.due_actions import connections_with_due
from service.usecases.heartbeat import beat
from service.usecases.takeover import take_over

log = structlog.get_logger(__name__)

IDLE_SECONDS = 0.25
POLLERS = 4
#: Connections that are acted on at once, in threads of their own: reading never keeps an answer waiting.
ACTORS = 8
#: Under a steady stream every batch makes the same communities due again; they are triaged no more often than this.
TRIAGE_SECONDS = 1.0


class Embedded:
    """Runs until `stop` is set; every loop survives errors, because the rows are still there."""

    def __init__(self, deps: Deps, stop: threading.Event) -> None:
        self._deps = deps
        self._stop = stop
        self._triaged_at = float("-inf")
        self._polls, self._acts, self._rights = Lanes("poll", POLLERS), Lanes("act", ACTORS), Lanes("right", ACTORS)
        self._badges = Lanes("badge", POLLERS)
        self._hints = Hints(deps)

    def run(self) -> None:
        """Blocks until stopped; then lets running jobs end their transaction."""
        self._safely(self._take_over)
        threads = [
            threading.Thread(target=self._loop, args=(job, pause), name=name, daemon=True)
            for name, job, pause in (
                ("read", self._read, IDLE_SECONDS),
                ("poll", self._poll, 1.0),
                ("hint", self._hint, 0.5),
                ("act", self._act, 1.0),
                ("right", self._keep_rights, 2.0),
                ("look", self._look, 10.0),
                ("watch", self._keep_watch, 2.0),
                ("try", self._try_watches, 3.0),
                ("time", self._keep_time, 10.0),
                ("drift", self._check_rights, 60.0),
                ("badge", self._keep_badges, 20.0),
                ("tell", self._tell_authors, 5.0),
                ("account", self._check_accounts, 300.0),
                ("learn", self._learn, 60.0),
                ("reputation", self._sum_up_reputation, 60.0),
                ("keep", self._keep, 600.0),
            )
        ]
        for thread in threads:
            thread.start()
        while not self._stop.wait(5.0):
            self._safely(self._beat)
        self._hints.close()
        for thread in threads:
            thread.join(timeout=5.0)
        self._polls.close()
        self._acts.close()
        self._rights.close()
        self._badges.close()

    def _loop(self, job: Callable[[], int], pause: float) -> None:
        while not self._stop.is_set():
            if not self._safely(job):
                self._stop.wait(pause)

    def _safely(self, job: Callable[[], int]) -> int:
        try:
            return job()
        except Exception:
            log.exception("worker.job_failed", job=getattr(job, "__name__", "?"))
            self._stop.wait(2.0)
            return 0

    def _take_over(self) -> int:
        return take_over(self._deps)

    def _read(self) -> int:
        """Full batches one after the other; what is less gathers in a pause, so that transactions are fewer."""
        full = True
        started = time.monotonic()
        while full and not self._stop.is_set() and time.monotonic() - started < TRIAGE_SECONDS:
            full = intake.process_deliveries(self._deps) >= self._deps.settings.batch_size
        if time.monotonic() - self._triaged_at >= TRIAGE_SECONDS:
            work.triage_communities(self._deps)
            self._triaged_at = time.monotonic()
        return int(full)

    def _poll(self) -> int:
        self._polls.start(polling.due_connections(self._deps), partial(polling.poll_connection, self._deps))
        return 0

    def _act(self) -> int:
        self._acts.start(connections_with_due(self._deps), self._act_on)
        return 0

    def _act_on(self, connection_id: int) -> int:
        """All that is due on one connection, one after the other."""
        perform, done = partial(work.perform_actions, self._deps, connection_id), 0
        while not self._stop.is_set() and (more := self._safely(perform)):
            done += more
        return done

    def _keep_rights(self) -> int:
        self._safely(partial(grants.expire_due, self._deps))
        self._safely(partial(seconding.expire_waiting, self._deps))
        self._rights.start(rights.connections_with_due(self._deps), partial(work.keep_rights, self._deps))
        return 0

    def _keep_watch(self) -> int:
        work.keep_watch(self._deps)
        return 0

    def _try_watches(self) -> int:
        work.try_watches(self._deps)
        return 0

    def _keep_badges(self) -> int:
        badges.follow(self._deps)
        self._badges.start(badges.connections_with_due(self._deps), partial(badges.settle_due, self._deps))
        return 0

    def _check_rights(self) -> int:
        work.check_rights(self._deps)
        return 0

    def _tell_authors(self) -> int:
        work.tell_authors(self._deps)
        return 0

    def _hint(self) -> int:
        self._hints.step()
        return 0

    def _look(self) -> int:
        work.look_again(self._deps)
        return 0

    def _keep_time(self) -> int:
        work.keep_time(self._deps)
        return 0

    def _check_accounts(self) -> int:
        work.check_accounts(self._deps)
        return 0

    def _learn(self) -> int:
        work.learn(self._deps)
        return 0

    def _sum_up_reputation(self) -> int:
        work.sum_up_reputation(self._deps)
        return 0

    def _keep(self) -> int:
        work.purge(self._deps)
        return 0

    def _beat(self) -> int:
        beat(self._deps)
        return 0
