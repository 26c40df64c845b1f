"""How long a call may take and how much its answer may be. Every other module here reads these numbers where they
stand, so that one place bounds them all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from urllib3.util.wait import wait_for_read

#: Largest answer read from a platform, after decompression.
MAX_ANSWER_BYTES = 10 * 1024 * 1024
#: Longest line of an answer without an end.
MAX_LINE_BYTES = 1024 * 1024
#: Seconds one whole call may take, however slowly the bytes come.
CALL_SECONDS = 30.0
CONNECT_SECONDS = 8.0
#: Seconds of silence within a call.
READ_SECONDS = 15.0
#: How many bytes are read at once.
CHUNK = 65_536
#: How often a wait for a stream's next bytes looks whether it shall stop.
_LOOK_SECONDS = 0.25

_running = threading.local()


@contextmanager
def one_call(seconds: float | None = None) -> Iterator[None]:
    """Every read of this thread in the block ends `seconds` after its start, CALL_SECONDS if none are given; a time-out
    per read would not end a byte a second."""
    _running.until = time.monotonic() + (CALL_SECONDS if seconds is None else seconds)
    try:
        yield
    finally:
        _running.until = None


def left() -> float | None:
    """Seconds that are left of the call this thread is in; None outside of one."""
    until: float | None = getattr(_running, "until", None)
    return None if until is None else until - time.monotonic()


class Stopped(Exception):
    """Whoever waited for a stream was asked to stop."""


class Watch:
    """Waits for the bytes of a stream: no longer than it was given, and not when somebody wants it to stop."""

    def __init__(self, seconds: float, stopped: Callable[[], bool]) -> None:
        self._stopped = stopped
        self.give(seconds)

    def give(self, seconds: float) -> None:
        """From now on; counted to the end of the reads and not for each, or a byte a second would live for ever."""
        self._until = time.monotonic() + seconds

    def wait(self, sock: Any) -> None:
        """Returns when there is something to read. Raises Stopped or TimeoutError."""
        while True:
            left = self._until - time.monotonic()
            if self._stopped():
                raise Stopped
            if left <= 0:
                raise TimeoutError("the stream fell silent")
            sock.settimeout(left)
            # Bytes that TLS has unpacked already do not make the socket readable.
            if getattr(sock, "pending", int)() or wait_for_read(sock, min(left, _LOOK_SECONDS)):
                return

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Every read of this thread in the block waits here."""
        _running.watch = self
        try:
            yield
        finally:
            _running.watch = None


def bound(sock: Any) -> None:
    """Before a read of a socket: waits for a stream's bytes, or cuts the read short at the end of its call."""
    watch: Watch | None = getattr(_running, "watch", None)
    if watch is not None:
        watch.wait(sock)
        return
    seconds = left()
    if seconds is None:
        return
    if seconds <= 0:
        raise TimeoutError(f"the answer took longer than {CALL_SECONDS:.0f} seconds")
    if sock.gettimeout() is None or sock.gettimeout() > seconds:
        sock.settimeout(seconds)
