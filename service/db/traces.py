"""Looking for somebody in every table: their handle, names, address and a sample of their words.

A name is found as a word of its own, in any case; a platform's id only where ids of authors stand, because a short one
is a number like many others. What is sealed is not looked into.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import JSON, Column, LargeBinary, String, Table, Text, cast, func, literal, or_, select
from sqlalchemy.orm import Session

from service.db.base import Base
from service.db.grant_tables import Drift
from service.db.models import Author, DeliveryRow, Message

#: What stands where somebody was named.
GONE = "[erased]"
#: A shorter name is a word like any other, and only looked for after an @.
SHORTEST = 3
#: Messages of which a piece is looked for afterwards, and the lengths of such a piece.
SAMPLE, LEAST, MOST = 12, 24, 60
#: A shorter line says nothing of who wrote it.
LINE = 16
_BLOCK = 200


@dataclass(frozen=True)
class Traces:
    """What tells of an author. `names` are as they wrote them, the handle first; `words` pieces of their messages."""

    author_id: int
    connection_id: int
    remote_id: str
    names: tuple[str, ...]
    words: tuple[str, ...] = ()

    @cached_property
    def far(self) -> re.Pattern[str] | None:
        """Finds what can be nobody else, wherever it stands."""
        handles = [rf"@{re.escape(name)}" for name in self.names[:1]]
        return _pattern(handles + [re.escape(name) for name in self.names if "@" in name or "/" in name])

    @cached_property
    def near(self) -> re.Pattern[str] | None:
        """Finds them by every name, where it is known that they are meant."""
        if not self.names:
            return None
        handle, *others = (re.escape(name) for name in self.names)
        # A shown name of one word is often a word like any other: it is meant as it is written only.
        shown = [name if "\\ " in name else f"(?-i:{name})" for name in others]
        return _pattern([rf"@?{handle}", *shown, *(re.escape(one) for one in self.words)])

    @property
    def needles(self) -> tuple[str, ...]:
        return (*self.names, *self.words)


@dataclass(frozen=True, slots=True)
class Left:
    """Rows of a column in which something was found."""

    table: str
    column: str
    rows: int


def traces_of(session: Session, author: Author) -> Traces:
    """What is to be looked for, as long as it is still there."""
    if is_erased(author):
        return Traces(author.id, author.connection_id, "", ())
    handle = author.handle.lstrip("@")
    names = [handle, *(name for name in (author.name, author.url) if len(name) >= SHORTEST)]
    query = select(Message.text).where(Message.author_id == author.id, func.length(Message.text) >= LEAST)
    texts = session.scalars(query.order_by(Message.id.desc()).limit(SAMPLE))
    words = tuple(dict.fromkeys(piece for text in texts if (piece := _piece(text))))
    return Traces(author.id, author.connection_id, author.remote_id, tuple(filter(None, dict.fromkeys(names))), words)


def is_erased(author: Author) -> bool:
    """Whether nothing is left of an author but that somebody was there."""
    return author.remote_id.startswith("erased:")


def lines_of(text: str) -> list[str]:
    """Lines by which a message could be told, where somebody quoted it."""
    return [line for raw in text.splitlines() if len(line := raw.strip(" >\t")) >= LINE]


def without(value: Any, found: re.Pattern[str] | None) -> Any:
    """A text, or what JSON holds, without what a pattern finds."""
    if found is None:
        return value
    if isinstance(value, str):
        return found.sub(GONE, value)
    if isinstance(value, list):
        return [without(one, found) for one in value]
    return {key: without(one, found) for key, one in value.items()} if isinstance(value, dict) else value


def quoting(lines: Collection[str]) -> re.Pattern[str] | None:
    """Finds these lines wherever somebody quoted them."""
    return _pattern([re.escape(line) for line in sorted(lines, key=len, reverse=True)])


def search(session: Session, traces: Traces) -> list[Left]:
    """Every column in which they are still found, with how many rows."""
    found = [left for table in Base.metadata.sorted_tables for left in _in_table(session, table, traces)]
    return found + [Left(column.table.name, column.key, rows) for column, rows in _by_id(session, traces) if rows]


def candidates(session: Session, columns: Collection[Any], needles: Collection[str]) -> Any:
    """The condition for rows that may hold one of these, to be looked at again: databases differ about case."""
    return or_(*(_may_hold(session, column, needle) for column in columns for needle in needles))


def _in_table(session: Session, table: Table, traces: Traces) -> Iterator[Left]:
    columns = [column for column in table.columns if _readable(column)]
    if not columns or not traces.needles or traces.near is None:
        return
    counts = dict.fromkeys(columns, 0)
    query = select(*columns).where(candidates(session, columns, traces.needles)).execution_options(yield_per=_BLOCK)
    for row in session.execute(query):
        for column, value in zip(columns, row, strict=True):
            counts[column] += bool(traces.near.search(_as_text(value)))
    yield from (Left(table.name, column.key, rows) for column, rows in counts.items() if rows)


def _by_id(session: Session, traces: Traces) -> Iterator[tuple[Any, int]]:
    """Where ids of authors stand."""
    here = traces.connection_id
    for column, where in (
        (Author.remote_id, Author.connection_id == here),
        (Drift.holder, Drift.connection_id == here),
    ):
        counted = select(func.count()).where(where, column == traces.remote_id)
        yield column, (session.scalar(counted) or 0) if traces.remote_id else 0


def _readable(column: Column[Any]) -> bool:
    return isinstance(column.type, String | JSON) or column is DeliveryRow.__table__.c.body


def _as_text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _may_hold(session: Session, column: Any, needle: str) -> Any:
    escaped = json.dumps(needle)[1:-1]
    if isinstance(column.type, LargeBinary):
        raw = {needle.encode(), escaped.encode()}
        if session.get_bind().dialect.name == "postgresql":
            return or_(*(func.position(literal(one, LargeBinary).op("IN")(column)) > 0 for one in raw))
        return or_(*(func.instr(column, one) > 0 for one in raw))
    text = cast(column, Text) if isinstance(column.type, JSON) else column
    wanted = {needle, needle.lower(), escaped if isinstance(column.type, JSON) else needle}
    return or_(*(text.icontains(one, autoescape=True) for one in wanted))


def _pattern(parts: list[str]) -> re.Pattern[str] | None:
    """Any of these as words of their own, in any case."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(parts)})(?!\w)", re.IGNORECASE) if parts else None


def _piece(text: str) -> str:
    """The longest line of a message, cut at words."""
    line = max(text.splitlines() or [""], key=len).strip()
    return line[:MOST].rsplit(" ", 1)[0].strip() if len(line) > MOST else line if len(line) >= LEAST else ""
