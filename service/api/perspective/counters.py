"""Figures of the Perspective API for Prometheus. Labels are ours alone: methods, outcomes, attributes."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Counters:
    """Counted by one app into its own registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "tenth_perspective_requests", "Requests by method and outcome.", ["method", "outcome"], registry=registry
        )
        self.attributes = Counter(
            "tenth_perspective_attributes",
            "Attributes asked for: scored, below the asked threshold, dropped as not judged, suggested.",
            ["attribute", "outcome"],
            registry=registry,
        )
        self.seconds = Histogram(
            "tenth_perspective_seconds", "Time to answer, by method.", ["method"], registry=registry, buckets=SECONDS
        )
        self.batch_texts = Histogram(
            "tenth_perspective_batch_texts", "Texts scored together.", registry=registry, buckets=SIZES
        )
        self.batch_seconds = Histogram(
            "tenth_perspective_batch_seconds", "Time to score a batch.", registry=registry, buckets=SECONDS
        )

    def batch(self, texts: int, seconds: float) -> None:
        """Counts one batch."""
        self.batch_texts.observe(texts)
        self.batch_seconds.observe(seconds)
