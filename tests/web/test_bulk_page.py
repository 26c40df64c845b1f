"""Many at once, by forms: two steps, the count first, one undo; nothing happens on the way."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from service.db.models import Case
from service.db.team_tables import Bulk
from service.deps import Deps
from service.usecases import cases, labels, people, teams
from service.usecases.cases import Intent
from tests.web.desk import PASSWORD, Said, Seeder, case_of, post
from tests.web.phone import slow_clock

Enter = Callable[[str], FlaskClient]


@pytest.fixture(autouse=True)
def unhurried(app: Flask) -> None:
    slow_clock(app)


@pytest.fixture
def ids(seed: Seeder, deps: Deps) -> list[int]:
    """Three cases above the line."""
    community = seed.community(seed.connection())
    threads = [seed.thread(community, [Said("Is it broken?", urgency=0.9)], title=f"Case {n}") for n in range(3)]
    return [case_of(deps, thread).id for thread in threads]


def states(deps: Deps, ids: list[int]) -> list[str]:
    with deps.store.read() as session:
        return [session.get_one(Case, i).state for i in ids]


def ask(client: FlaskClient, ids: list[int], verb: str, **fields: object) -> str:
    """The first step; returns the address of what was asked."""
    answer = post(client, "/bulk", case=[f"{i}:1" for i in ids], verb=verb, **fields)
    assert answer.status_code == 303
    return answer.headers["Location"]


def test_who_may_not_decide_sees_nothing_of_it(as_role: Enter, deps: Deps, ids: list[int]) -> None:
    analyst = as_role("analyst")
    for address in ("/bulk", "/bulk/1"):
        assert analyst.get(address).status_code == 403
    for address in ("/bulk", "/bulk/1/do", "/bulk/1/undo"):
        assert post(analyst, address).status_code == 403


@pytest.mark.parametrize("case", ["1", "1:", ":1", "a:1", "1:-1", "1:1:1", "9" * 50 + ":1"])
def test_a_tampered_choice_is_refused(as_role: Enter, deps: Deps, ids: list[int], case: str) -> None:
    assert post(as_role("responder"), "/bulk", case=case, verb="leave").status_code == 400


def test_nothing_chosen_and_nothing_wanted_are_said(as_role: Enter, deps: Deps, ids: list[int]) -> None:
    responder = as_role("responder")
    assert post(responder, "/bulk", verb="leave").headers["Location"] == "/bulk"
    assert "Choose at least one" in responder.get("/bulk").text
    for fields in ({"verb": "claim"}, {"verb": "snooze", "for": "9y"}, {"verb": "label"}):
        assert post(responder, "/bulk", case="1:1", **fields).headers["Location"] == "/bulk"
    assert "cannot be done to many" in responder.get("/bulk").text
    with deps.store.read() as session:
        assert session.query(Bulk).count() == 0


def test_the_count_comes_first_and_nothing_happens_before_the_second_step(
    as_role: Enter, deps: Deps, ids: list[int]
) -> None:
    responder = as_role("responder")
    chosen = re.findall(r'name="case" value="(\d+:\d+)"', responder.get("/bulk").text)
    assert sorted(chosen) == sorted(f"{i}:1" for i in ids)
    address = ask(responder, ids, "leave")
    page = responder.get(address).text
    assert "Leave 3 to the community?" in page
    assert "Nothing has happened yet" in page
    assert states(deps, ids) == ["open"] * 3
    assert post(responder, f"{address}/do").headers["Location"] == address
    assert states(deps, ids) == ["left"] * 3
    page = responder.get(address).text
    assert "Undo all 3" in page
    assert 'action="' + address + "/do" not in page
    post(responder, f"{address}/undo")
    assert states(deps, ids) == ["open"] * 3
    assert "3 conversations are where they were" in responder.get(address).text


def test_what_cannot_be_done_is_listed(as_role: Enter, deps: Deps, ids: list[int]) -> None:
    responder = as_role("responder")
    manager = people.sign_in(deps, "manager", PASSWORD)
    assert manager is not None
    cases.act(deps, ids[0], Intent("claim", 1), manager)
    answer = post(responder, "/bulk", case=[f"{ids[0]}:2", f"{ids[1]}:1", f"{ids[2]}:1"], verb="decide")
    address = answer.headers["Location"]
    page = responder.get(address).text
    assert "Mark 2 as handled?" in page
    assert "somebody else has it" in page
    cases.act(deps, ids[1], Intent("leave", 1), manager)
    post(responder, f"{address}/do")
    assert states(deps, ids) == ["claimed", "left", "decided"]
    page = responder.get(address).text
    assert "2 are passed over" in page
    assert "somebody acted on it meanwhile" in page


def test_a_decision_of_somebody_else_is_not_shown(as_role: Enter, deps: Deps, ids: list[int]) -> None:
    address = ask(as_role("responder"), ids, "leave")
    manager = as_role("manager")
    assert manager.get(address).status_code == 400
    assert post(manager, f"{address}/undo").status_code == 303
    assert post(manager, f"{address}/do").headers["Location"] == "/bulk"
    assert states(deps, ids) == ["open"] * 3


def test_snooze_label_and_team(as_role: Enter, deps: Deps, ids: list[int]) -> None:
    teams.ensure_teams(deps)
    label, team = labels.add_label(deps, "Press", "test"), teams.team_named(deps, "Legal")
    responder = as_role("responder")
    for verb, fields, words in (
        ("label", {"label": label}, "Put “Press” on 3?"),
        ("team", {"team": team}, "Put 3 into the queue of Legal?"),
        ("team", {"team": ""}, "Put 3 into everybody’s queue?"),
        ("snooze", {"for": "4h"}, "Snooze 3; back in 3 h?"),
    ):
        address = ask(responder, ids, verb, **fields)
        assert words in responder.get(address).text
        post(responder, f"{address}/do")
    assert states(deps, ids) == ["snoozed"] * 3
    marks = teams.marks_of(deps, ids)
    assert {(m.team, m.labels) for m in marks.values()} == {("", ("Press",))}
