"""A long run of grants, by `make soak`: with a forum that fails and processes that are killed."""

from __future__ import annotations

import pytest

from service.selftest.grants import Plan, Result, try_grants
from service.selftest.place import DATABASE_VARIABLE

pytestmark = pytest.mark.soak

#: With all platforms up, 99% of revocations are done within so many seconds.
SOON = 60.0


def say(words: str) -> None:
    print(words, flush=True)


def check(result: Result, grants: int, kills: int = 0) -> None:
    say(str(result.to_json()))
    assert (result.outside, result.left, result.wrong) == ([], [], [])
    assert result.good
    assert result.grants == grants
    assert result.acts > 0.8 * grants
    assert result.refused >= 2 * grants
    assert result.kills >= kills


def test_a_revocation_takes_seconds_where_all_is_well() -> None:
    """By the true clock: a faster one makes every pause of a worker, and every lease, longer than it is."""
    result = try_grants(Plan(count=0, calm=20, speed=1), say)
    check(result, 20)
    assert result.revoke_p99_s <= SOON


def test_a_hundred_grants() -> None:
    result = try_grants(Plan(calm=0, speed=8), say)
    check(result, 100, 15)
    assert result.faults > 50


def test_twenty_grants_on_postgresql(postgres_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATABASE_VARIABLE, postgres_server)
    check(try_grants(Plan(count=20, calm=0, speed=8, seed=11), say), 20, 3)
