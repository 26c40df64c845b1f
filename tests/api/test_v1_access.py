"""Who gets in: no token, a wrong one, a revoked one, one that lacks the scope, one that may not see everything."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from api_support import Desk, assert_problem
from sqlalchemy import select

from moderation.errors import BadInput
from service.api import v1
from service.db.models import ApiClient, AuditEntry
from service.usecases import clients
from service.usecases.clients import SCOPES

ROUTES = [
    ("GET", "/queue", "queue:read"),
    ("GET", "/queue/export", "queue:read"),
    ("GET", "/threads/1", "threads:read"),
    ("GET", "/threads?remote_id=1", "threads:read"),
    ("GET", "/communities", "queue:read"),
    ("GET", "/quality", "queue:read"),
    ("GET", "/connections", "connections:read"),
    ("GET", "/deliveries/dead", "deliveries:write"),
    ("POST", "/deliveries/dead/retry", "deliveries:write"),
    ("PUT", "/stop", "switch:write"),
    ("POST", "/score", "score"),
]


@pytest.mark.parametrize(("method", "path", "_scope"), [*ROUTES, ("GET", "/stop", "")])
def test_nobody_gets_in_without_a_token(desk: Desk, method: str, path: str, _scope: str) -> None:
    for headers in ({}, {"Authorization": "Bearer"}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer x"}):
        response = desk.client.open(f"/api/v1{path}", method=method, headers=headers)
        assert_problem(response, 401)
        assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
def test_nobody_gets_in_without_the_scope(desk: Desk, method: str, path: str, scope: str) -> None:
    token = desk.token(*(set(SCOPES) - {scope}))
    response = desk.call(token, method, path, data="[" * 10)
    found = assert_problem(response, 403)
    assert scope in found["detail"]
    assert "insufficient_scope" in response.headers["WWW-Authenticate"]


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
def test_the_scope_alone_is_enough(desk: Desk, method: str, path: str, scope: str) -> None:
    assert desk.call(desk.token(scope), method, path, json={}).status_code not in (401, 403, 500)


def test_every_route_declares_its_scope(desk: Desk) -> None:
    views = [v for name, v in desk.app.view_functions.items() if name.startswith(f"{v1.api.name}.")]
    assert len(views) == len(ROUTES) + 1
    assert {v.tenth_scope for v in views} == {scope for *_, scope in ROUTES} | {""}


def test_a_revoked_token_is_refused_at_once(desk: Desk) -> None:
    token = desk.token("queue:read")
    assert desk.call(token, "GET", "/queue").status_code == 200
    clients.revoke_client(desk.deps, "program")
    assert_problem(desk.call(token, "GET", "/queue"), 401)


def test_a_very_long_token_is_refused(desk: Desk) -> None:
    assert_problem(desk.call("x" * 7000, "GET", "/queue"), 401)


def test_only_the_digest_of_a_token_is_kept(desk: Desk) -> None:
    token = desk.token("score")
    with desk.deps.store.read() as session:
        row = session.scalars(select(ApiClient)).one()
        kinds = list(session.scalars(select(AuditEntry.kind)))
    assert token not in "".join(map(str, vars(row).values()))
    assert len(row.token_digest) == 64
    assert "client:create" in kinds


def test_use_is_noted_once_a_minute(desk: Desk) -> None:
    token = desk.token("score")
    first = clients.authenticate(desk.deps, token)
    assert first is not None
    noted = clients.list_clients(desk.deps)[0].last_used_at
    assert noted is not None
    clients.authenticate(desk.deps, token)
    assert clients.list_clients(desk.deps)[0].last_used_at == noted
    with desk.deps.store.write() as session:
        session.scalars(select(ApiClient)).one().last_used_at = noted - timedelta(minutes=2)
    clients.authenticate(desk.deps, token)
    last = clients.list_clients(desk.deps)[0].last_used_at
    assert last is not None
    assert last >= noted


@pytest.mark.parametrize(
    ("name", "scopes"), [("", ["score"]), ("x" * 81, ["score"]), ("a\nb", ["score"]), ("a", []), ("a", ["all"])]
)
def test_a_client_that_makes_no_sense_is_refused(desk: Desk, name: str, scopes: list[str]) -> None:
    with pytest.raises(BadInput):
        clients.create_client(desk.deps, name, scopes)


def test_a_name_is_taken_once_and_an_unknown_one_cannot_be_revoked(desk: Desk) -> None:
    desk.token("score")
    with pytest.raises(BadInput, match="already"):
        desk.token("score")
    with pytest.raises(BadInput, match="no client"):
        clients.revoke_client(desk.deps, "nobody")


def test_restricted_communities_stay_out(desk: Desk) -> None:
    places = desk.fill()
    hidden = places["category 3"]
    token = desk.token("queue:read", "threads:read")
    for path in ("/communities", "/quality"):
        assert hidden not in [c["id"] for c in desk.call(token, "GET", path).get_json()["items"]]
    assert_problem(desk.call(token, "GET", f"/queue?community={hidden}"), 404)
    assert_problem(desk.call(token, "GET", f"/queue/export?community={hidden}"), 404)
    for lane in ("needs", "left", "decided"):
        items = desk.call(token, "GET", f"/queue?size=200&lane={lane}").get_json()["items"]
        assert "category 3" not in {i["community"] for i in items}
    assert "category 3" not in desk.call(token, "GET", "/queue/export").text


def test_threads_of_restricted_communities_are_not_there(desk: Desk) -> None:
    desk.fill()
    blind = desk.token("threads:read")
    sees = desk.token("threads:read", "restricted:read", name="sees")
    paths = [f"/threads/{n}" for n in range(1, 61)]
    answers = [(desk.call(blind, "GET", p), desk.call(sees, "GET", p)) for p in paths]
    hidden = [a for a, b in answers if b.get_json()["item"]["community"] == "category 3"]
    assert hidden
    assert all(a.status_code == 404 for a in hidden)
    assert len([a for a, _ in answers if a.status_code == 200]) == 60 - len(hidden)
    assert desk.call(blind, "GET", "/threads?remote_id=2").get_json()["items"] == []
    assert len(desk.call(sees, "GET", "/threads?remote_id=2").get_json()["items"]) == 1


def test_figures_of_restricted_communities_are_not_summed(desk: Desk) -> None:
    desk.fill()
    blind = desk.call(desk.token("queue:read"), "GET", "/queue").get_json()["line"]
    sees = desk.call(desk.token("queue:read", "restricted:read", name="sees"), "GET", "/queue").get_json()["line"]
    assert 0 < blind["threads"] < sees["threads"] == 60


def test_tokens_look_like_ours(desk: Desk) -> None:
    assert re.fullmatch(r"tenth_[\w-]{43}", desk.token("score"))
