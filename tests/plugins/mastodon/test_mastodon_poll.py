"""Polling against the sandbox: what is new, what changed, what is gone, and where reading starts again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from moderation.model import MessageGone, MessageSeen
from plugins.contract import CredentialsRefused, Delivery, Temporary
from plugins.mastodon import cursor as cursor_module
from plugins.mastodon import sources
from plugins.mastodon.client import Answer, Client
from plugins.mastodon.session import MastodonSession
from service.sandbox.fediverse import Status, Wish
from tests.plugins.mastodon.making import events, messages, opened, rounds, totals
from tests.sandbox_server import Running, running_sandbox


class Time:
    """A clock that the test moves on."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.at

    def later(self, **step: float) -> None:
        self.at += timedelta(**step)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def box(time: Time) -> Iterator[Running]:
    with running_sandbox(now=time) as running:
        yield running


@pytest.fixture
def session(box: Running, time: Time) -> Iterator[MastodonSession]:
    with opened(box.mastodon.url, box.mastodon.token, now=time, hashtags=("bravahelp",)) as made:
        yield made


@pytest.fixture
def calls(session: MastodonSession, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that are read, in their order."""
    asked: list[str] = []
    get = Client.get

    def noted(self: Client, path: str, params: Mapping[str, Any] | None = None) -> Answer:
        asked.append(path)
        return get(self, path, params)

    monkeypatch.setattr(Client, "get", noted)
    return asked


def say(box: Running, name: str, text: str, parent: str | None = None, visibility: str = "public") -> Status:
    with box.world.lock:
        fedi = box.world.fedi
        account = fedi.account_named(name)
        assert account is not None
        return fedi.post(Wish(account.id, text, visibility=visibility, in_reply_to=parent, at=box.world.now()))


def milk(box: Running) -> Status:
    return next(one for one in box.world.fedi.statuses.values() if "frother" in one.text)


def thread_of(box: Running, root: Status) -> set[str]:
    """The ids of everything in a thread, as the sandbox itself has it."""
    ids = {root.id}
    for one in box.world.fedi.statuses.values():  # a reply is always younger than what it answers
        ids |= {one.id} if one.in_reply_to in ids else set()
    return ids


def gone(deliveries: list[Delivery]) -> list[str]:
    return [event.remote_id for event in events(deliveries) if isinstance(event, MessageGone)]


def test_the_first_reading_finds_every_public_thread(box: Running, session: MastodonSession) -> None:
    deliveries = rounds(session)[0]
    found = messages(deliveries)
    assert set(found) == set(box.world.fedi.statuses)
    root = found[milk(box).id]
    assert root.addressed
    assert totals(deliveries)[root.remote_id] == 3
    assert {one.thread.remote_id for one in found.values() if one.in_reply_to} == {root.remote_id}


def test_the_same_state_polled_twice_has_the_same_keys(session: MastodonSession) -> None:
    first, cursor = rounds(session)
    again, _ = rounds(session, cursor)
    afresh, _ = rounds(session)
    assert {one.key for one in again} <= {one.key for one in first}
    assert {one.key for one in afresh} == {one.key for one in first}


def test_private_posts_leave_nothing(box: Running, session: MastodonSession) -> None:
    say(box, "ines", "@brava my address is 4 rue X", visibility="direct")
    say(box, "ines", "@brava followers only", visibility="private")
    deliveries, _ = rounds(session)
    assert not [one for one in messages(deliveries).values() if one.visibility not in ("public", "unlisted")]
    assert not any(b"rue X" in one.body or b"followers only" in one.body for one in deliveries)
    assert len([one for one in deliveries if not one.admitted]) == 2


def test_a_mention_that_the_accounts_filter_holds_back_is_read(box: Running, session: MastodonSession) -> None:
    with box.world.lock:
        marc = box.world.fedi.account_named("marc")
        assert marc is not None
        marc.limited = True
    said = say(box, "marc", "@brava nobody answers")
    assert said.id in messages(rounds(session)[0])


def test_a_new_reply_deep_in_a_thread_arrives_with_its_root(box: Running, session: MastodonSession) -> None:
    _, cursor = rounds(session)
    deep = say(box, "ines", "@brava et moi ?", parent=say(box, "marc", "And now?", parent=milk(box).id).id)
    deliveries, _ = rounds(session, cursor)
    found = messages(deliveries)
    assert found[deep.id].thread.remote_id == milk(box).id
    assert set(found) == thread_of(box, milk(box))
    assert totals(deliveries)[milk(box).id] == 5


def test_a_mention_in_an_unknown_thread_brings_the_whole_thread(box: Running, session: MastodonSession) -> None:
    _, cursor = rounds(session)
    root = say(box, "tomoko", "Which grinder?")
    side = say(box, "marc", "Any.", parent=root.id)
    call = say(box, "ines", "@brava what do you say?", parent=root.id)
    deliveries, _ = rounds(session, cursor)
    found = messages(deliveries)
    assert {root.id, side.id, call.id} == thread_of(box, root) <= set(found)
    assert {found[one.id].thread.remote_id for one in (root, side, call)} == {root.id}
    assert totals(deliveries)[root.id] == 2


def test_a_first_reading_takes_one_call_a_thread_and_misses_no_reply(
    box: Running, session: MastodonSession, calls: list[str]
) -> None:
    roots = [say(box, "tomoko", f"#bravahelp question {n}") for n in range(6)]
    for root in roots:
        last = root
        for depth in range(4):
            last = say(box, "marc", f"Answer {depth}", parent=last.id)
    deliveries, _ = rounds(session)
    assert set(messages(deliveries)) == set(box.world.fedi.statuses)
    assert {totals(deliveries)[root.id] for root in roots} == {4}
    reading = [path for path in calls if path.startswith("/api/v1/statuses/")]
    assert len(reading) == len(set(reading)) == len(roots) + 1  # and the thread of the sandbox's story
    assert all(path.endswith("/context") for path in reading)


def test_replies_that_only_the_server_knows_count_alike_at_every_reading(
    box: Running, session: MastodonSession, time: Time
) -> None:
    root = say(box, "tomoko", "@brava which grinder?")
    seen = say(box, "marc", "Any.", parent=root.id)
    say(box, "ines", "For friends only.", parent=root.id, visibility="private")
    say(box, "ines", "And this too.", parent=seen.id, visibility="private")
    first, cursor = rounds(session)
    again: list[Delivery] = []
    for _ in range(2):  # two threads are read again in a round
        time.later(minutes=11)
        found, cursor = rounds(session, cursor)
        again += found
    assert totals(first)[root.id] == totals(again)[root.id] == 3
    assert {one.key for one in again} <= {one.key for one in first}


def test_a_count_that_falls_and_rises_again_is_news_each_time(
    box: Running, session: MastodonSession, time: Time
) -> None:
    deliveries, cursor = rounds(session)
    keys = {one.key for one in deliveries}
    reply = next(one for one in box.world.fedi.statuses.values() if "vinegar" in one.text)
    with box.world.lock:
        box.world.fedi.delete(reply)
    time.later(minutes=11)
    fewer, cursor = rounds(session, cursor)
    say(box, "ines", "@brava et moi ?", parent=milk(box).id)
    time.later(minutes=11)
    more, _ = rounds(session, cursor)
    assert (totals(fewer)[milk(box).id], totals(more)[milk(box).id]) == (2, 3)
    assert not {one.key for one in more if one.kind == "thread" and b'"total":3' in one.body} & keys


def test_edits_are_found_by_reading_threads_again(box: Running, session: MastodonSession, time: Time) -> None:
    _, cursor = rounds(session)
    reply = next(one for one in box.world.fedi.statuses.values() if "vinegar" in one.text)
    time.later(minutes=11)
    with box.world.lock:
        box.world.fedi.edit(reply, "Twice, with citric acid.")
    found = messages(rounds(session, cursor)[0])
    assert found[reply.id].text == "Twice, with citric acid."
    assert found[reply.id].version > 0


def test_deletions_are_found_and_said_once(box: Running, session: MastodonSession, time: Time) -> None:
    _, cursor = rounds(session)
    reply = next(one for one in box.world.fedi.statuses.values() if "vinegar" in one.text)
    with box.world.lock:
        box.world.fedi.delete(reply)
    time.later(minutes=11)
    deliveries, cursor = rounds(session, cursor)
    assert gone(deliveries) == [reply.id]
    time.later(minutes=11)
    assert gone(rounds(session, cursor)[0]) == []


def test_when_a_root_is_gone_its_replies_are_looked_at_one_by_one(
    box: Running, session: MastodonSession, time: Time
) -> None:
    _, cursor = rounds(session)
    root = milk(box)
    replies = [one for one in box.world.fedi.statuses.values() if one.in_reply_to == root.id]
    with box.world.lock:
        box.world.fedi.delete(root)
        box.world.fedi.delete(replies[0])
    time.later(minutes=11)
    deliveries, cursor = rounds(session, cursor)
    assert set(gone(deliveries)) == {root.id, replies[0].id}
    with box.world.lock:
        box.world.fedi.delete(replies[1])
    time.later(hours=7)
    assert gone(rounds(session, cursor)[0]) == [replies[1].id]


def test_what_is_no_longer_public_is_taken_back(box: Running, session: MastodonSession, time: Time) -> None:
    _, cursor = rounds(session)
    with box.world.lock:
        author = box.world.fedi.accounts[
            next(s for s in box.world.fedi.statuses.values() if "descale" in s.text).account_id
        ]
        author.note = "please #nobot"
    time.later(minutes=11)
    assert len(gone(rounds(session, cursor)[0])) == 1


def test_a_long_past_is_read_page_by_page_and_new_mentions_do_not_wait(
    box: Running, session: MastodonSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "PAGE", 5)
    old = [say(box, "tomoko", f"#bravahelp question {n}") for n in range(23)]
    cursor = ""
    found: dict[str, MessageSeen] = {}
    for _ in range(4):
        page = session.poll(cursor)
        cursor = page.cursor
        found |= messages(list(page.deliveries))
    call = say(box, "ines", "@brava now please")
    polls = 0
    while call.id not in found:
        page = session.poll(cursor)
        cursor, polls = page.cursor, polls + 1
        found |= messages(list(page.deliveries))
        assert polls < 20
    assert not {one.id for one in old} <= set(found)
    found |= messages(rounds(session, cursor)[0])
    assert {one.id for one in old} <= set(found)


def test_nothing_is_lost_between_pages_when_reading_forward(
    box: Running, session: MastodonSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "PAGE", 3)
    _, cursor = rounds(session)
    new = [say(box, "tomoko", f"#bravahelp news {n}") for n in range(20)]
    assert {one.id for one in new} <= set(messages(rounds(session, cursor)[0]))


def test_the_past_ends_where_the_settings_say(box: Running, time: Time) -> None:
    time.later(days=60)
    with opened(box.mastodon.url, box.mastodon.token, now=time, hashtags=("bravahelp",), history_days=30) as session:
        assert messages(rounds(session)[0]) == {}


def test_lists_and_accounts_are_read_by_their_names(box: Running, time: Time) -> None:
    said = say(box, "marc", "Mine is at the repair shop.")
    quiet = say(box, "marc", "Between us.", visibility="unlisted")
    settings = {"accounts": ("@marc", "@nobody"), "lists": ("No such list",)}
    with opened(box.mastodon.url, box.mastodon.token, now=time, **settings) as session:
        found = messages(rounds(session)[0])
        missing = session.check().missing
    assert said.id in found
    assert quiet.id not in found
    assert len(missing) == 2
    assert "nobody" in missing[1]


def test_another_account_or_a_broken_cursor_starts_again(box: Running, session: MastodonSession) -> None:
    first, cursor = rounds(session)
    moved = json.loads(cursor) | {"account": "somebody-else"}
    for other in (json.dumps(moved), "no json", '{"v":0}', cursor.replace(box.mastodon.url, "https://other.example")):
        assert {one.key for one in rounds(session, other)[0]} == {one.key for one in first}


def test_servers_without_grouped_notifications_or_rate_headers(time: Time) -> None:
    with (
        running_sandbox(now=time, grouped_notifications=False, rate_headers=False) as box,
        opened(box.mastodon.url, box.mastodon.token, now=time) as session,
    ):
        assert milk(box).id in messages(rounds(session)[0])


def test_one_post_that_makes_the_server_fail_does_not_stop_the_others(box: Running, session: MastodonSession) -> None:
    box.fail("server_error", path=f"/api/v1/statuses/{milk(box).id}", times=99)
    other = say(box, "ines", "@brava hello?", parent=say(box, "tomoko", "Hm.").id)
    assert other.id in messages(rounds(session)[0])


def test_a_position_the_server_cannot_use_starts_the_stream_again(box: Running, session: MastodonSession) -> None:
    first, cursor = rounds(session)
    box.fail("server_error", path="/api/v1/timelines/tag", times=1)
    _, cursor = rounds(session, cursor)
    again, _ = rounds(session, cursor)
    assert again
    assert {one.key for one in again} <= {one.key for one in first}


def test_a_server_in_trouble_and_a_dead_token_stop_the_poll(box: Running, session: MastodonSession, time: Time) -> None:
    box.fail("server_error", path="/api/v2/notifications", status=503)
    with pytest.raises(Temporary):
        session.poll("")
    with opened(box.mastodon.url, "revoked", now=time) as dead, pytest.raises(CredentialsRefused):
        dead.poll("")


def test_the_cursor_stays_small(box: Running, session: MastodonSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cursor_module, "THREADS_KEPT", 5)
    for n in range(12):
        say(box, "tomoko", f"#bravahelp {n}")
    _, cursor = rounds(session)
    assert len(json.loads(cursor)["threads"]) == 5


def test_reading_a_thread_again_does_not_make_it_recent() -> None:
    kept = cursor_module.Cursor()
    kept.add("old", ["old", "1"])
    kept.add("new", ["new"])
    kept.add("old", ["1"])
    assert list(kept.threads) == ["old", "new"]
    kept.add("old", ["2"])
    assert list(kept.threads) == ["new", "old"]


def test_a_whole_thread_by_its_id(box: Running, session: MastodonSession) -> None:
    page = session.fetch_thread(milk(box).id)
    assert len(messages(list(page.deliveries))) == 4
    assert gone(list(session.fetch_thread("0").deliveries)) == ["0"]
