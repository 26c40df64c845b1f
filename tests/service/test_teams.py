"""Teams and routing: who gets a case, by rule and by hand; what the queue of a team holds."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from sqlalchemy import event

from moderation.errors import BadInput
from service.cli.teams import team as command
from service.db.models import Case
from service.db.team_tables import CaseTeam, RoutingRule, TeamMember
from service.usecases import desk, routing, teams
from service.usecases.queue import queue_page
from service.usecases.routing import Wanted
from service.usecases.triage import triage_community
from tests.support.crew import Crew, crew
from tests.web.desk import Said


@pytest.fixture
def here() -> Iterator[Crew]:
    with crew() as found:
        yield found


def team_of(here: Crew, case_id: int) -> int | None:
    row = here.get(CaseTeam, case_id)
    return row.team_id if row is not None else None


def route(here: Crew) -> int:
    with here.deps.store.write() as session:
        return routing.route_new(session, here.deps, here.community)


@pytest.mark.parametrize("name", ["", "   ", "x" * 81])
def test_a_team_without_a_proper_name_is_refused(here: Crew, name: str) -> None:
    with pytest.raises(BadInput):
        teams.add_team(here.deps, name, "", "test")
    assert teams.teams(here.deps) == []


def test_what_is_there_already_and_what_is_no_language_are_refused(here: Crew) -> None:
    teams.add_team(here.deps, "Support", "fr", "test")
    for name, languages in (("Support", ""), ("Other", "french"), ("Other", "f"), ("Other", "e1")):
        with pytest.raises(BadInput):
            teams.add_team(here.deps, name, languages, "test")
    assert [t.name for t in teams.teams(here.deps)] == ["Support"]


def test_a_desk_starts_with_four_teams_once(here: Crew) -> None:
    assert teams.ensure_teams(here.deps) == 4
    for team in teams.teams(here.deps):
        teams.close_team(here.deps, team.id, "test")
    assert teams.ensure_teams(here.deps) == 0
    assert teams.teams(here.deps) == []


def test_people_join_and_leave_and_only_those_who_may_read(here: Crew) -> None:
    team = teams.add_team(here.deps, "Support", "", "test")
    rita, ana = here.person("rita").id, here.person("ana").id
    teams.change_team(here.deps, team, "Support", "EN, fr-CA", [rita, ana, 4711], "test")
    shown = teams.teams(here.deps)[0]
    assert (shown.languages, [name for _, name in shown.members]) == (("en", "fr"), ["Ana", "Rita"])
    assert teams.teams_of(here.deps, rita) == [team]
    teams.change_team(here.deps, team, "Help", "", [ana], "test")
    assert teams.teams_of(here.deps, rita) == []
    assert here.kinds() == ["team:add", "team:change", "team:change"]


def test_rules_route_in_their_order_and_what_no_rule_takes_stays_everybodys(here: Crew) -> None:
    support = teams.add_team(here.deps, "Support", "", "test")
    legal = teams.add_team(here.deps, "Legal", "", "test")
    routing.add_rule(here.deps, Wanted(support, topic="bug"), "test")
    second = routing.add_rule(here.deps, Wanted(legal, danger="*"), "test")
    bug = here.case(intents={"bug": 0.9, "billing": 0.2})
    both = here.case(intents={"bug": 0.5}, rules="legal,threat")
    nobody = here.case(intents={"bug": 0.49})
    below = here.case(intents={"bug": 0.9}, lane="left", open=False, state="left")
    plan = routing.plan(here.deps)
    assert ([r.takes for r in plan.rules], plan.cases, plan.unmatched) == ([2, 0], 3, 1)
    routing.move_rule(here.deps, second, True, "test")
    assert [r.takes for r in routing.plan(here.deps).rules] == [1, 1]
    assert route(here) == 2
    assert [team_of(here, i) for i in (bug, both, nobody, below)] == [support, legal, None, None]
    assert route(here) == 0


def test_a_team_gets_nothing_in_a_language_it_does_not_answer_in(here: Crew) -> None:
    english = teams.add_team(here.deps, "English desk", "en", "test")
    french = teams.add_team(here.deps, "Bureau", "fr", "test")
    for team in (english, french):
        routing.add_rule(here.deps, Wanted(team), "test")
    case = here.case(said=[Said("C’est cassé ?", language="fr-CA")])
    route(here)
    assert team_of(here, case) == french


def test_what_a_person_says_stays_and_a_new_route_is_of_what_rules_said(here: Crew) -> None:
    support = teams.add_team(here.deps, "Support", "", "test")
    product = teams.add_team(here.deps, "Product", "", "test")
    rule = routing.add_rule(here.deps, Wanted(support), "test")
    by_rule, by_hand, everybodys = here.case(), here.case(), here.case()
    route(here)
    rita = here.person("rita")
    teams.set_team(here.deps, by_hand, product, rita)
    teams.set_team(here.deps, everybodys, None, rita)
    routing.remove_rule(here.deps, rule, "test")
    routing.add_rule(here.deps, Wanted(product, topic="bug"), "test")
    assert team_of(here, by_rule) == support
    assert routing.route_anew(here.deps, "test") == 0
    assert [team_of(here, i) for i in (by_rule, by_hand, everybodys)] == [None, product, None]
    assert here.get(CaseTeam, by_rule) is None
    assert here.kinds().count("case:team") == 2
    with pytest.raises(BadInput):
        teams.set_team(here.deps, 4711, product, rita)
    with pytest.raises(BadInput):
        teams.set_team(here.deps, by_rule, 4711, rita)


def test_a_closed_team_leaves_its_cases_to_everybody(here: Crew) -> None:
    support = teams.add_team(here.deps, "Support", "", "test")
    routing.add_rule(here.deps, Wanted(support), "test")
    case = here.case()
    route(here)
    teams.close_team(here.deps, support, "test")
    assert (team_of(here, case), here.rows(RoutingRule), here.rows(TeamMember)) == (None, [], [])
    with pytest.raises(BadInput):
        routing.add_rule(here.deps, Wanted(support), "test")
    assert teams.add_team(here.deps, "Support", "", "test") == support


@pytest.mark.parametrize(
    "wanted", [Wanted(4711), Wanted(1, community_id=99), Wanted(1, topic="weather"), Wanted(1, danger="x")]
)
def test_a_rule_that_makes_no_sense_is_refused(here: Crew, wanted: Wanted) -> None:
    teams.add_team(here.deps, "Support", "", "test")
    with pytest.raises(BadInput):
        routing.add_rule(here.deps, wanted, "test")


def test_a_teams_queue_holds_its_own_and_everybodys(here: Crew) -> None:
    support = teams.add_team(here.deps, "Support", "", "test")
    product = teams.add_team(here.deps, "Product", "", "test")
    mine, theirs, free, said_free = (here.case(priority=p) for p in (0.9, 0.8, 0.7, 0.6))
    rita = here.person("rita")
    teams.set_team(here.deps, mine, support, rita)
    teams.set_team(here.deps, theirs, product, rita)
    teams.set_team(here.deps, said_free, None, rita)

    def queue(*of: int) -> list[int]:
        return [i.case_id for i in queue_page(here.deps, teams=of).items]

    assert queue(support) == [mine, free, said_free]
    assert queue(support, product) == [mine, theirs, free, said_free]
    assert queue() == [free, said_free]
    assert [i.case_id for i in queue_page(here.deps).items] == [mine, theirs, free, said_free]
    assert desk.lane_counts(here.deps, teams=[product])["needs"] == 3
    marks = teams.marks_of(here.deps, [mine, theirs, free])
    assert (marks[mine].team, marks[mine].by_hand, free in marks) == ("Support", True, False)


def test_triage_routes_what_comes_above_the_line_without_a_query_for_each(here: Crew) -> None:
    support = teams.add_team(here.deps, "Support", "", "test")
    routing.add_rule(here.deps, Wanted(support), "test")
    for number in range(30):
        here.case(f"Case {number}", lane="left", open=False, state="left", surfaced_at=None)
    statements: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(statement)

    event.listen(here.deps.store.engine, "before_cursor_execute", count)
    assert triage_community(here.deps, here.community)
    event.remove(here.deps.store.engine, "before_cursor_execute", count)
    above = [c.id for c in here.rows(Case, Case.open.is_(True))]
    assert above
    assert {team_of(here, i) for i in above} == {support}
    assert len([s for s in statements if "case_team" in s or "routing_rule" in s]) == 3


def test_the_command_line_makes_fills_and_closes_teams(here: Crew) -> None:
    def run(*arguments: str) -> str:
        found = CliRunner().invoke(command, arguments, catch_exceptions=False)
        assert found.exit_code == 0
        return found.output

    with pytest.raises(BadInput):
        run("close", "Repairs")
    run("add", "Repairs", "--language", "fr", "--language", "en")
    run("join", "repairs", "rita")
    with pytest.raises(BadInput):
        run("join", "repairs", "nobody")
    assert run("list") == "Repairs (en, fr): Rita; 0 in its queue\n"
    shown = {"name": "Repairs", "languages": ["en", "fr"], "people": ["Rita"], "open": 0}
    assert json.loads(run("list", "--json")) == [shown]
    run("quit", "Repairs", "rita")
    assert teams.teams(here.deps)[0].members == ()
    run("close", "Repairs")
    assert run("list") == ""
