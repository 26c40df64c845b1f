"""Whole readings against the recorded answers of GoToSocial 0.20.0 and Takahe 0.11.0, over a real socket."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from moderation.model import AuthorRole, Capability
from moderation.policy import Permit
from plugins.contract import Act, CredentialsRefused, Gone
from plugins.mastodon.actions import ANSWERING
from tests.plugins.mastodon.making import events, messages, opened, rounds, totals
from tests.plugins.mastodon.recorded import SERVERS, needs_recordings, replaying, statuses
from tests.plugins.mastodon.test_mastodon_parse import BRANDS

pytestmark = needs_recordings
ROOTS = {"gotosocial": "01M80RPFH4GWQHCSEJG7TG6YQ5", "takahe": "647186663867515288"}
NAMES = {"gotosocial": "GoToSocial 0.20.0", "takahe": "Takahe 0.11.0"}


def soon() -> datetime:
    return datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


@pytest.mark.parametrize("server", SERVERS)
def test_a_first_reading_finds_the_long_thread_with_all_its_replies(server: str) -> None:
    with replaying(server) as replay, opened(replay.url, now=soon, hashtags=("#BellacremaHelp",)) as session:
        deliveries, cursor = rounds(session)
        again, _ = rounds(session, cursor)
    found = messages(deliveries)
    thread = [one for one in found.values() if one.thread.remote_id == ROOTS[server]]
    assert len(thread) == 13
    total = totals(deliveries)[ROOTS[server]]
    assert total is not None
    assert total >= 12
    assert {one.author.role for one in thread} == {AuthorRole.BRAND, AuthorRole.CUSTOMER}
    assert {one.thread.community.remote_id for one in thread} == {BRANDS[server].acct}
    assert not {one.key for one in again} - {one.key for one in deliveries}


@pytest.mark.parametrize("server", SERVERS)
def test_nothing_private_is_delivered(server: str) -> None:
    with replaying(server) as replay, opened(replay.url, now=soon, hashtags=("bellacremahelp",)) as session:
        deliveries, _ = rounds(session)
    private = {raw["id"] for _, raw in statuses(server) if raw["visibility"] in ("private", "direct")}
    seen = {event.remote_id for event in events([d for d in deliveries if d.admitted]) if hasattr(event, "remote_id")}
    assert not seen & private
    assert all(one.body == b"" for one in deliveries if not one.admitted)


@pytest.mark.parametrize("server", SERVERS)
def test_notifications_fall_back_and_the_choice_is_kept(server: str) -> None:
    with replaying(server) as replay, opened(replay.url, now=soon) as session:
        _, cursor = rounds(session)
        first = [path for _, path in replay.asked if "/api/v2/notifications" in path]
        rounds(session, cursor)
        second = [path for _, path in replay.asked if "/api/v2/notifications" in path]
    assert len(first) == len(second) == 1
    assert any("/api/v1/notifications" in path and "include_filtered=true" in path for _, path in replay.asked)


@pytest.mark.parametrize("server", SERVERS)
def test_the_check_names_server_and_account(server: str) -> None:
    with replaying(server) as replay, opened(replay.url, now=soon, lists=("Customers with open cases",)) as session:
        check = session.check()
    assert (check.server, check.account) == (NAMES[server], "@" + BRANDS[server].acct)
    assert check.may == ANSWERING
    assert any("Idempotency-Key" in note for note in check.notes)
    assert bool(check.missing) == (server == "takahe")  # it has no lists


@pytest.mark.parametrize(
    ("server", "name"),
    [("gotosocial", "36-verify-credentials-bad-token"), ("takahe", "35-verify-credentials-bad-token")],
)
def test_a_dead_token_is_refused(server: str, name: str) -> None:
    with replaying(server) as replay, opened(replay.url, now=soon) as session:
        replay.pinned["GET /api/v1/accounts/verify_credentials"] = name
        with pytest.raises(CredentialsRefused):
            session.poll("")


def test_takahe_is_never_asked_to_answer_a_post_that_is_not_there() -> None:
    with replaying("takahe") as replay, opened(replay.url, now=soon) as session:
        replay.pinned["GET /api/v1/statuses/647186636956699568"] = "91-get-deleted"
        act = Act(1, Capability.REPLY, "647186636956699568", "Hello")
        with pytest.raises(Gone):
            session.perform(Permit(1, "p", Capability.REPLY, "s", soon()), act)
    assert not [one for one in replay.asked if one[0] == "POST"]


@pytest.mark.parametrize("server", SERVERS)
def test_our_own_reply_is_found_again(server: str) -> None:
    own = BRANDS[server]
    raw = next(
        one for _, one in statuses(server) if one["account"]["id"] == own.id and one["in_reply_to_id"] == ROOTS[server]
    )
    text = {"gotosocial": "bonjour, quel âge a la machine ?", "takahe": "bonjour, quel âge a la machine ?"}[server]
    act = Act(1, Capability.REPLY, ROOTS[server], text)
    with replaying(server) as replay, opened(replay.url, now=soon) as session:
        found = session.find_existing(act, datetime(2026, 11, 22, 4, 0, tzinfo=UTC))
        later = session.find_existing(act, datetime(2026, 11, 22, 5, 0, tzinfo=UTC))
    assert found is not None
    assert found.remote_id == raw["id"]
    assert later is None
