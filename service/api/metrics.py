"""Figures for Prometheus: what this process counted, and what the database says at the moment of asking.

The registry belongs to the app, not to the process: two apps in one process (tests) never mix their figures.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

import structlog
from flask import Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from service.usecases.health import Figures, age

log = structlog.get_logger(__name__)

CACHE_SECONDS = 5.0
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counters of one app. Labels are only what we know ourselves, never what a caller may make up."""

    def __init__(self, read: Callable[[], Figures]) -> None:
        self.registry = CollectorRegistry()
        self._webhooks = Counter(
            "tenth_webhooks", "Webhooks by connection and outcome.", ["connection", "outcome"], registry=self.registry
        )
        self._requests = Counter(
            "tenth_requests", "Requests by route and status.", ["route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "tenth_request_seconds", "Time to answer, by route.", ["route"], registry=self.registry, buckets=BUCKETS
        )
        self.registry.register(DatabaseFigures(read))

    def webhook(self, connection: str, outcome: str) -> None:
        """Counts a webhook; the connection's name is "" where none was found."""
        self._webhooks.labels(connection, outcome).inc()

    def start(self) -> None:
        """Notes when a request began."""
        g.tenth_started = time.perf_counter()

    def finish(self, response: Response) -> Response:
        """Counts a request and its time."""
        route = request.url_rule.rule if request.url_rule else "unmatched"
        self._requests.labels(route, str(response.status_code)).inc()
        started = g.get("tenth_started")
        if started is not None:
            self._seconds.labels(route).observe(time.perf_counter() - started)
        return response

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self.registry)


class DatabaseFigures(Collector):
    """Gauges read at scrape, at most once in a few seconds."""

    def __init__(self, read: Callable[[], Figures], clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: tuple[float, Figures | None] = (float("-inf"), None)

    def collect(self) -> Iterable[Metric]:
        found = self._figures()
        yield GaugeMetricFamily("tenth_database_up", "1 when the database answers.", value=float(found is not None))
        if found is not None:
            yield from _gauges(found)

    def _figures(self) -> Figures | None:
        with self._lock:
            at, found = self._kept
            if self._clock() - at > CACHE_SECONDS:
                try:
                    found = self._read()
                except SQLAlchemyError as error:
                    log.warning("metrics.no_database", error=type(error).__name__)
                    found = None
                self._kept = (self._clock(), found)
            return found


def _gauges(found: Figures) -> Iterable[Metric]:
    yield _by("tenth_deliveries", "Deliveries that are not done, by state.", "state", found.deliveries)
    yield GaugeMetricFamily("tenth_oldest_due_seconds", "Age of the oldest delivery due.", value=found.oldest_due)
    yield _by("tenth_cases", "Cases by lane of the queue.", "lane", found.cases)
    yield _by("tenth_connections", "Connections by state.", "state", found.by_state)
    ages = {c.name: age(found.at, c.read_at) for c in found.connections if c.read_at}
    yield _by("tenth_connection_read_age_seconds", "Since a connection was last read.", "connection", ages)
    words = "1 where rules put unusually many conversations above the line, by connection and community number."
    yield _by("tenth_rule_alarm", words, "community", found.alarms)
    if found.beat_age is not None:
        yield GaugeMetricFamily("tenth_worker_beat_age_seconds", "Since a worker was last seen.", value=found.beat_age)


def _by(name: str, words: str, label: str, values: dict[str, int] | dict[str, float]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
