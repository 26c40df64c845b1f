"""The jobs: each says "look in this table". The embedded worker and RQ workers call the same functions."""

from __future__ import annotations

from service.deps import Deps
from service.usecases import (
    accounts,
    acting,
    backtest,
    badges,
    cases,
    clocks,
    drift,
    grants,
    helped,
    intake,
    keeping,
    learning,
    looking,
    polling,
    reputation,
    rights,
    seconding,
    statements,
    triage,
    watched,
)

#: Batches one job reads before it gives others a turn.
BATCHES = 50


def process_deliveries(deps: Deps) -> int:
    """Reads due deliveries; what they touched is triaged next."""
    done = 0
    for _ in range(BATCHES):
        claimed = intake.process_deliveries(deps)
        done += claimed
        if not claimed:
            break
    if done:
        deps.ring("triage_communities")
    return done


def triage_communities(deps: Deps) -> int:
    """Triages every community that is due."""
    return triage.triage_due(deps)


def poll_connections(deps: Deps) -> int:
    """Polls every connection that is due."""
    due = polling.due_connections(deps)
    for connection_id in due:
        polling.poll_connection(deps, connection_id)
    return len(due)


def look_again(deps: Deps) -> int:
    """Ends claims whose time has passed, and looks again at what was left to the community."""
    return cases.release_expired(deps) + looking.look_again(deps)


def perform_actions(deps: Deps, connection_id: int | None = None) -> int:
    """Performs the actions that are due, on one connection or on all."""
    return acting.perform_due(deps, connection_id)


def sum_up_reputation(deps: Deps) -> int:
    """Reads threads that changed, for who is known to help in which part."""
    return reputation.sum_up(deps)


def keep_rights(deps: Deps, connection_id: int | None = None) -> int:
    """Ends what is over, and has the platforms follow the grants, on one connection or on all."""
    return grants.expire_due(deps) + seconding.expire_waiting(deps) + rights.settle_due(deps, connection_id)


def keep_watch(deps: Deps) -> int:
    """Acts on what watched words found."""
    return watched.act_due(deps)


def try_watches(deps: Deps) -> int:
    """Tries watched words on the past where somebody asked for that."""
    return backtest.run_asked(deps)


def keep_badges(deps: Deps, connection_id: int | None = None) -> int:
    """Has the platforms' badges follow who is thanked, on one connection or on all."""
    return badges.follow(deps) + badges.settle_due(deps, connection_id)


def check_rights(deps: Deps) -> int:
    """Compares rights on the platforms with the ledger."""
    return drift.check_due(deps)


def tell_authors(deps: Deps) -> int:
    """Tells authors why an act was done to what they wrote."""
    return statements.tell_due(deps)


def purge(deps: Deps) -> int:
    """Deletes what is kept long enough."""
    return keeping.purge(deps)


def learn(deps: Deps) -> int:
    """Tries what new decisions teach about the line."""
    return learning.learn_due(deps)


def check_accounts(deps: Deps) -> int:
    """Tries the credentials of brand accounts that were not tried for long."""
    return accounts.check_due(deps)


def keep_time(deps: Deps) -> int:
    """Takes the steps of clocks that run out, and sums up conversations that changed."""
    return clocks.escalate_due(deps) + helped.sum_up(deps)
