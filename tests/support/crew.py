"""A desk with people of several roles, a few cases above the line, and a clock that tests move."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from service.db import audit
from service.db.models import AuditEntry, Case, Message, Person
from service.deps import Deps
from service.usecases.people import Known, known_person
from tests.support.office import office
from tests.web.desk import Said, Seeder

PEOPLE = {"olga": "owner", "mia": "manager", "rita": "responder", "rob": "responder", "ana": "analyst"}


@dataclass
class Clock:
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.at

    def pass_(self, **length: float) -> None:
        self.at += timedelta(**length)


@dataclass
class Crew:
    """The desk; `community` is the one that `cases` stand in."""

    deps: Deps
    clock: Clock
    seed: Seeder
    connection: int
    community: int

    def person(self, name: str) -> Known:
        with self.deps.store.read() as session:
            number = session.scalars(select(Person.id).where(Person.username == name)).one()
        found = known_person(self.deps, number)
        assert found is not None
        return found

    def case(self, title: str = "Broken", **values: Any) -> int:
        """A case above the line; returns its id."""
        said = values.pop("said", None) or [Said("Is it broken?", urgency=0.9, minutes_ago=values.pop("minutes", 60))]
        intents = values.pop("intents", {})
        community = values.pop("community", self.community)
        thread = self.seed.thread(community, said, title=title, case=values)
        with self.deps.store.write() as session:
            case = session.scalars(select(Case).where(Case.thread_id == thread)).one()
            session.get_one(Message, case.marked_message_id).intents = intents
            return case.id

    def get(self, model: Any, key: Any) -> Any:
        with self.deps.store.read() as session:
            return session.get(model, key)

    def rows(self, model: Any, *where: Any) -> list[Any]:
        with self.deps.store.read() as session:
            return list(session.scalars(select(model).where(*where).order_by(*model.__table__.primary_key.columns)))

    def kinds(self) -> list[str]:
        """Audit kinds in order; the chain is whole."""
        with self.deps.store.read() as session:
            assert audit.verify(session, self.deps.vault) == []
        return [entry.kind for entry in self.rows(AuditEntry)]

    def logged(self) -> str:
        """Everything that the audit log holds in plain words."""
        return " ".join(f"{e.kind} {e.subject} {e.reason}" for e in self.rows(AuditEntry))

    def versions(self, ids: Sequence[int]) -> list[tuple[int, int]]:
        return [(i, self.get(Case, i).version) for i in ids]


@contextmanager
def crew() -> Iterator[Crew]:
    """A desk with everybody in `PEOPLE`."""
    clock, desk = Clock(), office()
    deps = replace(desk.deps, now=clock)
    with deps.store.write() as session:
        session.add_all(_person(name, role, clock.at) for name, role in PEOPLE.items())
    seed = Seeder(deps, clock.at)
    connection = seed.connection()
    yield Crew(deps, clock, seed, connection, seed.community(connection))
    desk.close()


def _person(name: str, role: str, at: datetime) -> Person:
    keys = {"session_key": secrets.token_urlsafe(24), "audit_salt": secrets.token_hex(16)}
    return Person(username=name, name=name.title(), role=role, password_hash="!", created_at=at, **keys)
