"""Notes, calls, presence and labels by forms: who may, what is shown escaped, what is never lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from service.db.models import Case
from service.db.team_tables import CaseNote, Presence
from service.deps import Deps
from service.usecases import cases, labels, notes, people, presence, teams
from service.usecases.cases import Intent
from tests.web.desk import PASSWORD, Said, Seeder, case_of, post

Enter = Callable[[str], FlaskClient]


@pytest.fixture
def case(seed: Seeder, deps: Deps) -> int:
    thread = seed.thread(seed.community(seed.connection()), [Said("Is it broken?", urgency=0.9)], title="First")
    return case_of(deps, thread).id


def me(deps: Deps, name: str) -> people.Known:
    found = people.sign_in(deps, name, PASSWORD)
    assert found is not None
    return found


def test_an_analyst_writes_only_where_somebody_calls_them(as_role: Enter, deps: Deps, case: int) -> None:
    analyst = as_role("analyst")
    assert post(analyst, f"/cases/{case}/notes", text="Hello").status_code == 403
    assert 'name="text"' not in analyst.get(f"/cases/{case}/notes").text
    post(as_role("responder"), f"/cases/{case}/notes", text="@analyst how often is that?")
    assert 'name="text"' in analyst.get(f"/cases/{case}/notes").text
    assert post(analyst, f"/cases/{case}/notes", text="Twice a week.").status_code == 303
    assert post(analyst, f"/cases/{case}/team", team="").status_code == 403
    assert post(analyst, f"/cases/{case}/labels").status_code == 403


def test_a_note_is_escaped_and_its_mention_marked(as_role: Enter, deps: Deps, case: int) -> None:
    responder = as_role("responder")
    answer = post(responder, f"/cases/{case}/notes", text="<script>alert(1)</script> @Manager & @nobody", page="notes")
    assert answer.headers["Location"] == f"/cases/{case}/notes"
    page = responder.get(f"/cases/{case}/notes").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert '<b class="call">@Manager</b> &amp; @nobody' in page
    assert "nobody who may read here is called @nobody" in page
    assert as_role("manager").get("/called").text.count("First") == 1


def test_a_note_that_is_too_long_comes_back_whole(as_role: Enter, deps: Deps, case: int) -> None:
    text = "word " * 900
    answer = post(as_role("responder"), f"/cases/{case}/notes", text=text, page="notes")
    assert answer.status_code == 422
    assert text[: notes.LONGEST] in answer.text
    assert "1 to 4000 characters" in answer.text
    with deps.store.read() as session:
        assert session.query(CaseNote).count() == 0


def test_a_note_goes_back_to_the_conversation(as_role: Enter, deps: Deps, case: int) -> None:
    answer = post(as_role("responder"), f"/cases/{case}/notes", text="Seen.")
    assert answer.headers["Location"] == f"/queue?thread={case}#inside"


def test_calls_are_put_aside_and_words_taken_out(as_role: Enter, deps: Deps, case: int) -> None:
    responder, manager = as_role("responder"), as_role("manager")
    post(responder, f"/cases/{case}/notes", text="@manager and a phone number")
    number = notes.notes_of(deps, case)[0].id
    assert notes.called_count(deps, me(deps, "manager").id) == 1
    assert post(manager, f"/called/{number}/aside").status_code == 303
    assert "Nobody waits for you" in manager.get("/called").text
    post(manager, f"/called/{number}/aside")
    assert "answered already" in manager.get("/called").text
    assert post(as_role("analyst"), f"/notes/{number}/out").status_code == 403
    assert post(responder, f"/notes/{number}/out", page="notes").status_code == 303
    page = responder.get(f"/cases/{case}/notes").text
    assert "phone number" not in page
    assert "taken out" in page


def test_team_and_labels_are_set_by_form(as_role: Enter, deps: Deps, case: int) -> None:
    teams.ensure_teams(deps)
    label, team = labels.add_label(deps, "Press", "test"), teams.team_named(deps, "Legal")
    responder = as_role("responder")
    assert post(responder, f"/cases/{case}/team", team=team, page="notes").status_code == 303
    assert post(responder, f"/cases/{case}/labels", label=[label], page="notes").status_code == 303
    marks = teams.marks_of(deps, [case])[case]
    assert (marks.team, marks.by_hand, marks.labels) == ("Legal", True, ("Press",))
    assert post(responder, f"/cases/{case}/team", team="").status_code == 303
    assert teams.marks_of(deps, [case])[case].team == ""
    assert post(responder, f"/cases/{case}/team", team=4711).status_code == 400
    assert post(responder, f"/cases/{case}/labels", label=4711).status_code == 400


# ------------------------------------------------------------------ presence


def test_a_beat_needs_its_token_and_a_case(client: FlaskClient, as_role: Enter, deps: Deps, case: int) -> None:
    assert client.get(f"/cases/{case}/presence", headers={"Accept": "application/json"}).status_code == 401
    responder = as_role("responder")
    assert responder.post(f"/cases/{case}/presence").status_code == 400
    assert post(responder, "/cases/4711/presence").status_code == 400
    assert responder.get("/cases/4711/presence").status_code == 400
    with deps.store.read() as session:
        assert session.query(Presence).count() == 0


def test_others_see_who_is_here_and_unchanged_is_said_shortly(as_role: Enter, deps: Deps, case: int) -> None:
    responder, manager = as_role("responder"), as_role("manager")
    address = f"/cases/{case}/presence"
    assert responder.get(address).json == {"here": [], "taken": "", "version": 1}
    assert post(manager, address, typing="1").status_code == 204
    answer = responder.get(address)
    assert answer.json is not None
    assert answer.json["here"] == ["manager is writing"]
    again = responder.get(address, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    post(manager, address)
    assert responder.get(address).json["here"] == ["manager has it open, came just now"]
    assert "manager has it open" in responder.get(f"/cases/{case}/notes").text
    post(manager, address, gone="1")
    assert responder.get(address).json["here"] == []


def test_who_loses_a_case_is_told_by_whom_and_why(app: Flask, as_role: Enter, deps: Deps, case: int) -> None:
    cases.act(deps, case, Intent("claim", 1), me(deps, "manager"))
    cases.act(deps, case, Intent("claim", 2, note="It <burns>."), me(deps, "responder"))
    manager = as_role("manager")
    told = manager.get(f"/cases/{case}/presence").json
    assert told == {"here": [], "taken": "responder took it over from you: “It <burns>.”", "version": 3}
    assert "It &lt;burns&gt;." in manager.get(f"/cases/{case}/notes").text
    assert as_role("responder").get(f"/cases/{case}/presence").json["taken"] == ""


def test_presence_ends_by_the_servers_clock(deps: Deps, case: int) -> None:
    responder = me(deps, "responder")
    presence.look(deps, case, responder)
    later = replace(deps, now=lambda: deps.now() + timedelta(seconds=61))
    assert presence.around(deps, case, me(deps, "manager")).here
    assert presence.around(later, case, me(deps, "manager")).here == ()


def test_seeing_who_is_there_changes_no_case(as_role: Enter, deps: Deps, case: int) -> None:
    post(as_role("responder"), f"/cases/{case}/presence", typing="1")
    with deps.store.read() as session:
        row = session.get_one(Case, case)
        assert (row.version, row.state) == (1, "open")
