"""Long runs, by `make soak`: storms and kills at full length on SQLite and PostgreSQL, and a million messages.

What must hold is asserted: nothing lost, nothing doubled, every bad sender refused, growth in bounds. Speed is printed,
each figure beside its baseline of the same run; `tenth bench` measures it on a quiet machine.
"""

from __future__ import annotations

import pytest

from service.bench.ingest import bench_ingest
from service.bench.queue import bench_queue
from service.bench.webhooks import Load, bench_webhooks
from service.selftest.intake import Plan, Result, try_intake
from service.selftest.place import DATABASE_VARIABLE

pytestmark = pytest.mark.soak

MOST_GROWTH_MB = 20
STOP_SECONDS = 10
MOST_QUEUE_GROWTH = 1.3


def say(words: str) -> None:
    print(words, flush=True)


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


def test_twenty_kills_in_a_storm_on_postgresql(postgres_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATABASE_VARIABLE, postgres_server)
    check(try_intake(Plan(seed=11), say))


def test_a_day_of_messages_goes_in() -> None:
    say(str(bench_ingest(40_000, say)))


def test_no_forum_is_refused_at_three_hundred_webhooks_a_second() -> None:
    found = bench_webhooks(Load(), say)
    say(str(found))
    assert found.webhook_refused == 0


def test_a_million_messages_do_not_slow_the_queue() -> None:
    found = bench_queue(1_000_000, say)
    say(str(found))
    assert found.queue_growth <= MOST_QUEUE_GROWTH
