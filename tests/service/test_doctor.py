"""The doctor finds what is wrong, in words, and says what to do about each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from plugins.contract import Delivery
from service.db.models import Connection, DeliveryRow
from service.doctor import Found, diagnose
from service.usecases import intake
from service.usecases.connections import connect
from service.usecases.heartbeat import beat
from tests.sandbox_server import Running, running_sandbox
from tests.support.office import Office, free_port, office


@pytest.fixture
def desk() -> Iterator[Office]:
    desk = office()
    yield desk
    desk.close()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Running]:
    with running_sandbox() as running:
        yield running


def parts() -> dict[str, Found]:
    found = diagnose()
    assert all(f.ok or f.do or "missing" in f.words for f in found), "whatever is wrong has its remedy"
    return {f.part: f for f in found}


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENTH_BATCH_SIZE", "0")
    found = diagnose()
    assert [(f.part, f.ok) for f in found] == [("settings", False)]
    assert "TENTH_BATCH_SIZE" in found[0].words


def test_a_database_without_tables_is_told_to_migrate() -> None:
    found = parts()
    assert not found["database"].ok
    assert found["database"].do == "Run: tenth migrate"
    assert "worker" not in found


def test_a_database_that_is_away_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENTH_DATABASE_URL", f"postgresql://tenth:my-password@127.0.0.1:{free_port()}/tenth")
    found = parts()
    assert "cannot be reached" in found["database"].words
    assert found["database"].do == "Check TENTH_DATABASE_URL."
    assert "my-password" not in str(found)


def test_without_a_worker_it_says_how_to_start_one(desk: Office) -> None:
    found = parts()
    assert (found["worker"].ok, found["worker"].words) == (False, "none has been seen yet")
    beat(desk.at(desk.deps.now() - timedelta(minutes=5)))
    assert "since" in parts()["worker"].words
    beat(desk.deps)
    assert parts()["worker"].ok


def test_a_desk_in_good_order_is_all_well(desk: Office) -> None:
    beat(desk.deps)
    assert all(f.ok for f in diagnose())


def test_work_that_waits_too_long_and_dead_letters_are_said(desk: Office) -> None:
    desk.archive()
    intake.accept(desk.deps, 1, "import", [Delivery("a", "line", b"{}"), Delivery("b", "line", b"{}")])
    assert parts()["queue"].ok
    with desk.deps.store.write() as session:
        session.execute(update(DeliveryRow).values(received_at=desk.deps.now() - timedelta(minutes=6)))
        session.execute(update(DeliveryRow).where(DeliveryRow.key == "b").values(state="dead"))
    found = parts()
    assert (found["queue"].ok, found["queue"].words) == (False, "1 deliveries wait")
    assert "tenth worker" in found["queue"].do
    assert "tenth retry" in found["dead letters"].do


def test_a_redis_that_is_away_is_said_and_nothing_is_lost(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENTH_REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    found = parts()["doorbell"]
    assert not found.ok
    assert "Nothing is lost" in found.words


def test_a_scorer_without_its_files_is_said(desk: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TENTH_SCORER", "detoxify")
    monkeypatch.setenv("TENTH_DETOXIFY_CHECKPOINT", str(tmp_path / "none.ckpt"))
    found = parts()["scorer"]
    assert not found.ok
    assert "TENTH_SCORER" in found.do


def test_each_connection_is_asked(desk: Office, sandbox: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENTH_ALLOW_PRIVATE_HOSTS", "127.0.0.1")
    listed = office()
    access = sandbox.discourse
    given = {"url": access.url, "api_key": access.api_key, "api_username": "brava"}
    connect(listed.deps, "discourse", "forum", given, "test")
    listed.archive("old")
    found = parts()
    assert found["connection “forum”"].ok
    assert found["connection “old”"].words == "calls nobody"
    with listed.deps.store.write() as session:
        sealed = listed.deps.vault.seal('{"api_key": "wrong-key"}')
        session.execute(update(Connection).where(Connection.name == "forum").values(sealed=sealed))
    found = parts()
    assert not found["connection “forum”"].ok
    assert "wrong-key" not in str(found)
    listed.close()
