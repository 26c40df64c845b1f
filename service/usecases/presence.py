"""Who has a case open: viewing since, and typing. A beat every few seconds keeps it; without one it ends by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from service.db.deliveries import insert_new
from service.db.models import Case, Person
from service.db.team_tables import CaseNote, Mention, Presence
from service.deps import Deps
from service.usecases.notes import TAKEOVER
from service.usecases.people import Known

ALIVE = timedelta(seconds=60)
#: How long after the last key somebody still counts as typing.
TYPING = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Here:
    """Somebody who has the case open."""

    person_id: int
    name: str
    since: datetime
    typing: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """Somebody took the case over from the person who looks, and said why."""

    who: str
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Around:
    """A case as a person who looks at it should know it: who else is there, who has it, what was taken from them."""

    here: tuple[Here, ...]
    state: str
    version: int
    holder: str = ""
    taken: Taken | None = None


def look(deps: Deps, case_id: int, person: Known, typing: bool = False) -> None:
    """Notes that a person has a case open now; the first time, or after a pause, is when they came."""
    now = deps.now()
    values = {"seen_at": now, "typing_at": now if typing else None}
    with deps.store.write() as session:
        session.execute(delete(Presence).where(Presence.seen_at <= now - ALIVE))
        mine = update(Presence).where(Presence.case_id == case_id, Presence.person_id == person.id)
        if session.execute(mine.values(**values).returning(Presence.case_id)).one_or_none() is None:
            _known(session, case_id)
            insert_new(session, Presence, [{"case_id": case_id, "person_id": person.id, "since": now, **values}])


def leave(deps: Deps, case_id: int, person: Known) -> None:
    """The person closed the case."""
    with deps.store.write() as session:
        session.execute(delete(Presence).where(Presence.case_id == case_id, Presence.person_id == person.id))


def around(deps: Deps, case_id: int, person: Known) -> Around:
    """Who else has the case open, and who holds it. Raises BadInput when there is no such case."""
    now = deps.now()
    with deps.store.read() as session:
        case = _known(session, case_id)
        holder = session.get(Person, case.person_id) if case.person_id is not None and case.state == "claimed" else None
        taken = _taken(session, case_id, person.id) if holder is None or holder.id != person.id else None
        here = _here(session, case_id, now)
    name = _name(holder) if holder is not None else ""
    return Around(tuple(h for h in here if h.person_id != person.id), case.state, case.version, name, taken)


def _here(session: Session, case_id: int, now: datetime) -> list[Here]:
    query = select(Presence, Person).join(Person, Person.id == Presence.person_id)
    alive = (Presence.case_id == case_id, Presence.seen_at > now - ALIVE)
    return [
        Here(row.person_id, _name(person), row.since, row.typing_at is not None and row.typing_at > now - TYPING)
        for row, person in session.execute(query.where(*alive).order_by(Presence.since, Presence.person_id))
    ]


def _taken(session: Session, case_id: int, person_id: int) -> Taken | None:
    """The last taking over from this person that they have not answered."""
    query = (
        select(CaseNote, Person)
        .join(Mention, Mention.note_id == CaseNote.id)
        .join(Person, Person.id == CaseNote.person_id)
        .where(CaseNote.case_id == case_id, CaseNote.kind == TAKEOVER, Mention.person_id == person_id)
        .where(Mention.answered_at.is_(None))
        .order_by(CaseNote.id.desc())
        .limit(1)
    )
    row = session.execute(query).one_or_none()
    return Taken(_name(row[1]), row[0].text, row[0].at) if row is not None else None


def _known(session: Session, case_id: int) -> Case:
    case = session.get(Case, case_id)
    if case is None:
        raise BadInput("There is no such case.")
    return case


def _name(person: Person) -> str:
    return person.name or person.username
