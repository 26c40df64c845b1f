"""Statuses of every server to messages; what is odd is tolerated, what is unusable is named."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from moderation.errors import BadInput
from moderation.model import AuthorRole, Ignored, MessageGone, MessageSeen, ThreadChanged
from plugins.contract import Delivery
from plugins.mastodon.deliveries import Own, Place, of_gone, of_status, of_thread
from plugins.mastodon.parse import parse
from tests.plugins.mastodon.making import OWN, account, mention, status
from tests.plugins.mastodon.recorded import SERVERS, exchange, needs_recordings, statuses

BRANDS = {
    "gotosocial": Own("01EG68RTJGG3T7Z71H4ZE9QWZP", "brand@social.example"),
    "takahe": Own("647185744290566418", "brand@taka.example"),
}


def seen(raw: dict[str, Any], place: Place | None = None, own: Own = OWN) -> MessageSeen:
    (event,) = parse(of_status(raw, own, place or Place(raw["id"]))).events
    assert isinstance(event, MessageSeen)
    return event


def test_a_status_becomes_a_message() -> None:
    raw = status(
        content="<p>Ça <b>fuit</b></p>",
        favourites_count=3,
        reblogs_count=2,
        mentions=[mention()],
        spoiler_text="cw",
    )
    message = seen(raw)
    assert (message.text, message.likes, message.shares, message.content_warning) == ("Ça fuit", 3, 2, "cw")
    assert message.addressed
    assert message.version == 0.0
    assert message.edited_at is None
    assert (message.author.handle, message.author.role) == ("ines@social.example", AuthorRole.CUSTOMER)
    assert (message.thread.community.remote_id, message.thread.community.name) == (OWN.acct, "@brand@social.example")
    assert (message.thread.title, message.thread.total_replies, message.thread.url) == ("cw", None, raw["url"])


def test_the_count_of_a_thread_comes_apart_from_its_posts() -> None:
    (event,) = parse(of_thread(OWN, "1", 4, ["1", "2"])).events
    assert isinstance(event, ThreadChanged)
    assert (event.thread.remote_id, event.thread.total_replies, event.thread.title) == ("1", 4, None)
    assert event.thread.community.remote_id == OWN.acct
    keys = [of_thread(OWN, "1", 4, known).key for known in (["1", "2"], ["2", "1"], ["1", "3"])]
    assert keys[0] == keys[1] != keys[2]


def test_a_reply_says_nothing_of_its_thread_but_its_root() -> None:
    message = seen(status("2", in_reply_to_id="1", in_reply_to_account_id=OWN.id), Place("1"))
    assert (message.thread.remote_id, message.thread.title, message.thread.total_replies) == ("1", None, None)
    assert message.in_reply_to == "1"
    assert message.addressed


def test_the_brand_is_known_by_its_id_and_is_not_addressed_by_itself() -> None:
    message = seen(status(account=account(OWN.id, "brand"), mentions=[mention()]))
    assert message.author.role is AuthorRole.BRAND
    assert not message.addressed


def test_an_edit_is_ordered_by_its_time() -> None:
    message = seen(status(edited_at="2026-11-22T05:00:00.500Z"))
    assert message.edited_at == datetime(2026, 11, 22, 5, 0, 0, 500_000, tzinfo=UTC)
    assert message.version == message.edited_at.timestamp()


def test_the_same_state_has_the_same_key_and_a_change_another() -> None:
    first = of_status(status(), OWN, Place("1"))
    again = of_status(status(account=account(followers_count=9), muted=True), OWN, Place("1"))
    assert (again.key, again.body) == (first.key, first.body)
    changes: list[dict[str, Any]] = [
        {"favourites_count": 1},
        {"edited_at": "2026-11-23T00:00:00Z"},
        {"visibility": "unlisted"},
    ]
    keys = {of_status(status(**one), OWN, Place("1", with_brand=True)).key for one in changes}
    assert len(keys | {first.key}) == 4


def test_a_picture_says_what_it_shows() -> None:
    raw = status(content="", media_attachments=[{"type": "image", "description": "A leak"}, {"type": "video"}])
    assert seen(raw).text == "[image] A leak\n[video]"


@pytest.mark.parametrize(
    "name", ["edited_at", "language", "spoiler_text", "mentions", "reblog", "url", "favourites_count"]
)
def test_missing_and_null_fields_are_tolerated(name: str) -> None:
    without = status()
    del without[name]
    seen(without)
    seen(status() | {name: None})


def test_shapes_of_other_servers_are_tolerated() -> None:
    flake = status("AbCdEf12Gh", account=account("9vQx", "kim@far.example"), url=None, uri="https://far.example/o/1")
    message = seen(flake | {"pleroma": {"local": False}, "created_at": "2026-11-22T04:37:12.000000"})
    assert (message.author.handle, message.url) == ("kim@far.example", "https://far.example/o/1")
    assert seen(status(url="javascript:alert(1)")).url == ""
    assert seen(status(17)).remote_id == "17"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": None}, "id"),
        ({"created_at": "soon"}, "created_at"),
        ({"account": None}, "account"),
        ({"account": {"id": "1"}}, "acct"),
    ],
)
def test_what_is_unusable_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput, match=field):
        parse(of_status(status(mentions=[mention()]) | change, OWN, Place("1")))


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"{}", b'{"status":{}}', b"[" * 100_000])
def test_broken_bodies_are_bad_input(body: bytes) -> None:
    with pytest.raises(BadInput):
        parse(Delivery("k", "status", body))


def test_unknown_kinds_are_bad_input_and_boosts_are_ignored() -> None:
    with pytest.raises(BadInput, match="kind"):
        parse(Delivery("k", "poll", b"{}"))
    boost = {"status": status(reblog=status("2")), "thread": {"root": "1"}, "own": {"id": "1", "acct": "a@b"}}
    assert isinstance(parse(Delivery("k", "status", json.dumps(boost).encode())).events[0], Ignored)


def test_a_deletion_is_seen() -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    assert parse(of_gone("5", at)).events == (MessageGone("5", at),)


@needs_recordings
@pytest.mark.parametrize("server", SERVERS)
def test_every_recorded_public_status_parses(server: str) -> None:
    own = BRANDS[server]
    parsed = 0
    for file, raw in statuses(server):
        found = of_status(raw, own, Place(raw["id"], with_brand=True))
        if not found.admitted:
            continue
        (event,) = parse(found).events
        assert isinstance(event, MessageSeen), file
        assert event.text, file
        assert "<" not in event.text, file
        assert event.author.handle.endswith("@" + own.domain), file
        assert (event.author.role is AuthorRole.BRAND) == (event.author.handle == own.acct), file
        parsed += 1
    assert parsed > 140


@needs_recordings
def test_recorded_mentions_are_addressed() -> None:
    for server, name in (("gotosocial", "250-notifications-types-mention"), ("takahe", "223-notifications-min-id")):
        for notification in exchange(server, name)["response"]["body"]:
            assert seen(notification["status"], own=BRANDS[server]).addressed


@needs_recordings
def test_recorded_edits_have_a_version() -> None:
    raw = exchange("takahe", "84-get-after-edit")["response"]["body"]
    message = seen(raw, own=BRANDS["takahe"])
    assert message.version > message.created_at.timestamp()
