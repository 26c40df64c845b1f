"""Group commit: together, or not at all, and nobody waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from api_support import Desk, assert_problem, body_of, signed
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from plugins.contract import Delivery
from service.db.engine import Store
from service.db.inbox_writer import InboxWriter, NotStored
from tests.support.office import until


class Broken:
    """A store that fails until told otherwise, and counts its transactions."""

    def __init__(self, store: Store, failures: int) -> None:
        self.store = store
        self.failures = failures
        self.transactions = 0
        self.gate = threading.Event()
        self.gate.set()
        self.reached = threading.Event()

    @contextmanager
    def write(self) -> Iterator[Session]:
        self.reached.set()
        self.gate.wait()
        self.transactions += 1
        with self.store.write() as session:
            yield session
            if self.transactions <= self.failures:
                raise OperationalError("COMMIT", {}, Exception("disk I/O error"))


def writer_on(desk: Desk, store: Any, **options: Any) -> InboxWriter:
    return InboxWriter(store, desk.deps.now, lambda: None, **{"wait_seconds": 60.0, **options})


def delivery(key: str) -> Delivery:
    return Delivery(key, "post_created", key.encode())


def test_a_failed_commit_keeps_nothing_and_the_next_one_works(desk: Desk) -> None:
    broken = Broken(desk.deps.store, failures=1)
    writer = writer_on(desk, broken)
    with pytest.raises(NotStored):
        writer.put(1, delivery("a"))
    assert desk.stored() == 0
    writer.put(1, delivery("a"))
    assert desk.stored() == 1


def test_those_who_wait_share_a_transaction(desk: Desk) -> None:
    broken = Broken(desk.deps.store, failures=0)
    writer = writer_on(desk, broken)
    broken.gate.clear()
    with ThreadPoolExecutor(20) as pool:
        waiting = [pool.submit(writer.put, 1, delivery("0"))]
        assert broken.reached.wait(60)
        waiting += [pool.submit(writer.put, 1, delivery(str(n))) for n in range(1, 20)]
        until(lambda: writer._queue.qsize() == 19)
        broken.gate.set()
        for one in waiting:
            one.result()
    assert desk.stored() == 20
    assert broken.transactions <= 3


def test_one_that_cannot_be_written_does_not_hold_up_the_others(desk: Desk) -> None:
    broken = Broken(desk.deps.store, failures=0)
    writer = writer_on(desk, broken)
    broken.gate.clear()
    with ThreadPoolExecutor(6) as pool:
        good = [pool.submit(writer.put, 1, delivery("0"))]
        assert broken.reached.wait(60)
        good += [pool.submit(writer.put, 1, delivery(str(n))) for n in range(1, 5)]
        bad = pool.submit(writer.put, 404, delivery("of a connection that is gone"))
        until(lambda: writer._queue.qsize() == 5)
        broken.gate.set()
        for one in good:
            one.result()
        with pytest.raises(NotStored):
            bad.result()
    assert desk.stored() == 5


def test_full_is_said_at_once(desk: Desk) -> None:
    broken = Broken(desk.deps.store, failures=0)
    writer = writer_on(desk, broken, waiting_max=1)
    broken.gate.clear()
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(writer.put, 1, delivery(str(n))) for n in range(8)]
        until(lambda: any(a.done() for a in answers))
        refused = [a for a in answers if a.done()]
        assert all(isinstance(a.exception(), NotStored) for a in refused)
        broken.gate.set()


def test_too_late_is_said_and_what_was_given_up_is_not_written(desk: Desk) -> None:
    broken = Broken(desk.deps.store, failures=0)
    writer = writer_on(desk, broken, wait_seconds=0.1)
    broken.gate.clear()
    for key in ("being written", "waiting"):
        with pytest.raises(NotStored):
            writer.put(1, delivery(key))
    broken.gate.set()
    writer._wait_seconds = 60.0
    writer.put(1, delivery("after"))
    assert desk.stored() <= 2


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_thread_is_started_again(desk: Desk) -> None:
    class Dies(Broken):
        @contextmanager
        def write(self) -> Iterator[Session]:
            self.transactions += 1
            if self.transactions == 1:
                raise SystemExit
            with self.store.write() as session:
                yield session

    writer = writer_on(desk, Dies(desk.deps.store, 0))
    with pytest.raises(NotStored):
        writer.put(1, delivery("a"))
    until(lambda: not writer._thread._lives())
    writer.put(1, delivery("a"))
    assert desk.stored() == 1


def test_a_request_whose_delivery_is_not_kept_may_come_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Broken(desk.deps.store, failures=1)
    monkeypatch.setattr(Store, "write", lambda _self: broken_write(broken))
    body = body_of()
    response = desk.client.post("/webhooks/forum", data=body, headers=signed(body))
    assert_problem(response, 503)
    assert int(response.headers["Retry-After"]) > 0
    assert desk.stored() == 0


@contextmanager
def broken_write(_broken: Broken) -> Iterator[Session]:
    raise OperationalError("BEGIN IMMEDIATE", {}, Exception("database is locked"))
    yield  # a context manager yields, even one that never gets there
