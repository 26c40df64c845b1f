"""How fast messages go in: an archive through the import that everybody uses, beside bare inserts of the same rows."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from service.db.models import Message
from service.deps import Deps, utc_now
from service.selftest.forum import ARCHIVE, connect_archive
from service.selftest.place import TrialError, throw_away
from service.selftest.texts import write_archive
from service.usecases.importing import import_file

Say = Callable[[str], None]
BARE_BATCH = 1_000
SEED = 10


@dataclass(frozen=True, slots=True)
class Ingest:
    """`ratio` is our speed over that of bare inserts: 0.1 means that reading, scoring and triage take nine tenths."""

    messages: int
    seconds: float
    messages_per_s: float
    baseline_messages_per_s: float
    ratio: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def bench_ingest(messages: int, say: Say) -> Ingest:
    """Imports an archive of distinct messages; the clock runs until all are stored, scored and triaged."""
    with throw_away() as place:
        file = place.folder / "archive.jsonl"
        say(f"writing {messages} messages …")
        write_archive(file, messages, SEED, utc_now())
        connect_archive(place)
        place.deps.scorer.score(())  # the model is loaded once in a worker's life, not for each import
        say("importing …")
        seconds = _import(place.deps, file, messages)
        say("bare inserts …")
        bare = _bare(place.deps)
    speed = messages / seconds
    return Ingest(messages, round(seconds, 2), round(speed, 1), round(bare, 1), round(speed / bare, 4))


def _import(deps: Deps, file: Path, wanted: int) -> float:
    started = time.perf_counter()
    with file.open("rb") as stream:
        counts = import_file(deps, ARCHIVE, stream, lambda _bad: None, lambda *_: None)
    seconds = time.perf_counter() - started
    if counts.messages != wanted:
        raise TrialError(f"{wanted} messages went in, {counts.messages} are stored.")
    return seconds


def _bare(deps: Deps) -> float:
    """Rows a second of plain batched inserts: the same messages, once more into the same table under other ids."""
    with deps.store.read() as session:
        found = session.execute(select(Message.__table__).order_by(Message.id)).mappings()
        rows = [dict(row) | {"remote_id": f"bare-{row['remote_id']}"} for row in found]
    for row in rows:
        del row["id"]
    started = time.perf_counter()
    for start in range(0, len(rows), BARE_BATCH):
        with deps.store.write() as session:
            session.connection().execute(insert(Message), rows[start : start + BARE_BATCH])
    return len(rows) / (time.perf_counter() - started)
