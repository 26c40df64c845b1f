"""Reading the audit log: filtered, a page at a time, and whole into a file.

Pages go by number, newest first. A page looks through at most `WINDOW` entries, so that it costs the same whatever is
looked for; where little is found, the next page looks further back. A time is found by halving the numbers, because
entries are numbered in the order of their times but for the few seconds by which clocks differ (`SLACK`).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from io import StringIO
from typing import Any

from sqlalchemy import ColumnElement, String, cast, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from service.db.audit import Entry, append, export_head
from service.db.grant_tables import GrantRow, PlatformRight
from service.db.models import Action, AuditEntry, Case, Message, Person, Thread
from service.db.redress_tables import Appeal, Notice, Statement
from service.db.reply_tables import Reply
from service.deps import Deps
from service.usecases.people import pseudonym

WINDOW = 200_000
SLACK = timedelta(hours=1)
#: Entries on a page.
PAGE = 50
#: Entries that an export reads at once.
_BLOCK = 2_000
#: What a spreadsheet would take for a formula at the start of a cell, also in the wide forms of East Asian scripts.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
Rows = Sequence[Sequence[Any]]
COLUMNS = ("seq", "at", "kind", "actor", "subject", "reason", "before", "after", "mac")


@dataclass(frozen=True, slots=True)
class Sought:
    """Which entries: all that is given must hold.

    `who` is a pseudonym, or another actor as the log writes it (`cli`, `system`); `what` a kind (`grant:offer`) or its
    first word; `community` everything about its threads, cases, acts, answers, grants and notices; `until` is left out.
    """

    who: str = ""
    what: str = ""
    subject: str = ""
    community: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""

    def __str__(self) -> str:
        given = ((f.name, getattr(self, f.name)) for f in fields(self))
        return ", ".join(f"{name}={value}" for name, value in given if value) or "everything"


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as a page shows it; `name` only where the reader may know who is behind the pseudonym."""

    seq: int
    at: datetime
    kind: str
    actor: str
    subject: str
    reason: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, newest first. `older` is where the next page begins; `head` what `tenth audit head` prints."""

    lines: tuple[Line, ...]
    older: int | None
    head: str


def page(deps: Deps, sought: Sought, before: int | None = None, *, names: bool = False, size: int = PAGE) -> Page:
    """A page of entries numbered below `before`; with `names`, pseudonyms of people who are still here are resolved."""
    with deps.store.read() as session:
        low, high = _bounds(session, sought)
        top = high if before is None else min(before, high)
        floor = max(low, top - WINDOW)
        query = select(AuditEntry).where(AuditEntry.seq >= floor, AuditEntry.seq < top, *_wanted(sought))
        rows = session.scalars(query.order_by(AuditEntry.seq.desc()).limit(size + 1)).all()
        known = people(session) if names else {}
        lines = tuple(_line(row, known) for row in rows[:size])
        further = floor if floor > low else None
        return Page(lines, lines[-1].seq if len(rows) > size else further, export_head(session))


def people(session: Session) -> dict[str, str]:
    """The names that people sign in with, by pseudonym."""
    return {pseudonym(person): person.username for person in session.scalars(select(Person))}


def usernames(deps: Deps) -> list[str]:
    """The names that a filter may be given, in order."""
    with deps.store.read() as session:
        return sorted(people(session).values())


def actor_named(deps: Deps, who: str) -> str:
    """The actor that a name means; whatever is nobody's name is taken as the log's own word for an actor."""
    with deps.store.read() as session:
        return {name: actor for actor, name in people(session).items()}.get(who, who)


def day(typed: str) -> datetime | None:
    """The beginning of a day in UTC, as a form sends it; None where none was given. Raises BadInput."""
    if not typed:
        return None
    try:
        return datetime.combine(date.fromisoformat(typed), time.min, UTC)
    except ValueError:
        raise BadInput(f"“{typed}” is not a day. Write it like 2026-11-22.") from None


def export(deps: Deps, sought: Sought, form: str, by: str) -> Iterator[str]:
    """The entries, oldest first, as text in pieces: `csv` or `json`. Names are never in it. Raises BadInput.

    That somebody took them is the last entry they hold. The head (see service.db.audit) is a field of the JSON
    document, and the reason in the last row of the CSV, whose kind is `head`.
    """
    if form not in FORMS:
        raise BadInput(f"The log is exported as {' or '.join(FORMS)}.")
    with deps.store.write() as session:
        append(session, deps.vault, Entry("audit:export", by, "audit", f"{form}: {sought}"), deps.now())
        head = export_head(session)
    return FORMS[form](head, _entries(deps, sought, int(head.split(":")[0])))


def _line(row: AuditEntry, known: Mapping[str, str]) -> Line:
    return Line(row.seq, row.at, row.kind, row.actor, row.subject, row.reason, known.get(row.actor, ""))


# ------------------------------------------------------------------ what is looked for


def _wanted(sought: Sought) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if sought.who:
        found.append(AuditEntry.actor == sought.who)
    if sought.what:
        family = AuditEntry.kind.startswith(f"{sought.what}:", autoescape=True)
        found.append(or_(AuditEntry.kind == sought.what, family))
    if sought.subject:
        found.append(AuditEntry.subject == sought.subject)
    if sought.text:
        found.append(AuditEntry.reason.icontains(sought.text, autoescape=True))
    if sought.since is not None:
        found.append(AuditEntry.at >= sought.since)
    if sought.until is not None:
        found.append(AuditEntry.at < sought.until)
    if sought.community is not None:
        found.append(AuditEntry.subject.in_(_subjects_of(sought.community)))
    return found


def _subjects_of(community: int) -> Any:
    """The subjects of everything that is in a community, as the log writes them."""
    cases = Case.community_id == community
    stated = select(Appeal.id).join(Statement, Statement.id == Appeal.statement_id)
    noticed = select(Notice.id).join(Message, Message.id == Notice.message_id)
    ids = {
        "thread": select(Thread.id).where(Thread.community_id == community),
        "case": select(Case.id).where(cases),
        "action": select(Action.id).join(Case, Case.id == Action.case_id).where(cases),
        "reply": select(Reply.id).join(Case, Case.id == Reply.case_id).where(cases),
        "grant": select(GrantRow.id).where(GrantRow.community_id == community),
        "right": select(PlatformRight.id).where(PlatformRight.community_id == community),
        "appeal": stated.where(Statement.community_id == community),
        "notice": noticed.join(Thread, Thread.id == Message.thread_id).where(Thread.community_id == community),
    }
    parts = [(name, query.subquery()) for name, query in ids.items()]
    written = [select(literal(f"{name}:") + cast(part.c.id, String)) for name, part in parts]
    return union_all(select(literal(f"community:{community}")), *written)


def _bounds(session: Session, sought: Sought) -> tuple[int, int]:
    """Numbers between which everything sought lies: from the first, up to but without the second."""
    end = (session.scalar(select(func.max(AuditEntry.seq))) or 0) + 1
    low = 1 if sought.since is None else _first_at(session, sought.since - SLACK, end)
    return low, end if sought.until is None else _first_at(session, sought.until + SLACK, end)


def _first_at(session: Session, at: datetime, end: int) -> int:
    """The number of the first entry of that time or later, by halving; `end` when there is none."""
    low, high = 1, end
    while low < high:
        middle = (low + high) // 2
        query = select(AuditEntry.at).where(AuditEntry.seq >= middle, AuditEntry.seq < high)
        found = session.scalar(query.order_by(AuditEntry.seq).limit(1))
        if found is not None and found < at:
            low = middle + 1
        else:
            high = middle
    return low


# ------------------------------------------------------------------ into a file


def _entries(deps: Deps, sought: Sought, last: int) -> Iterator[Rows]:
    """In blocks up to the entry `last`, in short transactions: nothing is ever changed or put between."""
    with deps.store.read() as session:
        low, high = _bounds(session, sought)
    query = select(*(getattr(AuditEntry, name) for name in COLUMNS)).where(*_wanted(sought))
    query = query.where(AuditEntry.seq <= min(high - 1, last)).order_by(AuditEntry.seq).limit(_BLOCK)
    while True:
        with deps.store.read() as session:
            rows = session.execute(query.where(AuditEntry.seq >= low)).all()
        yield [(seq, at.isoformat(), *rest) for seq, at, *rest in rows]
        if len(rows) < _BLOCK:
            return
        low = rows[-1][0] + 1


def _as_json(head: str, blocks: Iterator[Rows]) -> Iterator[str]:
    """One document, an entry a line."""
    yield f'{{"head": {json.dumps(head)}, "entries": ['
    begun = False
    for block in blocks:
        lines = [json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=False) for row in block]
        yield ("," if begun and lines else "") + "\n" + ",\n".join(lines)
        begun = begun or bool(lines)
    yield "\n]}\n"


def _as_csv(head: str, blocks: Iterator[Rows]) -> Iterator[str]:
    """Columns as `COLUMNS` (RFC 4180). What a spreadsheet would run as a formula has an apostrophe before it."""
    yield _lines([COLUMNS])
    for block in blocks:
        yield _lines(block)
    kept = {"seq": head.split(":", maxsplit=1)[0], "kind": "head", "subject": "audit", "reason": head}
    yield _lines([[kept.get(name, "") for name in COLUMNS]])


def _lines(rows: Rows) -> str:
    out = StringIO()
    csv.writer(out).writerows([_harmless(value) for value in row] for row in rows)
    return out.getvalue()


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


#: How the log can be exported.
FORMS: Mapping[str, Callable[[str, Iterator[Rows]], Iterator[str]]] = {"csv": _as_csv, "json": _as_json}
