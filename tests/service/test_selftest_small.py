"""The trials of `tenth selftest` and `tenth bench`, small; the real ones are in tests/soak."""

from __future__ import annotations

import os
from random import Random

import pytest

from service.bench.ingest import bench_ingest
from service.deps import utc_now
from service.selftest.intake import Plan, Result, try_intake
from service.selftest.measure import missing, quantile
from service.selftest.place import DATABASE_VARIABLE
from service.selftest.signing import Forum, mixed, sign
from service.selftest.texts import archive_lines

FORUM = Forum("https://forum.example", "secret", "/webhooks/x")


def say(words: str) -> None:
    """Trials report their progress; a test has no use for it."""


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trial takes the kind of database that the test was given."""
    given = os.environ.get("TENTH_DATABASE_URL")
    if given:
        monkeypatch.setenv(DATABASE_VARIABLE, given)


@pytest.mark.usefixtures("here")
@pytest.mark.soak
def test_nothing_is_lost_when_processes_are_killed() -> None:
    result = try_intake(Plan(kills=3, webhooks=400, seed=3), say)
    assert result.good, result.to_json()
    assert result.kills == 3
    assert result.sent == result.accepted == result.stored > 600
    assert result.refused == result.bad > 20
    assert result.stopped_s < 30


@pytest.mark.usefixtures("here")
def test_ingest_is_measured_beside_its_baseline() -> None:
    found = bench_ingest(300, say)
    assert found.messages == 300
    assert found.ratio > 0
    assert found.ratio == pytest.approx(found.messages_per_s / found.baseline_messages_per_s, rel=0.05)


def test_a_storm_has_good_forged_and_malformed_webhooks_and_doubles() -> None:
    webhooks = mixed(FORUM, ["Text"], utc_now(), Random(1), 2_000, 0)
    good = [w for w in webhooks if w.kind == "good"]
    assert {w.kind for w in webhooks} == {"good", "forged", "malformed"}
    assert len({w.remote_id for w in good}) < len(good)
    for webhook in webhooks:
        signature = webhook.call.headers.get("X-Discourse-Event-Signature")
        assert (signature == sign(FORUM.secret, webhook.call.body)) == (webhook.kind != "forged")


def test_an_archive_says_nothing_twice() -> None:
    lines = list(archive_lines(4_000, 1, utc_now()))
    assert len(lines) == len(set(lines)) == 4_000


def test_a_result_is_good_only_when_every_promise_is_kept() -> None:
    assert Result(sent=5, accepted=5, stored=5, bad=2, refused=2).good
    for broken in (Result(lost=1), Result(doubled=1), Result(import_lost=1), Result(bad=2, refused=1), Result(sent=1)):
        assert not broken.good


def test_quantiles_and_what_is_missing() -> None:
    assert quantile(range(1, 101), 0.95) == 95
    assert quantile([], 0.5) == 0.0
    assert missing(["a", "b", "b"], {"a"}) == 1
