"""Reads a file as a stream: JSONL line by line, or the outbox.json of a Mastodon account's archive."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import IO, Any

from moderation.errors import BadInput
from plugins.archive import outbox
from plugins.archive.parse import KIND, Record, canonical, check, load
from plugins.contract import BadLine, Delivery

MAX_LINE_BYTES = 1024 * 1024
#: An outbox is one JSON document, and the only thing that is held whole.
MAX_OUTBOX_BYTES = 512 * 1024 * 1024
#: How far ahead of now a clock may be before its date is not believed.
AHEAD = timedelta(days=1)
_BOM = b"\xef\xbb\xbf"
_HEAD = 8192
#: The beginning of an ActivityStreams collection, on one line or pretty-printed. A message's line begins otherwise.
_OUTBOX = re.compile(rb'\{\s*$|\{\s*"@context"|.*"type"\s*:\s*"OrderedCollection"|.*"orderedItems"\s*:', re.DOTALL)


def read(stream: IO[bytes], now: datetime) -> Iterator[Delivery | BadLine]:
    """Deliveries and bad lines in the order of the file."""
    latest = (now + AHEAD).isoformat()
    number = 0
    first = True
    while line := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if number == 1:
            line = line.removeprefix(_BOM)
        if line.isspace() or not line:
            continue
        if first and _OUTBOX.match(line[:_HEAD].lstrip()):
            yield from _read_outbox(line, stream, latest)
            return
        first = False
        if len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
            _skip_line(stream)
            yield BadLine(number, "line is longer than 1 MB")
        else:
            yield _delivery_or_bad_line(number, line, latest)


def _skip_line(stream: IO[bytes]) -> None:
    while rest := stream.readline(MAX_LINE_BYTES):
        if rest.endswith(b"\n"):
            return


def _delivery_or_bad_line(number: int, line: bytes, latest: str) -> Delivery | BadLine:
    try:
        return _delivery(check(load(line)), latest)
    except BadInput as error:
        return BadLine(number, str(error))


def _delivery(record: Record, latest: str) -> Delivery:
    """The key is the digest of the canonical record: the same message twice is one delivery, an edit is another."""
    if str(record["created_at"]) > latest:  # both are ISO 8601 in UTC, where text order is time order
        raise BadInput(f"“created_at” is in the future ({record['created_at']})")
    body = canonical(record)
    return Delivery(f"{KIND}:{hashlib.sha256(body).hexdigest()}", KIND, body)


def _read_outbox(head: bytes, stream: IO[bytes], latest: str) -> Iterator[Delivery | BadLine]:
    """The numbers of bad lines count the collection's items from 1."""
    data = head + stream.read(MAX_OUTBOX_BYTES + 1 - len(head))
    if len(data) > MAX_OUTBOX_BYTES:
        yield BadLine(1, f"outbox is larger than {MAX_OUTBOX_BYTES // 1_048_576} MB")
        return
    try:
        items = outbox.items(load(data))
    except BadInput as error:
        yield BadLine(1, str(error))
        return
    threads: dict[str, str] = {}
    for number, item in enumerate(items, start=1):
        yield from _item(number, item, threads, latest)


def _item(number: int, item: Any, threads: dict[str, str], latest: str) -> Iterator[Delivery | BadLine]:
    try:
        note = outbox.note(item)
        if note is None:
            return
        if outbox.is_public(note):
            yield _delivery(check(outbox.line(note, threads)), latest)
        else:
            yield _left_out(outbox.note_id(note))
    except BadInput as error:
        yield BadLine(number, str(error))


def _left_out(note_id: str) -> Delivery:
    digest = hashlib.sha256(note_id.encode("utf-8", "replace")).hexdigest()
    return Delivery(f"private:{digest}", KIND, b"", admitted=False)
