"""For those who run the service: is it alive, is it ready, how does it fare."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate

import structlog
from flask import Blueprint, Response, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.exc import SQLAlchemyError

from service.api.bearer import bearer_of
from service.api.metrics import Metrics
from service.api.problems import Problem
from service.usecases.health import Figures
from service.vault import same

log = structlog.get_logger(__name__)

READY_SECONDS = 3.0
AWAY = "The database cannot be reached, or its schema is not there (run: tenth migrate)."


def make_blueprint(read: Callable[[], Figures], metrics: Metrics, metrics_token: str) -> Blueprint:
    """/healthz, /readyz and /metrics."""
    blueprint = Blueprint("ops", __name__)
    probe = Probe(read)

    @blueprint.get("/healthz")
    def alive() -> Response:
        return jsonify(status="alive")

    @blueprint.get("/readyz")
    def ready() -> Response:
        return _ready(probe)

    @blueprint.get("/metrics")
    def scrape() -> Response:
        if metrics_token and not same(bearer_of(request), metrics_token):
            raise Problem(401, "The figures need their token.", {"WWW-Authenticate": "Bearer"})
        return Response(metrics.text(), content_type=CONTENT_TYPE_LATEST)

    return blueprint


class Probe:
    """Asks the database on a thread of its own, because a connection attempt may hang far longer than a probe may."""

    def __init__(self, read: Callable[[], Figures], seconds: float = READY_SECONDS) -> None:
        self._read = read
        self._seconds = seconds
        self._pool = ThreadPoolExecutor(1, "readiness")

    def figures(self) -> Figures:
        """The figures. Raises SQLAlchemyError, or TimeoutError."""
        asked = self._pool.submit(self._read)
        try:
            return asked.result(self._seconds)
        finally:
            asked.cancel()


def _ready(probe: Probe) -> Response:
    try:
        found = probe.figures()
    except (SQLAlchemyError, TooLate) as error:
        log.warning("ready.no_database", error=type(error).__name__)
        raise Problem(503, AWAY, {"Retry-After": "5"}) from error
    return jsonify(
        status="ready",
        database="ok",
        queue={
            "waiting": found.waiting,
            "dead": found.deliveries["dead"],
            "oldest_due_seconds": found.oldest_due,
        },
        worker={"seen_seconds_ago": found.beat_age},
        connections=found.by_state,
    )
