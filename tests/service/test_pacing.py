"""The call budget of a site, kept in a row: shared by threads and processes, and by what the platform said."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from plugins.contract import Budget, RateLimited
from service.db.pacing import DbPacer, budget_left
from tests.support.office import Office, environment, office

START = datetime(2026, 11, 22, 9, tzinfo=UTC)
SITE = "forum.example"
MINUTE = 60.0


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def desk() -> Iterator[Office]:
    desk = office()
    yield desk
    desk.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pacer(desk: Office, clock: Clock) -> DbPacer:
    return DbPacer(desk.deps.store, SITE, clock)


def take(pacer: DbPacer, bucket: str = "admin", limit: int = 3) -> None:
    pacer.acquire(bucket, limit=limit, per_seconds=MINUTE)


def test_what_is_over_the_limit_is_refused_with_the_time_when_it_goes_on(pacer: DbPacer, clock: Clock) -> None:
    for _ in range(3):
        take(pacer)
        clock.wait(10)
    with pytest.raises(RateLimited, match=r"forum[.]example") as refused:
        take(pacer)
    assert refused.value.retry_at is not None
    assert START + timedelta(seconds=60) < refused.value.retry_at < START + timedelta(seconds=61)
    assert not refused.value.whole_site
    clock.now = refused.value.retry_at
    take(pacer)
    with pytest.raises(RateLimited):
        take(pacer)


def test_each_bucket_and_each_site_has_its_own(desk: Office, pacer: DbPacer, clock: Clock) -> None:
    for _ in range(3):
        take(pacer)
    take(pacer, "api")
    take(DbPacer(desk.deps.store, "other.example", clock))


def test_a_block_of_everything_stops_every_bucket_until_its_time(pacer: DbPacer, clock: Clock) -> None:
    take(pacer)
    pacer.block("*", START + timedelta(minutes=5))
    pacer.block("*", START + timedelta(minutes=1))
    for bucket in ("admin", "api", "never seen"):
        with pytest.raises(RateLimited) as refused:
            take(pacer, bucket)
        assert refused.value.whole_site
        assert refused.value.retry_at >= START + timedelta(minutes=5)
    clock.wait(301)
    take(pacer)


def test_a_block_of_one_bucket_leaves_the_others(pacer: DbPacer) -> None:
    pacer.block("admin", START + timedelta(minutes=5))
    with pytest.raises(RateLimited) as refused:
        take(pacer)
    assert not refused.value.whole_site
    take(pacer, "api")


def test_what_the_platform_says_counts_more_than_our_own_count(desk: Office, pacer: DbPacer, clock: Clock) -> None:
    take(pacer, limit=300)
    pacer.note("admin", Budget(300, 0, START + timedelta(seconds=90)))
    with pytest.raises(RateLimited) as refused:
        take(pacer, limit=300)
    assert refused.value.retry_at >= START + timedelta(seconds=90)
    with desk.deps.store.read() as session:
        assert budget_left(session, SITE, START) == [("admin", 300, 0, START + timedelta(seconds=90))]
    clock.wait(91)
    take(pacer, limit=300)
    with desk.deps.store.read() as session:
        assert budget_left(session, SITE, clock.now)[0][1:3] == (300, 299)


def test_a_refused_call_costs_nothing(pacer: DbPacer, clock: Clock) -> None:
    take(pacer, limit=1)
    for _ in range(20):
        clock.wait(2)
        with pytest.raises(RateLimited):
            take(pacer, limit=1)
    clock.wait(21)
    take(pacer, limit=1)


def test_threads_share_one_budget(desk: Office, clock: Clock) -> None:
    """From a site that nobody has called yet: also its first row is made by several at once."""
    taken, failed = [], []
    start = threading.Barrier(6)

    def call_on() -> None:
        try:
            start.wait(60)
            for _ in range(20):
                try:
                    take(DbPacer(desk.deps.store, SITE, clock), limit=60)
                except RateLimited:
                    continue
                taken.append(1)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=call_on) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(taken) == 60


CALLS = """
from datetime import UTC, datetime
from plugins.contract import RateLimited
from service.app import create_app
from service.db.pacing import DbPacer
from service.deps import deps_of
pacer = DbPacer(deps_of(create_app(web=False)).store, "forum.example", lambda: datetime(2026, 11, 22, 9, tzinfo=UTC))
taken = 0
for _ in range(50):
    try:
        pacer.acquire("admin", limit=60, per_seconds=60.0)
        taken += 1
    except RateLimited:
        pass
print(taken)
"""


def test_processes_share_one_budget(desk: Office, tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    settings = {k: v for k, v in os.environ.items() if k.startswith("TENTH_")}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", CALLS],
            cwd=tmp_path,
            env=environment(PYTHONPATH=str(root), **settings),
            stdout=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    counts = [int(process.communicate(timeout=120)[0]) for process in started]
    assert sum(counts) == 60
    assert max(counts) <= 50
