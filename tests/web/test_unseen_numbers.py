"""To whom only a part is open, what is elsewhere and what is not there at all answer alike, byte by byte."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from service.db.grant_tables import GrantRow
from service.db.models import Action, Author, Message, Person
from service.db.report_tables import ReportDecision, ReportRow
from service.deps import Deps
from tests.web.desk import Seeder, post
from tests.web.test_keeper_page import Scene

NOWHERE = 10**6
Asked = Callable[[int], tuple[int, str]]


@pytest.fixture
def scene(app: Flask, deps: Deps, seed: Seeder) -> Scene:
    return Scene(app, deps, seed)


def asked(client: FlaskClient, address: str, **fields: Any) -> Asked:
    """The whole answer to a number, without what is new each time; the address holds `{}`."""

    def ask(number: int) -> tuple[int, str]:
        answer = post(client, address.format(number), **fields)
        text = re.sub(r'(nonce-|nonce=")[\w+/=-]+|name="csrf_token" value="[^"]*"', "", answer.text)
        return answer.status_code, text.replace(address.format(number), address)

    return ask


def acts_in_every_state(scene: Scene, thread_id: int, handle: str = "zed") -> list[int]:
    """Acts of a manager in a conversation: one that waits, one that was done, one taken back, one that failed."""
    manager, message = scene.client("manager"), scene.message(thread_id, handle)
    for state in ("done", "failed", "cancelled", "approved"):
        fields = {"kind": "hide", "message": message, "reason": "Rule 2"}
        assert post(manager, f"/keep/{thread_id}/act", **fields).status_code == 303
        with scene.deps.store.write() as session:
            session.execute(update(Action).where(Action.state == "approved").values(state=state, attempt=1))
    fields = {"kind": "suspend", "message": message, "reason": "Rule 2", "hours": 24}
    assert post(manager, f"/keep/{thread_id}/act", **fields).status_code == 303
    return [one.id for one in scene.actions()]


def test_acts_elsewhere_are_as_acts_that_are_not_there(scene: Scene) -> None:
    hidden, client = acts_in_every_state(scene, scene.hidden), scene.client()
    before = [(one.id, one.state) for one in scene.actions()]
    for step, fields in (("back", {"reason": "No."}), ("second", {"answer": "yes"}), ("second", {"answer": "no"})):
        ask = asked(client, f"/keep/acts/{{}}/{step}", **fields)
        absent = ask(NOWHERE)
        assert absent[0] == 403
        for number in hidden:
            assert ask(number) == absent, (step, number)
    assert [(one.id, one.state) for one in scene.actions()] == before
    assert scene.kinds().count("act:refuse") == 3 * (len(hidden) + 1), "each try is written down, and none twice"


def test_an_act_in_their_own_part_says_why_only_to_whom_may_do_it(scene: Scene) -> None:
    done, *_rest = acts_in_every_state(scene, scene.thread)
    client = scene.client()
    with scene.deps.store.write() as session:
        session.execute(update(GrantRow).values(capabilities=["see", "lock"]))
    ask = asked(client, "/keep/acts/{}/back", reason="No.")
    answers = {ask(one.id) for one in scene.actions() if one.kind == "hide"}
    assert [status for status, _ in answers] == [403], "the same for each state"
    assert post(scene.client("manager"), f"/keep/acts/{done}/back", reason="No rule broken").status_code == 303


def test_conversations_elsewhere_are_as_those_that_are_not_there(scene: Scene) -> None:
    client, message = scene.client(), scene.message(scene.hidden)
    for kind in ("lock", "hide", "move", "suspend"):
        ask = asked(client, "/keep/{}/act", kind=kind, message=message, reason="Rule 2", to=scene.part)
        assert ask(scene.hidden) == ask(scene.elsewhere) == ask(NOWHERE), kind
    several = asked(client, "/keep/{}/act", kind="hide", several=[message, message + 1], reason="Rule 2")
    assert several(scene.hidden) == several(scene.elsewhere) == several(NOWHERE)
    answer = asked(client, "/keep/{}/answer", text="Clean the burrs.")
    assert answer(scene.hidden) == answer(scene.elsewhere) == answer(NOWHERE)


def test_a_place_to_move_to_is_as_one_that_is_not_there(scene: Scene) -> None:
    client = scene.client()

    def move(to: int) -> tuple[int, str]:
        return asked(client, f"/keep/{scene.thread}/act", kind="move", reason="Rule 2", to=to)(to)

    assert move(scene.next) == move(NOWHERE)
    assert move(NOWHERE)[0] == 403


@pytest.fixture
def reports(scene: Scene) -> list[int]:
    """Three elsewhere: open, decided by us, closed by others; one whose post was not read; two about the brand here."""
    with scene.deps.store.write() as session:
        message = session.scalars(select(Message).where(Message.thread_id == scene.hidden).limit(1)).one()
        now = scene.deps.now()
        rows = [
            ReportRow(
                connection_id=scene.forum, remote_id=f"{n}:1", at=now, seen_at=now, reason="abuse", outcome="open"
            )
            for n in range(6)
        ]
        for row in rows[:3]:
            row.message_id, row.message_remote, row.about_id = message.id, message.remote_id, message.author_id
        rows[3].message_remote = "9999"
        rows[1].outcome, rows[2].outcome = "upheld", "rejected"
        ours = session.get_one(Message, scene.message(scene.thread, "mia"))
        session.get_one(Author, ours.author_id).role = "brand"
        for row in rows[4:]:
            row.message_id, row.message_remote, row.about_id = ours.id, ours.remote_id, ours.author_id
        rows[5].outcome = "rejected"
        session.add_all(rows)
        manager = session.scalars(select(Person).where(Person.role == "manager")).first()
        decision = ReportDecision(
            connection_id=scene.forum,
            community_id=scene.next,
            message_id=message.id,
            author_id=session.scalars(select(Author.id).limit(1)).one(),
            verdict="upheld",
            reason="Rule 2",
            person_id=manager.id if manager is not None else 1,
            at=now - timedelta(hours=1),
        )
        session.add(decision)
        session.flush()
        rows[1].decision_id = decision.id
        return [row.id for row in rows]


def test_reports_and_decisions_elsewhere_are_as_those_that_are_not_there(scene: Scene, reports: list[int]) -> None:
    client = scene.client()
    assert client.get("/reports").status_code == 200, "they decide about reports of their own part"
    for ruling in ("dismissed", "hide"):
        ask = asked(client, "/reports/{}/decide", ruling=ruling, reason="Rule 2")
        absent = ask(NOWHERE)
        for number in reports:
            assert ask(number) == absent, (ruling, number)
    for step in ("undo", "close"):
        ask = asked(client, f"/reports/decisions/{{}}/{step}")
        with scene.deps.store.read() as session:
            decision = session.scalars(select(ReportDecision.id)).one()
        assert ask(decision) == ask(NOWHERE)


@pytest.mark.parametrize("role", ["rock_star", "responder"])
def test_grants_of_others_are_as_those_that_are_not_there(scene: Scene, role: str) -> None:
    with scene.deps.store.write() as session:
        row = session.scalars(select(GrantRow)).one()
        other = Author(connection_id=scene.forum, remote_id="leo", handle="leo", first_seen_at=scene.deps.now())
        session.add(other)
        session.flush()
        row.author_id, row.person_id = other.id, None
        number = row.id
    client = scene.client(role)
    for state in ("proposed", "offered", "active", "revoked"):
        with scene.deps.store.write() as session:
            session.execute(update(GrantRow).values(state=state))
        for step, fields in (
            ("answer", {"answer": "yes"}),
            ("answer", {"answer": "no"}),
            ("give-back", {"reason": "Enough."}),
        ):
            ask = asked(client, f"/grants/{{}}/{step}", **fields)
            assert ask(number) == ask(NOWHERE), (step, state)
