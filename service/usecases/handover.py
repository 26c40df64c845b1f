"""What the next shift must know, from what is stored: what came, who decided what, what is held or went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, func, literal, or_, select
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from service.db.models import Action, Case, Community, Connection, DecisionRow, Message, Person, Thread
from service.db.reply_tables import Reply
from service.db.team_tables import CaseNote, Mention
from service.deps import Deps
from service.usecases import switches
from service.usecases.desk import Source, sources
from service.usecases.queue import LANES, first_words

#: The longest shift that a page can look back on, in hours.
LONGEST = 168
#: Waiting longer than this is long overdue for everybody, whatever a community promised.
LONG = timedelta(hours=24)
#: Rows of each list on the one screen.
ROWS = 6


@dataclass(frozen=True, slots=True)
class Row:
    """One conversation on the page: who it is with, since or until when, and what was said."""

    thread_id: int
    title: str
    where: str
    who: str = ""
    at: datetime | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """A list cut to what fits; `total` counts all of it."""

    total: int
    rows: tuple[Row, ...] = ()

    @property
    def more(self) -> int:
        return self.total - len(self.rows)


@dataclass(frozen=True, slots=True)
class Did:
    """What one person decided in the shift; `name` is "" for the brand's answers given on the platform itself."""

    name: str
    handled: int = 0
    left: int = 0
    escalated: int = 0
    reopened: int = 0
    answers: int = 0


@dataclass(frozen=True, slots=True)
class Handover:
    """The page. Times are UTC; `since` is when the shift began."""

    since: datetime
    until: datetime
    came: int
    by_rule: int
    still_open: int
    waiting: int
    did: tuple[Did, ...]
    escalated: Rows
    claimed: Rows
    snoozed: Rows
    overdue: Rows
    to_approve: Rows
    returned: Rows
    unknown: Rows
    calls: Rows
    loose_notes: Rows
    broken: tuple[Source, ...]
    stopped_since: datetime | None


def handover(deps: Deps, hours: int) -> Handover:
    """What happened in the last `hours`, and what stands open now. Raises BadInput."""
    if not 1 <= hours <= LONGEST:
        raise BadInput(f"A shift has 1 to {LONGEST} hours.")
    now = deps.now()
    since = now - timedelta(hours=hours)
    broken = tuple(s for s in sources(deps) if s.broken or s.dead)
    with deps.store.read() as session:
        came, by_rule, still_open = _came(session, since)
        waiting = session.scalar(select(func.count()).select_from(Case).where(*LANES["needs"])) or 0
        stopped = switches.stopped_since(session)
        did = _did(session, since)
        lists = _cases(session, now, hours) | _answers(session) | _said(session, since)
    return Handover(since, now, came, by_rule, still_open, waiting, did, **lists, broken=broken, stopped_since=stopped)


def _came(session: Session, since: datetime) -> tuple[int, int, int]:
    """What came above the line since, how much of it by a rule, and how much of it still stands there."""
    query = select(
        func.count(),
        func.count().filter(Case.rules != ""),
        func.count().filter(Case.open.is_(True)),
    ).where(Case.surfaced_at > since)
    row = session.execute(query).one()
    return row[0], row[1], row[2]


def _did(session: Session, since: datetime) -> tuple[Did, ...]:
    """Who decided what; those who did most come first."""
    verbs = select(DecisionRow.person_id, DecisionRow.verb, func.count()).where(DecisionRow.at > since)
    found: dict[int | None, dict[str, int]] = {}
    for person_id, verb, count in session.execute(verbs.group_by(DecisionRow.person_id, DecisionRow.verb)):
        found.setdefault(person_id, {})[verb] = count
    sent = select(Reply.writer_id, func.count()).where(Reply.sent_at > since).group_by(Reply.writer_id)
    for writer_id, count in session.execute(sent):
        found.setdefault(writer_id, {})["answers"] = count
    people = session.scalars(select(Person).where(Person.id.in_([i for i in found if i is not None])))
    names = {p.id: p.name or p.username for p in people}
    did = [_one_did(names.get(i, "") if i is not None else "", counts) for i, counts in found.items()]
    return tuple(sorted(did, key=lambda d: (-(d.handled + d.left + d.answers), d.name)))


def _one_did(name: str, counts: dict[str, int]) -> Did:
    return Did(
        name,
        handled=counts.get("decide", 0),
        left=counts.get("leave", 0),
        escalated=counts.get("escalate", 0),
        reopened=counts.get("reopen", 0),
        answers=counts.get("answers", 0) + counts.get("answered", 0),
    )


def _cases(session: Session, now: datetime, hours: int) -> dict[str, Rows]:
    """Cases by how they stand: escalated, claimed, coming back from a snooze in the next shift, waiting too long."""
    soon, long_ago = now + timedelta(hours=hours), now - LONG
    snoozed = and_(Case.state == "snoozed", Case.look_again_at <= soon)
    overdue = and_(*LANES["needs"], Case.waiting_since <= long_ago, _of_a_live_source())
    return {
        "escalated": _rows(session, Case.priority.desc(), Case.waiting_since, Case.state == "escalated"),
        "claimed": _rows(session, Case.claimed_until, Case.claimed_until, Case.state == "claimed"),
        "snoozed": _rows(session, Case.look_again_at, Case.look_again_at, snoozed),
        "overdue": _rows(session, Case.waiting_since, Case.waiting_since, overdue),
    }


def _of_a_live_source() -> Any:
    """An archive's clock stands still: nobody waits there."""
    return Case.connection_id.in_(select(Connection.id).where(Connection.connector != "archive"))


def _answers(session: Session) -> dict[str, Rows]:
    """Answers that wait for a second person, came back, or of which nobody knows whether they are there."""
    writer = _places(Reply.updated_at, Reply.error).join(Reply, Reply.case_id == Case.id)
    writer = writer.join(Person, Person.id == Reply.writer_id)
    lost = _places(Action.created_at, Action.error).join(Action, Action.case_id == Case.id)
    lost = lost.join(Person, Person.id == Action.person_id).where(Action.state == "unknown")
    return {
        "to_approve": _listed(session, writer.where(Reply.state == "waiting"), Reply.updated_at),
        "returned": _listed(session, writer.where(Reply.state == "returned"), Reply.updated_at),
        "unknown": _listed(session, lost, Action.created_at),
    }


def _said(session: Session, since: datetime) -> dict[str, Rows]:
    """Calls that nobody answered, and this shift's notes on open cases that call in nobody."""
    notes = _places(CaseNote.at, CaseNote.text).join(CaseNote, CaseNote.case_id == Case.id)
    notes = notes.where(CaseNote.gone_at.is_(None))
    called = notes.join(Mention, Mention.note_id == CaseNote.id).join(Person, Person.id == Mention.person_id)
    nobody = ~select(Mention.note_id).where(Mention.note_id == CaseNote.id).exists()
    standing = or_(Case.open.is_(True), Case.state == "snoozed")
    loose = notes.join(Person, Person.id == CaseNote.person_id).where(CaseNote.at > since, standing, nobody)
    return {
        "calls": _listed(session, called.where(Mention.answered_at.is_(None)), CaseNote.id),
        "loose_notes": _listed(session, loose, CaseNote.id.desc()),
    }


def _places(at: Any, words: Any) -> Select[Any]:
    """The start of every list: conversation, place, time and words; who it is with joins as `person`."""
    return (
        select(Thread.id, Thread.title, Message.text, Connection.name, Community.name, Person, at, words)
        .select_from(Case)
        .join(Thread, Thread.id == Case.thread_id)
        .join(Community, Community.id == Case.community_id)
        .join(Connection, Connection.id == Case.connection_id)
        .outerjoin(Message, Message.id == Case.marked_message_id)
    )


def _rows(session: Session, order: Any, at: Any, where: Any) -> Rows:
    query = _places(at, literal("")).outerjoin(Person, Person.id == Case.person_id)
    return _listed(session, query.where(where), order)


def _listed(session: Session, query: Select[Any], order: Any) -> Rows:
    total = session.scalar(query.with_only_columns(func.count(), maintain_column_froms=True)) or 0
    rows = session.execute(query.order_by(order).limit(ROWS)).all() if total else []
    return Rows(total, tuple(_row(row) for row in rows))


def _row(found: Sequence[Any]) -> Row:
    thread_id, title, text, connection, community, person, at, words = found
    where = connection if community in ("", connection) else f"{connection} · {community}"
    who = (person.name or person.username) if person is not None else ""
    return Row(thread_id, title or first_words(text or ""), where, who, at, first_words(words or "", 160))
