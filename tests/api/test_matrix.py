"""Every route of the application, whoever serves it: it is open by name, a page, or it says which scope it asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from api_support import Desk, assert_problem, body_of
from flask import Flask

from moderation.model import Capability
from moderation.policy import ROLES
from service.auth.passwords import hash_password
from service.db.models import Person
from service.usecases.clients import CAPABILITIES, SCOPES
from service.web.blueprint import declared

#: What no capability and no scope stands before, and what does instead.
OPEN = {
    "openapi.spec": "the description of the API, the same for everybody",
    "ops.alive": "a word",
    "ops.ready": "counts, no names",
    "ops.scrape": "counts, no names; a token when TENTH_METRICS_TOKEN is set",
    "perspective.analyze": "its own key",
    "perspective.suggestscore": "its own key",
    "perspective.describe": "the description of the Perspective API",
    "webhooks.receive": "the signature of the platform",
    "web.static": "files of the pages, the same for everybody",
    "static": "a folder that is not there",
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE")
ARGUMENTS = {"thread_id": "1", "reply_id": "1", "connection": "forum", "filename": "none.css", "report_id": "1"}
PASSWORD = "a-long-enough-password"


@dataclass(frozen=True)
class Call:
    """One way of calling one route that asks for a scope ("": any token)."""

    method: str
    path: str
    scope: str


def undeclared(app: Flask) -> set[str]:
    """Routes that neither say what they ask for nor are known to be open."""
    found = set()
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if declared(view) is None and getattr(view, "tenth_scope", None) is None and rule.endpoint not in OPEN:
            found.add(rule.endpoint)
    return found


def calls(app: Flask) -> Iterator[Call]:
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            scope = getattr(app.view_functions[rule.endpoint], "tenth_scope", None)
            if scope is not None:
                path = app.url_for(rule.endpoint, **{n: ARGUMENTS[n] for n in rule.arguments})
                yield from (Call(m, path, scope) for m in sorted((rule.methods or set()) - {"OPTIONS"}))


def ask(desk: Desk, call: Call, token: str = "") -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return desk.client.open(call.path, method=call.method, headers=headers, data="[" * 10)


def test_every_route_says_what_it_asks_for_or_is_open_by_name(desk: Desk) -> None:
    assert undeclared(desk.app) == set()
    assert set(OPEN) <= {rule.endpoint for rule in desk.app.url_map.iter_rules()}


@pytest.mark.parametrize("endpoint", ["api.new", "web.new", "ops.new", "webhooks.new", "other"])
def test_a_new_route_that_says_nothing_is_found(desk: Desk, endpoint: str) -> None:
    desk.app.add_url_rule("/api/v1/new", endpoint, lambda: "open to everybody")
    assert undeclared(desk.app) == {endpoint}


def test_the_walk_finds_the_api(desk: Desk) -> None:
    found = list(calls(desk.app))
    assert {c.path.split("/")[1] for c in found} == {"api"}
    assert {c.scope for c in found} - {""} == set(SCOPES) - {"restricted:read"}
    assert [c for c in found if not c.scope] == [Call(m, "/api/v1/stop", "") for m in ("GET", "HEAD")]


@pytest.mark.parametrize("given", ["", "made-up", "tenth_" + "A" * 43])
def test_without_a_token_that_is_known_nothing_is_answered(desk: Desk, given: str) -> None:
    for call in calls(desk.app):
        answer = ask(desk, call, given)
        assert answer.status_code == 401, call
        assert answer.headers["WWW-Authenticate"].startswith("Bearer"), call
        if call.method != "HEAD":
            assert_problem(answer, 401)


def test_with_every_scope_but_the_one_it_asks_for_nothing_is_answered(desk: Desk) -> None:
    tokens = {scope: desk.token(*(set(SCOPES) - {scope}), name=scope) for scope in SCOPES}
    for call in calls(desk.app):
        if call.scope:
            answer = ask(desk, call, tokens[call.scope])
            assert answer.status_code == 403, call
            assert f'scope="{call.scope}"' in answer.headers["WWW-Authenticate"], call


def test_the_scope_it_asks_for_is_enough(desk: Desk) -> None:
    tokens = {scope: desk.token(scope, name=scope) for scope in SCOPES}
    for call in calls(desk.app):
        assert ask(desk, call, tokens[call.scope or "score"]).status_code not in (401, 403, 500), call


def test_no_scope_is_more_than_a_program_may_be(desk: Desk) -> None:
    assert set(CAPABILITIES) == set(SCOPES)
    assert set(CAPABILITIES.values()) <= ROLES["program"]
    assert not ROLES["program"] & {Capability.REPLY, Capability.APPROVE, Capability.EDIT, Capability.DELETE}
    assert not ROLES["program"] & {Capability.ACCOUNT, Capability.ADMINISTER}


def test_the_document_names_the_scope_that_is_asked_for(desk: Desk) -> None:
    document = desk.client.get("/api/v1/openapi.json").get_json()
    told = {
        (method.upper(), path, operation["x-scope"])
        for path, ways in document["paths"].items()
        for method, operation in ways.items()
        if operation["security"]
    }
    served = {
        (method, rule.rule.replace("<", "{").replace(">", "}"), scope)
        for rule in desk.app.url_map.iter_rules()
        if (scope := getattr(desk.app.view_functions[rule.endpoint], "tenth_scope", None)) is not None
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert told == served


def test_methods_that_are_not_served_are_refused(desk: Desk) -> None:
    token = desk.token(*SCOPES)
    with desk.app.test_request_context():
        paths: dict[str, set[str]] = {}
        for rule in desk.app.url_map.iter_rules():
            if not rule.endpoint.startswith("web.") and rule.endpoint != "static":
                path = desk.app.url_for(rule.endpoint, **{n: ARGUMENTS[n] for n in rule.arguments})
                paths.setdefault(path, set()).update(rule.methods or ())
    for path, served in paths.items():
        for method in set(METHODS) - served:
            answer = desk.client.open(path, method=method, headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code in ((404, 405) if path.startswith(("/v1alpha1", "/$", "/disc")) else (405,)), path


def test_a_cookie_opens_no_call_and_a_token_no_page(make: Callable[..., Desk]) -> None:
    desk = make()
    with desk.deps.store.write() as session:
        kept = {"username": "owner", "name": "Owner", "role": "owner", "password_hash": hash_password(PASSWORD)}
        session.add(Person(**kept, session_key="k" * 32, audit_salt="s" * 32, created_at=desk.deps.now()))
    browser = desk.client
    csrf = browser.get("/sign-in").text.partition('name="csrf_token" value="')[2].partition('"')[0]
    form = {"csrf_token": csrf, "username": "owner", "password": PASSWORD}
    assert browser.post("/sign-in", data=form).status_code == 303
    assert browser.get("/queue").status_code == 200
    for call in calls(desk.app):
        assert browser.open(call.path, method=call.method, data="{}").status_code == 401, call
    bearer = {"Authorization": f"Bearer {desk.token(*SCOPES)}"}
    assert desk.client.get("/queue", headers=bearer).status_code == 302
    assert desk.client.post("/stop", headers=bearer, data={"reason": "x"}).status_code == 401


def test_what_has_a_lock_of_its_own_is_locked(make: Callable[..., Desk]) -> None:
    desk = make(metrics_token="s3cret")
    desk.add_forum()
    assert desk.client.get("/metrics").status_code == 401
    assert_problem(desk.client.post("/webhooks/forum", data=body_of()), 401)
    for method in ("analyze", "suggestscore"):
        for headers in ({}, {"Authorization": f"Bearer {desk.token(*SCOPES, name=method)}"}):
            answer = desk.client.post(f"/v1alpha1/comments:{method}", json={"comment": {"text": "hi"}}, headers=headers)
            assert answer.status_code == 403


def test_what_is_open_names_nobody(desk: Desk) -> None:
    desk.add_forum("a-forum-with-a-name")
    for path in ("/healthz", "/readyz", "/metrics", "/api/v1/openapi.json"):
        assert "a-forum-with-a-name" not in desk.client.get(path).text, path
