"""Importing a file: streamed into deliveries, then read, scored and triaged, whether or not the service is running."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import IO

from sqlalchemy import func, select, update

from moderation.errors import BadInput
from plugins.contract import BadLine, Delivery, ReadsFiles
from service.db import deliveries as inbox
from service.db.models import Community, DeliveryRow, Message, Thread
from service.deps import Deps
from service.usecases import intake, triage
from service.usecases.connections import Opened, find, opened

CHUNK = 2_000
#: Larger than a live batch: nobody waits behind an import's transaction for long, and there are many rows.
BATCH = 400
Progress = Callable[[str, int, int], None]


@dataclass(slots=True)
class Imported:
    """The counts of an import. `lines` are those read, `new` what was not there before."""

    lines: int = 0
    new: int = 0
    bad: int = 0
    failed: int = 0
    messages: int = 0
    threads: int = 0
    problems: list[BadLine] = field(default_factory=list)


def import_file(
    deps: Deps, name: str, stream: IO[bytes], report: Callable[[BadLine], None], progress: Progress
) -> Imported:
    """Imports a stream into a connection. Returns when everything is stored, scored and triaged."""
    with deps.store.read() as session:
        connection = opened(deps, session, find(session, name).id)
    if not isinstance(connection.connector, ReadsFiles):
        raise BadInput(f"“{name}” is a {connection.connector.label} connection; only an archive takes files.")
    counts = Imported()
    _store_all(deps, connection, connection.connector, stream, counts, report, progress)
    _read_all(deps, connection.id, progress)
    _triage_all(deps, connection.id)
    _count(deps, connection.id, counts)
    return counts


def _store_all(
    deps: Deps,
    connection: Opened,
    reader: ReadsFiles,
    stream: IO[bytes],
    counts: Imported,
    report: Callable[[BadLine], None],
    progress: Progress,
) -> None:
    lines = reader.read(stream)
    while chunk := list(islice(lines, CHUNK)):
        good = [d for d in chunk if isinstance(d, Delivery)]
        counts.lines += len(chunk)
        counts.bad += len(chunk) - len(good)
        for bad in chunk:
            if isinstance(bad, BadLine):
                report(bad)
        if good:
            counts.new += intake.accept(deps, connection.id, "import", good)
        progress("reading", counts.lines, 0)


def _read_all(deps: Deps, connection_id: int, progress: Progress) -> None:
    """Works until nothing of this connection waits; a claim of somebody else is waited for, never doubled."""
    with deps.store.read() as session:
        total = waiting = inbox.waiting(session, connection_id)
    while waiting:
        claimed = intake.process_deliveries(deps, connection_id, BATCH)
        waiting -= claimed
        if not claimed or waiting <= 0:
            with deps.store.read() as session:
                waiting = inbox.waiting(session, connection_id)
            if not claimed and waiting:
                if not _any_claimed(deps, connection_id):
                    return
                time.sleep(0.25)
        progress("scoring", max(0, total - waiting), total)


def _any_claimed(deps: Deps, connection_id: int) -> bool:
    """Whether anything is due soon; deliveries that back off for minutes are not waited for."""
    with deps.store.read() as session:
        soon = DeliveryRow.due_at <= deps.now() + inbox.LEASE
        query = select(DeliveryRow.id).where(
            DeliveryRow.connection_id == connection_id, DeliveryRow.state.in_(("pending", "claimed")), soon
        )
        return session.scalar(query.limit(1)) is not None


def _triage_all(deps: Deps, connection_id: int) -> None:
    """Triages the connection's communities now, waiting for a triage that somebody else is at."""
    for community_id in _communities(deps, connection_id):
        deadline = time.monotonic() + triage.LEASE.total_seconds()
        while not triage.triage_community(deps, community_id) and time.monotonic() < deadline:
            time.sleep(0.1)


def _communities(deps: Deps, connection_id: int) -> Iterator[int]:
    with deps.store.write() as session:
        session.execute(
            update(Community)
            .where(Community.connection_id == connection_id, Community.triage_due_at > deps.now())
            .values(triage_due_at=deps.now())
        )
        query = select(Community.id).where(Community.connection_id == connection_id).order_by(Community.id)
        return iter(list(session.scalars(query)))


def _count(deps: Deps, connection_id: int, counts: Imported) -> None:
    with deps.store.read() as session:
        counts.messages = (
            session.scalar(select(func.count(Message.id)).where(Message.connection_id == connection_id)) or 0
        )
        counts.threads = session.scalar(select(func.count(Thread.id)).where(Thread.connection_id == connection_id)) or 0
        dead = (DeliveryRow.connection_id == connection_id) & (DeliveryRow.state == "dead")
        counts.failed = session.scalar(select(func.count(DeliveryRow.id)).where(dead)) or 0
