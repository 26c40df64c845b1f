"""Keys of the Perspective API: only digests are kept, quotas hold, what is revoked ends."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from api_support import Desk
from click.testing import CliRunner
from perspective_support import Host, WordScorer, error_of, host
from sqlalchemy import select

from moderation.errors import BadInput
from service.api.perspective.errors import GoogleError
from service.api.perspective.keeper import Keeper
from service.api.perspective.keys import STALE_SECONDS, KeyRing
from service.cli import cli
from service.db.audit import verify
from service.db.models import PerspectiveKey
from service.usecases.perspective import create_key, list_keys, revoke_key
from service.vault import token_digest
from tests.support.office import until

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Hands:
    """A clock and a calendar that a test turns."""

    def __init__(self) -> None:
        self.at, self.now = 100.0, NOON

    def clock(self) -> float:
        return self.at

    def ring(self, desk: Desk) -> KeyRing:
        return KeyRing(replace(desk.deps, now=lambda: self.now), self.clock)


@pytest.fixture
def hands() -> Hands:
    return Hands()


def admitted(ring: KeyRing, key: str, tries: int) -> int:
    """How many of the tries get in."""
    passed = 0
    for _ in range(tries):
        with suppress(GoogleError):
            ring.admit(key)
            passed += 1
    return passed


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\nb"])
def test_a_name_that_cannot_be_shown_is_refused(desk: Desk, name: str) -> None:
    with pytest.raises(BadInput):
        create_key(desk.deps, name, None, None)


@pytest.mark.parametrize("limit", [0, -1, 10**10])
def test_a_limit_that_is_none_is_refused(desk: Desk, limit: int) -> None:
    with pytest.raises(BadInput):
        create_key(desk.deps, "forum", limit, None)
    with pytest.raises(BadInput):
        create_key(desk.deps, "forum", None, limit)


def test_a_name_is_taken_once_and_an_unknown_one_cannot_be_revoked(desk: Desk) -> None:
    create_key(desk.deps, "forum", None, None)
    with pytest.raises(BadInput):
        create_key(desk.deps, "forum", None, None)
    with pytest.raises(BadInput):
        revoke_key(desk.deps, "blog")


def test_only_the_digest_of_a_key_is_kept(desk: Desk) -> None:
    key = create_key(desk.deps, "forum", 5, 50)
    with desk.deps.store.read() as session:
        (row,) = session.scalars(select(PerspectiveKey))
        kept = str(vars(row))
        verify(session, desk.deps.vault)
    assert key not in kept
    assert row.key_digest == token_digest(key)


def test_more_than_a_second_allows_is_refused_and_a_second_later_not(desk: Desk, hands: Hands) -> None:
    key, ring = create_key(desk.deps, "forum", 3, None), hands.ring(desk)
    assert admitted(ring, key, 5) == 3
    hands.at += 0.5
    assert admitted(ring, key, 2) == 0
    hands.at += 0.51
    assert admitted(ring, key, 5) == 3


def test_more_than_a_day_allows_is_refused_until_the_next(desk: Desk, hands: Hands) -> None:
    key, ring = create_key(desk.deps, "forum", None, 4), hands.ring(desk)
    assert admitted(ring, key, 6) == 4
    with pytest.raises(GoogleError) as refused:
        ring.admit(key)
    assert refused.value.retry_after == 12 * 3600
    ring.sync()
    assert admitted(ring, key, 2) == 0
    hands.now += timedelta(days=1)
    assert admitted(ring, key, 6) == 4


def test_processes_share_a_days_count_and_a_restart_goes_on_with_it(desk: Desk, hands: Hands) -> None:
    key = create_key(desk.deps, "forum", None, 10)
    one, other = hands.ring(desk), hands.ring(desk)
    assert admitted(one, key, 3) + admitted(other, key, 3) == 6
    one.sync()
    other.sync()
    one.sync()
    assert admitted(one, key, 9) == 4
    one.sync()
    assert admitted(hands.ring(desk), key, 9) == 0
    assert list_keys(replace(desk.deps, now=lambda: NOON))[0].used == 10


def test_a_revoked_key_ends_with_the_next_look_and_at_once_where_it_is_not_held(desk: Desk, hands: Hands) -> None:
    key, ring = create_key(desk.deps, "forum", None, None), hands.ring(desk)
    ring.admit(key)
    revoke_key(desk.deps, "forum")
    revoke_key(desk.deps, "forum")
    ring.sync()
    for asked in (ring, hands.ring(desk)):
        with pytest.raises(GoogleError, match="not valid"):
            asked.admit(key)


def test_a_key_is_not_believed_for_long_without_the_database(desk: Desk, hands: Hands) -> None:
    key, ring = create_key(desk.deps, "forum", None, None), hands.ring(desk)
    ring.admit(key)
    revoke_key(desk.deps, "forum")
    hands.at += STALE_SECONDS + 1
    with pytest.raises(GoogleError, match="not valid"):
        ring.admit(key)


def test_the_answer_over_quota_is_429_with_the_time_to_wait(desk: Desk) -> None:
    few: Host = host(desk, WordScorer(), per_second=1)
    few.app.extensions["tenth.perspective"]._ring._clock = lambda: 100.0
    assert few.ask("hello").status_code == 200
    answer = few.ask("hello")
    error = error_of(answer, 429, "RESOURCE_EXHAUSTED")
    assert error["message"].startswith("Quota exceeded")
    assert error["details"][0]["reason"] == "RATE_LIMIT_EXCEEDED"
    assert error["details"][0]["metadata"]["quota_limit_value"] == "1"
    assert answer.headers["Retry-After"] == "1"
    other = Host(few.app, few.deps, create_key(few.deps, "another", 1, None))
    assert other.ask("hello").status_code == 200


def test_when_nobody_calls_for_a_while_nothing_is_held_and_every_call_is_counted(desk: Desk, hands: Hands) -> None:
    key, ring = create_key(desk.deps, "forum", None, 10), hands.ring(desk)
    assert admitted(ring, key, 3) == 3
    keeper = Keeper(replace(desk.deps, scorer=WordScorer()), ring, every=0.01)
    assert keeper.scale.scorer == "words@1"
    until(lambda: not ring._held)
    assert list_keys(replace(desk.deps, now=lambda: NOON))[0].used == 3
    assert admitted(ring, key, 9) == 7


def test_without_calls_and_database_the_thread_ends_and_no_call_is_lost(desk: Desk, hands: Hands) -> None:
    key, ring = create_key(desk.deps, "forum", None, 10), hands.ring(desk)
    assert admitted(ring, key, 3) == 3
    keeper = Keeper(replace(desk.deps, scorer=WordScorer()), ring, every=0.2)
    assert keeper.scale.scorer == "words@1"
    rename(desk, "perspective_key", "away")
    until(lambda: not keeper._thread._lives())
    rename(desk, "away", "perspective_key")
    keeper.look()
    assert list_keys(replace(desk.deps, now=lambda: NOON))[0].used == 3


def rename(desk: Desk, before: str, after: str) -> None:
    with desk.deps.store.engine.connect() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {before} RENAME TO {after}")
        connection.commit()


def run(*arguments: str) -> Any:
    return CliRunner().invoke(cli, ["perspective", *arguments])


def test_the_command_prints_the_key_on_its_last_line_and_never_again() -> None:
    assert run("key", "create").exit_code == 2
    assert run("key", "create", "--name", "forum", "--per-second", "0").exit_code == 2
    made = run("key", "create", "--name", "forum", "--per-second", "10", "--per-day", "1000")
    key = made.stdout.splitlines()[-1]
    assert key.startswith("tenthp_")
    listed = run("key", "list")
    assert "forum" in listed.stdout
    assert "10 a second, 1,000 a day" in listed.stdout
    assert key not in listed.stdout + run("key", "list", "--json").stdout
    assert "no longer works" in run("key", "revoke", "forum").stdout
    assert "revoked" in run("key", "list").stdout
