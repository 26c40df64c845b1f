"""Looking at every part of a desk that may be wrong. Each finding says what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial

import httpx
from flask import Flask
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from moderation.errors import TenthError
from moderation.scoring.contract import Text
from plugins.net import call, httpx_client
from service.app import create_app
from service.config import load_settings
from service.db.models import Connection, DeliveryRow
from service.deps import Deps, deps_of
from service.scorers import build_scorer
from service.usecases.desk import check_now
from service.usecases.heartbeat import last_beat
from service.usecases.storage import schema_state

STALE_WORKER = timedelta(minutes=1)
LONG_WAIT = timedelta(minutes=5)
MOST_CLOCK_ERROR = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Found:
    """One part: whether it is well, in words, and what to do if not."""

    part: str
    ok: bool
    words: str
    do: str = ""


def diagnose() -> list[Found]:
    """Every finding, in the order in which one would mend them."""
    try:
        app = create_app(load_settings(), web=False)
        deps = deps_of(app)
    except TenthError as error:
        return [Found("settings", False, str(error), "Correct the setting and run this again.")]
    found = [Found("settings", True, "are readable"), _database(app)]
    if not found[-1].ok:
        return found
    return [*found, *_queue(deps), _worker(deps), _doorbell(deps), _scorer(deps), *_connections(deps)]


def _database(app: Flask) -> Found:
    try:
        current, head = schema_state(app)
    except SQLAlchemyError as error:
        return Found("database", False, f"cannot be reached: {type(error).__name__}", "Check TENTH_DATABASE_URL.")
    if current != head:
        return Found("database", False, f"is at version {current or 'none'}, not {head}", "Run: tenth migrate")
    return Found("database", True, f"{deps_of(app).store.engine.dialect.name}, version {head}")


def _queue(deps: Deps) -> Iterator[Found]:
    waiting = DeliveryRow.state.in_(("pending", "claimed"))
    with deps.store.read() as session:
        count, oldest = session.execute(select(func.count(), func.min(DeliveryRow.received_at)).where(waiting)).one()
        dead = session.scalar(select(func.count()).where(DeliveryRow.state == "dead")) or 0
    late = oldest is not None and deps.now() - oldest > LONG_WAIT
    do = "Is a worker running? Start one: tenth worker" if late else ""
    yield Found("queue", not late, f"{count} deliveries wait", do)
    if dead:
        yield Found(
            "dead letters", False, f"{dead} deliveries could not be read", "See why at /dead-letters, then: tenth retry"
        )


def _worker(deps: Deps) -> Found:
    with deps.store.read() as session:
        beat = last_beat(session)
    if beat is None or deps.now() - beat > STALE_WORKER:
        since = f"since {beat:%Y-%m-%d %H:%M} UTC" if beat else "yet"
        return Found("worker", False, f"none has been seen {since}", "Start the service: tenth run")
    return Found("worker", True, "is alive")


def _doorbell(deps: Deps) -> Found:
    if not deps.settings.redis_url:
        return Found("doorbell", True, "embedded (no Redis)")
    try:
        Redis.from_url(deps.settings.redis_url, socket_timeout=3).ping()
    except RedisError as error:
        words = f"Redis does not answer: {type(error).__name__}. Nothing is lost; work waits for the sweep."
        return Found("doorbell", False, words, "Check TENTH_REDIS_URL and the server.")
    return Found("doorbell", True, "Redis answers")


def _scorer(deps: Deps) -> Found:
    try:
        scorer = build_scorer(deps.settings)
        score = scorer.score([Text("Is anybody there?")])[0]
    except TenthError as error:
        return Found("scorer", False, str(error), "Correct TENTH_SCORER and what it needs.")
    return Found("scorer", True, score.scorer)


def _connections(deps: Deps) -> Iterator[Found]:
    with deps.store.read() as session:
        rows = session.execute(select(Connection.id, Connection.name, Connection.url).order_by(Connection.name)).all()
    if not rows:
        yield Found("connections", True, "none yet", "Make one: tenth connect --help")
    for connection_id, name, url in rows:
        part = f"connection “{name}”"
        yield from _answers(part, partial(_connection, deps, part, connection_id, url))


def _answers(part: str, look: Callable[[], list[Found]]) -> list[Found]:
    try:
        return look()
    except TenthError as error:
        return [Found(part, False, str(error), "Renew the credential, or correct the address: tenth connect --help")]


def _connection(deps: Deps, part: str, connection_id: int, url: str) -> list[Found]:
    check = check_now(deps, connection_id, "cli")
    if check is None:
        return [Found(part, True, "calls nobody")]
    missing = "; ".join(check.missing)
    found = [
        Found(part, not missing, f"{check.account} on {check.server}" + (f"; missing: {missing}" if missing else ""))
    ]
    return [*found, *_clock(deps, part, url)]


def _clock(deps: Deps, part: str, url: str) -> list[Found]:
    """Compares our clock with the server's Date header; rate limits and windows depend on it."""
    try:
        with httpx_client(url, deps.settings.private_hosts, {"User-Agent": "Tenth"}) as client:
            date = call(client, client.build_request("HEAD", "/")).headers.get("date")
    except (httpx.HTTPError, TenthError):
        return []
    if not date:
        return []
    apart = abs(parsedate_to_datetime(date).astimezone(UTC) - datetime.now(UTC))
    if apart > MOST_CLOCK_ERROR:
        return [
            Found(
                "clock",
                False,
                f"is {apart.total_seconds():.0f} s away from {part}'s",
                "Set this machine's clock (NTP).",
            )
        ]
    return []
