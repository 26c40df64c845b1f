"""How long a person waits for the queue, page and API, with few messages and with very many, over real HTTP."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import httpx

from service.bench.filling import start_filling, triage_all
from service.deps import Deps, utc_now
from service.selftest.measure import quantile
from service.selftest.place import HOST, Place, TrialError, throw_away
from service.usecases.clients import create_client
from service.usecases.people import create_person

Say = Callable[[str], None]
SMALL = 10_000
SEED = 10
REQUESTS = 120
WARM_UP = 10
PERSON = "bench"
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@dataclass(frozen=True, slots=True)
class QueueTimes:
    """Milliseconds that 95 of 100 requests keep under. `queue_p95_ms` is the worse of page and API at `messages`."""

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
class _Times:
    page: list[float]
    api: list[float]

    @property
    def worse(self) -> float:
        return max(quantile(self.page, 0.95), quantile(self.api, 0.95))


def bench_queue(messages: int, say: Say) -> QueueTimes:
    """Measures at 10,000 messages, fills on, and measures again on the same service."""
    with throw_away() as place:
        filler = start_filling(place.deps, utc_now(), SEED)
        filler.fill(min(SMALL, messages), lambda _done: None)
        triage_all(place.deps, filler.now)
        door = _open_door(place, say)
        small = _measure(place, door)
        say(f"{SMALL} messages: {small.worse:.1f} ms; filling up to {messages} …")
        started = time.monotonic()
        filler.fill(messages, lambda done: say(f"  {done}") if done % 100_000 < 6_000 else None)
        filled = time.monotonic() - started
        triage_seconds = _timed(lambda: triage_all(place.deps, filler.now))
        _settle(place.deps)
        large = _measure(place, door)
    return QueueTimes(
        messages=filler.messages,
        queue_p95_ms=round(large.worse, 1),
        queue_growth=round(large.worse / small.worse, 3),
        small_p95_ms=round(small.worse, 1),
        page_p95_ms=round(quantile(large.page, 0.95), 1),
        api_p95_ms=round(quantile(large.api, 0.95), 1),
        page_p50_ms=round(quantile(large.page, 0.5), 1),
        api_p50_ms=round(quantile(large.api, 0.5), 1),
        triage_seconds=round(triage_seconds, 2),
        fill_seconds=round(filled, 1),
    )


@dataclass(frozen=True, slots=True)
class _Door:
    """What a signed-in person and a program with a token bring along."""

    password: str
    token: str


def _open_door(place: Place, say: Say) -> _Door:
    password = create_person(place.deps, PERSON, "manager")
    token = create_client(place.deps, PERSON, ("queue:read", "restricted:read"))
    say("starting the service …")
    place.start()
    return _Door(password, token)


def _measure(place: Place, door: _Door) -> _Times:
    """Page and API in turn, so that whatever else the machine does hits both."""
    with httpx.Client(base_url=f"http://{HOST}:{place.port}", timeout=30.0, trust_env=False) as client:
        _sign_in(client, door.password)
        bearer = {"Authorization": f"Bearer {door.token}"}
        page, api = [], []
        for number in range(REQUESTS + WARM_UP):
            times = (_ask(client, "/queue", {}), _ask(client, "/api/v1/queue", bearer))
            if number >= WARM_UP:
                page.append(times[0])
                api.append(times[1])
    return _Times(page, api)


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


def _timed(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _settle(deps: Deps) -> None:
    """PostgreSQL plans by statistics, which it gathers a minute later by itself."""
    if deps.store.postgres:
        with deps.store.write() as session:
            session.connection().exec_driver_sql("ANALYZE")
