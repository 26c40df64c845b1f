"""Hints in the worker: a poll comes soon after one, no oftener than it may, and no thread outlives its connection."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from sqlalchemy import delete, select, update

from plugins.contract import ConnectionSettings, Io, Permanent, Temporary
from plugins.mastodon import MastodonConnector, streaming
from service.db.base import Base
from service.db.models import Connection
from service.deps import Deps
from service.jobs import hints as subject
from service.jobs.embedded import Embedded
from service.jobs.hints import Hints, Pace
from service.usecases.connections import connect
from service.usecases.polling import due_connections, poll_connection
from tests.sandbox_server import running_sandbox
from tests.support.office import Office, office
from tests.support.streams import Streaming, says, sends, streaming_server, wait_until

QUICK = Pace(gap=0.2, look=0.05, retry=0.05, retry_longest=0.1)
TOKEN = "a-token-that-must-stay-where-it-is"


@pytest.fixture
def desk() -> Iterator[Office]:
    made = office(poll_seconds=3600, allow_private_hosts="127.0.0.1")
    yield made
    made.close()


def add(deps: Deps, url: str, name: str = "social") -> int:
    """A connection as it is after a first, good poll."""
    row = Connection(
        name=name,
        connector="mastodon",
        settings={"url": url},
        sealed=deps.vault.seal(f'{{"token": "{TOKEN}"}}'),
        state="ok",
        created_at=deps.now(),
        poll_due_at=deps.now() + timedelta(hours=1),
    )
    with deps.store.write() as session:
        session.add(row)
        session.flush()
        return row.id


def change(deps: Deps, connection_id: int, **values: Any) -> None:
    with deps.store.write() as session:
        session.execute(update(Connection).where(Connection.id == connection_id).values(**values))


@contextmanager
def stepping(deps: Deps, pace: Pace = QUICK) -> Iterator[Hints]:
    """Hints as the worker's loop drives them. No thread of theirs is left at the end."""
    hints, stop = Hints(deps, pace), threading.Event()

    def run() -> None:
        while not stop.wait(0.02):
            hints.step()

    loop = threading.Thread(target=run, daemon=True)
    loop.start()
    try:
        yield hints
    finally:
        stop.set()
        hints.close()
        loop.join(60)
        assert wait_until(lambda: not listeners())


def listeners() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("hints-")]


def used_by_listeners() -> float:
    """Seconds of processor time."""
    ours = {one.native_id for one in threading.enumerate() if one.name.startswith("hints-")}
    return sum(one.user_time + one.system_time for one in psutil.Process().threads() if one.id in ours)


class Impatient(MastodonConnector):
    """Takes a stream for dead sooner than the real one."""

    def hints(self, settings: Any, io: Io, stop: threading.Event) -> Iterator[None]:
        return streaming.hints(settings, io, stop, idle_seconds=0.2)


@dataclass
class Scripted(MastodonConnector):
    """Hints as a test says."""

    play: Callable[[threading.Event], Iterator[None]]
    opened: list[ConnectionSettings] = field(default_factory=list)

    def hints(self, settings: ConnectionSettings, io: Io, stop: threading.Event) -> Iterator[None]:
        self.opened.append(settings)
        return self.play(stop)


def scripted(desk: Office, play: Callable[[threading.Event], Iterator[None]]) -> tuple[Deps, Scripted]:
    connector = Scripted(play)
    return replace(desk.deps, connectors={**desk.deps.connectors, "mastodon": connector}), connector


def babble(stop: threading.Event) -> Iterator[None]:
    while not stop.wait(0.01):
        yield None


def quiet(stop: threading.Event) -> Iterator[None]:
    yield from ()
    stop.wait(600)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When polls were asked for."""
    times: list[float] = []
    monkeypatch.setattr(subject, "poll_soon", lambda *_: times.append(subject.time.monotonic()))
    return times


class TestWorker:
    def test_a_new_post_is_read_within_seconds(self, desk: Office) -> None:
        with running_sandbox(streaming=True) as box:
            given = {"url": box.mastodon.url, "token": box.mastodon.token}
            connection_id, _ = connect(desk.deps, "mastodon", "social", given, "test")
            with working(desk.deps):
                assert wait_until(lambda: rested(desk, connection_id) and box.world.fedi.watchers)
                time.sleep(1)  # the opening is a hint of its own
                assert wait_until(lambda: rested(desk, connection_id))
                box.control("POST", "/statuses", username="ines", text="@brava my grinder sings")
                assert wait_until(lambda: "my grinder sings" in dump(desk.deps))


@contextmanager
def working(deps: Deps) -> Iterator[None]:
    stop = threading.Event()
    worker = threading.Thread(target=Embedded(deps, stop).run, daemon=True)
    worker.start()
    try:
        yield
    finally:
        started = time.monotonic()
        stop.set()
        worker.join(60)
        assert time.monotonic() - started < 30
        assert wait_until(lambda: not listeners())
        assert wait_until(lambda: "hint" not in {one.name for one in threading.enumerate()})


def rested(desk: Office, connection_id: int) -> bool:
    """Read, and not due for an hour."""
    row = desk.connection(connection_id)
    return (
        row.state == "ok" and row.poll_due_at is not None and row.poll_due_at > desk.deps.now() + timedelta(minutes=30)
    )


def dump(deps: Deps) -> str:
    with deps.store.read() as session:
        return "\n".join(str(row) for table in Base.metadata.sorted_tables for row in session.execute(select(table)))


class TestStreams:
    def test_where_there_is_none_nobody_asks_again(self, desk: Office) -> None:
        with streaming_server(says("404 No")) as server, stepping(desk.deps):
            add(desk.deps, server.url)
            assert wait_until(lambda: server.opened)
            used = used_by_listeners()
            time.sleep(0.6)
            assert server.opened == 1
            assert used_by_listeners() - used < 0.4, "somebody spins"

    def test_a_silent_one_is_opened_again(self, desk: Office) -> None:
        deps = replace(desk.deps, connectors={**desk.deps.connectors, "mastodon": Impatient()})
        with streaming_server(sends(b":)\n")) as server, stepping(deps):
            add(deps, server.url)
            assert wait_until(lambda: server.opened >= 3)

    def test_nothing_of_its_content_is_kept(self, desk: Office, capfd: pytest.CaptureFixture[str]) -> None:
        event = b'event: update\ndata: {"content": "seen in the stream only"}\n\n'
        with streaming_server(sends(event, event, then_silent=False)) as server, stepping(desk.deps):
            connection_id = add(desk.deps, server.url)
            assert wait_until(lambda: due_connections(desk.deps) == [connection_id])
            poll_connection(desk.deps, connection_id)
            self._nowhere(desk.deps, capfd, server)

    def _nowhere(self, deps: Deps, capfd: pytest.CaptureFixture[str], server: Streaming) -> None:
        printed = "".join(capfd.readouterr())
        for secret in ("seen in the stream only", TOKEN):
            assert secret not in dump(deps) + printed + "".join(server.asked)


class TestConnections:
    def test_new_ones_are_listened_to_and_old_ones_no_more(self, desk: Office) -> None:
        deps, _ = scripted(desk, quiet)
        with stepping(deps):
            first = add(deps, "https://one.example", "one")
            assert wait_until(lambda: listeners() == [f"hints-{first}"])
            second = add(deps, "https://two.example", "two")
            assert wait_until(lambda: len(listeners()) == 2)
            with deps.store.write() as session:
                session.execute(delete(Connection).where(Connection.id == first))
            assert wait_until(lambda: listeners() == [f"hints-{second}"])

    def test_other_settings_are_another_stream(self, desk: Office) -> None:
        deps, connector = scripted(desk, quiet)
        with stepping(deps):
            connection_id = add(deps, "https://one.example")
            assert wait_until(lambda: len(connector.opened) == 1)
            change(deps, connection_id, settings={"url": "https://two.example"})
            assert wait_until(lambda: len(connector.opened) == 2)
            assert wait_until(lambda: len(listeners()) == 1)

    def test_one_that_is_cut_off_or_cannot_be_opened_is_left_alone(self, desk: Office) -> None:
        deps, connector = scripted(desk, quiet)
        change(deps, add(deps, "https://one.example", "one"), state="cut_off")
        change(deps, add(deps, "https://two.example", "two"), sealed=b"nonsense")
        good = add(deps, "https://three.example", "three")
        with stepping(deps):
            assert wait_until(lambda: connector.opened)
            time.sleep(0.2)
            assert (listeners(), len(connector.opened)) == ([f"hints-{good}"], 1)


class TestPace:
    def test_a_busy_stream_asks_ever_more_seldom(
        self, desk: Office, told: list[float], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deps, _ = scripted(desk, babble)
        now = 0.0
        monkeypatch.setattr(subject, "time", SimpleNamespace(monotonic=lambda: now))
        add(deps, "https://one.example")
        with closing(Hints(deps, QUICK)) as hints:
            while len(told) < 3:
                hints.step()
                assert wait_until(lambda: all(one._heard.is_set() for one in hints._listeners.values()))
                now += 1 / 16
        assert wait_until(lambda: not listeners())
        gaps = [later - earlier for earlier, later in pairwise(told)]
        assert all(gap >= least for gap, least in zip(gaps, (0.2, 0.4), strict=True))

    def test_a_hint_during_a_poll_waits_for_its_end(self, desk: Office, told: list[float]) -> None:
        deps, connector = scripted(desk, one_and_quiet)
        connection_id = add(deps, "https://one.example")
        change(deps, connection_id, lease_until=deps.now() + timedelta(minutes=5))
        with stepping(deps):
            assert wait_until(lambda: connector.opened)
            time.sleep(0.3)
            assert told == []
            change(deps, connection_id, lease_until=None)
            assert wait_until(lambda: len(told) == 1)

    def test_a_connection_in_trouble_keeps_its_own_back_off(self, desk: Office, told: list[float]) -> None:
        deps, connector = scripted(desk, babble)
        change(deps, add(deps, "https://one.example"), failures=2, state="failing")
        with stepping(deps):
            assert wait_until(lambda: connector.opened)
            time.sleep(0.3)
            assert told == []

    @pytest.mark.parametrize(
        ("error", "again"), [(Temporary("broken"), True), (Permanent("refused"), False), (ValueError("a bug"), True)]
    )
    def test_errors(self, desk: Office, error: Exception, again: bool) -> None:
        def play(_: threading.Event) -> Iterator[None]:
            yield from ()
            raise error

        deps, connector = scripted(desk, play)
        add(deps, "https://one.example")
        with stepping(deps):
            assert wait_until(lambda: connector.opened)
            assert wait_until(lambda: len(connector.opened) >= 3, 60 if again else 0.4) is again

    def test_the_back_off_grows_to_its_limit(self, desk: Office) -> None:
        listener = subject._Listener(1, None, desk.deps, Pace())  # type: ignore[arg-type]
        pauses = [listener._back_off() for _ in range(12)]
        assert 3.7 <= pauses[0] <= 6.3
        assert all(225 <= pause <= 375 for pause in pauses[-3:])


def one_and_quiet(stop: threading.Event) -> Iterator[None]:
    yield None
    stop.wait(600)
