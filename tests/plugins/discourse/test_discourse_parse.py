"""Records of a forum to events: what is said, and which field is named when it cannot be used."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.errors import BadInput
from moderation.model import (
    AuthorRole,
    CommunitySeen,
    Event,
    Ignored,
    MessageGone,
    MessageSeen,
    ThreadChanged,
    ThreadListed,
)
from plugins.contract import Delivery
from plugins.discourse import connector
from plugins.discourse.settings import DiscourseSettings
from plugins.discourse.shape import Maker, likes_of
from plugins.discourse.text import message_text, without_bbcode_quotes

SETTINGS = DiscourseSettings.model_validate({"url": "https://f.example/sub/", "api_key": "k", "api_username": "@Brava"})
POST: dict[str, Any] = {
    "id": 9,
    "topic_id": 5,
    "topic_title": "Late",
    "topic_slug": "late",
    "category_id": 7,
    "post_number": 3,
    "user_id": 57,
    "username": "alice",
    "name": "Alice",
    "trust_level": 2,
    "raw": "Where is it?",
    "created_at": "2026-11-01T10:00:00.000Z",
    "updated_at": "2026-11-01T10:05:00.000Z",
    "version": 1,
}
CATEGORY = {"name": "Help", "restricted": False}


def parsed(kind: str, body: object) -> Event:
    (event,) = connector.parse(Delivery("k", kind, json.dumps(body).encode()), SETTINGS).events
    return event


def message(**changes: Any) -> MessageSeen:
    event = parsed("post", {"post": POST | changes, "category": CATEGORY})
    assert isinstance(event, MessageSeen)
    return event


def test_a_post_becomes_a_message() -> None:
    seen = message(likes=4)
    assert (seen.remote_id, seen.thread.remote_id, seen.text, seen.likes) == ("9", "5", "Where is it?", 4)
    assert seen.url == "https://f.example/sub/t/late/5/3"
    assert seen.thread.community == CommunitySeen("7", "Help")
    assert (seen.author.remote_id, seen.author.handle, seen.author.trust, seen.author.bot) == ("57", "alice", 2, False)
    assert seen.created_at == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert (seen.version, seen.edited_at, seen.in_reply_to, seen.visibility) == (1.0, None, None, "public")


def test_an_edit_has_its_version_and_time() -> None:
    seen = message(version=3)
    assert (seen.version, seen.edited_at) == (3.0, datetime(2026, 11, 1, 10, 5, tzinfo=UTC))


@pytest.mark.parametrize(
    ("change", "role"),
    [
        ({}, AuthorRole.CUSTOMER),
        ({"staff": True}, AuthorRole.STAFF),
        ({"moderator": True}, AuthorRole.STAFF),
        ({"admin": True}, AuthorRole.STAFF),
        ({"staff": "yes"}, AuthorRole.CUSTOMER),
        ({"username": "brava", "admin": True}, AuthorRole.BRAND),
    ],
)
def test_roles(change: dict[str, Any], role: AuthorRole) -> None:
    assert message(**change).author.role is role


def test_the_forums_own_accounts_are_bots() -> None:
    assert message(user_id=-1, username="system").author.bot


@pytest.mark.parametrize(
    ("change", "addressed"),
    [
        ({"raw": "@brava help"}, True),
        ({"raw": "help, @BRAVA!"}, True),
        ({"raw": "mail me at x@brava.com"}, False),
        ({"raw": "@bravado help"}, False),
        ({"raw": "> @brava help\n\nI agree"}, False),
        ({"raw": '[quote="bob"]\n@brava help\n[/quote]\nI agree'}, False),
        ({"reply_to_username": "brava"}, True),
        ({"reply_to_username": "bob"}, False),
    ],
)
def test_what_addresses_the_brand(change: dict[str, Any], addressed: bool) -> None:
    assert message(**change).addressed is addressed


@pytest.mark.parametrize("change", [{"deleted_at": "2026-11-02T00:00:00Z"}, {"user_deleted": True}])
def test_deleted_posts_are_gone(change: dict[str, Any]) -> None:
    event = parsed("post", {"post": POST | change})
    assert isinstance(event, MessageGone)
    assert event.remote_id == "9"


@pytest.mark.parametrize("change", [{"post_type": 3}, {"post_type": 4}, {"topic_archetype": "private_message"}])
def test_what_is_no_public_message_is_ignored(change: dict[str, Any]) -> None:
    assert isinstance(parsed("post", {"post": POST | change}), Ignored)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", None),
        ("id", "x"),
        ("id", True),
        ("id", 1.5),
        ("topic_id", None),
        ("topic_id", "../admin"),
        ("category_id", "help"),
        ("user_id", None),
        ("user_id", "57"),
        ("username", None),
        ("username", 5),
        ("version", None),
        ("version", "2"),
        ("version", 1e400),
        ("post_number", None),
        ("created_at", None),
        ("created_at", "yesterday"),
        ("created_at", "2026-11-01T10:00:00"),
        ("created_at", 1_700_000_000),
        ("likes", "many"),
        ("trust_level", "high"),
        ("raw", 5),
    ],
)
def test_a_field_of_no_use_is_named(field: str, value: object) -> None:
    with pytest.raises(BadInput, match=field):
        message(**{field: value})


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"{}", b'{"post":5}', b"[" * 50_000])
@pytest.mark.parametrize("kind", ["post", "topic", "stream", "gone", "post_destroyed", "accepted_solution"])
def test_bodies_of_no_use_are_bad_input(kind: str, body: bytes) -> None:
    with pytest.raises(BadInput):
        connector.parse(Delivery("k", kind, body), SETTINGS)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*POST, "likes", "recovered_at", "deleted_at", "cooked"]), json_values))
def test_no_post_raises_anything_but_bad_input(changes: dict[str, Any]) -> None:
    body = json.dumps({"post": POST | changes, "category": CATEGORY}).encode()
    try:
        connector.parse(Delivery("k", "post", body), SETTINGS)
    except BadInput:
        return


def test_a_topic_says_title_count_and_answer() -> None:
    topic = {"id": 5, "title": "Late", "slug": "late", "category_id": 7, "posts_count": 3, "closed": False}
    event = parsed("stream", {"topic": topic, "category": CATEGORY, "accepted_answer": 9, "stream": [8, 9]})
    assert isinstance(event, ThreadChanged)
    thread = event.thread
    assert (thread.title, thread.total_replies, thread.closed, thread.accepted_answer) == ("Late", 2, False, "9")
    assert thread.tags is None
    event = parsed("topic", {"topic": {"id": 5, "category_id": 7}})
    assert isinstance(event, ThreadChanged)
    thread = event.thread
    assert (thread.title, thread.total_replies, thread.closed, thread.accepted_answer) == (None, None, None, None)


@pytest.mark.parametrize("tags", [["Mouture"], [{"id": 4, "name": "mouture", "slug": "mouture"}]])
def test_tags_are_read_as_older_and_newer_forums_write_them(tags: list[object]) -> None:
    event = parsed("topic", {"topic": {"id": 5, "category_id": 7, "tags": tags}})
    assert isinstance(event, ThreadChanged)
    assert event.thread.tags == ("mouture",)


def test_a_whole_list_says_which_posts_are_there() -> None:
    body = {"topic": {"id": 5, "category_id": 7}, "stream": [8, 9], "listed_at": "2026-11-01T10:00:00+00:00"}
    changed, listed = connector.parse(Delivery("k", "stream", json.dumps(body).encode()), SETTINGS).events
    assert isinstance(changed, ThreadChanged)
    assert listed == ThreadListed("5", ("8", "9"), datetime(2026, 11, 1, 10, tzinfo=UTC))
    gone = parsed("gone", {"topic_id": "5", "at": "2026-11-01T10:00:00+00:00"})
    assert gone == ThreadListed("5", (), datetime(2026, 11, 1, 10, tzinfo=UTC))


@pytest.mark.parametrize("change", [{"stream": []}, {"stream": None}, {"stream": [None]}, {"listed_at": "soon"}])
def test_a_list_of_no_use_is_bad_input(change: dict[str, Any]) -> None:
    body = {"topic": {"id": 5, "category_id": 7}, "stream": [8], "listed_at": "2026-11-01T10:00:00Z"}
    with pytest.raises(BadInput):
        connector.parse(Delivery("k", "stream", json.dumps(body | change).encode()), SETTINGS)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ('[quote="bob, post:1, topic:2"]\nhello\n[/quote]\n\nyes', "> hello\n\nyes"),
        ("[quote]a[quote]b[/quote]c[/quote]d", "> a\n\n> > b\n\n> c\n\nd"),
        ("[quote]never closed", "[quote]never closed"),
        ("[/quote]odd[quote]", "[/quote]odd[quote]"),
        ("no marks", "no marks"),
    ],
)
def test_quotations_become_marked_lines(raw: str, text: str) -> None:
    assert without_bbcode_quotes(raw) == text


@pytest.mark.parametrize("piece", ["<div>", "<blockquote><p>", "<", "<b", "</p><p>"])
def test_markup_nested_without_end_takes_no_more_than_linear_time(piece: str) -> None:
    started = time.thread_time()
    text = message_text({"cooked": f"Before {piece * (600_000 // len(piece))} after"})
    assert time.thread_time() - started < 10.0  # it is minutes where it is not linear
    assert text.startswith("Before")
    assert "after" in text or piece == "<b"
    assert "<" not in text


def test_without_source_text_the_page_is_read_without_its_tags() -> None:
    cooked = "<p>One &amp; <b>two</b></p><p>Three<br>four</p><script>alert(1)</script><style>x{}</style>"
    assert message_text({"cooked": cooked}) == "One & two\n\nThree\nfour"
    assert message(raw=None, cooked="<p>Hello</p>").text == "Hello"


def test_texts_hold_nothing_that_a_database_refuses() -> None:
    assert message(raw="a\x00b\ud800c").text == "ab?c"


@pytest.mark.parametrize(
    ("post", "likes"),
    [
        ({"actions_summary": [{"id": 2, "count": 3}]}, 3),
        ({"actions_summary": [{"id": 2}], "like_count": 9}, 0),
        ({"actions_summary": [{"id": 8, "count": 3}], "like_count": 2}, 2),
        ({"like_count": -1}, 0),
        ({"actions_summary": "x"}, 0),
        ({}, 0),
    ],
)
def test_likes(post: dict[str, Any], likes: int) -> None:
    assert likes_of(post) == likes


def test_settings_are_tidied_and_hide_what_is_secret() -> None:
    assert (SETTINGS.url, SETTINGS.api_username) == ("https://f.example/sub", "Brava")
    made = DiscourseSettings.model_validate(
        {"url": "https://f.example", "api_key": "key-of-mine", "api_username": "b", "webhook_secret": "s3cr3t"}
    )
    assert "key-of-mine" not in repr(made)
    assert "s3cr3t" not in repr(made)
    assert set(made.secret_names()) == {"api_key", "webhook_secret"}
    assert all(field.description for field in DiscourseSettings.model_fields.values())
    with pytest.raises(ValueError, match="one word"):
        DiscourseSettings.model_validate({"url": "https://f.example", "api_key": "two\nlines", "api_username": "b"})


def test_a_lone_surrogate_stops_neither_the_reading_nor_the_parsing() -> None:
    odd = POST | {"raw": "a\ud800b", "topic_slug": "\ud800", "username": "al\ud800", "version": "\ud800"}
    delivery = Maker(SETTINGS, {}).post(odd)
    with pytest.raises(BadInput, match="version"):
        connector.parse(delivery, SETTINGS)
    (event,) = connector.parse(Maker(SETTINGS, {}).post(odd | {"version": 1}), SETTINGS).events
    assert isinstance(event, MessageSeen)
    assert (event.text, event.thread.community.restricted) == ("a?b", True)
