"""The worker acts on each connection by itself: a platform that says nothing holds up its own answers and no others."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from moderation.model import Capability
from plugins.net import bounds
from service.db.models import Action, Case, Connection, Message
from service.deps import Deps
from service.jobs.embedded import Embedded
from service.jobs.lanes import Lanes
from service.usecases import acting, intake, polling, triage
from service.usecases.connections import connect, set_shadow
from service.usecases.due_actions import connections_with_due, due_actions
from tests.service.acting_support import ANSWER, Desk, answering, live
from tests.support.office import until


@dataclass
class Silent:
    """A platform that takes calls and never answers; `calls` are those on the line."""

    url: str
    calls: list[socket.socket] = field(default_factory=list)


@contextmanager
def silent() -> Iterator[Silent]:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        here = Silent(f"http://127.0.0.1:{server.getsockname()[1]}")
        over = threading.Event()

        def take() -> None:
            while not over.is_set():
                try:
                    here.calls.append(server.accept()[0])
                except OSError:
                    return

        taker = threading.Thread(target=take, daemon=True)
        taker.start()
        try:
            yield here
        finally:
            over.set()
            server.shutdown(socket.SHUT_RDWR)
            for call in here.calls:
                call.close()
            taker.join(60)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with answering("discourse", tmp_path) as found:
        live(found)
        yield found


def second(desk: Desk) -> tuple[int, int]:
    """A fediverse connection beside the forum, with an answer for it: (connection, action)."""
    given = {"url": desk.box.url, "token": desk.box.mastodon.token, "hashtags": ("bravahelp",)}
    number, _ = connect(desk.deps, "mastodon", "social", given, "test")
    set_shadow(desk.deps, number, False, "test")
    polling.poll_connection(desk.deps, number)
    while intake.process_deliveries(desk.deps):
        pass
    triage.triage_due(desk.deps)
    with desk.deps.store.read() as session:
        query = select(Case.id, Message.remote_id).join(Message, Message.thread_id == Case.thread_id)
        case_id, target = session.execute(query.where(Case.connection_id == number).order_by(Message.id)).all()[0]
    return number, acting.approve(desk.deps, case_id, Capability.REPLY, target, ANSWER, desk.person_id)


def moved(deps: Deps, connection_id: int, url: str) -> None:
    """The platform of a connection answers at this address from now on; nothing is read there."""
    with deps.store.write() as session:
        row = session.get_one(Connection, connection_id)
        change: dict[str, Any] = {"settings": {**row.settings, "url": url}, "url": url}
        session.execute(update(Connection).where(Connection.id == connection_id).values(**change))
        session.execute(update(Connection).values(poll_due_at=None))


@contextmanager
def working(deps: Deps) -> Iterator[None]:
    stop = threading.Event()
    worker = threading.Thread(target=Embedded(deps, stop).run, daemon=True)
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join(60)


def state(desk: Desk, action_id: int) -> str:
    return str(desk.row(Action, id=action_id).state)


def test_while_one_platform_is_silent_answers_to_another_get_through(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "READ_SECONDS", 600.0)
    monkeypatch.setattr(bounds, "CALL_SECONDS", 600.0)
    stuck = desk.approve()
    _, other = second(desk)
    with silent() as dead:
        moved(desk.deps, desk.connection_id, dead.url)
        hosts = desk.deps.settings.private_hosts | {dead.url.removeprefix("http://")}
        deps = replace(desk.deps, io_for=lambda site: replace(desk.deps.io_for(site), allow_private=hosts))
        desk.clock.pass_(seconds=11)
        with working(deps):
            assert until(lambda: dead.calls and state(desk, stuck) == "sending"), "the silent one is called first"
            assert until(lambda: state(desk, other) == "done")
            assert state(desk, stuck) == "sending", "its call hangs all the while"
            for call in dead.calls:
                call.close()
            assert until(lambda: state(desk, stuck) != "sending"), "the worker goes on once the call ends"
    assert desk.posts() == 1


def test_what_is_due_is_told_by_connection_the_longest_first(desk: Desk) -> None:
    stuck = desk.approve()
    assert (due_actions(desk.deps), connections_with_due(desk.deps)) == ([], []), "held for undo"
    desk.clock.pass_(seconds=5)
    number, other = second(desk)
    desk.clock.pass_(seconds=11)
    assert connections_with_due(desk.deps) == [desk.connection_id, number]
    assert due_actions(desk.deps) == [stuck, other]
    assert due_actions(desk.deps, number) == [other]
    assert acting.perform_due(desk.deps, number) == 1
    assert (state(desk, stuck), state(desk, other)) == ("approved", "done")


def test_a_connection_has_one_job_at_a_time_and_what_does_not_fit_waits_for_a_place() -> None:
    lanes, go, at = Lanes("test", 2), threading.Event(), []

    def job(connection_id: int) -> int:
        at.append(connection_id)
        go.wait(60)
        return 1

    for _ in range(3):
        lanes.start([1, 2, 3], job)
    assert until(lambda: sorted(at) == [1, 2])
    go.set()

    def third() -> bool:
        lanes.start([3], job)
        return 3 in at

    assert until(third)
    lanes.close()
