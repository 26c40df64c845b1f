"""What the API answers: the queue and its pages, threads, connections, dead deliveries, the stop, scores, problems."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from api_support import Desk, assert_problem
from sqlalchemy import update

from service.db.models import DeliveryRow
from service.usecases.clients import SCOPES
from service.usecases.queue import queue_page


def full(desk: Desk) -> str:
    return desk.token(*SCOPES)


def test_pages_of_the_queue_meet_without_gap_or_overlap(desk: Desk) -> None:
    desk.fill()
    token = full(desk)
    whole = [i["case_id"] for i in desk.call(token, "GET", "/queue?lane=left&size=200").get_json()["items"]]
    path, seen = "/queue?lane=left&size=3", []
    while path:
        response = desk.call(token, "GET", path)
        page = response.get_json()
        seen += [i["case_id"] for i in page["items"]]
        link = response.headers.get("Link", "")
        assert bool(link) == bool(page["next"])
        path = link.split(">")[0].removeprefix("</api/v1") if link else ""
    assert len(whole) > 6
    assert seen == whole


def test_the_export_is_the_shape_of_the_command(desk: Desk) -> None:
    desk.fill()
    token = full(desk)
    exported = desk.call(token, "GET", "/queue/export").get_json()
    expected = json.loads(json.dumps(queue_page(desk.deps, size=None).to_json()))
    assert exported["items"]
    for shape in (exported, expected):
        shape.pop("as_of")
        for item in shape["items"]:
            item.pop("waiting_seconds")
    assert exported == expected


def test_the_export_goes_on_over_pages(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.fill()
    token = full(desk)
    whole = desk.call(token, "GET", "/queue/export").get_json()["items"]
    monkeypatch.setattr("service.api.v1.EXPORT_PAGE", 2)
    paged = desk.call(token, "GET", "/queue/export").get_json()["items"]
    assert [i["thread"] for i in paged] == [i["thread"] for i in whole]


def test_a_thread_is_shown_with_its_reasons(desk: Desk) -> None:
    desk.fill()
    token = full(desk)
    first = desk.call(token, "GET", "/queue").get_json()["items"][0]
    found = desk.call(token, "GET", f"/threads/{first['thread_id']}?locale=fr").get_json()
    assert found["item"]["thread"] == first["thread"]
    assert found["messages"][0]["text"]
    assert found["because"]


def test_a_thread_that_is_not_there(desk: Desk) -> None:
    assert_problem(desk.call(full(desk), "GET", "/threads/4711"), 404)


def test_connections_show_no_credentials(desk: Desk) -> None:
    text = desk.call(full(desk), "GET", "/connections").text
    assert '"forum"' in text
    for hidden in ("webhook secret", "api_key", "sealed", "settings", "cursor"):
        assert hidden not in text


def test_dead_deliveries_get_new_tries(desk: Desk) -> None:
    desk.fill()
    with desk.deps.store.write() as session:
        session.execute(update(DeliveryRow).where(DeliveryRow.id <= 5).values(state="dead", error="no such field"))
    token = full(desk)
    page = desk.call(token, "GET", "/deliveries/dead?size=2").get_json()
    assert [d["id"] for d in page["items"]] == [5, 4]
    rest = desk.call(token, "GET", f"/deliveries/dead?before={page['next']}").get_json()
    assert [d["id"] for d in rest["items"]] == [3, 2, 1]
    assert desk.call(token, "POST", "/deliveries/dead/retry", json={"ids": [5, 4, 9]}).get_json() == {"retried": 2}
    assert desk.call(token, "POST", "/deliveries/dead/retry", json={}).get_json() == {"retried": 3}
    assert desk.call(token, "GET", "/deliveries/dead").get_json() == {"items": [], "next": None}


def test_the_stop_is_pulled_and_lifted(desk: Desk) -> None:
    token = full(desk)
    assert desk.call(token, "GET", "/stop").get_json() == {"stopped": False, "since": None}
    pulled = desk.call(token, "PUT", "/stop", json={"stopped": True, "reason": "a bad reply"}).get_json()
    assert pulled["stopped"]
    assert pulled["since"]
    assert desk.call(token, "PUT", "/stop", json={"stopped": False}).get_json()["stopped"] is False


def test_scores_keep_the_order(desk: Desk) -> None:
    texts = ["hello", "I will sue you", "", "\x00", "a" * 20_000]
    scores = desk.call(full(desk), "POST", "/score", json={"texts": texts}).get_json()["scores"]
    assert len(scores) == 5
    assert "legal" in scores[1]["rules"]
    assert "legal" not in scores[0]["rules"]


@pytest.mark.parametrize(
    ("data", "content_type", "status"),
    [
        ("[" * 100_000, "application/json", 400),
        ('{"texts":' * 100_000, "application/json", 400),
        ("", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        ("9" * 5000, "application/json", 400),
        ("texts=a", "application/x-www-form-urlencoded", 415),
        ('{"texts": []}', "application/json", 422),
        ('{"texts": "a"}', "application/json", 422),
        ('{"texts": ["\\ud800"]}', "application/json", 422),
        ('{"texts": ["a"], "more": 1}', "application/json", 422),
        (json.dumps({"texts": ["a"] * 101}), "application/json", 422),
        (json.dumps({"texts": ["a" * 20_001]}), "application/json", 422),
        ("null", "application/json", 422),
        ("NaN", "application/json", 422),
    ],
)
def test_hostile_bodies_are_told_what_is_wrong(desk: Desk, data: Any, content_type: str, status: int) -> None:
    found = assert_problem(desk.call(full(desk), "POST", "/score", data=data, content_type=content_type), status)
    assert len(json.dumps(found)) < 5_000


def test_too_large_a_body(make: Callable[..., Desk]) -> None:
    desk = make(max_body_bytes=1024)
    assert_problem(desk.call(full(desk), "POST", "/score", json={"texts": ["a" * 2000]}), 413)


@pytest.mark.parametrize(
    "query",
    ["lane=all", "size=0", "size=201", "size=x", "after=x", "after=nan:1", "after=0.5:" + "9" * 30, "community=0",
     "community=" + "9" * 30, "locale=de", "sizes=1", "community=%00"],
)  # fmt: skip
def test_wrong_questions_are_named(desk: Desk, query: str) -> None:
    found = assert_problem(desk.call(full(desk), "GET", f"/queue?{query}"), 422)
    assert query.partition("=")[0] in json.dumps(found["errors"])


@pytest.mark.parametrize("path", ["/0", "/x", "/" + "9" * 30, "/-1", "?remote_id=%00", "?remote_id="])
def test_wrong_ids_are_named(desk: Desk, path: str) -> None:
    assert_problem(desk.call(full(desk), "GET", f"/threads{path}"), 422)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api", 404),
        ("GET", "/api/v2/queue", 404),
        ("GET", "/api/v1/nothing", 404),
        ("DELETE", "/api/v1/queue", 405),
        ("PATCH", "/api/v1/stop", 405),
        ("POST", "/healthz", 405),
    ],
)
def test_every_error_is_a_problem(desk: Desk, method: str, path: str, status: int) -> None:
    response = desk.client.open(path, method=method)
    assert_problem(response, status)
    assert status != 405 or response.headers["Allow"]


def test_a_fault_shows_nothing_of_our_insides(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise RuntimeError("inside words")

    monkeypatch.setattr("service.usecases.health.connections", fails)
    found = assert_problem(desk.call(full(desk), "GET", "/connections"), 500)
    assert "inside" not in json.dumps(found)


def test_the_document_has_our_paths_only_and_trusts_no_host(desk: Desk) -> None:
    found = desk.client.get("/api/v1/openapi.json", headers={"Host": "evil.example"}).get_json()
    assert all(path.startswith("/api/v1/") for path in found["paths"])
    assert "evil" not in json.dumps(found)
    for ways in found["paths"].values():
        for operation in ways.values():
            assert operation["security"] == [{"token": []}]
            assert "x-scope" in operation
