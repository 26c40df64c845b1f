"""Statements of reasons and appeals for programs: by their scope, and without a name."""

from __future__ import annotations

import json

import pytest
from api_support import Desk, assert_problem

from service.usecases import appeals
from service.usecases.people import create_person
from tests.support.decided import WHY, Decided, hidden_message


@pytest.fixture
def decided(desk: Desk) -> Decided:
    create_person(desk.deps, "marta", "manager", "a long enough pass phrase 4711")
    found = hidden_message(desk.deps, 1)
    appeals.contest(desk.deps, found.token, "I was quoting somebody.")
    return found


def test_a_program_reads_what_its_scope_says_and_names_nobody(desk: Desk, decided: Decided) -> None:
    for path in ("/statements", "/appeals"):
        assert_problem(desk.call(desk.token("queue:read", name=path), "GET", path), 403)
    both = desk.token("statements:read", "appeals:read", name="both")
    [fields] = desk.call(both, "GET", "/statements").json["statements"]
    assert fields["incompatible_content_explanation"] == WHY
    answer = desk.call(both, "GET", "/appeals?state=open")
    [appeal] = answer.json["items"]
    assert (appeal["kind"], appeal["text"], appeal["action_id"]) == (
        "hide",
        "I was quoting somebody.",
        decided.action_id,
    )
    assert not {"zoe", "Gwendoline", "marta"} & set(json.dumps([fields, appeal]).replace('"', " ").split())
    assert desk.call(both, "GET", "/statements?since=2030-01-01T00:00:00Z").json == {
        "statements": [],
        "next": None,
    }
    page = desk.call(both, "GET", "/statements?size=1")
    assert "after=" in page.headers["Link"]
    assert_problem(desk.call(both, "GET", "/appeals?state=made-up"), 422)
