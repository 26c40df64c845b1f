"""A webhook from request to disk: find the connection, let its connector verify the raw bytes, keep what it admits."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from moderation.errors import BadInput, TenthError
from plugins.contract import Delivery, Refused, TakesWebhooks
from service.db.inbox_writer import InboxWriter, NotStored, ProcessThread
from service.db.models import Connection
from service.deps import Deps
from service.usecases.connections import Opened, opened
from service.vault import VaultError

log = structlog.get_logger(__name__)

CACHE_SECONDS = 5.0
#: A name we do not know is asked after again no more often than this, so that guessing names costs us nothing.
MISS_SECONDS = 1.0
RING_SECONDS = 0.25


class NoSuchConnection(TenthError):
    """Nothing here takes webhooks under that name."""


class Unexpected(TenthError):
    """The connector failed on a webhook in a way it should not."""


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a webhook: kept (also when known already), or only its key because it is not public."""

    connection: str
    admitted: bool


class Receiver:
    """One for each app. Holds connections opened for a few seconds, in memory only, so that a webhook asks nothing."""

    def __init__(self, deps: Deps, clock: Callable[[], float] = time.monotonic) -> None:
        self._deps = deps
        self._clock = clock
        self._lock = threading.Lock()
        self._ids: dict[str, int] = {}
        self._ids_at = float("-inf")
        self._opened: dict[int, tuple[float, Opened]] = {}
        self._doorbell = Doorbell(lambda: deps.ring("process_deliveries"))
        self._writer = InboxWriter(deps.store, deps.now, self._doorbell.press)

    def find(self, name: str) -> Opened:
        """The connection by name or id. Raises NoSuchConnection, or NotStored when it cannot be opened now."""
        connection_id = self._id_of(name)
        if connection_id is None:
            raise NoSuchConnection("There is no such webhook address.")
        connection = self._open(connection_id)
        if not isinstance(connection.connector, TakesWebhooks):
            raise NoSuchConnection("There is no such webhook address.")
        return connection

    def receive(self, connection: Opened, headers: Mapping[str, str], body: bytes) -> Received:
        """Verifies and stores; when this returns, the delivery is on disk.

        Raises Refused, BadInput (believed, but of no use), NotStored (worth another try) or Unexpected.
        """
        delivery = _verified(connection, headers, body)
        self._writer.put(connection.id, delivery)
        return Received(connection.name, delivery.admitted)

    def _id_of(self, name: str) -> int | None:
        with self._lock:
            found = self._ids.get(name)
            age = self._clock() - self._ids_at
            if age > (CACHE_SECONDS if found is not None else MISS_SECONDS):
                self._ids = self._read_ids()
                self._ids_at = self._clock()
                found = self._ids.get(name)
            return found

    def _read_ids(self) -> dict[str, int]:
        try:
            with self._deps.store.read() as session:
                rows = session.execute(select(Connection.id, Connection.name)).all()
        except SQLAlchemyError as error:
            log.warning("webhooks.no_database", error=type(error).__name__)
            raise NotStored("The database cannot be reached now.", 5) from error
        return {str(r.id): r.id for r in rows} | {r.name: r.id for r in rows}

    def _open(self, connection_id: int) -> Opened:
        with self._lock:
            at, connection = self._opened.get(connection_id, (float("-inf"), None))
            if connection is None or self._clock() - at > CACHE_SECONDS:
                connection = self._open_now(connection_id)
                self._opened[connection_id] = (self._clock(), connection)
            return connection

    def _open_now(self, connection_id: int) -> Opened:
        try:
            with self._deps.store.read() as session:
                return opened(self._deps, session, connection_id)
        except (BadInput, VaultError, ValidationError, SQLAlchemyError) as error:
            log.warning("webhooks.cannot_open", connection=connection_id, error=type(error).__name__)
            raise NotStored("The connection cannot be opened now.", 60) from error


class Doorbell:
    """Rings after commits, a few times a second at most and never in a request's way; no press stays unheard."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._pressed = threading.Event()
        self._thread = ProcessThread("doorbell", self._run)

    def press(self) -> None:
        """Rings soon."""
        self._pressed.set()
        self._thread.ensure()

    def _run(self) -> None:
        while True:
            self._pressed.wait()
            self._pressed.clear()
            self._ring()
            time.sleep(RING_SECONDS)


def _verified(connection: Opened, headers: Mapping[str, str], body: bytes) -> Delivery:
    """What the connector makes of it: a delivery, Refused or BadInput; anything else is a fault of its own."""
    connector = connection.connector
    assert isinstance(connector, TakesWebhooks)
    try:
        return connector.receive(headers, body, connection.settings)
    except (Refused, BadInput):
        raise
    except Exception as error:
        _log_fault(connection, error)
        raise Unexpected("The connector failed on this webhook.") from None


def _log_fault(connection: Opened, error: Exception) -> None:
    """By place and type only: the error's own words may hold a piece of the body."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{frame.filename}:{frame.lineno}"
    log.error("webhooks.connector_failed", connection=connection.name, error=type(error).__name__, place=place)
