"""Workers on a Redis-protocol server: the same job functions, rung by RQ; rows stay the truth.

SimpleWorker runs jobs in this process: RQ's default forks for each job, which is slow and unsafe for model runtimes.
"""

from __future__ import annotations

import threading

import structlog
from redis import Redis
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
    ("look_again", 15.0),
    ("purge", 900.0),
)


def run_rq_worker(deps: Deps) -> None:
    """Works until SIGTERM or SIGINT; the running job is finished first."""
    stop = threading.Event()
    sweeper = threading.Thread(target=sweep, args=(deps, stop), name="sweep", daemon=True)
    sweeper.start()
    connection = Redis.from_url(deps.settings.redis_url)
    worker = SimpleWorker([Queue(QUEUE, connection=connection)], connection=connection)
    try:
        worker.work(logging_level="WARNING")
    finally:
        stop.set()


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
