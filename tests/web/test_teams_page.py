"""The teams page: everybody reads it, managers change it; the take-over's page; the handover."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from service.db.team_tables import CaseTeam, Label, RoutingRule, Team
from service.deps import Deps
from service.usecases import labels, routing, teams
from tests.web.desk import Said, Seeder, case_of, post

Enter = Callable[[str], FlaskClient]


@pytest.fixture
def thread(seed: Seeder) -> int:
    return seed.thread(seed.community(seed.connection()), [Said("Is it broken?", urgency=0.9)], title="First")


def count(deps: Deps, model: type) -> int:
    with deps.store.read() as session:
        return session.query(model).count()


def test_who_only_reads_sees_no_form_and_changes_nothing(as_role: Enter, deps: Deps) -> None:
    teams.ensure_teams(deps)
    responder = as_role("responder")
    page = responder.get("/teams").text
    assert "Communication" in page
    assert 'action="/teams' not in page
    for address in ("/teams", "/teams/1", "/teams/1/close", "/teams/rules", "/teams/rules/anew", "/labels"):
        assert post(responder, address, name="New").status_code == 403
    assert count(deps, Team) == 4


def test_a_name_that_is_taken_is_said_on_the_page(as_role: Enter, deps: Deps) -> None:
    teams.ensure_teams(deps)
    manager = as_role("manager")
    for fields in ({"name": "Support"}, {"name": ""}, {"name": "Ok", "languages": "klingon"}):
        assert post(manager, "/teams", **fields).status_code == 303
        assert "Nothing was changed" in manager.get("/teams").text
    assert count(deps, Team) == 4


def test_a_manager_makes_changes_and_closes_a_team(as_role: Enter, deps: Deps) -> None:
    manager = as_role("manager")
    assert post(manager, "/teams", name="Repairs <b>", languages="fr").status_code == 303
    page = manager.get("/teams").text
    assert "Repairs &lt;b&gt;" in page
    assert "Repairs <b>" not in page
    team = teams.teams(deps)[0]
    people = [number for number, name in teams.candidates(deps) if name == "responder"]
    post(manager, f"/teams/{team.id}", name="Repairs", languages="", member=people)
    assert [m[1] for m in teams.teams(deps)[0].members] == ["responder"]
    post(manager, f"/teams/{team.id}/close")
    assert teams.teams(deps) == []


def test_the_teams_that_a_desk_starts_with_speak_the_readers_language(as_role: Enter, deps: Deps) -> None:
    teams.ensure_teams(deps)
    assert "Support" in as_role("manager").get("/teams?lang=en").text


def test_rules_are_added_moved_taken_away_and_routed_anew(as_role: Enter, deps: Deps, thread: int) -> None:
    teams.ensure_teams(deps)
    manager, team = as_role("manager"), teams.team_named(deps, "legal")
    post(manager, "/teams/rules", team=team, topic="bug")
    post(manager, "/teams/rules", team=team)
    post(manager, "/teams/rules", team=team, topic="weather")
    assert "not there" in manager.get("/teams").text
    first, second = (r.id for r in routing.plan(deps).rules)
    post(manager, f"/teams/rules/{second}/up")
    assert [r.id for r in routing.plan(deps).rules] == [second, first]
    assert post(manager, f"/teams/rules/{second}/sideways").status_code == 404
    post(manager, "/teams/rules/anew")
    assert "1 conversation has a team by a rule." in manager.get("/teams").text
    with deps.store.read() as session:
        assert session.query(CaseTeam).one().case_id == case_of(deps, thread).id
    post(manager, f"/teams/rules/{first}/remove")
    assert count(deps, RoutingRule) == 1


def test_labels_come_and_go(as_role: Enter, deps: Deps) -> None:
    manager = as_role("manager")
    post(manager, "/labels", name="Press")
    post(manager, "/labels", name="press")
    assert "already" in manager.get("/teams").text
    post(manager, f"/labels/{labels.labels(deps)[0].id}/close")
    assert labels.labels(deps) == []
    assert count(deps, Label) == 1


def test_the_handover_is_a_page_for_everybody_who_reads(as_role: Enter, deps: Deps, thread: int) -> None:
    analyst = as_role("analyst")
    for asked in ("", "?hours=24", "?hours=x", "?hours=9999", "?hours=-1"):
        answer = analyst.get(f"/handover{asked}")
        assert answer.status_code == 200
        assert "Came above the line" in answer.text
    responder = as_role("responder")
    post(responder, f"/cases/{case_of(deps, thread).id}/escalate", version=1, note="Look.")
    page = analyst.get("/handover").text
    assert "Escalated" in page
    assert "First" in page
    assert "responder" in page


def test_taking_over_asks_for_a_word_first(as_role: Enter, deps: Deps, thread: int) -> None:
    case = case_of(deps, thread)
    post(as_role("manager"), f"/cases/{case.id}/claim", version=1)
    responder = as_role("responder")
    asked = post(responder, f"/cases/{case.id}/claim", version=2)
    assert asked.status_code == 422
    assert "manager has it. Take it over?" in asked.text
    assert 'name="version" value="2"' in asked.text
    assert case_of(deps, thread).version == 2
    assert post(responder, f"/cases/{case.id}/claim", version=2, note="You are away.").status_code == 303
    called = as_role("manager").get("/called").text
    assert "You are away." in called
    assert "took it over from you" in called
