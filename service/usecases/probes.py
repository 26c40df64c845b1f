"""What is missed, measured: one in a hundred of what stayed below the line goes into the queue, unmarked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from service.db.models import ProbeRow, Thread
from service.vault import Vault

SHARE = 0.01
#: Conversations that were left, below which none is drawn: in a small community it would never come to a figure.
FEWEST = 100
#: What moved more recently may still come above the line by itself.
QUIET = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Stayed:
    """A thread that is below the line and was there before. `last_at` is its newest message's time, in seconds."""

    thread: int
    connection: int
    remote_id: str
    last_at: float


@dataclass(frozen=True, slots=True)
class Probes:
    """Of one community and its window: threads still to be judged as they were drawn, and all that were drawn."""

    open: frozenset[int]
    drawn: frozenset[int]


def probes(session: Session, community_id: int, since: datetime) -> Probes:
    """The probes drawn since the window began. One in which somebody wrote since is a thread like any other again."""
    waits = ProbeRow.judged_at.is_(None) & (Thread.last_message_at <= ProbeRow.drawn_at)
    query = select(ProbeRow.thread_id, waits).join(Thread, Thread.id == ProbeRow.thread_id)
    rows = session.execute(query.where(ProbeRow.community_id == community_id, ProbeRow.drawn_at > since)).all()
    return Probes(frozenset(thread for thread, waiting in rows if waiting), frozenset(thread for thread, _ in rows))


def draw(vault: Vault, stayed: Collection[Stayed], known: Probes, as_of: datetime) -> list[int]:
    """Threads to be put into the queue. Whether one is drawn rests on a keyed hash: nobody can foretell it."""
    if len(stayed) < FEWEST:
        return []
    before = (as_of - QUIET).timestamp()
    return [
        s.thread
        for s in stayed
        if s.thread not in known.drawn and s.last_at <= before and vault.chance(f"{s.connection}:{s.remote_id}") < SHARE
    ]


def keep(session: Session, community_id: int, threads: Collection[int], at: datetime) -> None:
    """Remembers what was drawn."""
    if threads:
        rows: list[Mapping[str, object]] = [
            {"community_id": community_id, "thread_id": thread, "drawn_at": at} for thread in threads
        ]
        session.execute(insert(ProbeRow), rows)
