"""Who may open what. Every route says so by itself; a route that does not is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from werkzeug.routing import Rule

from moderation.model import Capability
from moderation.policy import ROLES, Actor, Level, allows
from service.db.reply_tables import BrandAccount
from service.deps import deps_of
from service.usecases.accounts import give_level
from service.web.access import local_path
from service.web.blueprint import declared
from tests.web.desk import ROLES as PEOPLE
from tests.web.desk import Seeder, post, sign_in

OPEN = {"web.sign_in", "web.second_factor", "web.sign_in_again", "web.ask_passkey", "web.enter_by_passkey"}
OPEN |= {"web.stars"}
OPEN |= {"web.contest", "web.show_rules"}
OPEN |= {"web.notice_form", "web.send_notice", "web.notice_receipt"}
OPEN |= {"web.public_moderation_log", "web.public_moderation_feed"}
OPEN |= {"web.show_link", "web.use_link", "web.reading", "web.external", "web.go_external", "web.back_from"}
ARGUMENTS = {"thread_id": 1, "case_id": 1, "verb": "claim", "connection_id": 1, "letter_id": 1, "community_id": 1}
ARGUMENTS |= {"team_id": 1, "rule_id": 1, "label_id": 1, "note_id": 1, "bulk_id": 1, "way": "up"}
ARGUMENTS |= {"session_id": 1, "passkey_id": 1, "person_id": 3, "token": "none"}

ARGUMENTS |= {"provider": "mastodon", "key": "0", "identity_id": 1, "account_id": 1}
ARGUMENTS |= {
    "grant_id": 1,
    "drift_id": 1,
    "author_id": 1,
    "mark_id": 1,
    "reply_id": 1,
    "picture_id": 1,
    "action_id": 1,
    "saved_id": 1,
    "report_id": 1,
    "decision_id": 1,
    "watch_id": 1,
}
ARGUMENTS |= {"notice_id": 1, "code": "none"}
ARGUMENTS |= {"appeal_id": 1}
#: Public pages about something that is not there: a log that is closed, a receipt that nobody was given.
NOTHING_THERE = ("/log/", "/notice/", "/appeal/")


def rules(app: Flask) -> list[Rule]:
    return [r for r in app.url_map.iter_rules() if r.endpoint.startswith("web.") and r.endpoint != "web.static"]


def walk(app: Flask) -> list[tuple[str, str, Capability]]:
    """(method, address, permission) of every page and act."""
    found = []
    with app.test_request_context():
        for rule in rules(app):
            permission = declared(app.view_functions[rule.endpoint])
            assert permission is not None, f"{rule.endpoint} does not declare a permission"
            wanted: dict[str, Any] = {n: ARGUMENTS[n] for n in rule.arguments}
            address = app.url_for(rule.endpoint, **wanted)
            found += [(m, address, permission) for m in sorted(rule.methods or ()) if m in ("GET", "POST")]
    return found


def test_only_the_door_and_the_public_page_are_open(app: Flask) -> None:
    public = {r.endpoint for r in rules(app) if declared(app.view_functions[r.endpoint]) is Capability.VISIT}
    assert public == OPEN


def test_an_undeclared_route_is_refused_even_to_an_owner(app: Flask) -> None:
    view = app.view_functions["web.home"]

    def bare() -> ResponseReturnValue:
        return str(view())

    app.view_functions["web.home"] = bare
    client = app.test_client()
    sign_in(client, "owner")
    assert client.get("/").status_code == 403


def test_without_sign_in_nothing_opens_and_nothing_acts(app: Flask, client: FlaskClient) -> None:
    for method, address, permission in walk(app):
        answer = client.open(address, method=method)
        if permission is Capability.VISIT and method == "GET":
            nothing_asked = address.startswith("/external/")  # an answer that nobody in this browser asked for
            missing = address.startswith(NOTHING_THERE)
            assert answer.status_code == (400 if nothing_asked else 404 if missing else 200), address
        elif permission is not Capability.VISIT and method == "GET":
            assert (answer.status_code, "/sign-in" in answer.headers["Location"]) == (302, True), address
        else:
            assert answer.status_code in (400, 401), address


@pytest.mark.parametrize("role", PEOPLE)
def test_each_role_opens_what_it_may_and_no_more(app: Flask, as_role: Callable[[str], FlaskClient], role: str) -> None:
    client = as_role(role)
    for method, address, permission in walk(app):
        if permission is Capability.ACCOUNT or address == "/sign-in":
            continue
        answer = client.get(address) if method == "GET" else post(client, address, version="1")
        assert (answer.status_code == 403) is not allows(Actor("x", role), permission), (
            method,
            address,
            answer.status_code,
        )


def test_a_role_may_approve_only_where_a_level_says_so(app: Flask, as_role: Callable[[str], FlaskClient]) -> None:
    """The walk meets a responder without a level; with one on any brand account the page opens."""
    deps = deps_of(app)
    seed = Seeder(deps)
    connection_id = seed.connection()
    with deps.store.write() as session:
        account = BrandAccount(connection_id=connection_id, handle="@brava", created_at=seed.now)
        session.add(account)
        session.flush()
        number = account.id
    assert as_role("responder").get("/approvals").status_code == 403
    for level, code in ((Level.SEND, 403), (Level.APPROVE, 200), (None, 403)):
        give_level(deps, number, "responder", level, "test")
        assert as_role("responder").get("/approvals").status_code == code, level
    give_level(deps, number, "analyst", Level.APPROVE, "test")
    assert as_role("analyst").get("/approvals").status_code == 403, "a level gives nothing to who does not write"


def test_the_role_matrix_is_what_we_promise() -> None:
    may = {role: {p.value for p in held} for role, held in ROLES.items()}
    assert may["nobody"] == {"visit"}
    assert may["rock_star"] == {"visit", "account"}
    assert may["analyst"] == {"visit", "account", "see", "measure"}
    assert may["responder"] == may["analyst"] | {"triage", "draft", "approve", "reply", "edit", "delete"}
    assert may["manager"] == may["owner"] == {c.value for c in Capability}
    assert not allows(Actor("x", "made-up"), Capability.SEE)


def test_a_form_without_token_changes_nothing(app: Flask, as_role: Callable[[str], FlaskClient]) -> None:
    client = as_role("owner")
    for method, address, _permission in walk(app):
        if method == "POST":
            answer = client.post(address, data={"version": "1"})
            assert answer.status_code == 400, address
            assert "too old" in answer.text


def test_a_form_from_another_site_is_refused_in_spite_of_its_token(as_role: Callable[[str], FlaskClient]) -> None:
    client = as_role("owner")
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "cross-site"
    answer = post(client, "/stop")
    assert answer.status_code == 403
    assert "another site" in answer.text


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "evil",
        "",
        "/ok\r\nSet-Cookie: a=b",
    ],
)
def test_after_sign_in_only_our_own_paths_are_followed(client: FlaskClient, target: str) -> None:
    assert local_path(target) is None
    assert sign_in(client, "owner", next=target).headers["Location"] == "/"


def test_after_sign_in_the_page_asked_for_opens(client: FlaskClient) -> None:
    door = client.get("/connections").headers["Location"]
    assert door == "/sign-in?next=/connections"
    assert 'value="/connections"' in client.get(door).text
    assert sign_in(client, "owner", next="/queue?lane=left").headers["Location"] == "/queue?lane=left"
