"""Reading platforms through the real connectors and the sandbox: nothing is lost, doubled, or held for ever."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import update

from plugins.contract import Delivery, Page, RateLimited
from plugins.net import bounds
from service.db import deliveries as inbox
from service.db.models import Connection, DeliveryRow, Message
from service.usecases import intake, polling
from service.usecases.connections import connect
from service.usecases.polling import due_connections, poll_connection
from tests.sandbox_server import Running, running_sandbox
from tests.support.office import SECRET, Office, office, until

NAMES = ("discourse", "mastodon")
each = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def shared() -> Iterator[Running]:
    with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared: Running) -> Iterator[Running]:
    yield shared
    shared.heal()


@pytest.fixture
def desk(sandbox: Running) -> Iterator[Office]:
    desk = office(allow_private_hosts=frozenset({"127.0.0.1"}), secret_key=SECRET)
    yield desk
    desk.close()


@pytest.fixture
def add(desk: Office, sandbox: Running) -> Callable[[str], int]:
    """Connects one of the sandbox's platforms."""

    def connect_one(name: str) -> int:
        forum, fediverse = sandbox.discourse, sandbox.mastodon
        given: dict[str, Any] = {"url": fediverse.url, "token": fediverse.token, "hashtags": ("bravahelp",)}
        if name == "discourse":
            given = {"url": forum.url, "api_key": forum.api_key, "api_username": "brava", "calls_per_minute": 6000}
        return connect(desk.deps, name, name, given, "test")[0]

    return connect_one


def read(desk: Office, connection_id: int) -> int:
    """Polls until the connector says that there is no more."""
    new = 0
    for _ in range(30):
        new += poll_connection(desk.deps, connection_id)
        if desk.connection(connection_id).state != "reading":
            return new
    raise AssertionError("thirty turns and still more")


def set_on(desk: Office, connection_id: int, **values: Any) -> None:
    with desk.deps.store.write() as session:
        session.execute(update(Connection).where(Connection.id == connection_id).values(**values))


# ------------------------------------------------------------------ reading


@each
def test_a_first_reading_takes_everything_and_a_second_nothing_new(
    desk: Office, add: Callable[[str], int], name: str
) -> None:
    connection_id = add(name)
    assert due_connections(desk.deps) == [connection_id]
    new = read(desk, connection_id)
    row = desk.connection(connection_id)
    assert new == len(desk.rows(DeliveryRow)) > 0
    assert (row.state, row.error, row.failures, row.lease_until) == ("ok", "", 0, None)
    assert json.loads(row.cursor)
    assert row.message_at is not None
    assert due_connections(desk.deps) == []
    assert read(desk, connection_id) == 0
    while intake.process_deliveries(desk.deps):
        pass
    assert {d.state for d in desk.rows(DeliveryRow)} == {"done"}
    assert len(desk.rows(Message)) >= 4


@each
def test_a_next_poll_is_due_after_the_pause(desk: Office, add: Callable[[str], int], name: str) -> None:
    connection_id = add(name)
    now = desk.deps.now()
    read(replace(desk, deps=desk.at(now)), connection_id)
    due = desk.connection(connection_id).poll_due_at
    assert due is not None
    pause = (due - now).total_seconds()
    assert 0.85 * desk.deps.settings.poll_seconds < pause < 1.15 * desk.deps.settings.poll_seconds


@each
def test_a_crash_before_the_commit_leaves_cursor_and_deliveries_as_they_were(
    desk: Office, add: Callable[[str], int], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine dies between storing deliveries and the commit: neither they nor the cursor are there."""
    connection_id = add(name)
    store = inbox.store

    class PowerCut(BaseException):
        pass

    def store_and_die(*given: Any) -> int:
        store(*given)
        raise PowerCut

    with monkeypatch.context() as during:
        during.setattr(inbox, "store", store_and_die)
        with pytest.raises(PowerCut):
            poll_connection(desk.deps, connection_id)
    assert desk.rows(DeliveryRow) == []
    row = desk.connection(connection_id)
    assert row.cursor == ""
    assert row.lease_until is not None
    assert poll_connection(desk.deps, connection_id) == 0, "the lease of the dead one still stands"
    later = desk.at(row.lease_until + timedelta(seconds=1))
    assert due_connections(later) == [connection_id]
    assert poll_connection(later, connection_id) > 0


@each
def test_a_crash_after_the_commit_adds_nothing_when_it_is_read_again(
    desk: Office, add: Callable[[str], int], name: str
) -> None:
    connection_id = add(name)
    read(desk, connection_id)
    kept = {(d.key, d.digest) for d in desk.rows(DeliveryRow)}
    set_on(desk, connection_id, cursor="", lease_until=None)
    assert read(desk, connection_id) == 0
    assert {(d.key, d.digest) for d in desk.rows(DeliveryRow)} == kept


def test_a_new_message_comes_with_the_next_poll(desk: Office, sandbox: Running, add: Callable[[str], int]) -> None:
    connection_id = add("discourse")
    read(desk, connection_id)
    words = "A message that nobody has read yet, with a number: 4711."
    sandbox.control("POST", "/posts", username="ines", text=words, title="A new question", category_id=5)
    assert read(desk, connection_id) >= 1
    while intake.process_deliveries(desk.deps):
        pass
    assert words in [m.text for m in desk.rows(Message)]


# ------------------------------------------------------------------ fenced


class Slow:
    """A session of ours, which says when it was asked and answers when it is let."""

    def __init__(self) -> None:
        self.asked, self.let = threading.Event(), threading.Event()

    def poll(self, cursor: str) -> Page:
        self.asked.set()
        assert self.let.wait(60)
        return Page((Delivery("late:1", "post", b"{}"),), '{"late": true}')

    def close(self) -> None:
        self.let.set()


def test_whoever_comes_back_after_its_lease_writes_nothing(
    desk: Office, add: Callable[[str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    connection_id = add("discourse")
    slow = Slow()
    with monkeypatch.context() as during:
        during.setattr(polling, "open_session", lambda deps, connection: slow)
        late = threading.Thread(target=poll_connection, args=(desk.deps, connection_id))
        late.start()
        assert slow.asked.wait(60)
    ended = desk.connection(connection_id).lease_until
    assert ended is not None
    later = desk.at(ended + timedelta(seconds=1))
    assert poll_connection(later, connection_id) > 0
    before = desk.connection(connection_id)
    slow.let.set()
    late.join(60)
    after = desk.connection(connection_id)
    assert "late:1" not in {d.key for d in desk.rows(DeliveryRow)}
    assert (after.cursor, after.attempt, after.state, after.poll_due_at) == (
        before.cursor,
        before.attempt,
        before.state,
        before.poll_due_at,
    )


def test_a_late_page_is_superseded(desk: Office, add: Callable[[str], int]) -> None:
    connection_id = add("discourse")
    claim = polling._claim(desk.deps, connection_id)
    assert claim is not None
    set_on(desk, connection_id, attempt=claim.attempt + 1)
    with pytest.raises(polling.Superseded):
        polling._keep(desk.deps, claim, Page((Delivery("late:1", "post", b"{}"),), "{}"))
    assert desk.rows(DeliveryRow) == []


def test_two_pollers_at_once_read_once(desk: Office, add: Callable[[str], int]) -> None:
    connection_id = add("discourse")
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(poll_connection(desk.deps, connection_id))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(found)[:2] == [0, 0]
    assert desk.connection(connection_id).attempt <= 3
    assert sum(found) == len(desk.rows(DeliveryRow))


# ------------------------------------------------------------------ trouble


def spoil(sandbox: Running, kind: str, **settings: Any) -> None:
    sandbox.fail(kind, times=10_000, **settings)


@each
@pytest.mark.parametrize(
    ("kind", "settings"), [("server_error", {"status": 503}), ("broken_json", {}), ("empty", {}), ("redirect", {})]
)
def test_a_failing_platform_is_shown_in_words_and_asked_ever_later(
    desk: Office, sandbox: Running, add: Callable[[str], int], name: str, kind: str, settings: dict[str, Any]
) -> None:
    connection_id = add(name)
    spoil(sandbox, kind, **settings)
    pauses, since = [], None
    for failures in (1, 2, 3):
        assert poll_connection(desk.deps, connection_id) == 0
        row = desk.connection(connection_id)
        assert (row.state, row.failures, row.lease_until) == ("failing", failures, None)
        assert row.error
        assert row.error_code
        assert since in (None, row.error_since), "it began when it began"
        since = row.error_since
        pauses.append((row.poll_due_at - row.error_at).total_seconds())
    assert 10 <= pauses[0] < pauses[1]
    assert pauses[2] >= 200
    sandbox.heal()
    assert read(desk, connection_id) > 0
    row = desk.connection(connection_id)
    assert (row.state, row.error, row.error_code, row.failures, row.error_since) == ("ok", "", "", 0, None)


@each
def test_refused_credentials_cut_the_connection_off_and_say_so(
    desk: Office, sandbox: Running, add: Callable[[str], int], name: str
) -> None:
    connection_id = add(name)
    wrong = {"discourse": {"api_key": "wrong-key"}, "mastodon": {"token": "wrong-token"}}[name]
    set_on(desk, connection_id, sealed=desk.deps.vault.seal(json.dumps(wrong)))
    now = desk.deps.now()
    poll_connection(desk.deps, connection_id)
    row = desk.connection(connection_id)
    assert row.state == "cut_off"
    assert row.error_code in ("401", "403")
    assert "wrong-" not in row.error
    assert row.poll_due_at > now + timedelta(seconds=10)


def test_a_credential_that_cannot_be_opened_is_a_failure_with_what_to_do(
    desk: Office, add: Callable[[str], int]
) -> None:
    connection_id = add("discourse")
    set_on(desk, connection_id, sealed=b"not sealed by us")
    poll_connection(desk.deps, connection_id)
    row = desk.connection(connection_id)
    assert (row.state, row.lease_until) == ("failing", None)
    assert "TENTH_SECRET_KEY" in row.error


@pytest.mark.parametrize(
    ("name", "kind"),
    [("discourse", "discourse_429"), ("discourse", "discourse_global_429"), ("mastodon", "mastodon_429")],
)
def test_a_rate_limit_slows_down_until_the_time_given_and_is_no_failure(
    desk: Office, sandbox: Running, add: Callable[[str], int], name: str, kind: str
) -> None:
    connection_id = add(name)
    spoil(sandbox, kind, seconds=40)
    now = desk.deps.now()
    poll_connection(desk.at(now), connection_id)
    row = desk.connection(connection_id)
    assert (row.state, row.failures, row.error_since, row.lease_until) == ("slowed", 0, None, None)
    assert row.error_code == "429"
    wait = (row.poll_due_at - now).total_seconds()
    assert 25 < wait < 400


def test_our_own_budget_slows_down_without_a_call(desk: Office, sandbox: Running, add: Callable[[str], int]) -> None:
    connection_id = add("discourse")
    with desk.deps.store.read() as session:
        settings = session.get_one(Connection, connection_id).settings
    set_on(desk, connection_id, settings=settings | {"calls_per_minute": 1})
    now = desk.deps.now()
    poll_connection(desk.deps, connection_id)
    row = desk.connection(connection_id)
    assert (row.state, row.failures) == ("slowed", 0)
    assert row.poll_due_at > now


def test_a_fault_of_the_connector_is_a_failure_and_frees_the_lease(
    desk: Office, add: Callable[[str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    connection_id = add("discourse")

    class Broken(Slow):
        def poll(self, cursor: str) -> Page:
            raise ZeroDivisionError("a secret in the words of a foreign error")

    monkeypatch.setattr(polling, "open_session", lambda deps, connection: Broken())
    poll_connection(desk.deps, connection_id)
    row = desk.connection(connection_id)
    assert (row.state, row.error_code, row.lease_until) == ("failing", "ConnectorError", None)
    assert row.error == "The connector failed: ZeroDivisionError"


def test_an_archive_is_never_due(desk: Office) -> None:
    connection_id = desk.archive()
    assert poll_connection(desk.deps, connection_id) == 0
    row = desk.connection(connection_id)
    assert (row.state, row.poll_due_at) == ("ok", None)


@each
def test_a_platform_that_answers_a_byte_a_second_holds_nothing_up(
    desk: Office, sandbox: Running, add: Callable[[str], int], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others write meanwhile, and the call ends long before the lease does."""
    connection_id, passed = add(name), 0.0
    assert polling.LEASE.total_seconds() / 2 > bounds.CALL_SECONDS
    monkeypatch.setattr(bounds, "CALL_SECONDS", 600.0)
    monkeypatch.setattr(bounds, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + passed))
    spoil(sandbox, "drip")
    slow = threading.Thread(target=poll_connection, args=(desk.deps, connection_id))
    slow.start()
    lease = until(lambda: desk.connection(connection_id).lease_until)
    for number in range(5):
        intake.accept(desk.deps, connection_id, "webhook", [Delivery(f"other:{number}", "post", b"{}")])
    assert desk.connection(connection_id).lease_until == lease, "a writer waited for a platform"
    now, passed = desk.deps.now(), 601.0
    monkeypatch.setattr(bounds, "CALL_SECONDS", 1.5)
    slow.join(60)
    assert not slow.is_alive()
    row = desk.connection(connection_id)
    assert (row.state, row.lease_until) == ("failing", None)
    assert row.poll_due_at > now


def test_a_ring_follows_what_is_new_and_only_that(desk: Office, add: Callable[[str], int]) -> None:
    connection_id = add("discourse")
    rung: list[str] = []
    deps = replace(desk.deps, ring=rung.append)
    while poll_connection(deps, connection_id):
        pass
    assert "process_deliveries" in rung
    rung.clear()
    set_on(desk, connection_id, poll_due_at=desk.deps.now())
    poll_connection(deps, connection_id)
    assert rung == []


def test_a_limit_that_ends_a_reading_keeps_the_pages_before_it(
    desk: Office, add: Callable[[str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    connection_id = add("discourse")

    class Limited(Slow):
        def poll(self, cursor: str) -> Page:
            if cursor:
                raise RateLimited("Not now.", retry_at=desk.deps.now() + timedelta(minutes=1))
            return Page((Delivery("first:1", "post", b"{}"),), '{"page": 2}', more=True)

    monkeypatch.setattr(polling, "open_session", lambda deps, connection: Limited())
    poll_connection(desk.deps, connection_id)
    row = desk.connection(connection_id)
    assert (row.state, row.cursor) == ("slowed", '{"page": 2}')
    assert [d.key for d in desk.rows(DeliveryRow)] == ["first:1"]
