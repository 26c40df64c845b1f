"""The page of reports: closed to whoever decides nothing, hostile words tamed, one decision, taken back in time."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from service.db.grant_tables import GrantRow
from service.db.models import Action, Author, Message, Person
from service.db.report_tables import ReportRow
from service.deps import deps_of
from service.usecases.people import create_person
from service.usecases.rules import ensure_rules
from tests.web.desk import PASSWORD, Said, Seeder, post, sign_in

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def report_id(app: Flask) -> int:
    """An insult on a forum that is live, reported by one member."""
    deps = deps_of(app)
    seed = Seeder(deps)
    connection = seed.connection("Forum", connector="discourse", url="https://forum.example", shadow=False)
    seed.thread(seed.community(connection, "Help"), [Said("It leaks.", "Ann", "ann"), Said(HOSTILE, "Zoe", "zoe")])
    with deps.store.write() as session:
        insult = session.query(Message).filter_by(text=HOSTILE).one()
        row = ReportRow(
            connection_id=connection,
            remote_id="1:1",
            at=seed.now - timedelta(hours=2),
            seen_at=seed.now,
            reason="abuse",
            outcome="open",
            message_id=insult.id,
            message_remote=insult.remote_id,
            about_id=insult.author_id,
            reporter_id=session.query(Author.id).filter_by(handle="ann").scalar(),
            text=HOSTILE,
        )
        session.add(row)
        session.flush()
        return row.id


def outcome(app: Flask, report_id: int) -> str:
    with deps_of(app).store.read() as session:
        return session.get_one(ReportRow, report_id).outcome


def test_whoever_decides_about_nothing_gets_nothing(
    app: Flask, as_role: Callable[[str], FlaskClient], report_id: int
) -> None:
    client = as_role("analyst")
    assert client.get("/reports").status_code == 403
    assert "/reports" not in client.get("/queue").text
    for address in (f"/reports/{report_id}/decide", "/reports/decisions/1/undo", "/reports/decisions/1/close"):
        assert post(client, address, ruling="dismissed").status_code == 403
    assert outcome(app, report_id) == "open"


def test_a_decision_with_an_act_and_back(app: Flask, as_role: Callable[[str], FlaskClient], report_id: int) -> None:
    client = as_role("manager")
    page = client.get("/reports").text
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page
    assert "Hide the post" in page
    assert '<b class="count">1</b>' in page
    refused = post(client, f"/reports/{report_id}/decide", ruling="hide", reason=" ")
    assert refused.status_code == 422
    assert "Say why" in refused.text
    assert post(client, f"/reports/{report_id}/decide", ruling="hide", reason="Rule 2.").status_code == 303
    assert outcome(app, report_id) == "upheld"
    page = client.get("/reports").text
    assert "post hidden: leaves in a moment" in page
    assert "Closed on the platform in a moment" in page
    assert post(client, "/reports/decisions/1/undo").status_code == 303
    assert outcome(app, report_id) == "open"
    with deps_of(app).store.read() as session:
        assert {a.state for a in session.query(Action)} == {"cancelled"}


def test_a_rule_is_a_reason_and_a_second_decision_is_too_late(
    app: Flask, as_role: Callable[[str], FlaskClient], report_id: int
) -> None:
    ensure_rules(deps_of(app))
    client = as_role("responder")
    page = client.get("/reports").text
    assert "Hide the post" not in page, "no act is offered to who may not do it"
    rules = re.findall(r'<option value="(\d+)"', page.partition('name="rule"')[2])
    assert post(client, f"/reports/{report_id}/decide", ruling="upheld", rule=rules[0]).status_code == 303
    late = post(client, f"/reports/{report_id}/decide", ruling="dismissed")
    assert (late.status_code, "decided already" in late.text) == (422, True)
    assert "Not closed on the platform" in client.get("/reports").text


def test_a_keeper_sees_their_part_and_not_who_reported(app: Flask, report_id: int) -> None:
    deps = deps_of(app)
    create_person(deps, "kim", "rock_star", PASSWORD)
    client = app.test_client()
    sign_in(client, "kim")
    assert client.get("/reports").status_code == 403
    with deps.store.write() as session:
        row = session.get_one(ReportRow, report_id)
        kim = session.query(Person.id).filter_by(username="kim").scalar()
        now = deps.now()
        session.add(
            GrantRow(
                author_id=row.reporter_id,
                person_id=kim,
                connection_id=row.connection_id,
                state="active",
                capabilities=["see", "hide"],
                days=30,
                hourly=20,
                daily=60,
                made_at=now,
                changed_at=now,
                starts_at=now - timedelta(days=1),
                ends_at=now + timedelta(days=29),
            )
        )
    page = client.get("/reports").text
    assert "A post by Zoe" in page
    assert "Hide the post" in page
    assert "Close the conversation" not in page
    assert "<bdi>Ann</bdi>" not in page
    assert 'aria-current="page"' in page
