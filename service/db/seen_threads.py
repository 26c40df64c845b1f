"""Communities and threads as platforms show them, as rows. Everything here runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.model import CommunitySeen, ThreadSeen
from service.db import remote
from service.db.models import Community, Thread

_NEW_COMMUNITY: dict[str, Any] = {"summary": {}, "budget": 0.1, "window_days": 28, "attempt": 0}
_NEW_THREAD: dict[str, Any] = {
    "messages": 0,
    "facts": {},
    "title": "",
    "url": "",
    "closed": False,
    "accepted_answer": "",
    "total_replies": None,
    "tags": None,
}


def keep_threads(session: Session, connection_id: int, seen: Mapping[str, ThreadSeen]) -> dict[str, int]:
    """Ids of threads, each with what the platform says of it and locked to the end of the transaction."""
    communities = _keep_communities(session, connection_id, seen.values())
    values = {key: _thread_values(thread, communities) for key, thread in seen.items()}
    rows = {key: _NEW_THREAD | row for key, row in values.items()}
    ids = remote.upsert(session, Thread, connection_id, rows, values)
    # Two batches about one thread must see each other's messages when they sum it up; its case may be made meanwhile.
    held = select(Thread.id).where(Thread.id.in_(sorted(ids.values()))).order_by(Thread.id)
    session.execute(held.with_for_update(key_share=True))
    return ids


def _keep_communities(session: Session, connection_id: int, threads: Iterable[ThreadSeen]) -> dict[str, int]:
    """Ids of the communities of these threads. One that comes without a name says nothing of one that is known."""
    wanted: dict[str, CommunitySeen] = {}
    for thread in threads:
        if thread.community.remote_id not in wanted or thread.community.name:
            wanted[thread.community.remote_id] = thread.community
    values = {key: {"name": seen.name[:300], "restricted": seen.restricted} for key, seen in wanted.items()}
    rows = {key: _NEW_COMMUNITY | row for key, row in values.items()}
    named = {key: row for key, row in values.items() if row["name"]}
    return remote.upsert(session, Community, connection_id, rows, named)


def _thread_values(seen: ThreadSeen, communities: Mapping[str, int]) -> dict[str, Any]:
    """The columns that the platform says something about."""
    said = {
        "title": None if seen.title is None else seen.title[:500],
        "url": None if seen.url is None else seen.url[:500],
        "closed": seen.closed,
        "accepted_answer": None if seen.accepted_answer is None else seen.accepted_answer[:300],
        "total_replies": seen.total_replies,
        "tags": None if seen.tags is None else list(seen.tags),
    }
    known = {name: value for name, value in said.items() if value is not None}
    return {"community_id": communities[seen.community.remote_id], **known}
