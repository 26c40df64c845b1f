"""Turns three public data sets into the archive format (plugins/archive/README.md), to try Tenth on real threads.

    python scripts/convert_threads.py NAME FILE > out.jsonl

NAME is one of the sets below and FILE its CSV, gzipped or not. Figures go to the standard error stream. The same file
always gives the same output. Whatever the source does not have is made up here by a fixed rule, so that every thread
can be judged; do not read more into the made-up parts than the rule says.

spotify     Customers' tweets to @SpotifyCares (subset of the Twitter customer support corpus).
            Rows without a text or a date are dropped. Ids lose their ".0", dates become ISO 8601 in UTC. The source has
            no threads and not the brand's answers: a thread is one author's messages with less than 48 hours between
            one and the next, named after its first message. `in_reply_to` often names an answer that is not stored.
incivility  Comments of GitHub issues that were locked for their tone.
            No dates and no authors in the source. Threads start evenly over 27 days from 2024-01-01, in the file's
            order, and comments follow a minute apart, so that all are active in the 28 days before the newest.
            Every comment has an author of its own (“author of ID”): nothing is claimed about who wrote twice.
cyberado    Role-played chats of teenagers, in French.
            All were played in about an hour, five of them on 2019-06-13. A time without a date is put on that day,
            in UTC; a message without a readable time (one whole chat) follows ten seconds after the one before, from
            noon on; no message is earlier than the one before it in the chat. Ids are THREAD-N.
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

Row = dict[str, str]
Message = dict[str, str]

SPOTIFY_GAP = timedelta(hours=48)
INCIVILITY_START = datetime(2024, 1, 1, tzinfo=UTC)
INCIVILITY_SPREAD = timedelta(days=27)
CYBERADO_NOON = datetime(2019, 6, 13, 12, tzinfo=UTC)
CLOCKS = ("%Y-%m-%d %H:%M:%S", "%I:%M:%S %p", "%H:%M:%S")


@dataclass(slots=True)
class Figures:
    """What went in and what came out."""

    rows: int = 0
    dropped: int = 0


def spotify(rows: Iterable[Row], figures: Figures) -> Iterator[Message]:
    """One author's messages less than 48 hours apart are a thread."""
    usable = [row for row in _counted(rows, figures) if _complete(row, figures, "text", "created_at", "author", "id")]
    timed = [(datetime.strptime(row["created_at"], "%a %b %d %H:%M:%S %z %Y"), row) for row in usable]
    timed.sort(key=lambda pair: (pair[1]["author"], pair[0], float(pair[1]["id"])))
    author, last, thread = "", datetime.min.replace(tzinfo=UTC), ""
    for at, row in timed:
        if row["author"] != author or at - last >= SPOTIFY_GAP:
            thread = _whole(row["id"])
        author, last = row["author"], at
        yield _spotify_message(row, thread, at)


def _spotify_message(row: Row, thread: str, at: datetime) -> Message:
    message = _message(thread, _whole(row["id"]), row["author"], at, row["text"])
    if row.get("in_reply_to"):
        message["in_reply_to"] = _whole(row["in_reply_to"])
    if row.get("lang", "und") != "und":
        message["lang"] = row["lang"]
    return message


def _whole(number: str) -> str:
    return number.removesuffix(".0")


def incivility(rows: Iterable[Row], figures: Figures) -> Iterator[Message]:
    """Threads evenly over 27 days, comments a minute apart."""
    threads: dict[str, list[Row]] = {}
    for row in _counted(rows, figures):
        if _complete(row, figures, "thread", "comment", "text"):
            threads.setdefault(row["thread"], []).append(row)
    for place, (thread, comments) in enumerate(threads.items()):
        start = INCIVILITY_START + INCIVILITY_SPREAD * place / len(threads)
        for number, row in enumerate(comments):
            at = start.replace(microsecond=0) + timedelta(minutes=number)
            yield _message(thread, row["comment"], f"author of {row['comment']}", at, row["text"]) | {
                "lang": row["lang"]
            }


def cyberado(rows: Iterable[Row], figures: Figures) -> Iterator[Message]:
    """Every chat on one day, in its own order."""
    before: dict[str, datetime] = {}
    for row in _counted(rows, figures):
        if not _complete(row, figures, "thread", "n", "author", "text"):
            continue
        at = _cyberado_time(row["time"], before.get(row["thread"]))
        before[row["thread"]] = at
        message = _message(row["thread"], f"{row['thread']}-{row['n']}", row["author"], at, row["text"])
        yield message | {"lang": row["lang"]}


def _cyberado_time(written: str, before: datetime | None) -> datetime:
    at = _clock(written)
    if before is None:
        return at or CYBERADO_NOON
    return max(at, before) if at else before + timedelta(seconds=10)


def _clock(written: str) -> datetime | None:
    for form in CLOCKS:
        try:
            time = datetime.strptime(written, form)  # noqa: DTZ007 (only the clock is used)
        except ValueError:
            continue
        return datetime.combine(CYBERADO_NOON, time.time(), UTC)
    return None


def _message(thread: str, name: str, author: str, at: datetime, text: str) -> Message:
    return {"thread": thread, "id": name, "author": author, "created_at": at.astimezone(UTC).isoformat(), "text": text}


def _counted(rows: Iterable[Row], figures: Figures) -> Iterator[Row]:
    for row in rows:
        figures.rows += 1
        yield row


def _complete(row: Row, figures: Figures, *fields: str) -> bool:
    complete = all((row.get(field) or "").strip() for field in fields)
    figures.dropped += not complete
    return complete


SETS: dict[str, Callable[[Iterable[Row], Figures], Iterator[Message]]] = {
    "spotify": spotify,
    "incivility": incivility,
    "cyberado": cyberado,
}


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a CSV, gzipped or not."""
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    with (gzip.open if packed else open)(path, "rt", encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def main(arguments: list[str]) -> int:
    """Writes the JSON lines; 2 for a wrong call."""
    if len(arguments) != 2 or arguments[0] not in SETS:
        print(f"usage: convert_threads.py {{{','.join(SETS)}}} FILE > out.jsonl", file=sys.stderr)
        return 2
    figures, threads, messages = Figures(), set(), 0
    for message in SETS[arguments[0]](read_rows(Path(arguments[1])), figures):
        print(json.dumps(message, ensure_ascii=False))
        threads.add(message["thread"])
        messages += 1
    summary = f"{figures.rows} rows, {figures.dropped} dropped, {messages} messages, {len(threads)} threads"
    print(summary, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.exit(main(sys.argv[1:]))
