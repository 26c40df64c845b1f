"""The connector against the recorded answers of NodeBB 4.11.2, over a real socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from moderation.model import (
    AuthorRole,
    Capability,
    MessageSeen,
    ReportOutcome,
    ReportReason,
    ReportSeen,
    ThreadChanged,
    ThreadListed,
)
from moderation.policy import Permit
from plugins.contract import (
    Act,
    Ambiguous,
    CredentialsRefused,
    Delivery,
    Gone,
    Holder,
    Io,
    MissingRight,
    Permanent,
)
from plugins.nodebb import NodebbSession, connector
from plugins.nodebb.shape import slim_flag
from tests.plugins.nodebb.nodebb_recorded import Replay, answer, needs_recordings, replaying
from tests.plugins.nodebb.rig import settings_for
from tests.support.pacer import MemoryPacer

pytestmark = needs_recordings
PAGES = {"GET /api/topic/5?page=1": "60-topic-read", "GET /api/topic/5?page=2": "61-topic-read-page-2"}


def soon() -> datetime:
    return datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


@contextmanager
def opened(pinned: dict[str, str] | None = None, uid: int = 2) -> Iterator[tuple[NodebbSession, Replay]]:
    with replaying(**(pinned or {})) as replay:
        io = Io(frozenset({"127.0.0.1"}), MemoryPacer(), soon)
        session = connector.open(settings_for(replay.url, "TOKEN", uid), io)
        try:
            yield session, replay
        finally:
            session.close()


def events(found: tuple[Delivery, ...]) -> list[Any]:
    settings = settings_for("https://forum.example", "TOKEN", 2)
    return [event for one in found for event in connector.parse(one, settings).events]


def permit(act: Act) -> Permit:
    return Permit(act.action_id, "p", act.kind, act.target, soon())


def do(session: NodebbSession, kind: Capability, target: str, text: str = "", **options: Any) -> Any:
    act = Act(1, kind, target, text, options=options)
    return session.perform(permit(act), act)


# ------------------------------------------------------------------ reading


def test_a_topic_of_two_pages_is_read_as_a_whole() -> None:
    with opened(PAGES) as (session, _):
        page = session.fetch_thread("5")
    found = events(page.deliveries)
    messages = [one for one in found if isinstance(one, MessageSeen)]
    listed = next(one for one in found if isinstance(one, ThreadListed))
    thread = next(one.thread for one in found if isinstance(one, ThreadChanged))
    assert len(messages) == 26
    assert listed.present == tuple(one.remote_id for one in messages)
    assert (thread.title, thread.total_replies, thread.closed) == ("Pressure drops to four bars", 25, False)
    assert thread.accepted_answer is None, "the plugin was not on, so nothing is said"
    assert (thread.community.remote_id, thread.community.name) == ("5", "Help with your machine")
    first, second = messages[:2]
    assert first.text == "Hello, after two minutes the pressure drops to four bars. What can I do?"
    assert (first.author.handle, first.author.remote_id, first.in_reply_to) == ("ines", "3", None)
    assert (second.text[:12], second.author.role, second.in_reply_to) == ("Hello @ines,", AuthorRole.BRAND, "5")
    assert second.url == "https://forum.example/post/10"
    assert any(one.addressed for one in messages if one.in_reply_to == "10")


def test_nothing_of_a_page_is_kept_but_what_is_used() -> None:
    with opened(PAGES) as (session, _):
        bodies = b"".join(one.body for one in session.fetch_thread("5").deliveries)
    for word in (b"RSS_TOKEN", b"rssFeedUrl", b"mail.example", b"203.0.113", b"loggedInUser", b"lastonline"):
        assert word not in bodies


def test_an_accepted_answer_is_taken_once_and_a_deleted_post_not_at_all() -> None:
    with opened(PAGES | {"GET /api/topic/5?page=1": "277-qna-topic-with-accepted-answer"}) as (session, _):
        found = events(session.fetch_thread("5").deliveries)
    seen = [one.remote_id for one in found if isinstance(one, MessageSeen)]
    thread = next(one.thread for one in found if isinstance(one, ThreadChanged))
    assert seen.count("10") == 1
    assert "5" not in seen, "its author deleted the question"
    assert thread.accepted_answer == "10"
    edited = next(one for one in found if isinstance(one, MessageSeen) and one.remote_id == "10")
    assert edited.edited_at is not None
    assert edited.version == edited.edited_at.timestamp() > edited.created_at.timestamp()


def test_titles_are_not_kept_escaped() -> None:
    with opened({"GET /api/topic/8": "66-topic-read-anonymous"}) as (session, replay):
        # The recorded page was read as a guest, which a session must never take for its own.
        with pytest.raises(CredentialsRefused):
            session.fetch_thread("8")
        assert replay.asked[-1] == "GET /api/topic/8"
    body = {"topic": answer("66-topic-read-anonymous"), "category": {"name": "Comments &amp; Feedback"}}
    found = events((Delivery("k", "topic", json.dumps(body).encode()),))
    assert found[0].thread.title == "Ma commande n'est pas arrivée"
    assert found[0].thread.community.name == "Comments & Feedback"


@pytest.mark.parametrize("name", ["162-topic-read-deleted-by-stranger", "169-topic-read-purged"])
def test_a_topic_that_was_deleted_or_removed_is_gone(name: str) -> None:
    with opened({"GET /api/topic/14": name}) as (session, _):
        found = events(session.fetch_thread("14").deliveries)
    assert [(type(one), one.thread_id, one.present) for one in found] == [(ThreadListed, "14", ())]


def test_a_first_reading_lists_topics_and_flags() -> None:
    pinned = PAGES | {"GET /api/flags": "233-flags-list-admin"}
    pinned |= {f"GET /api/recent?page={page}": "76-recent-page-2" for page in (2, 3, 4, 5)}
    with opened(pinned) as (session, replay):
        cursor, found = "", []
        for _ in range(30):
            page = session.poll(cursor)
            cursor = page.cursor
            found += page.deliveries
            if not page.more:
                break
    assert "GET /api/recent" in replay.asked
    reports = [one for one in events(tuple(found)) if isinstance(one, ReportSeen)]
    assert {(one.remote_id, one.reporter.handle if one.reporter else "") for one in reports} == {
        ("4:2", "brand"),
        ("4:3", "ines"),
    }
    assert "RSS_TOKEN" not in cursor


def test_a_flag_says_who_complained_of_what() -> None:
    body = {"flag": slim_flag(answer("237-flag-get-read-api"))}
    first, second = events((Delivery("k", "flag", json.dumps(body).encode()),))
    assert (first.message_id, first.about.handle, first.reporter.handle) == ("47", "marc", "brand")
    assert (first.text, first.reason, first.outcome) == ("abusive", ReportReason.ABUSE, ReportOutcome.OPEN)
    assert (second.text, second.reason) == ("Insults in a help topic", ReportReason.ABUSE)


def test_the_text_of_a_flagged_post_is_not_kept() -> None:
    assert "clowns" not in json.dumps(slim_flag(answer("237-flag-get-read-api")))


# ------------------------------------------------------------------ acting


def test_an_answer_says_what_it_became_and_who_sends_it() -> None:
    pinned = {"GET /api/v3/topics/5": "59-topic-v3-get", "POST /api/v3/topics/5": "54-topic-reply"}
    with opened(pinned) as (session, replay):
        receipt = do(session, Capability.REPLY, "5", "Hello @ines, how old is the machine?")
    assert (receipt.remote_id, receipt.url) == ("10", f"{replay.url}/post/10")
    assert replay.sent == [{"content": "Hello @ines, how old is the machine?", "toPid": 5, "_uid": 2}]


def test_an_answer_that_waits_for_approval_has_no_id() -> None:
    pinned = {"GET /api/v3/topics/5": "59-topic-v3-get", "POST /api/v3/topics/5": "29-topic-create-queued"}
    with opened(pinned) as (session, replay):
        receipt = do(session, Capability.REPLY, "5", "Please wait for us.")
    assert (receipt.remote_id, receipt.url) == ("", f"{replay.url}/topic/5")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("41-topic-create-post-delay", "60 second"),
        ("55-topic-reply-short", "longer post"),
        ("148-reply-to-locked-topic", "Topic locked"),
        ("191-muted-user-posts", "muted"),
    ],
)
def test_a_refusal_is_told_in_the_forums_words(name: str, said: str) -> None:
    pinned = {"GET /api/v3/topics/5": "59-topic-v3-get", "POST /api/v3/topics/5": name}
    with opened(pinned) as (session, _), pytest.raises(Permanent) as caught:
        do(session, Capability.REPLY, "5", "Please wait for us.")
    assert said in str(caught.value)
    assert not isinstance(caught.value, Gone | MissingRight | CredentialsRefused)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("08-write-token-missing", CredentialsRefused),
        ("10-master-token-without-uid", CredentialsRefused),
        ("11-master-token-unknown-uid", CredentialsRefused),
        ("185-banned-user-posts", MissingRight),
        ("56-topic-reply-unknown-topic", Gone),
    ],
)
def test_each_refusal_has_its_kind(name: str, kind: type[Exception]) -> None:
    pinned = {"GET /api/v3/topics/5": "59-topic-v3-get", "POST /api/v3/topics/5": name}
    with opened(pinned) as (session, _), pytest.raises(kind) as caught:
        do(session, Capability.REPLY, "5", "Please wait for us.")
    assert type(caught.value) is kind
    assert not isinstance(caught.value, Ambiguous)


def test_a_deleted_post_is_not_answered() -> None:
    pinned = {"GET /api/v3/posts/39": "93-post-get-deleted-by-author"}
    with opened(pinned) as (session, replay), pytest.raises(Gone):
        do(session, Capability.REPLY, "39", "Please wait for us.")
    assert replay.sent == []


def test_a_post_that_is_deleted_already_is_as_good_as_hidden() -> None:
    pinned = {
        "DELETE /api/v3/posts/39/state": "96-post-delete-twice",
        "GET /api/v3/posts/39": "93-post-get-deleted-by-author",
    }
    with opened(pinned) as (session, _):
        assert do(session, Capability.HIDE, "39").remote_id == "39"


def test_a_moderator_acts_in_their_category_and_in_no_other() -> None:
    pinned = {
        "PUT /api/v3/topics/5/lock": "133-granted-lock-in-category",
        "PUT /api/v3/topics/8/lock": "135-granted-lock-other-category",
    }
    with opened(pinned, uid=6) as (session, _):
        assert do(session, Capability.LOCK, "5").remote_id == "5"
        with pytest.raises(MissingRight):
            do(session, Capability.LOCK, "8")


def test_a_flag_is_settled_for_all_who_stand_by_it() -> None:
    pinned = {"PUT /api/v3/flags/4": "249-flag-resolve", "GET /api/v3/flags/4": "238-flag-get-v3"}
    with opened(pinned, uid=6) as (session, replay):
        act = Act(1, Capability.RESOLVE_REPORT, "4:3", options={"outcome": "upheld"})
        assert session.find_existing(act, soon()) is None
        assert session.perform(permit(act), act).remote_id == "4:3"
        replay.pinned["GET /api/v3/flags/4"] = "255-flag-get-after"
        assert session.find_existing(act, soon()) is not None
    assert replay.sent == [{"state": "resolved", "_uid": 6}]


# ------------------------------------------------------------------ rights


RIGHT = Permit(1, "grant", Capability.GRANT, "community:5", soon(), 1)


def test_a_right_is_given_and_taken_in_one_category() -> None:
    with opened(uid=1) as (session, replay):
        session.give(RIGHT, Holder("6", "rock"), "5")
        session.take(Holder("6", "rock"), "5")
    assert [one for one in replay.asked if not one.startswith("GET")] == [
        "PUT /api/v3/categories/5/moderator/6",
        "DELETE /api/v3/categories/5/moderator/6",
    ]


def test_who_moderates_through_a_group_is_told_apart_and_the_guest_is_nobody() -> None:
    pinned = {
        "GET /api/v3/categories/6": "24-category-v3-get",
        "GET /api/v3/categories/6/privileges": "261-group-moderate-privilege",
        "GET /api/categories/6/moderators": "263-moderators-of-category-with-group",
    }
    with opened(pinned, uid=1) as (session, replay):
        assert session.holders("6") == (Holder("1", "admin", "Rock stars"), Holder("6", "rock", "Rock stars"))
        replay.pinned["GET /api/v3/categories/6/privileges"] = "258-granted-in-both-categories"
        assert Holder("6", "rock") in session.holders("6")


def test_a_category_that_is_not_there_has_no_moderators() -> None:
    with opened(uid=1) as (session, _):
        assert session.holders("999") == ()


def test_who_may_not_give_a_right_is_told_which_one_is_missing() -> None:
    pinned = {"PUT /api/v3/categories/5/moderator/6": "125-moderator-grant-by-member"}
    with opened(pinned) as (session, _), pytest.raises(MissingRight, match="administrator"):
        session.give(RIGHT, Holder("6", "rock"), "5")
