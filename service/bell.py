"""The doorbell: says that rows are due. Losing a ring loses nothing, because the sweep finds the rows."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.exceptions import DuplicateJobError

log = structlog.get_logger(__name__)

QUEUE = "tenth"
#: Rings of one job within this time fall together.
TOGETHER_SECONDS = 0.25
#: A request that rings waits no longer for the server.
ANSWER_SECONDS = 2.0


def make_bell(redis_url: str) -> Callable[[str], None]:
    """A bell that rings through RQ, or one that is silent: the embedded worker looks by itself."""
    if not redis_url:
        return lambda _job: None
    server = Redis.from_url(redis_url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS)
    queue = Queue(QUEUE, connection=server)

    def ring(job: str) -> None:
        # The id holds the time: a job whose worker died blocks the rings of its own moment and no later one.
        job_id = f"{job}-{int(time.time() / TOGETHER_SECONDS)}"
        try:
            queue.enqueue(f"service.rq_jobs.{job}", job_id=job_id, unique=True, result_ttl=0, failure_ttl=600)
        except DuplicateJobError:
            log.debug("bell.rung_already", job=job)
        except RedisError as error:
            log.warning("bell.silent", job=job, error=type(error).__name__)

    return ring
