"""The Perspective API under load: one comment a request, beside GET /healthz of the same server from the same senders.

The steady part is an open loop: requests leave by the clock, whether or not the earlier ones are answered. Client and
server share two cores.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from itertools import cycle, islice
from typing import Any

from service.deps import utc_now
from service.selftest.measure import quantile
from service.selftest.place import HOST, Place, TrialError, throw_away
from service.selftest.storm import Answer, Call, Storm
from service.selftest.texts import texts
from service.usecases.perspective import create_key

Say = Callable[[str], None]
SEED = 10
WARM_UP = 200
OK = 200
#: Enough that a slow answer keeps no later request from leaving on time.
STEADY_SENDERS = 32
#: Attributes to ask for. Every scorer judges this one.
ASKED: dict[str, dict[str, float]] = {"TOXICITY": {}}
#: Client and server run on these many cores together, however many there are.
CORES = 2


@dataclass(frozen=True, slots=True)
class PerspectiveLoad:
    """`rate` comments a second for `seconds`; then as many as go through from `connections` that stay open."""

    rate: int = 50
    seconds: int = 20
    connections: int = 8


@dataclass(frozen=True, slots=True)
class Perspective:
    """`failed` counts what was not answered 200. `texts_per_batch` is the mean while the server was saturated."""

    cores: int
    rate: int
    perspective_p50_ms: float
    perspective_p95_ms: float
    healthz_p50_ms: float
    healthz_p95_ms: float
    connections: int
    perspective_per_s: float
    perspective_saturated_p95_ms: float
    healthz_per_s: float
    ratio: float
    texts_per_batch: float
    failed: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def bench_perspective(load: PerspectiveLoad, say: Say) -> Perspective:
    """Runs a real `tenth run` and asks it. Raises TrialError when nothing is answered."""
    count = load.rate * load.seconds
    with few_cores() as cores, throw_away() as place:
        key = create_key(place.deps, "bench", None, None)
        say("starting the service …")
        place.start()
        calls, probes = _comments(key, count), [Call("GET", "/healthz")] * count
        _send(place, calls[:WARM_UP], load.connections)
        say(f"{count} comments, {load.rate} a second …")
        steady, _speed = _send(place, calls, STEADY_SENDERS, load.rate)
        alive, _speed = _send(place, probes, STEADY_SENDERS, load.rate)
        say(f"{count} comments over {load.connections} connections, as fast as they go …")
        before = _batches(place)
        full, speed = _send(place, calls, load.connections)
        batched = [b - a for a, b in zip(before, _batches(place), strict=True)]
        _alive, bare = _send(place, probes, load.connections)
    good = _times(steady)
    if not good:
        raise TrialError(f"No comment was scored; the first answer was {steady[0].status}.")
    return Perspective(
        cores=cores,
        rate=load.rate,
        perspective_p50_ms=round(quantile(good, 0.5), 2),
        perspective_p95_ms=round(quantile(good, 0.95), 2),
        healthz_p50_ms=round(quantile(_times(alive), 0.5), 2),
        healthz_p95_ms=round(quantile(_times(alive), 0.95), 2),
        connections=load.connections,
        perspective_per_s=round(speed, 1),
        perspective_saturated_p95_ms=round(quantile(_times(full), 0.95), 2),
        healthz_per_s=round(bare, 1),
        ratio=round(speed / bare, 3),
        texts_per_batch=round(batched[0] / batched[1], 2) if batched[1] else 0.0,
        failed=len(steady) + len(full) - len(good) - len(_times(full)),
    )


@contextmanager
def few_cores() -> Iterator[int]:
    """This process, and whatever it starts, on at most `CORES` cores; gives their number."""
    if not hasattr(os, "sched_setaffinity"):
        yield os.cpu_count() or 1
        return
    before = os.sched_getaffinity(0)
    kept = sorted(before)[:CORES]
    os.sched_setaffinity(0, kept)
    try:
        yield len(kept)
    finally:
        os.sched_setaffinity(0, before)


def _comments(key: str, count: int) -> list[Call]:
    """Comments of the sandbox's people; about three thousand different ones."""
    said = islice(cycle(texts(SEED, utc_now())), count)
    headers = {"Content-Type": "application/json", "X-Goog-Api-Key": key}
    return [
        Call(
            "POST",
            "/v1alpha1/comments:analyze",
            json.dumps({"comment": {"text": text}, "languages": ["en"], "requestedAttributes": ASKED}).encode(),
            headers,
        )
        for text in said
    ]


def _send(place: Place, calls: Sequence[Call], senders: int, rate: float = 0.0) -> tuple[list[Answer], float]:
    storm = Storm(place.port, calls, senders=senders, rate=rate, patient=False)
    answers = storm.run()
    return answers, len(calls) / storm.seconds


def _times(answers: Sequence[Answer]) -> list[float]:
    return [answer.ms for answer in answers if answer.status == OK]


def _batches(place: Place) -> tuple[float, float]:
    """Texts scored so far, and batches, as the server counts them."""
    line = HTTPConnection(HOST, place.port, timeout=60)
    try:
        line.request("GET", "/metrics")
        told = line.getresponse().read().decode()
    finally:
        line.close()
    return _figure(told, "sum"), _figure(told, "count")


def _figure(told: str, what: str) -> float:
    found = re.search(rf"^tenth_perspective_batch_texts_{what} (\S+)$", told, re.MULTILINE)
    return float(found[1]) if found else 0.0
