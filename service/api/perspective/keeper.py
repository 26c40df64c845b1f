"""What every request needs and the database has: a thread looks there every few seconds, so that no request must."""

from __future__ import annotations

import threading
import time

import structlog
from sqlalchemy.exc import SQLAlchemyError

from service.api.perspective.keys import KeyRing
from service.db.inbox_writer import ProcessThread
from service.deps import Deps
from service.usecases.perspective import installed_maps
from service.usecases.perspective_scale import Scale, shipped_scale

log = structlog.get_logger(__name__)

#: A key that is revoked, and a map that is installed or removed, is known after this time at the latest.
EVERY_SECONDS = 5.0


class Keeper:
    """Holds the scale; writes the counts of the keys.

    Its thread starts with a request and ends when none came for a while: then nothing is held, and the next request
    looks for itself.
    """

    def __init__(self, deps: Deps, ring: KeyRing, every: float = EVERY_SECONDS) -> None:
        self._deps, self._ring, self._every = deps, ring, every
        self._lock = threading.Lock()
        self._shipped: Scale | None = None
        self._scale: Scale | None = None
        self._asked = False
        self._thread = ProcessThread("perspective-keeper", self._run)

    @property
    def scale(self) -> Scale:
        """From the scorer's figures to Perspective's scale, maps included."""
        self._asked = True
        self._thread.ensure()
        return self._scale or self._read_scale()

    def look(self) -> None:
        """Once around: counts, keys, maps."""
        self._ring.sync()
        self._read_scale()

    def _read_scale(self) -> Scale:
        with self._lock:
            if self._shipped is None:
                self._shipped = shipped_scale(self._deps.scorer)
            shipped = self._shipped
        self._scale = shipped.with_maps(installed_maps(self._deps, shipped.scorer))
        return self._scale

    def _run(self) -> None:
        asked = True
        while asked:
            self._asked = False
            time.sleep(self._every)
            try:
                self.look()
            except SQLAlchemyError as error:
                log.warning("perspective.no_database", error=type(error).__name__)
            asked = self._asked
        self._ring.forget()
        self._scale = None
