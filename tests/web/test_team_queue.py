"""The queue of a team by page: its own and everybody's; the filter stays through a decision; who opens it is noted."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from service.db.team_tables import Presence
from service.deps import Deps
from service.usecases import people, teams
from tests.web.desk import PASSWORD, Said, Seeder, case_of, post

Enter = Callable[[str], FlaskClient]


@pytest.fixture
def threads(seed: Seeder, deps: Deps) -> dict[str, int]:
    """One conversation of Support, one of Legal, one of everybody; the responder is in Support."""
    teams.ensure_teams(deps)
    community = seed.community(seed.connection())
    person = people.sign_in(deps, "responder", PASSWORD)
    assert person is not None
    teams.change_team(deps, teams.team_named(deps, "Support"), "Support", "", [person.id], "test")
    found = {n: seed.thread(community, [Said("Broken?")], title=f"Of {n}") for n in ("Support", "Legal", "everybody")}
    for name in ("Support", "Legal"):
        teams.set_team(deps, case_of(deps, found[name]).id, teams.team_named(deps, name), person)
    return found


def titles(client: FlaskClient, address: str) -> set[str]:
    page = client.get(address).text
    return {name for name in ("Support", "Legal", "everybody") if f">Of {name}</a>" in page}


def test_a_team_sees_its_own_and_everybodys(as_role: Enter, deps: Deps, threads: dict[str, int]) -> None:
    responder = as_role("responder")
    legal = teams.team_named(deps, "Legal")
    assert titles(responder, "/queue") == {"Support", "Legal", "everybody"}
    assert titles(responder, f"/queue?team={legal}") == {"Legal", "everybody"}
    assert titles(responder, "/queue?team=mine") == {"Support", "everybody"}
    assert titles(as_role("manager"), "/queue?team=mine") == {"everybody"}
    assert responder.get("/queue/news?since=0&team=mine").json["new"] == 2


def test_the_choice_stays_through_a_decision(as_role: Enter, deps: Deps, threads: dict[str, int]) -> None:
    responder, case = as_role("responder"), case_of(deps, threads["Support"])
    page = responder.get(f"/queue?team=mine&thread={threads['Support']}").text
    assert '<input type="hidden" name="team" value="mine">' in page
    answer = post(responder, f"/cases/{case.id}/leave", version=1, team="mine", next=threads["everybody"])
    assert answer.headers["Location"] == f"/queue?thread={threads['everybody']}&team=mine"


def test_who_opens_a_conversation_is_noted_and_who_sees_the_list_is_not(
    as_role: Enter, deps: Deps, threads: dict[str, int]
) -> None:
    responder = as_role("responder")
    responder.get("/queue")
    with deps.store.read() as session:
        assert session.query(Presence).count() == 0
    responder.get(f"/queue?thread={threads['Legal']}")
    with deps.store.read() as session:
        assert session.query(Presence).one().case_id == case_of(deps, threads["Legal"]).id
    assert "responder has it open" in as_role("manager").get(f"/threads/{threads['Legal']}").text


def test_who_is_called_in_sees_it_in_the_rail(as_role: Enter, deps: Deps, threads: dict[str, int]) -> None:
    case = case_of(deps, threads["Legal"])
    manager = as_role("manager")
    assert "/called" not in manager.get("/queue").text
    post(as_role("responder"), f"/cases/{case.id}/notes", text="@manager may we say this?")
    page = manager.get("/queue").text
    assert 'href="/called"' in page
    assert "may we say this?" in manager.get(f"/threads/{threads['Legal']}").text
