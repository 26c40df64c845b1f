"""Decisions: what each verb does, who was faster, what can be taken back, what the log says."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from moderation.errors import BadInput
from service.db import audit
from service.db.models import AuditEntry, Case, Community
from service.deps import Deps
from service.usecases import cases, people
from service.usecases.cases import Intent, Stale
from service.usecases.triage import triage_community
from tests.web.desk import PASSWORD, Said, Seeder, case_of, post
from tests.web.phone import slow_clock


@pytest.fixture(autouse=True)
def unhurried(app: Flask) -> None:
    slow_clock(app)


@pytest.fixture
def thread(seed: Seeder) -> int:
    """A conversation above the line; a second one stands below it."""
    community = seed.community(seed.connection())
    left = {"lane": "left", "open": False, "state": "left", "priority": 0.1}
    seed.thread(community, [Said("Nice weather.")], title="Second", case=left)
    return seed.thread(community, [Said("Is it broken?", urgency=0.9)], title="First")


def me(deps: Deps, name: str = "responder") -> people.Known:
    found = people.sign_in(deps, name, PASSWORD)
    assert found is not None
    return found


def do(deps: Deps, thread: int, verb: str, **fields: Any) -> cases.Done:
    case = case_of(deps, thread)
    return cases.act(deps, case.id, Intent(verb, case.version, **fields), me(deps))


def entries(deps: Deps) -> list[str]:
    with deps.store.read() as session:
        assert audit.verify(session, deps.vault) == []
        kinds = [e.kind for e in session.query(AuditEntry).order_by(AuditEntry.seq)]
        return [kind for kind in kinds if kind != "person:sign_in"]


@pytest.mark.parametrize("verb", sorted(cases.VERBS))
def test_a_verb_is_refused_on_a_version_that_is_gone(deps: Deps, thread: int, verb: str) -> None:
    before = case_of(deps, thread)
    soon = deps.now() + timedelta(hours=1)
    with pytest.raises(Stale):
        cases.act(deps, before.id, Intent(verb, before.version + 1, soon), me(deps))
    assert case_of(deps, thread).version == before.version
    assert entries(deps) == []


@pytest.mark.parametrize("state", ["open", "claimed", "escalated", "left", "snoozed", "decided", "closed"])
def test_only_declared_steps_are_taken(deps: Deps, thread: int, state: str) -> None:
    for verb, starts in cases.VERBS.items():
        with deps.store.write() as session:
            session.query(Case).filter_by(thread_id=thread).update({"state": state})
        if state in starts:
            do(deps, thread, verb, until=deps.now() + timedelta(hours=1))
        else:
            with pytest.raises(Stale):
                do(deps, thread, verb, until=deps.now() + timedelta(hours=1))


@pytest.mark.parametrize(
    "intent", [Intent("snooze", 1), Intent("claim", 1, note="x" * 1001), Intent("destroy", 1)], ids=lambda i: i.verb
)
def test_what_makes_no_sense_is_refused(deps: Deps, thread: int, intent: Intent) -> None:
    with pytest.raises(BadInput):
        cases.act(deps, case_of(deps, thread).id, intent, me(deps))
    with pytest.raises(BadInput):
        cases.act(deps, 4711, replace(intent, note=""), me(deps))


@pytest.mark.parametrize(
    ("verb", "state", "lane", "open_"),
    [
        ("claim", "claimed", "needs", True),
        ("escalate", "escalated", "needs", True),
        ("leave", "left", "decided", False),
        ("snooze", "snoozed", "decided", False),
        ("decide", "decided", "decided", False),
    ],
)
def test_the_next_triage_keeps_it(deps: Deps, thread: int, verb: str, state: str, lane: str, open_: bool) -> None:
    do(deps, thread, verb, until=deps.now() + timedelta(hours=4))
    decided = case_of(deps, thread)
    with deps.store.read() as session:
        community = session.query(Community).one()
    assert community.triage_due_at is not None
    assert triage_community(deps, community.id)
    kept = case_of(deps, thread)
    assert (decided.state, decided.lane, decided.open) == (kept.state, kept.lane, kept.open) == (state, lane, open_)
    assert decided.look_again_at == kept.look_again_at
    assert (kept.look_again_at is not None) is (verb in ("leave", "snooze"))
    assert entries(deps) == [f"case:{verb}"]


def test_reopening_takes_a_conversation_above_the_line_and_keeps_it_there(deps: Deps, thread: int) -> None:
    with deps.store.read() as session:
        other = session.query(Case).filter_by(lane="left").one()
    done = do(deps, other.thread_id, "reopen")
    with deps.store.read() as session:
        triage_community(deps, session.query(Community).one().id)
    kept = case_of(deps, other.thread_id)
    assert (kept.state, kept.lane, kept.open, kept.version) == ("claimed", "needs", True, done.version)


def test_undo_restores_everything_and_says_so_in_the_log(deps: Deps, thread: int) -> None:
    before = case_of(deps, thread)
    done = cases.Done.from_json(do(deps, thread, "leave").to_json())
    cases.undo(deps, done, me(deps))
    after = case_of(deps, thread)
    names = ("state", "lane", "open", "person_id", "decided_at", "decision", "look_again_at")
    assert [getattr(after, n) for n in names] == [getattr(before, n) for n in names]
    assert entries(deps) == ["case:leave", "case:undo"]
    with pytest.raises(Stale):
        cases.undo(deps, done, me(deps))


def test_undo_ends(deps: Deps, thread: int) -> None:
    done = do(deps, thread, "decide")
    late = replace(deps, now=lambda: done.at + timedelta(seconds=16))
    with pytest.raises(BadInput):
        cases.undo(late, done, me(deps))
    assert case_of(deps, thread).state == "decided"


def test_a_claim_ends_by_itself(deps: Deps, thread: int) -> None:
    done = do(deps, thread, "claim")
    assert cases.release_expired(deps) == 0
    assert cases.release_expired(replace(deps, now=lambda: done.at + timedelta(minutes=31))) == 1
    assert (case_of(deps, thread).state, case_of(deps, thread).person_id) == ("open", None)


# ------------------------------------------------------------------ by form


def address(deps: Deps, thread: int, verb: str) -> str:
    return f"/cases/{case_of(deps, thread).id}/{verb}"


def test_leaving_opens_the_next_one_and_offers_undo(
    as_role: Callable[[str], FlaskClient], deps: Deps, thread: int
) -> None:
    client = as_role("responder")
    answer = post(client, address(deps, thread, "leave"), version=1, next=thread - 1, lane="needs")
    assert answer.headers["Location"] == f"/queue?thread={thread - 1}"
    page = client.get("/queue").text
    assert "Left to the community" in page
    assert post(client, address(deps, thread, "undo")).headers["Location"] == f"/queue?thread={thread}"
    assert case_of(deps, thread).state == "open"
    assert "Taken back" in client.get("/queue").text
    assert post(client, address(deps, thread, "undo")).status_code == 400


def test_undo_takes_back_only_the_own_last_decision(
    as_role: Callable[[str], FlaskClient], deps: Deps, thread: int
) -> None:
    post(as_role("responder"), address(deps, thread, "decide"), version=1)
    assert post(as_role("manager"), address(deps, thread, "undo")).status_code == 400
    assert case_of(deps, thread).state == "decided"


@pytest.mark.parametrize(("choice", "hours"), [("1h", 1), ("4h", 4), ("1d", 24), ("3d", 72)])
def test_a_snooze_comes_back(
    as_role: Callable[[str], FlaskClient], deps: Deps, thread: int, choice: str, hours: int
) -> None:
    assert post(as_role("responder"), address(deps, thread, "snooze"), version=1, **{"for": choice}).status_code == 303
    again = case_of(deps, thread).look_again_at
    assert again is not None
    assert abs(again - deps.now() - timedelta(hours=hours)) < timedelta(minutes=1)


def test_who_was_slower_keeps_what_was_typed_and_sees_what_changed(
    as_role: Callable[[str], FlaskClient], deps: Deps, thread: int
) -> None:
    post(as_role("manager"), address(deps, thread, "claim"), version=1)
    slower = as_role("responder")
    answer = post(slower, address(deps, thread, "escalate"), version=1, note="They wrote <b>twice</b>.")
    assert answer.status_code == 409
    assert "They wrote &lt;b&gt;twice&lt;/b&gt;." in answer.text
    assert re.search(r"manager</b>\s+took it", answer.text)
    assert case_of(deps, thread).state == "claimed"
    version = case_of(deps, thread).version
    assert f'name="version" value="{version}"' in answer.text
    assert post(slower, address(deps, thread, "escalate"), version=version, note="Twice.").status_code == 303
    page = slower.get(f"/threads/{thread}").text
    assert "Twice." in page
    assert "Escalated by responder" in page


@pytest.mark.parametrize("fields", [{}, {"version": "x"}, {"version": "-1"}, {"version": "9" * 40}])
def test_a_form_that_was_tampered_with_is_refused(
    as_role: Callable[[str], FlaskClient], deps: Deps, thread: int, fields: dict[str, str]
) -> None:
    client = as_role("responder")
    assert post(client, address(deps, thread, "claim"), **fields).status_code == 400
    assert post(client, address(deps, thread, "destroy"), version=1).status_code == 404
    assert post(client, "/cases/4711/claim", version=1).status_code == 400
    assert entries(deps) == []
