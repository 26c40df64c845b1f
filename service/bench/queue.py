"""How long a person waits for the queue, page and API, with few messages and with very many, over real HTTP."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

import httpx

from service.bench.filling import Filled, fill
from service.selftest.measure import quantile
from service.selftest.place import HOST, Place, TrialError, throw_away
from service.usecases.clients import create_client
from service.usecases.people import create_person

Say = Callable[[str], None]
SMALL = 10_000
ROUNDS = 3
REQUESTS = 100
WARM_UP = 10
PERSON = "bench"
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@dataclass(frozen=True, slots=True)
class QueueTimes:
    """Milliseconds that 95 of 100 requests keep under; `queue_p95_ms` is the worse of page and API at `messages`."""

    messages: int
    queue_p95_ms: float
    queue_growth: float
    small_p95_ms: float
    page_p95_ms: float
    api_p95_ms: float
    page_p50_ms: float
    api_p50_ms: float
    triage_seconds: float
    fill_seconds: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Desk:
    """A running service with somebody signed in and a program's token."""

    client: httpx.Client
    token: str


@dataclass(slots=True)
class _Times:
    page: list[float] = field(default_factory=list)
    api: list[float] = field(default_factory=list)

    @property
    def worse(self) -> float:
        return max(quantile(self.page, 0.95), quantile(self.api, 0.95))


def bench_queue(messages: int, say: Say) -> QueueTimes:
    """Two services side by side, one with 10,000 messages: whatever else the machine does hits both alike."""
    with throw_away() as little, throw_away() as big:
        fill(little.deps, SMALL, say)
        filled = fill(big.deps, messages, say)
        say("starting both services …")
        with _running(little) as one, _running(big) as other:
            rounds = [(_Times(), _Times()) for _ in range(ROUNDS)]
            _ask_both(one, other, (_Times(), _Times()), WARM_UP)
            for times in rounds:
                _ask_both(one, other, times, REQUESTS)
    return _summed_up(rounds, filled)


def _summed_up(rounds: list[tuple[_Times, _Times]], filled: Filled) -> QueueTimes:
    """Medians over the rounds."""
    small = median(little.worse for little, _ in rounds)
    large = median(big.worse for _, big in rounds)
    page, api = [t for _, big in rounds for t in big.page], [t for _, big in rounds for t in big.api]
    return QueueTimes(
        messages=filled.messages,
        queue_p95_ms=round(large, 1),
        queue_growth=round(large / small, 3),
        small_p95_ms=round(small, 1),
        page_p95_ms=round(quantile(page, 0.95), 1),
        api_p95_ms=round(quantile(api, 0.95), 1),
        page_p50_ms=round(quantile(page, 0.5), 1),
        api_p50_ms=round(quantile(api, 0.5), 1),
        triage_seconds=round(filled.triage_seconds, 2),
        fill_seconds=round(filled.seconds, 1),
    )


@contextmanager
def _running(place: Place) -> Iterator[_Desk]:
    password = create_person(place.deps, PERSON, "manager")
    token = create_client(place.deps, PERSON, ("queue:read", "restricted:read"))
    place.start()
    with httpx.Client(base_url=f"http://{HOST}:{place.port}", timeout=30.0, trust_env=False) as client:
        _sign_in(client, password)
        yield _Desk(client, token)


def _ask_both(one: _Desk, other: _Desk, times: tuple[_Times, _Times], count: int) -> None:
    for _ in range(count):
        for desk, kept in zip((one, other), times, strict=True):
            kept.page.append(_ask(desk.client, "/queue", {}))
            kept.api.append(_ask(desk.client, "/api/v1/queue", {"Authorization": f"Bearer {desk.token}"}))


def _sign_in(client: httpx.Client, password: str) -> None:
    found = _TOKEN.search(client.get("/sign-in").text)
    if found is None:
        raise TrialError("The sign-in page has no token in its form.")
    form = {"username": PERSON, "password": password, "csrf_token": found[1], "next": "/queue"}
    if client.post("/sign-in", data=form).status_code != 303:
        raise TrialError("Signing in did not work.")


def _ask(client: httpx.Client, path: str, headers: dict[str, str]) -> float:
    started = time.perf_counter()
    answer = client.get(path, headers=headers)
    ms = (time.perf_counter() - started) * 1000
    if answer.status_code != 200:
        raise TrialError(f"{path} was answered {answer.status_code}.")
    return ms
