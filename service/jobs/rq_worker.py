"""Workers on a Redis-protocol server: the same job functions, rung by RQ; rows stay the truth.

SimpleWorker runs jobs in this process: RQ's default forks for each job, which is slow and unsafe for model runtimes.
"""

from __future__ import annotations

import signal
import threading
from typing import Any

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from sqlalchemy.exc import SQLAlchemyError

from service.bell import QUEUE, make_bell
from service.deps import Deps
from service.usecases.heartbeat import beat

log = structlog.get_logger(__name__)

#: (job, seconds): how often the sweep rings for rows whose own ring was lost.
SWEEP = (
    ("process_deliveries", 2.0),
    ("triage_communities", 2.0),
    ("poll_connections", 2.0),
    ("perform_actions", 2.0),
    ("keep_rights", 2.0),
    ("keep_watch", 2.0),
    ("try_watches", 3.0),
    ("look_again", 15.0),
    ("keep_time", 15.0),
    ("tell_authors", 5.0),
    ("check_rights", 60.0),
    ("keep_badges", 30.0),
    ("check_accounts", 300.0),
    ("learn", 60.0),
    ("sum_up_reputation", 60.0),
    ("purge", 900.0),
)


#: How long a worker waits for a server that went away, before it asks again.
AWAY_SECONDS = 2.0


class Stoppable(SimpleWorker):
    """Tells being asked to stop from ending for any other reason."""

    stop: threading.Event

    def request_stop(self, signum: int, frame: Any) -> None:
        """The handler of SIGTERM and SIGINT while it works."""
        self.stop.set()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]


def run_rq_worker(deps: Deps) -> None:
    """Works until SIGTERM or SIGINT; the running job is finished first. A server that goes away is waited for."""
    stop = threading.Event()
    sweeper = threading.Thread(target=sweep, args=(deps, stop), name="sweep", daemon=True)
    sweeper.start()
    try:
        while not stop.is_set():
            _work(deps, stop)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stop.set())  # RQ's own handlers would ask the server first
            stop.wait(AWAY_SECONDS)
    finally:
        stop.set()


def _work(deps: Deps, stop: threading.Event) -> None:
    """RQ's worker ends, one way or the other, when its server does."""
    connection = Redis.from_url(deps.settings.redis_url)
    worker = Stoppable([Queue(QUEUE, connection=connection)], connection=connection)
    worker.stop = stop
    try:
        worker.work(logging_level="WARNING")
    except RedisError as error:
        log.warning("worker.no_server", error=type(error).__name__)


def sweep(deps: Deps, stop: threading.Event) -> None:
    """Rings for every job in its rhythm; rings of several workers fall together, because a job id waits only once."""
    ring = make_bell(deps.settings.redis_url)
    next_at = dict.fromkeys((job for job, _ in SWEEP), 0.0)
    elapsed = 0.0
    while not stop.wait(0.5):
        elapsed += 0.5
        for job, pause in SWEEP:
            if elapsed >= next_at[job]:
                ring(job)
                next_at[job] = elapsed + pause
        if elapsed % 5.0 < 0.5:
            _beat(deps)


def _beat(deps: Deps) -> None:
    """A database that is away for a moment must not end the sweep."""
    try:
        beat(deps)
    except SQLAlchemyError as error:
        log.warning("worker.no_beat", error=type(error).__name__)
