"""Probes and figures."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from api_support import Desk, assert_problem, body_of, signed
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from service.api.metrics import DatabaseFigures
from service.api.ops import Probe
from service.db.models import DeliveryRow
from service.usecases.health import Figures, figures
from service.usecases.heartbeat import beat


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(text)
    return {(s.name, frozenset(s.labels.items())): s.value for f in families for s in f.samples}


def test_alive_without_a_database(make: Callable[..., Desk]) -> None:
    desk = make(tables=False)
    assert desk.client.get("/healthz").get_json() == {"status": "alive"}


def test_not_ready_without_tables(make: Callable[..., Desk]) -> None:
    desk = make(tables=False)
    response = desk.client.get("/readyz")
    assert_problem(response, 503)
    assert response.headers["Retry-After"]


def test_ready_tells_the_queue_and_the_worker(desk: Desk) -> None:
    body = body_of()
    desk.client.post("/webhooks/forum", data=body, headers=signed(body))
    with desk.deps.store.write() as session:
        session.execute(update(DeliveryRow).values(due_at=desk.deps.now() - timedelta(minutes=3)))
    assert desk.client.get("/readyz").get_json()["worker"] == {"seen_seconds_ago": None}
    beat(desk.deps)
    found = desk.client.get("/readyz").get_json()
    assert found["status"] == "ready"
    assert found["queue"]["waiting"] == 1
    assert found["queue"]["oldest_due_seconds"] >= 180
    assert found["worker"]["seen_seconds_ago"] < 60


def test_a_broken_connection_is_told_and_leaves_us_ready(desk: Desk) -> None:
    desk.add_forum("broken", state="cut_off")
    response = desk.client.get("/readyz")
    assert response.status_code == 200
    assert response.get_json()["connections"] == {"cut_off": 1, "ok": 1}
    assert "forum" not in response.text


def test_a_database_that_hangs_does_not_hang_the_probe() -> None:
    over = threading.Event()

    def hangs() -> Figures:
        over.wait(60)
        raise AssertionError

    started = time.perf_counter()
    probe = Probe(hangs, 0.05)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            probe.figures()
    over.set()
    assert time.perf_counter() - started < 30


def test_figures_can_be_parsed_and_count(desk: Desk) -> None:
    desk.fill()
    desk.client.post("/webhooks/forum", data=b"{}", headers={})
    desk.client.get("/api/v1/" + "made-up")
    found = samples(desk.client.get("/metrics").text)
    assert found["tenth_webhooks_total", frozenset({("connection", "forum"), ("outcome", "accepted")})] == 60
    assert found["tenth_webhooks_total", frozenset({("connection", "forum"), ("outcome", "refused")})] == 1
    assert found["tenth_requests_total", frozenset({("route", "unmatched"), ("status", "404")})] == 1
    assert found["tenth_request_seconds_count", frozenset({("route", "/webhooks/<path:connection>")})] == 61
    assert found["tenth_deliveries", frozenset({("state", "pending")})] == 0
    assert found["tenth_database_up", frozenset()] == 1
    assert sum(v for (name, _), v in found.items() if name == "tenth_cases") == 60


def test_names_that_callers_make_up_are_no_labels(desk: Desk) -> None:
    desk.client.post("/webhooks/made-up-name", data=b"")
    desk.client.open("/api/made-up-path", method="MADEUP")
    text = desk.client.get("/metrics").text.lower()
    assert "made-up" not in text
    assert "madeup" not in text


def test_figures_without_a_database_say_so(make: Callable[..., Desk]) -> None:
    found = samples(make(tables=False).client.get("/metrics").text)
    assert found["tenth_database_up", frozenset()] == 0


def test_figures_are_read_once_in_five_seconds(desk: Desk) -> None:
    now, reads = [0.0], []

    def read() -> Figures:
        reads.append(1)
        return figures(desk.deps)

    collector = DatabaseFigures(read, lambda: now[0])
    for at in (0.0, 1.0, 4.9, 5.1, 6.0):
        now[0] = at
        list(collector.collect())
    assert len(reads) == 2


def test_a_database_that_comes_back_is_seen(desk: Desk) -> None:
    now, broken = [0.0], [True]

    def read() -> Figures:
        if broken[0]:
            raise SQLAlchemyError
        return figures(desk.deps)

    collector = DatabaseFigures(read, lambda: now[0])
    assert len(list(collector.collect())) == 1
    broken[0], now[0] = False, 6.0
    assert len(list(collector.collect())) > 1


def test_two_apps_count_apart(make: Callable[..., Desk]) -> None:
    first, second = make(), make()
    first.client.get("/healthz")
    assert 'route="/healthz"' in first.client.get("/metrics").text
    assert 'route="/healthz"' not in second.client.get("/metrics").text


@pytest.mark.parametrize(("given", "status"), [("", 401), ("Bearer no", 401), ("Basic x", 401), ("Bearer s3cret", 200)])
def test_figures_behind_a_token(make: Callable[..., Desk], given: str, status: int) -> None:
    response = make(metrics_token="s3cret").client.get("/metrics", headers={"Authorization": given})
    assert response.status_code == status
