"""Texts of any length -> batches that waste little: windows, batches of like length, a memory, a bounded pool."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")
Key = TypeVar("Key", bound=Hashable)


def windows(tokens: Sequence[int], size: int, overlap: int) -> list[Sequence[int]]:
    """Pieces of at most `size` tokens, each sharing `overlap` with the one before; the last ends where the text ends.

    An empty text is one empty window. All but the last are `size` long. Raises ValueError unless size > overlap >= 0.
    """
    if not size > overlap >= 0:
        raise ValueError(f"windows of {size} tokens cannot share {overlap}")
    starts = range(0, max(1, len(tokens) - overlap), size - overlap)
    return [tokens[start : start + size] for start in starts]


def batches(lengths: Sequence[int], budget: int, overhead: int = 0) -> list[list[int]]:
    """Places in `lengths`, longest first, in the batches that cost least altogether.

    A batch costs its rows times its longest row, padding included, and `overhead`, both in tokens; a batch of more than
    one row costs `budget` at most without the overhead. Longest first, so that the last to finish is short.
    """
    order = sorted(range(len(lengths)), key=lambda place: (-lengths[place], place))
    cheapest, begins = [0], [0]
    for end in range(1, len(order) + 1):
        starts = _starts(lengths, order, end, budget)
        cost, start = min(
            (cheapest[start] + overhead + (end - start) * lengths[order[start]], start) for start in starts
        )
        cheapest.append(cost)
        begins.append(start)
    found, end = [], len(order)
    while end:
        found.append(order[begins[end] : end])
        end = begins[end]
    return found[::-1]


def _starts(lengths: Sequence[int], order: Sequence[int], end: int, budget: int) -> Iterator[int]:
    """Where the batch that ends before `end` may begin. Going back, rows grow longer and more, until it is too big."""
    yield end - 1
    for start in range(end - 2, -1, -1):
        if (end - start) * lengths[order[start]] > budget:
            return
        yield start


class Memo(Generic[Key, Result]):
    """The results last asked for, at most `size` of them. Safe to share between threads."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[Key, Result] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> Result | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, key: Key, result: Result) -> None:
        with self._lock:
            self._kept[key] = result
            self._kept.move_to_end(key)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)


class Pool:
    """`threads` workers behind a queue of `waiting` jobs: who brings more is held up, so that memory stays bounded."""

    def __init__(self, threads: int, waiting: int) -> None:
        self._workers = ThreadPoolExecutor(threads, thread_name_prefix="scoring")
        self._places = threading.BoundedSemaphore(threads + waiting)

    def map(self, work: Callable[[Job], Result], jobs: Sequence[Job]) -> list[Result]:
        """Results in the order of the jobs; an error of a job is raised here once no job of this call runs."""
        started = [self._start(work, job) for job in jobs]
        problems = [future.exception() for future in started]
        for problem in filter(None, problems):
            raise problem
        return [future.result() for future in started]

    def _start(self, work: Callable[[Job], Result], job: Job) -> Future[Result]:
        self._places.acquire()
        try:
            future = self._workers.submit(work, job)
        except BaseException:
            self._places.release()
            raise
        future.add_done_callback(lambda _: self._places.release())
        return future
