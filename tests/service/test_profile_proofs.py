"""Proof by profile, on real servers of the sandbox: no code, no proof; somebody else's code proves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from moderation.errors import BadInput, NotAllowed
from plugins.contract import Gone
from service.db.identity_tables import Identity
from service.db.models import Author, Connection, Person
from service.deps import Deps
from service.sandbox.options import LEMMY_TOKEN
from service.usecases import identities, profile_proofs
from service.usecases.connections import connect
from service.usecases.people import Known, as_known, create_person
from service.usecases.proofs import is_author
from tests.sandbox_server import Running, running_sandbox
from tests.support.office import office

PASSWORD = "a-long-enough-password"
#: Half past noon: yesterday and tomorrow are hours away.
NOON = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)


@dataclass
class Desk:
    deps: Deps
    box: Running
    connection: int

    def person(self, name: str) -> Known:
        with self.deps.store.read() as session:
            return as_known(session, session.scalars(select(Person).where(Person.username == name)).one())

    def code(self, name: str, at: datetime = NOON) -> str:
        return profile_proofs.code(self.deps, self.person(name), self.connection, at)

    def says(self, username: str, text: str) -> None:
        with self.box.world.lock:
            self.box.world.forum.user(username).bio = text

    def prove(self, name: str, handle: str = "marc", at: datetime = NOON) -> str:
        deps = replace(self.deps, now=lambda: at)
        return profile_proofs.prove(deps, self.connection, handle, self.person(name))

    def proven(self) -> list[tuple[int, str, str]]:
        with self.deps.store.read() as session:
            rows = session.execute(select(Identity.person_id, Identity.provider, Identity.subject)).all()
        return [(person, provider, subject) for person, provider, subject in rows]


@pytest.fixture(params=["nodebb", "lemmy"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    with running_sandbox() as box:
        made = office(allow_private_hosts=(box.url.removeprefix("http://"),))
        given = {
            "nodebb": {"url": f"{box.url}/nodebb", "token": box.world.options.nodebb_token, "uid": 1},
            "lemmy": {"url": f"{box.url}/lemmy", "token": LEMMY_TOKEN, "communities": ("help",)},
        }[request.param]
        connection, _ = connect(made.deps, request.param, "The forum", given, "test")
        for name in ("marc", "eve"):
            create_person(made.deps, name, "rock_star", PASSWORD)
        yield Desk(made.deps, box, connection)
        made.close()


def test_nothing_is_proven_without_ones_own_code(desk: Desk) -> None:
    for text in ("", "I like coffee.", desk.code("eve"), desk.code("marc", NOON - timedelta(days=2))):
        desk.says("marc", text)
        with pytest.raises(NotAllowed):
            desk.prove("marc")
    with pytest.raises(Gone):
        desk.prove("marc", "nobody-of-that-name")
    for handle in ("", " ", "x" * 301):
        with pytest.raises(BadInput):
            desk.prove("marc", handle)
    assert desk.proven() == []


def test_another_place_or_no_place_proves_nothing(desk: Desk) -> None:
    desk.says("marc", desk.code("marc"))
    with desk.deps.store.write() as session:
        session.get_one(Connection, desk.connection).connector = "archive"
    with pytest.raises(BadInput):
        desk.prove("marc")
    assert profile_proofs.places(desk.deps, desk.person("marc")) == []


def test_the_owner_of_the_profile_is_the_author_and_comes_in_by_nothing(desk: Desk) -> None:
    desk.says("marc", f"Coffee, and more.\n{desk.code('marc')} See you!")
    assert desk.prove("marc").startswith("marc")
    remote_id = str(desk.box.world.forum.user("marc").id)
    marc = desk.person("marc")
    with desk.deps.store.write() as session:
        about = {"connection_id": desk.connection, "remote_id": remote_id, "handle": "marc", "first_seen_at": NOON}
        session.add(author := Author(**about))
        session.flush()
        assert is_author(session, marc.id, author.id)
        assert not is_author(session, desk.person("eve").id, author.id)
    (shown,) = identities.linked(desk.deps, marc.id)
    assert shown.removable, "it is no way in, so it can go"
    desk.says("marc", desk.code("eve"))
    with pytest.raises(NotAllowed, match="somebody else"):
        desk.prove("eve")
    assert [(person, subject) for person, _, subject in desk.proven()] == [(marc.id, remote_id)]


def test_a_code_lives_until_the_end_of_tomorrow(desk: Desk) -> None:
    desk.says("marc", desk.code("marc"))
    with pytest.raises(NotAllowed):
        desk.prove("marc", at=NOON + timedelta(days=2))
    desk.prove("marc", at=NOON + timedelta(days=1))
    assert len(desk.proven()) == 1
