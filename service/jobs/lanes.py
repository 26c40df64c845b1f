"""Work that waits for platforms: one job at a time for a connection, some connections at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor


class Lanes:
    """A thread for each connection that has something to do, `most` at once; what does not fit in waits for a place."""

    def __init__(self, name: str, most: int) -> None:
        self._most = most
        self._running: dict[int, Future[int]] = {}
        self._pool = ThreadPoolExecutor(most, thread_name_prefix=name)

    def start(self, connections: Iterable[int], job: Callable[[int], int]) -> None:
        """Does the job for those that are not at it already; whoever asks again later fills the free places."""
        self._running = {c: f for c, f in self._running.items() if not f.done()}
        for connection_id in connections:
            if connection_id not in self._running and len(self._running) < self._most:
                self._running[connection_id] = self._pool.submit(job, connection_id)

    def close(self) -> None:
        """Starts nothing more; a call that is on its way may end."""
        self._pool.shutdown(wait=False, cancel_futures=True)
