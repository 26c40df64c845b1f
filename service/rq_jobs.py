"""The jobs under the names that RQ is given: without arguments, on this process's own service."""

from __future__ import annotations

from functools import lru_cache

from service.app import create_app
from service.deps import Deps, deps_of
from service.jobs import work


@lru_cache(maxsize=1)
def process_deps() -> Deps:
    """Built at the first job, once in a process."""
    return deps_of(create_app(web=False))


def process_deliveries() -> int:
    return work.process_deliveries(process_deps())


def triage_communities() -> int:
    return work.triage_communities(process_deps())


def poll_connections() -> int:
    return work.poll_connections(process_deps())


def look_again() -> int:
    return work.look_again(process_deps())


def perform_actions() -> int:
    return work.perform_actions(process_deps())


def purge() -> int:
    return work.purge(process_deps())


def check_accounts() -> int:
    return work.check_accounts(process_deps())


def keep_time() -> int:
    return work.keep_time(process_deps())


def learn() -> int:
    return work.learn(process_deps())


def keep_rights() -> int:
    return work.keep_rights(process_deps())


def keep_watch() -> int:
    return work.keep_watch(process_deps())


def try_watches() -> int:
    return work.try_watches(process_deps())


def check_rights() -> int:
    return work.check_rights(process_deps())


def tell_authors() -> int:
    return work.tell_authors(process_deps())


def sum_up_reputation() -> int:
    return work.sum_up_reputation(process_deps())


def keep_badges() -> int:
    return work.keep_badges(process_deps())
