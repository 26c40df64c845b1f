"""The jobs: each says "look in this table". The embedded worker calls them; RQ workers call the same functions."""

from __future__ import annotations

from functools import lru_cache

from service.app import create_app
from service.bootstrap import deps_of
from service.deps import Deps
from service.usecases import intake, keeping, looking, polling, triage

#: Batches one job reads before it gives others a turn.
BATCHES = 50


@lru_cache(maxsize=1)
def process_deps() -> Deps:
    """This worker process's own; built at the first job, after any fork."""
    return deps_of(create_app(web=False))


def process_deliveries(deps: Deps | None = None) -> int:
    """Reads due deliveries, and triages what they touched."""
    deps = deps or process_deps()
    done = 0
    for _ in range(BATCHES):
        claimed = intake.process_deliveries(deps)
        done += claimed
        if not claimed:
            break
    if done:
        deps.ring("triage_communities")
    return done


def triage_communities(deps: Deps | None = None) -> int:
    """Triages every community that is due."""
    return triage.triage_due(deps or process_deps())


def poll_connections(deps: Deps | None = None) -> int:
    """Polls every connection that is due."""
    deps = deps or process_deps()
    due = polling.due_connections(deps)
    for connection_id in due:
        polling.poll_connection(deps, connection_id)
    return len(due)


def look_again(deps: Deps | None = None) -> int:
    """Looks again at what was left to the community."""
    return looking.look_again(deps or process_deps())


def purge(deps: Deps | None = None) -> int:
    """Deletes what is kept long enough."""
    return keeping.purge(deps or process_deps())
