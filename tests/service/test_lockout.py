"""Wrong tries: ten lock a name, known or not, each lock twice as long; a right try is refused, too, while it is on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.db.models import AuditEntry
from service.db.people_tables import GuessLock
from service.usecases import lockout, sessions
from service.usecases.lockout import Locked
from service.usecases.people import Known, create_person, named, sign_in
from tests.support.office import NEWEST, Office, office

PASSWORD = "a password long enough"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def desk() -> Iterator[Office]:
    with closing(office()) as found:
        yield Office(found.app, found.at(NEWEST))


def guess(desk: Office, name: str = "ada", password: str = "wrong", after: timedelta = timedelta()) -> Known | None:
    deps = desk.at(NEWEST + after)
    return lockout.guarded(deps, name, lambda: sign_in(deps, name, password))


def guess_cheaply(desk: Office, count: int, after: timedelta = timedelta(), name: str = "ada") -> None:
    """Wrong tries without the work of a password."""
    for _ in range(count):
        assert lockout.guarded(desk.at(NEWEST + after), name, lambda: None) is None


def locked_for(desk: Office, name: str = "ada", after: timedelta = timedelta()) -> timedelta | None:
    until = lockout.locked_until(desk.at(NEWEST + after), name)
    return until - NEWEST - after if until else None


@pytest.mark.parametrize("name", ["ada", "nobody-of-this-name", "", "ADA "])
def test_ten_wrong_tries_lock_a_name_whether_somebody_has_it_or_not(desk: Office, name: str) -> None:
    create_person(desk.deps, "ada", "owner", PASSWORD)
    guess_cheaply(desk, 9, name=name)
    assert locked_for(desk, name) is None
    guess_cheaply(desk, 1, name=name)
    assert locked_for(desk, name.strip().lower()) == 15 * MINUTE
    for password in ("wrong", PASSWORD):
        with pytest.raises(Locked):
            guess(desk, name, password)


def test_the_right_password_opens_again_when_the_lock_is_over(desk: Office) -> None:
    create_person(desk.deps, "ada", "owner", PASSWORD)
    guess_cheaply(desk, 10)
    with pytest.raises(Locked):
        guess(desk, password=PASSWORD, after=15 * MINUTE - timedelta(seconds=1))
    assert guess(desk, password=PASSWORD, after=15 * MINUTE) is not None


def test_nine_wrong_tries_in_any_quarter_of_an_hour_lock_nothing(desk: Office) -> None:
    for start in range(0, 90, 15):
        guess_cheaply(desk, 9, start * MINUTE)
    assert locked_for(desk, after=90 * MINUTE) is None


def test_a_lock_lasts_twice_as_long_as_the_one_before_and_a_day_at_most(desk: Office) -> None:
    after, lengths = timedelta(), []
    for _ in range(9):
        guess_cheaply(desk, 10, after)
        length = locked_for(desk, after=after)
        assert length is not None
        lengths.append(length / MINUTE)
        after += length
    assert lengths == [15, 30, 60, 120, 240, 480, 960, 1440, 1440]


def test_a_quiet_day_is_forgiven(desk: Office) -> None:
    guess_cheaply(desk, 10)
    quiet = timedelta(hours=26)
    guess_cheaply(desk, 10, quiet)
    assert locked_for(desk, after=quiet) == 15 * MINUTE


def test_whoever_comes_in_is_forgiven_but_a_lock_stays_on(desk: Office) -> None:
    create_person(desk.deps, "ada", "owner", PASSWORD)
    ada = sign_in(desk.deps, "ada", PASSWORD)
    assert ada is not None
    guess_cheaply(desk, 9)
    sessions.begin(desk.deps, ada.id, "password", "")
    guess_cheaply(desk, 9)
    assert locked_for(desk) is None
    guess_cheaply(desk, 1)
    sessions.begin(desk.deps, ada.id, "passkey", "")
    assert locked_for(desk) == 15 * MINUTE


def test_it_outlives_a_restart_and_an_unlock_ends_it(desk: Office) -> None:
    create_person(desk.deps, "ada", "owner", PASSWORD)
    guess_cheaply(desk, 10)
    with closing(office()) as again:
        assert lockout.locked_until(again.at(NEWEST), "ada") is not None
    with desk.deps.store.write() as session:
        lockout.unlock(desk.deps, session, named(session, "ada"), "system")
    assert guess(desk, password=PASSWORD) is not None
    tried = [*["person:wrong_try"] * 10, "person:lock"]
    assert [e.kind for e in desk.rows(AuditEntry)] == ["person:create", *tried, "person:unlock"]


def test_every_wrong_try_is_written_down_and_a_name_that_nobody_has_is_a_digest(desk: Office) -> None:
    guess_cheaply(desk, 2, name="my secret password")
    entries = desk.rows(AuditEntry)
    assert [(e.kind, e.actor) for e in entries] == [("person:wrong_try", "door")] * 2
    assert {e.subject for e in entries} == {"name:" + lockout.digest(desk.deps, "my secret password")[:20]}


def test_what_was_typed_as_a_name_is_not_kept(desk: Office) -> None:
    guess_cheaply(desk, 3, name="my secret password")
    rows = desk.rows(GuessLock)
    assert len(rows) == 1
    assert "secret" not in str(vars(rows[0]))
    guess_cheaply(desk, 1, timedelta(hours=26), name="another")
    assert len(desk.rows(GuessLock)) == 1


def test_a_check_that_must_not_be_made_is_not_made(desk: Office) -> None:
    guess_cheaply(desk, 10)
    with pytest.raises(Locked):
        lockout.refuse_locked(desk.deps, "ada")


def test_never_more_than_ten_tries_in_any_quarter_of_an_hour(desk: Office) -> None:
    """Whatever the pace: no window of 15 minutes holds more than ten tries that were looked at."""
    names = count()

    @settings(max_examples=20)
    @given(gaps=st.lists(st.integers(0, 300), min_size=1, max_size=30))
    def hold(gaps: list[int]) -> None:
        name, now, taken = f"name{next(names)}", timedelta(), []
        for gap in gaps:
            now += timedelta(seconds=gap)
            try:
                guess_cheaply(desk, 1, now, name)
            except Locked:
                continue
            taken.append(now)
        for start in taken:
            assert len([t for t in taken if start <= t < start + lockout.WINDOW]) <= lockout.TRIES

    hold()
