"""Group commit: deliveries of concurrent requests share one transaction, and none is answered before it is on disk.

One thread in each web process takes everything that waits, writes it, and lets the requests go. While it waits for the
disk the next group gathers, so that throughput grows with the load and a single request waits for nobody.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from queue import Empty, Full, Queue

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from moderation.errors import TenthError
from plugins.contract import Delivery
from service.db.deliveries import store as store_deliveries
from service.db.engine import Store

log = structlog.get_logger(__name__)

WAITING_MAX = 1_000
GROUP_MAX = 256
WAIT_SECONDS = 10.0


class NotStored(TenthError):
    """The delivery is not kept; the sender may try again after `retry_after` seconds."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ProcessThread:
    """A daemon thread that each process has for itself: started at first use, after any fork, and again if it died."""

    def __init__(self, name: str, run: Callable[[], None]) -> None:
        self._name = name
        self._run = run
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pid = 0

    def ensure(self) -> None:
        """Starts the thread unless this process has it."""
        if self._lives():
            return
        with self._lock:
            if not self._lives():
                self._pid = os.getpid()
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def _lives(self) -> bool:
        return self._pid == os.getpid() and self._thread is not None and self._thread.is_alive()


@dataclass(slots=True, eq=False)
class _Waiting:
    connection_id: int
    delivery: Delivery
    stored: Future[None] = field(default_factory=Future)


class InboxWriter:
    """Stores webhooks' deliveries. `committed` is called after each commit of something new and must be quick."""

    def __init__(
        self,
        store: Store,
        now: Callable[[], datetime],
        committed: Callable[[], None],
        *,
        waiting_max: int = WAITING_MAX,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._store = store
        self._now = now
        self._committed = committed
        self._wait_seconds = wait_seconds
        self._queue: Queue[_Waiting] = Queue(waiting_max)
        self._thread = ProcessThread("inbox-writer", self._run)

    def put(self, connection_id: int, delivery: Delivery) -> None:
        """Returns when the delivery is on disk, as new or as known already. Raises NotStored when it is not."""
        waiting = _Waiting(connection_id, delivery)
        try:
            self._queue.put_nowait(waiting)
        except Full:
            raise NotStored("Too much is coming in at once.", 1) from None
        self._thread.ensure()
        try:
            waiting.stored.result(self._wait_seconds)
        except TooLate:
            waiting.stored.cancel()
            raise NotStored("The database took too long.", 5) from None

    def _run(self) -> None:
        while True:
            group = self._next_group()
            if group:
                self._write(group)

    def _next_group(self) -> list[_Waiting]:
        """Everything that waits, at most a group; whoever gave up meanwhile is left out."""
        group = [self._queue.get()]
        try:
            while len(group) < GROUP_MAX:
                group.append(self._queue.get_nowait())
        except Empty:
            pass  # that was all
        return [w for w in group if w.stored.set_running_or_notify_cancel()]

    def _write(self, group: list[_Waiting]) -> None:
        try:
            new = self._commit(group)
        except (OperationalError, InterfaceError) as error:
            self._fail(group, error)
        except Exception as error:
            self._fail_or_split(group, error)
        except BaseException as error:
            self._fail(group, error)
            raise
        else:
            for waiting in group:
                waiting.stored.set_result(None)
            if new:
                self._committed()

    def _commit(self, group: Sequence[_Waiting]) -> int:
        ordered = sorted(group, key=lambda w: w.connection_id)
        now = self._now()
        with self._store.write() as session:
            return sum(
                store_deliveries(session, connection_id, "webhook", [w.delivery for w in waiting], now)
                for connection_id, waiting in groupby(ordered, key=lambda w: w.connection_id)
            )

    def _fail_or_split(self, group: list[_Waiting], error: Exception) -> None:
        """One delivery that cannot be written must not hold up its neighbours: then each goes alone."""
        if len(group) == 1:
            self._fail(group, error)
            return
        for waiting in group:
            self._write([waiting])

    def _fail(self, group: Sequence[_Waiting], error: BaseException) -> None:
        cause = error.orig if isinstance(error, DBAPIError) else error
        words = str(cause)[:200] if isinstance(error, SQLAlchemyError) else ""
        log.error("webhooks.not_stored", deliveries=len(group), error=type(cause).__name__, cause=words)
        for waiting in group:
            waiting.stored.set_exception(NotStored("The database cannot take it now.", 5))
