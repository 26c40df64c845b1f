"""Looking again at what was left to the community: its thread is fetched anew, deletions included, and triaged."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select, update

from moderation.errors import TenthError
from plugins.contract import ConnectorError, Gone, RateLimited, Session
from service.db import deliveries as inbox
from service.db.models import Case, Community, Thread
from service.deps import Deps
from service.usecases.connections import open_session, opened

log = structlog.get_logger(__name__)

#: Threads of one connection that are fetched in one turn: looking again must leave calls for reading.
PER_TURN = 5
AFTER_TROUBLE = timedelta(minutes=15)


def look_again(deps: Deps) -> int:
    """Looks at the threads whose time has come. Returns how many."""
    due = _due(deps)
    for connection_id, threads in due.items():
        try:
            _look_at(deps, connection_id, threads)
        except TenthError as error:  # settings that open no session must not keep the other connections from theirs
            log.warning("look.failed", connection=connection_id, error=type(error).__name__)
            for case_id, _ in threads:
                _later(deps, case_id, deps.now() + AFTER_TROUBLE)
    return sum(len(t) for t in due.values())


def _due(deps: Deps) -> dict[int, list[tuple[int, str]]]:
    """The longest due of each connection: one with many, or one that must wait, keeps none of the others waiting."""
    turn = func.row_number().over(partition_by=Case.connection_id, order_by=(Case.look_again_at, Case.id))
    due = (
        select(Case.connection_id, Case.id, Thread.remote_id, turn.label("turn"))
        .join(Thread, Thread.id == Case.thread_id)
        .where(Case.look_again_at <= deps.now(), Case.lane.in_(("left", "decided")))
        .subquery()
    )
    query = select(due.c.connection_id, due.c.id, due.c.remote_id).where(due.c.turn <= PER_TURN).order_by(due.c.turn)
    found: dict[int, list[tuple[int, str]]] = defaultdict(list)
    with deps.store.read() as session:
        for connection_id, case_id, remote_id in session.execute(query):
            found[connection_id].append((case_id, remote_id))
    return dict(found)


def _look_at(deps: Deps, connection_id: int, threads: list[tuple[int, str]]) -> None:
    with deps.store.read() as session:
        connection = opened(deps, session, connection_id)
    platform = open_session(deps, connection)
    if platform is None:
        _looked(deps, [case_id for case_id, _ in threads])
        return
    with closing(platform):
        for case_id, remote_id in threads:
            if not _fetch(deps, connection_id, platform, case_id, remote_id):
                return


def _fetch(deps: Deps, connection_id: int, platform: Session, case_id: int, remote_id: str) -> bool:
    """False when the platform wants no more calls now."""
    try:
        page = platform.fetch_thread(remote_id)
    except RateLimited as error:
        _later(deps, case_id, error.retry_at or deps.now() + AFTER_TROUBLE)
        return False
    except Gone:
        # No proof that anything was deleted: a server that moved says so of every address. A connector that is sure
        # answers with what is gone.
        log.info("look.gone", thread=remote_id)
    except ConnectorError as error:
        log.warning("look.failed", thread=remote_id, error=type(error).__name__)
        _later(deps, case_id, deps.now() + AFTER_TROUBLE)
        return True
    else:
        with deps.store.write() as session:
            inbox.store(session, connection_id, "look", page.deliveries, deps.now())
        deps.ring("process_deliveries")
    _looked(deps, [case_id])
    return True


def _looked(deps: Deps, case_ids: list[int]) -> None:
    """Notes the look. The next triage sets the time of the next one; a snooze that ended opens the case again."""
    now = deps.now()
    with deps.store.write() as session:
        mine = Case.id.in_(case_ids)
        session.execute(update(Case).where(mine).values(looked_at=now, looks=Case.looks + 1, look_again_at=None))
        session.execute(update(Case).where(mine, Case.state == "snoozed").values(state="left", lane="left"))
        communities = select(Case.community_id).where(mine)
        session.execute(
            update(Community)
            .where(Community.id.in_(communities))
            .values(triage_due_at=now)
            .execution_options(synchronize_session=False)
        )


def _later(deps: Deps, case_id: int, at: datetime) -> None:
    with deps.store.write() as session:
        session.execute(update(Case).where(Case.id == case_id).values(look_again_at=at))
