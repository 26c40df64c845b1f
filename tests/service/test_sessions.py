"""Sessions: what ends them, what keeps them, and that a token from before a sign-in is worth nothing after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from service.db.models import AuditEntry, Person
from service.db.people_tables import SignIn
from service.usecases import people, sessions
from service.usecases.people import Known, create_person, set_password, sign_in
from service.usecases.sessions import Current, in_short
from tests.support.office import NEWEST, Office, office

PASSWORD = "a password long enough"
LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def desk() -> Iterator[Office]:
    with closing(office(session_idle_hours=12, session_days=14)) as found:
        yield Office(found.app, found.at(NEWEST))


@pytest.fixture
def ada(desk: Office) -> Known:
    create_person(desk.deps, "ada", "owner", PASSWORD)
    found = sign_in(desk.deps, "ada", PASSWORD)
    assert found is not None
    return found


def begin(desk: Office, ada: Known, before: str = "", at: datetime = NEWEST) -> Current:
    found = sessions.begin(desk.at(at), ada.id, "password", LINUX, before)
    assert found is not None
    return found


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "\x00", "é"])
def test_an_unknown_token_is_nobody(desk: Office, ada: Known, token: str) -> None:
    begin(desk, ada)
    assert sessions.find(desk.deps, token) is None


def test_the_token_itself_is_not_kept(desk: Office, ada: Known) -> None:
    current = begin(desk, ada)
    row = desk.rows(SignIn)[0]
    assert current.token not in str(vars(row))
    assert sessions.find(desk.deps, row.digest) is None
    found = sessions.find(desk.deps, current.token)
    assert found is not None
    assert found.person.username == "ada"


def test_idleness_ends_a_session_and_a_sign_of_life_keeps_it(desk: Office, ada: Known) -> None:
    current = begin(desk, ada)
    nearly, over = desk.at(NEWEST + timedelta(hours=11, minutes=59)), desk.at(NEWEST + timedelta(hours=12))
    assert sessions.find(over, current.token) is None
    assert sessions.find(nearly, current.token) is not None
    sessions.seen(nearly, current)
    assert sessions.find(over, current.token) is not None


def test_no_sign_of_life_keeps_a_session_for_ever(desk: Office, ada: Known) -> None:
    current: Current | None = begin(desk, ada)
    hours = 0
    while current is not None:
        hours += 6
        later = desk.at(NEWEST + timedelta(hours=hours))
        sessions.seen(later, current)
        current = sessions.find(later, current.token)
    assert hours == 14 * 24


def test_a_sign_of_life_is_written_once_a_minute_at_most(desk: Office, ada: Known) -> None:
    current = begin(desk, ada)
    sessions.seen(desk.at(NEWEST + timedelta(seconds=59)), current)
    assert desk.rows(SignIn)[0].seen_at == NEWEST
    sessions.seen(desk.at(NEWEST + timedelta(seconds=60)), current)
    assert desk.rows(SignIn)[0].seen_at == NEWEST + timedelta(seconds=60)


def test_a_sign_in_ends_the_session_that_the_browser_had(desk: Office, ada: Known) -> None:
    first = begin(desk, ada)
    second = begin(desk, ada, first.token)
    assert first.token != second.token
    assert sessions.find(desk.deps, first.token) is None
    assert len(desk.rows(SignIn)) == 1


def test_sessions_past_their_limits_are_not_kept(desk: Office, ada: Known) -> None:
    begin(desk, ada)
    late = begin(desk, ada, at=NEWEST + timedelta(days=1))
    assert [row.id for row in desk.rows(SignIn)] == [late.id]


def test_somebody_switched_off_has_no_session_and_gets_none(desk: Office, ada: Known) -> None:
    current = begin(desk, ada)
    with desk.deps.store.write() as session:
        session.get_one(Person, ada.id).active = False
    assert sessions.find(desk.deps, current.token) is None
    assert sessions.begin(desk.deps, ada.id, "password", LINUX) is None


def test_a_new_password_ends_every_session(desk: Office, ada: Known) -> None:
    mine = [begin(desk, ada) for _ in range(3)]
    set_password(desk.deps, "ada", "another password entirely")
    assert [sessions.find(desk.deps, one.token) for one in mine] == [None] * 3


def test_one_is_ended_and_the_others_stay(desk: Office, ada: Known) -> None:
    here, there, third = (begin(desk, ada) for _ in range(3))
    assert sessions.end(desk.deps, ada, there.id)
    assert not sessions.end(desk.deps, ada, there.id)
    assert {row.id for row in desk.rows(SignIn)} == {here.id, third.id}
    assert sessions.end_others(desk.deps, here) == 1
    assert sessions.end_others(desk.deps, here) == 0
    assert [s.here for s in sessions.of_person(desk.deps, here)] == [True]
    ended = ["person:sign_out", "person:sign_out_elsewhere"]
    assert [e.kind for e in desk.rows(AuditEntry)][1:] == [*["person:sign_in"] * 3, *ended]


def test_nobody_ends_the_session_of_another(desk: Office, ada: Known) -> None:
    current = begin(desk, ada)
    create_person(desk.deps, "bob", "responder", PASSWORD)
    bob = sign_in(desk.deps, "bob", PASSWORD)
    assert bob is not None
    assert not sessions.end(desk.deps, bob, current.id)
    assert sessions.find(desk.deps, current.token) is not None


def test_the_role_is_that_of_the_moment(desk: Office, ada: Known) -> None:
    current = begin(desk, ada)
    with desk.deps.store.write() as session:
        session.get_one(Person, ada.id).role = "analyst"
    found = sessions.find(desk.deps, current.token)
    assert found is not None
    assert found.person.asking.role == "analyst"


def test_who_they_are_is_fresh_for_ten_minutes(desk: Office, ada: Known) -> None:
    current = begin(desk, ada)
    later = desk.at(NEWEST + timedelta(minutes=10))
    assert sessions.is_fresh(desk.at(NEWEST + timedelta(minutes=9, seconds=59)), current)
    assert not sessions.is_fresh(later, current)
    proven = sessions.prove(later, current)
    assert sessions.find(later, current.token) is None
    again = sessions.find(later, proven.token)
    assert again is not None
    assert again == proven
    assert sessions.is_fresh(later, again)
    assert desk.rows(AuditEntry)[-1].kind == "person:prove"


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (LINUX, "Firefox · Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/141.0 Safari/537.36 Edg/141.0", "Edge · Windows"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/141.0 Mobile Safari/537.36", "Chrome · Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1", "Safari · iPhone"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/19.0 Safari/605.1", "Safari · macOS"),
        ("<script>alert(1)</script>", ""),
        ("", ""),
    ],
)
def test_a_browser_is_said_in_short(user_agent: str, words: str) -> None:
    assert in_short(user_agent) == words


def test_a_half_done_sign_in_dies_with_the_password(desk: Office, ada: Known) -> None:
    with desk.deps.store.read() as session:
        before = session.scalar(select(Person.session_key))
    set_password(desk.deps, "ada", "another password entirely")
    after = people.known_person(desk.deps, ada.id)
    assert after is not None
    assert after.session_key != before
