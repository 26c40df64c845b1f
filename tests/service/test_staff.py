"""Who may change whom, and what nobody may: authorize is asked with the role somebody has, and would get."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta

import pytest

from moderation.errors import BadInput, NotAllowed
from moderation.policy import PEOPLE
from service.auth.passwords import WeakPassword
from service.db.models import AuditEntry, Person
from service.db.people_tables import EntryLink, SignIn
from service.deps import Deps
from service.usecases import invitations, lockout, sessions, staff
from service.usecases.invitations import LinkEnded
from service.usecases.people import BadName, Known, NameTaken, create_person, known_person, set_password, sign_in
from service.usecases.staff import Impossible, Why
from tests.support.office import NEWEST, Office, office

PASSWORD = "a password long enough"
NEW = "quite another password"
Act = Callable[[Deps, Known, int], object]
ACTS: dict[str, Act] = {
    "role": lambda deps, by, whom: staff.change_role(deps, by, whom, "analyst"),
    "off": lambda deps, by, whom: staff.switch(deps, by, whom, False),
    "unlock": staff.unlock,
    "factors": staff.reset_factors,
    "link": staff.link,
}


@pytest.fixture
def desk() -> Iterator[Office]:
    with closing(office()) as found:
        yield Office(found.app, found.at(NEWEST))


def person(desk: Office, role: str, name: str = "") -> Known:
    name = name or role
    create_person(desk.deps, name, role, PASSWORD)
    with desk.deps.store.read() as session:
        found = known_person(desk.deps, session.query(Person).filter_by(username=name).one().id)
    assert found is not None
    return found


# ------------------------------------------------------------------ refused


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("role", ["owner", "manager"])
def test_a_manager_touches_neither_owners_nor_managers(desk: Office, act: str, role: str) -> None:
    by, whom = person(desk, "manager"), person(desk, role, "whom")
    person(desk, "owner", "another")
    before = desk.rows(AuditEntry)
    with pytest.raises(NotAllowed):
        ACTS[act](desk.deps, by, whom.id)
    assert len(desk.rows(AuditEntry)) == len(before)


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("role", ["responder", "analyst", "rock_star"])
def test_others_touch_nobody(desk: Office, act: str, role: str) -> None:
    by, whom = person(desk, role), person(desk, "rock_star", "whom")
    with pytest.raises(NotAllowed):
        ACTS[act](desk.deps, by, whom.id)
    with pytest.raises(NotAllowed):
        staff.add(desk.deps, by, "new", "", "rock_star")


@pytest.mark.parametrize("role", ["owner", "manager"])
def test_a_manager_makes_nobody_their_equal(desk: Office, role: str) -> None:
    by, whom = person(desk, "manager"), person(desk, "responder")
    with pytest.raises(NotAllowed):
        staff.change_role(desk.deps, by, whom.id, role)
    with pytest.raises(NotAllowed):
        staff.add(desk.deps, by, "new", "", role)
    assert {p.username: p.role for p in desk.rows(Person)} == {"manager": "manager", "responder": "responder"}


@pytest.mark.parametrize("act", ["role", "off", "factors"])
def test_nobody_changes_themselves(desk: Office, act: str) -> None:
    by = person(desk, "owner")
    person(desk, "owner", "another")
    with pytest.raises(Impossible) as refused:
        ACTS[act](desk.deps, by, by.id)
    assert refused.value.why is Why.SELF


def test_a_stale_page_of_somebody_who_lost_their_role_changes_nothing(desk: Office) -> None:
    """What counts is what they are now, not what they were when the page was opened."""
    by, whom = person(desk, "owner"), person(desk, "responder")
    boss = person(desk, "owner", "boss")
    staff.change_role(desk.deps, boss, by.id, "analyst")
    with pytest.raises(NotAllowed):
        staff.link(desk.deps, by, whom.id)
    staff.change_role(desk.deps, boss, by.id, "owner")
    staff.switch(desk.deps, boss, by.id, False)
    with pytest.raises(NotAllowed):
        staff.link(desk.deps, by, whom.id)


@pytest.mark.parametrize("act", ["role", "off"])
def test_two_owners_cannot_take_the_house_from_each_other_at_once(desk: Office, act: str) -> None:
    one, two = person(desk, "owner", "one"), person(desk, "owner", "two")
    refused: list[Exception] = []

    def attack(by: Known, whom: Known) -> None:
        try:
            ACTS[act](desk.deps, by, whom.id)
        except (NotAllowed, Impossible) as error:
            refused.append(error)

    threads = [threading.Thread(target=attack, args=pair) for pair in ((one, two), (two, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(refused) == 1
    assert len([p for p in desk.rows(Person) if p.role == "owner" and p.active]) == 1


@pytest.mark.parametrize("role", ["king", "", "program", "nobody", "Owner"])
def test_a_role_that_nobody_can_have_is_refused(desk: Office, role: str) -> None:
    by, whom = person(desk, "owner"), person(desk, "responder")
    for act in (
        lambda: staff.change_role(desk.deps, by, whom.id, role),
        lambda: staff.add(desk.deps, by, "x", "", role),
    ):
        with pytest.raises(Impossible) as refused:
            act()
        assert refused.value.why is Why.ROLE


def test_names_that_cannot_be_and_people_who_are_not_there(desk: Office) -> None:
    by = person(desk, "owner")
    with pytest.raises(NameTaken):
        staff.add(desk.deps, by, " OWNER", "", "analyst")
    with pytest.raises(BadName):
        staff.add(desk.deps, by, "a b", "", "analyst")
    with pytest.raises(Impossible) as refused:
        staff.link(desk.deps, by, 4711)
    assert refused.value.why is Why.NOBODY
    assert len(desk.rows(Person)) == 1


# ------------------------------------------------------------------ done


def test_an_owner_changes_roles_and_that_signs_out(desk: Office) -> None:
    by, whom = person(desk, "owner"), person(desk, "manager")
    sessions.begin(desk.deps, whom.id, "password", "")
    staff.change_role(desk.deps, by, whom.id, "manager")
    assert len(desk.rows(SignIn)) == 1
    for role in reversed(PEOPLE):
        staff.change_role(desk.deps, by, whom.id, role)
        found = known_person(desk.deps, whom.id)
        assert found is not None
        assert found.role == role
    assert desk.rows(SignIn) == []
    assert [e.actor for e in desk.rows(AuditEntry) if e.kind == "person:role"] == [by.actor] * 5


def test_off_and_on_again(desk: Office) -> None:
    by, whom = person(desk, "manager"), person(desk, "responder")
    current = sessions.begin(desk.deps, whom.id, "password", "")
    assert current is not None
    staff.switch(desk.deps, by, whom.id, False)
    assert sessions.find(desk.deps, current.token) is None
    assert sign_in(desk.deps, "responder", PASSWORD) is None
    with pytest.raises(Impossible) as refused:
        staff.link(desk.deps, by, whom.id)
    assert refused.value.why is Why.OFF
    staff.switch(desk.deps, by, whom.id, True)
    assert sign_in(desk.deps, "responder", PASSWORD) is not None
    assert sessions.find(desk.deps, current.token) is None
    assert [e.kind for e in desk.rows(AuditEntry)][3:] == ["person:switch_off", "person:switch_on"]


def test_everybody_is_shown_with_what_matters(desk: Office) -> None:
    by, whom = person(desk, "owner"), person(desk, "responder")
    person(desk, "analyst")
    staff.switch(desk.deps, by, whom.id, False)
    token = staff.add(desk.deps, by, "Zoe", "Zoé  \x00", "manager")
    for _ in range(lockout.TRIES):
        lockout.guarded(desk.deps, "analyst", lambda: None)
    shown = staff.everybody(desk.deps)
    assert [(c.username, c.name, c.active) for c in shown] == [
        ("owner", "owner", True),
        ("zoe", "Zoé", True),
        ("analyst", "analyst", True),
        ("responder", "responder", False),
    ]
    assert shown[1].link_until == NEWEST + invitations.LASTS
    assert shown[2].locked_until == NEWEST + lockout.FIRST
    staff.unlock(desk.deps, by, shown[2].id)
    assert staff.everybody(desk.deps)[2].locked_until is None
    assert token not in str([vars(row) for row in desk.rows(EntryLink)])


# ------------------------------------------------------------------ links


def test_a_link_lets_in_once(desk: Office) -> None:
    by = person(desk, "manager")
    token = staff.add(desk.deps, by, "new", "", "responder")
    with pytest.raises(WeakPassword):
        invitations.use_link(desk.deps, token, "short")
    found = invitations.holder(desk.deps, token)
    assert found is not None
    assert invitations.use_link(desk.deps, token, NEW).username == "new"
    assert sign_in(desk.deps, "new", NEW) is not None
    assert invitations.holder(desk.deps, token) is None
    with pytest.raises(LinkEnded):
        invitations.use_link(desk.deps, token, PASSWORD)
    assert sign_in(desk.deps, "new", NEW) is not None


def test_a_link_ends_after_a_day_by_a_newer_one_and_by_a_new_password(desk: Office) -> None:
    by, whom = person(desk, "owner"), person(desk, "responder")
    first = staff.link(desk.deps, by, whom.id)
    later = desk.at(NEWEST + timedelta(hours=24))
    assert invitations.holder(desk.at(NEWEST + timedelta(hours=23, minutes=59)), first) is not None
    assert invitations.holder(later, first) is None
    with pytest.raises(LinkEnded):
        invitations.use_link(later, first, NEW)
    second = staff.link(desk.deps, by, whom.id)
    assert invitations.holder(desk.deps, first) is None
    set_password(desk.deps, "responder", NEW)
    assert invitations.holder(desk.deps, second) is None


def test_a_link_of_somebody_switched_off_opens_nothing(desk: Office) -> None:
    by, whom = person(desk, "owner"), person(desk, "responder")
    token = staff.link(desk.deps, by, whom.id)
    staff.switch(desk.deps, by, whom.id, False)
    with pytest.raises(LinkEnded):
        invitations.use_link(desk.deps, token, NEW)
    with pytest.raises(BadInput):
        invitations.make_link(desk.deps, "responder")
    assert sign_in(desk.deps, "responder", NEW) is None


def test_two_uses_at_once_set_one_password(desk: Office) -> None:
    by, whom = person(desk, "owner"), person(desk, "responder")
    token = staff.link(desk.deps, by, whom.id)
    outcomes: list[str] = []

    def use(password: str) -> None:
        try:
            invitations.use_link(desk.deps, token, password)
            outcomes.append(password)
        except LinkEnded:
            outcomes.append("")

    threads = [threading.Thread(target=use, args=(f"a long password {n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    used = [o for o in outcomes if o]
    assert len(used) == 1
    assert sign_in(desk.deps, "responder", used[0]) is not None


def test_a_link_made_by_a_person_is_written_down_with_their_name(desk: Office) -> None:
    by, whom = person(desk, "owner"), person(desk, "responder")
    staff.link(desk.deps, by, whom.id)
    last = desk.rows(AuditEntry)[-1]
    assert (last.kind, last.actor, last.subject) == ("person:link", by.actor, f"person:{whom.id}")
