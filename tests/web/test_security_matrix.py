"""Every page and act by every method: what a route does not declare is refused, to rock stars nearly everything."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from moderation.model import Capability
from moderation.policy import PEOPLE, Actor, allows
from service.db.models import AuditEntry
from service.deps import Deps
from service.usecases.people import create_person
from service.web.blueprint import declared, needs
from tests.web.desk import PASSWORD, ROLES, post, sign_in, token
from tests.web.test_access import ARGUMENTS, rules, walk

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND")


@pytest.fixture
def star(app: Flask, deps: Deps) -> FlaskClient:
    """A client signed in as a rock star."""
    create_person(deps, "star", "rock_star", PASSWORD)
    client = app.test_client()
    assert sign_in(client, "star").status_code == 303
    return client


def address(app: Flask, rule: Rule) -> str:
    with app.test_request_context():
        return app.url_for(rule.endpoint, **{n: ARGUMENTS[n] for n in rule.arguments})


def test_every_role_that_people_have_is_walked() -> None:
    assert {*ROLES, "rock_star"} == set(PEOPLE)


def test_a_rock_star_opens_the_own_account_and_nothing_of_the_desk(app: Flask, star: FlaskClient) -> None:
    for method, where, capability in walk(app):
        if capability in (Capability.VISIT, Capability.ACCOUNT):
            continue
        answer = star.get(where) if method == "GET" else post(star, where, version="1")
        assert answer.status_code == 403, (method, where)
    assert star.get("/account").status_code == 200


def test_looking_at_the_head_of_a_page_is_looking_at_the_page(
    app: Flask, client: FlaskClient, star: FlaskClient, as_role: Callable[[str], FlaskClient]
) -> None:
    clients = {"nobody": client, "rock_star": star, "responder": as_role("responder")}
    for method, where, capability in walk(app):
        if method != "GET" or capability in (Capability.VISIT, Capability.ACCOUNT):
            continue
        for role, one in clients.items():
            answer = one.head(where)
            refused = 302 if role == "nobody" else 403
            assert (answer.status_code == refused) is not allows(Actor("x", role), capability), (role, where)
            assert not answer.data, where


def test_a_method_that_is_not_declared_does_nothing(app: Flask, as_role: Callable[[str], FlaskClient]) -> None:
    client = as_role("owner")
    csrf = token(client.get("/account"))
    served: dict[str, set[str]] = {}
    for rule in rules(app):
        served.setdefault(address(app, rule), set()).update(rule.methods or ())
    for where, methods in served.items():
        for method in set(METHODS) - methods:
            answer = client.open(where, method=method, data={"csrf_token": csrf})
            assert answer.status_code == 405, (method, where)


def test_asking_for_methods_tells_nothing_to_strangers(app: Flask, client: FlaskClient) -> None:
    for rule in rules(app):
        capability = declared(app.view_functions[rule.endpoint])
        assert client.options(address(app, rule)).status_code == (200 if capability is Capability.VISIT else 302)


def test_a_new_page_that_declares_nothing_is_found_and_refused(app: Flask) -> None:
    app.add_url_rule("/new", "web.new", lambda: "open to everybody")
    with pytest.raises(AssertionError, match=r"web\.new does not declare"):
        walk(app)
    client = app.test_client()
    sign_in(client, "owner")
    assert client.get("/new").status_code == 403


def test_a_new_page_that_declares_is_found_and_guarded(app: Flask) -> None:
    app.add_url_rule("/new", "web.new", needs(Capability.MANAGE)(lambda: "for managers"))
    assert ("GET", "/new", Capability.MANAGE) in walk(app)
    assert app.test_client().get("/new").status_code == 302


def test_no_act_is_done_for_another_site_whatever_it_brings(app: Flask, as_role: Callable[[str], FlaskClient]) -> None:
    client = as_role("owner")
    csrf = token(client.get("/account"))
    for site in ("cross-site", "same-site"):
        client.environ_base["HTTP_SEC_FETCH_SITE"] = site
        for method, where, _capability in walk(app):
            if method == "POST":
                answer = client.post(where, data={"csrf_token": csrf, "version": "1"})
                assert answer.status_code == 403, where


def test_a_token_counts_in_its_own_browser_and_not_in_an_address(
    app: Flask, as_role: Callable[[str], FlaskClient]
) -> None:
    client = as_role("owner")
    own, foreign = (token(c.get("/account")) for c in (client, as_role("owner")))
    assert client.post("/stop", data={"csrf_token": foreign, "reason": "x"}).status_code == 400
    assert client.post(f"/stop?csrf_token={own}", data={"reason": "x"}).status_code == 400
    assert client.post("/stop", json={"csrf_token": own, "reason": "x"}).status_code == 400
    assert client.post("/stop", data={"csrf_token": own, "reason": "x"}).status_code == 303


def test_looking_changes_nothing(app: Flask, as_role: Callable[[str], FlaskClient], deps: Deps) -> None:
    """No page that is only looked at leaves an entry in the log of what people did."""
    client = as_role("owner")
    for method, where, capability in walk(app):
        if method == "GET" and capability is not Capability.VISIT:
            assert client.get(where).status_code in (200, 302, 303, 304, 400, 404), where
    with deps.store.read() as session:
        assert [e.kind for e in session.query(AuditEntry)] == ["person:sign_in"]
