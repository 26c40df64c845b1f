"""Hints of platforms that stream: each makes a poll due now. A platform that is silent or broken loses nothing by it.

One daemon thread for each connection only listens; whatever touches the database happens in `step`, which the worker
calls twice a second.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass

import structlog
from sqlalchemy import select

from plugins.contract import ConnectionSettings, ConnectorError, GivesHints, Io, Permanent, Temporary
from service.db.models import Connection
from service.deps import Deps
from service.usecases.connections import opened, poll_soon

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds."""

    #: Between two polls that hints ask for. Doubles up to `gap_longest` while they keep coming: polls of a busy
    #: account must leave calls for its answers.
    gap: float = 3.0
    gap_longest: float = 30.0
    look: float = 30.0
    retry: float = 5.0
    retry_longest: float = 300.0
    none_here: float = 3600.0
    #: A stream that lived this long was a good one: the next back-off starts from the beginning.
    steady: float = 60.0


PACE = Pace()


class Hints:
    """Not started and not stopped twice. `step` and `close` belong to one worker."""

    def __init__(self, deps: Deps, pace: Pace = PACE) -> None:
        self._deps = deps
        self._pace = pace
        self._listeners: dict[int, _Listener] = {}
        self._unusable: set[int] = set()
        self._look_at = 0.0
        self._closed = False

    def step(self) -> None:
        """Looks now and then which connections there are, and hands on what was heard."""
        if self._closed:
            return
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + self._pace.look
            self._look()
        for connection_id, listener in self._listeners.items():
            if listener.due() and self._pass_on(connection_id):
                listener.told()

    def close(self) -> None:
        """Tells every thread to end, and waits for none: they hold nothing but a socket."""
        self._closed = True
        for listener in list(self._listeners.values()):
            listener.stop.set()

    def _look(self) -> None:
        wanted = self._wanted()
        for connection_id, listener in list(self._listeners.items()):
            if wanted.get(connection_id) != listener.source:
                listener.stop.set()
                del self._listeners[connection_id]
        for connection_id in wanted.keys() - self._listeners.keys():
            listener = _Listener(connection_id, wanted[connection_id], self._deps, self._pace)
            self._listeners[connection_id] = listener
            listener.start()
            if self._closed:  # in the middle of this, and without having seen it
                listener.stop.set()

    def _wanted(self) -> dict[int, _Source]:
        """Connections that are read and whose connector gives hints."""
        hinting = [name for name, one in self._deps.connectors.items() if isinstance(one, GivesHints)]
        read = Connection.poll_due_at.is_not(None), Connection.state != "cut_off"
        with self._deps.store.read() as session:
            ids = session.scalars(select(Connection.id).where(Connection.connector.in_(hinting), *read)).all()
        found = ((connection_id, self._source(connection_id)) for connection_id in ids)
        return {connection_id: source for connection_id, source in found if source is not None}

    def _source(self, connection_id: int) -> _Source | None:
        """None where the connection cannot be opened, such as for a key that is lost: its polls tell people."""
        try:
            with self._deps.store.read() as session:
                connection = opened(self._deps, session, connection_id)
        except Exception as error:
            if connection_id not in self._unusable:
                log.warning("hints.not_opened", connection=connection_id, error=type(error).__name__)
            self._unusable.add(connection_id)
            return None
        self._unusable.discard(connection_id)
        assert isinstance(connection.connector, GivesHints)
        return _Source(connection.connector, connection.settings, connection.pace_key)

    def _pass_on(self, connection_id: int) -> bool:
        """Whether the hint is dealt with. A running poll may be past the place where something is new: later, then."""
        with self._deps.store.read() as session:
            row = session.get(Connection, connection_id)
        if row is not None and row.lease_until is not None and row.lease_until > self._deps.now():
            return False
        # A connection that is in trouble has a back-off of its own, and its next poll finds everything.
        if row is not None and row.failures == 0 and row.state != "slowed":
            poll_soon(self._deps, connection_id)
        return True


@dataclass(frozen=True, slots=True)
class _Source:
    """What is listened to; another token or address is another source."""

    connector: GivesHints
    settings: ConnectionSettings
    pace_key: str


class _Listener:
    """A thread that listens, again and again, and remembers that it heard something."""

    def __init__(self, connection_id: int, source: _Source, deps: Deps, pace: Pace) -> None:
        self.source = source
        self.stop = threading.Event()
        self._id = connection_id
        self._deps = deps
        self._pace = pace
        self._heard = threading.Event()
        self._gap = pace.gap
        self._told_at = float("-inf")
        self._tries = 0

    def start(self) -> None:
        threading.Thread(target=self._run, name=f"hints-{self._id}", daemon=True).start()

    def due(self) -> bool:
        return self._heard.is_set() and time.monotonic() >= self._told_at + self._gap

    def told(self) -> None:
        """Forgets what was heard, and lets more time pass the busier it is."""
        self._heard.clear()
        now = time.monotonic()
        busy = now - self._told_at < 2 * self._gap
        self._gap = min(self._gap * 2, self._pace.gap_longest) if busy else self._pace.gap
        self._told_at = now

    def _run(self) -> None:
        while not self.stop.is_set():
            started = time.monotonic()
            pause = self._listen()
            if time.monotonic() - started >= self._pace.steady:
                self._tries = 0
            self.stop.wait(self._back_off() if pause is None else pause)

    def _listen(self) -> float | None:
        """Listens until the stream ends. Returns how long to stay away; None for the usual back-off."""
        try:
            for _ in self.source.connector.hints(self.source.settings, self._io(), self.stop):
                self._heard.set()
        except Permanent as error:
            self._warn(error)
            return self._pace.none_here
        except ConnectorError as error:
            self._warn(error)
            return self._asked_to_wait(error)
        except Exception:
            log.exception("hints.failed", connection=self._id)
            return None
        return self._pace.none_here

    def _io(self) -> Io:
        return self._deps.io_for(self.source.pace_key)

    def _warn(self, error: ConnectorError) -> None:
        if not self.stop.is_set():
            log.info("hints.broken", connection=self._id, error=str(error), detail=error.detail)

    def _asked_to_wait(self, error: ConnectorError) -> float | None:
        """The platform's own word, where it says one."""
        retry_at = error.retry_at if isinstance(error, Temporary) else None
        return max(self._pace.retry, (retry_at - self._deps.now()).total_seconds()) if retry_at else None

    def _back_off(self) -> float:
        pause = min(self._pace.retry * 2.0**self._tries, self._pace.retry_longest)
        self._tries = min(self._tries + 1, 20)
        return pause * random.uniform(0.75, 1.25)
