"""Notes inside a case: what people of the desk say to each other. They never leave it.

`@username` calls somebody in: the case stands on their list until they answer it with a note, or put it aside. The
audit log holds digests of what was written, not the words.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from moderation.model import Capability
from moderation.policy import Actor, Subject, allows, authorize
from service.db.audit import Entry, append
from service.db.models import Case, Community, Connection, Message, Person, Thread
from service.db.team_tables import CaseNote, Mention
from service.deps import Deps
from service.usecases.people import Known, pseudonym
from service.usecases.queue import first_words

LONGEST = 4_000
#: People that one note may call in.
MOST_CALLED = 20
#: Calls on one page of a person's list.
PAGE = 50
NOTE, TAKEOVER = "note", "takeover"
_MENTION = re.compile(r"(?<![\w@.+-])@([\w.+@-]{1,80})")
_ENDS = ".-+@"


@dataclass(frozen=True, slots=True)
class Note:
    """One note as it is shown; `called` are usernames and whether they answered. One that was taken out has no text."""

    id: int
    who: str
    person_id: int
    kind: str
    text: str
    at: datetime
    gone: bool
    called: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a note: whom it called in, and the names in it that nobody has who could be."""

    note_id: int
    called: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A case that somebody is called into."""

    note_id: int
    case_id: int
    thread_id: int
    title: str
    where: str
    state: str
    who: str
    kind: str
    text: str
    at: datetime


def add_note(deps: Deps, case_id: int, text: str, person: Known) -> Written:
    """Adds a note. Who was called in may answer, whatever else they may do here. Raises BadInput, NotAllowed."""
    now = deps.now()
    with deps.store.write() as session:
        if session.get(Case, case_id) is None:
            raise BadInput("There is no such case.")
        mine = (Mention.case_id == case_id, Mention.person_id == person.id)
        if session.scalar(select(Mention.note_id).where(*mine).limit(1)) is None:
            authorize(person.asking, Capability.TRIAGE, Subject(f"case:{case_id}"), now)
        found = write_note(session, deps, case_id, text, person, now)
        answered = update(Mention).where(*mine, Mention.answered_at.is_(None), Mention.note_id != found.note_id)
        session.execute(answered.values(answered_at=now))
        return found


def write_note(
    session: Session,
    deps: Deps,
    case_id: int,
    text: str,
    person: Known,
    now: datetime,
    kind: str = NOTE,
    also: Collection[int] = (),
) -> Written:
    """The same in the caller's transaction, without asking who may; `also` are people who are called in besides."""
    words = text.strip()
    if not 1 <= len(words) <= LONGEST:
        raise BadInput(f"A note has 1 to {LONGEST} characters.")
    called, unknown = _called_in(session, words)
    if len(called) > MOST_CALLED:
        raise BadInput(f"A note calls in {MOST_CALLED} people at most.")
    note = CaseNote(case_id=case_id, person_id=person.id, kind=kind, text=words, at=now)
    session.add(note)
    session.flush()
    wanted = ({p.id for p in called} | set(also)) - {person.id}
    session.add_all(Mention(note_id=note.id, person_id=i, case_id=case_id, at=now) for i in sorted(wanted))
    after = {"kind": kind, "text": words, "called": sorted(wanted)}
    append(session, deps.vault, Entry(f"note:{kind}", person.actor, f"case:{case_id}", after=after), now)
    names = tuple(p.username for p in called if p.id in wanted)
    return Written(note.id, names, tuple(unknown))


def take_out(deps: Deps, note_id: int, person: Known) -> int:
    """Takes a note's words out for good: its writer's right, and a manager's. Returns the case's id."""
    now = deps.now()
    with deps.store.write() as session:
        note = session.get(CaseNote, note_id, with_for_update=True)
        if note is None:
            raise BadInput("There is no such note.")
        if note.person_id != person.id:
            authorize(person.asking, Capability.MANAGE, Subject(f"note:{note_id}"), now)
        erase_note(session, deps, note, person, now)
        return note.case_id


def erase_note(session: Session, deps: Deps, note: CaseNote, person: Known, now: datetime) -> None:
    """Empties a note; whom it called in is called no more."""
    before = {"text": note.text}
    note.text, note.gone_at = "", now
    calls = update(Mention).where(Mention.note_id == note.id, Mention.answered_at.is_(None))
    session.execute(calls.values(answered_at=now))
    append(session, deps.vault, Entry("note:take_out", person.actor, f"case:{note.case_id}", "", before), now)


def notes_of(deps: Deps, case_id: int) -> list[Note]:
    """The notes of a case, the oldest first."""
    query = select(CaseNote, Person).join(Person, Person.id == CaseNote.person_id)
    with deps.store.read() as session:
        rows = session.execute(query.where(CaseNote.case_id == case_id).order_by(CaseNote.id)).all()
        calls = _calls_of(session, [note.id for note, _ in rows])
    return [_shown(note, person, calls.get(note.id, ())) for note, person in rows]


# ------------------------------------------------------------------ called in


def called(deps: Deps, person: Known) -> list[Call]:
    """The cases that a person is called into and has not answered, the newest call first."""
    query = (
        select(CaseNote, Case, Thread, Person, Community.name, Connection.name, Message.text)
        .select_from(Mention)
        .join(CaseNote, CaseNote.id == Mention.note_id)
        .join(Case, Case.id == Mention.case_id)
        .join(Thread, Thread.id == Case.thread_id)
        .join(Community, Community.id == Case.community_id)
        .join(Connection, Connection.id == Case.connection_id)
        .join(Person, Person.id == CaseNote.person_id)
        .outerjoin(Message, Message.id == Case.marked_message_id)
        .where(*_open(person.id))
        .order_by(Mention.note_id.desc())
        .limit(PAGE)
    )
    with deps.store.read() as session:
        return [_call(*row) for row in session.execute(query)]


def called_count(deps: Deps, person_id: int) -> int:
    """In how many cases a person's answer is asked for."""
    query = select(func.count(Mention.case_id.distinct())).where(*_open(person_id))
    with deps.store.read() as session:
        return session.scalar(query) or 0


def put_aside(deps: Deps, note_id: int, person: Known) -> None:
    """Takes a call off the person's own list without an answer."""
    now = deps.now()
    mine = update(Mention).where(Mention.note_id == note_id, *_open(person.id))
    with deps.store.write() as session:
        row = session.execute(mine.values(answered_at=now).returning(Mention.case_id)).one_or_none()
        if row is None:
            raise BadInput("You are not called in by this note, or answered it already.")
        append(session, deps.vault, Entry("note:put_aside", person.actor, f"case:{row[0]}"), now)


def names_in(text: str) -> list[list[str]]:
    """What stands after each @, the longest reading first: "@ada." may be "ada." or "ada"."""
    found: dict[str, list[str]] = {}
    for name in _MENTION.findall(text.lower()):
        readings = [name]
        while readings[-1][-1:] in _ENDS and len(readings[-1]) > 1:
            readings.append(readings[-1][:-1])
        found.setdefault(readings[0], readings)
    return list(found.values())


def _open(person_id: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Mention.person_id == person_id, Mention.answered_at.is_(None)


def _called_in(session: Session, text: str) -> tuple[list[Person], list[str]]:
    """The people a text calls in (each once), and the names that belong to nobody who may see cases."""
    names = names_in(text)
    people = _people(session, {reading for readings in names for reading in readings})
    called: dict[int, Person] = {}
    unknown = []
    for readings in names:
        person = next((people[r] for r in readings if r in people), None)
        if person is None:
            unknown.append(readings[-1])
        else:
            called.setdefault(person.id, person)
    return list(called.values()), unknown


def _people(session: Session, names: Iterable[str]) -> dict[str, Person]:
    rows = session.scalars(select(Person).where(Person.username.in_(list(names)[:200])))
    return {p.username: p for p in rows if allows(Actor(pseudonym(p), p.role, p.active), Capability.SEE)}


def _calls_of(session: Session, ids: Sequence[int]) -> dict[int, tuple[tuple[str, bool], ...]]:
    query = select(Mention.note_id, Person.username, Mention.answered_at).join(Person, Person.id == Mention.person_id)
    found: dict[int, tuple[tuple[str, bool], ...]] = {}
    for note_id, name, answered in session.execute(query.where(Mention.note_id.in_(ids)).order_by(Person.username)):
        found[note_id] = (*found.get(note_id, ()), (name, answered is not None))
    return found


def _shown(note: CaseNote, person: Person, calls: tuple[tuple[str, bool], ...]) -> Note:
    who = person.name or person.username
    return Note(note.id, who, note.person_id, note.kind, note.text, note.at, note.gone_at is not None, calls)


def _call(
    note: CaseNote, case: Case, thread: Thread, person: Person, community: str, connection: str, text: str | None
) -> Call:
    where = connection if community in ("", connection) else f"{connection} · {community}"
    title = thread.title or first_words(text or "")
    who = person.name or person.username
    return Call(note.id, case.id, thread.id, title, where, case.state, who, note.kind, note.text, note.at)
