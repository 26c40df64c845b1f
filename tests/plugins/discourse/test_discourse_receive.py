"""Webhooks: what is refused, what is believed, what is kept of it."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.errors import BadInput
from moderation.model import Ignored, MessageGone, MessageSeen, ThreadChanged
from plugins.contract import Refused, TakesWebhooks
from plugins.discourse import connector
from plugins.discourse.settings import DiscourseSettings

SECRET = "my_lovely_secret_for_web_hook"
RECORDED = Path(__file__).resolve().parents[4] / "shared" / "contracts" / "discourse" / "webhooks"
POST: dict[str, Any] = {
    "id": 9,
    "topic_id": 5,
    "topic_title": "Order never arrived",
    "topic_slug": "order-never-arrived",
    "topic_archetype": "regular",
    "category_id": 7,
    "category_slug": "help",
    "post_number": 1,
    "post_type": 1,
    "user_id": 57,
    "username": "alice",
    "raw": "My order never arrived.",
    "cooked": "<p>My order never arrived.</p>",
    "created_at": "2026-11-01T10:00:00.000Z",
    "updated_at": "2026-11-01T10:00:00.000Z",
    "version": 1,
}


def settings(**changes: Any) -> DiscourseSettings:
    given_: dict[str, Any] = {
        "url": "https://forum.example.test",
        "api_key": "k",
        "api_username": "brava",
        "webhook_secret": SECRET,
    }
    return DiscourseSettings(**(given_ | changes))


def sign(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def headers(
    body: bytes, kind: str = "post", event: str = "post_created", changes: dict[str, str | None] | None = None
) -> dict[str, str]:
    usual: dict[str, str | None] = {
        "x-discourse-instance": "https://forum.example.test",
        "x-discourse-event-id": "4711",
        "x-discourse-event-type": kind,
        "x-discourse-event": event,
        "x-discourse-event-signature": sign(body),
    }
    return {k: v for k, v in (usual | (changes or {})).items() if v is not None}


def body_of(kind: str = "post", record: object = POST) -> bytes:
    return json.dumps({kind: record}).encode()


BODY = body_of()


def test_it_takes_webhooks() -> None:
    assert isinstance(connector, TakesWebhooks)


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "sha256=",
        "sha256=" + "0" * 64,
        sign(BODY).upper(),
        sign(BODY)[:-1],
        sign(BODY).removeprefix("sha256="),
        sign(BODY, "another"),
        sign(BODY + b" "),
        "sha1=" + hmac.new(SECRET.encode(), BODY, hashlib.sha1).hexdigest(),
        "sha256=é\udcff",
    ],
)
def test_missing_garbled_and_wrong_signatures_are_refused(signature: str | None) -> None:
    with pytest.raises(Refused):
        connector.receive(headers(BODY, changes={"x-discourse-event-signature": signature}), BODY, settings())


@pytest.mark.parametrize("secret", [None, ""])
def test_without_a_secret_nothing_is_believed(secret: str | None) -> None:
    signed = headers(BODY, changes={"x-discourse-event-signature": sign(BODY, secret or "")})
    with pytest.raises(Refused):
        connector.receive(signed, BODY, settings(webhook_secret=secret))


def test_the_name_a_forum_gives_itself_decides_nothing() -> None:
    for instance in (None, "https://FORUM.example.test:443/", "http://forum.internal:3000", "nonsense", ""):
        connector.receive(headers(BODY, changes={"x-discourse-instance": instance}), BODY, settings())


@given(st.binary(max_size=200), st.text(max_size=80))
def test_nothing_unsigned_ever_passes(body: bytes, signature: str) -> None:
    with pytest.raises(Refused):
        connector.receive(headers(body, changes={"x-discourse-event-signature": signature}), body, settings())


@pytest.mark.parametrize("name", ["x-discourse-event-id", "x-discourse-event-type"])
@pytest.mark.parametrize("value", [None, "", "  ", "a" * 300, "a\nb"])
def test_a_signed_webhook_without_a_usable_header_names_it(name: str, value: str | None) -> None:
    with pytest.raises(BadInput, match=name):
        connector.receive(headers(BODY, changes={name: value}), BODY, settings())


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"{", b"[]", b"null", b"[" * 100_000, b'{"topic":{}}', b'{"post":[]}', b'{"post":null}']
)
def test_a_signed_body_of_no_use_is_bad_input(body: bytes) -> None:
    with pytest.raises(BadInput):
        connector.receive(headers(body), body, settings())


def test_a_post_is_admitted_under_its_event_id() -> None:
    delivery = connector.receive(headers(BODY), BODY, settings())
    assert (delivery.key, delivery.kind, delivery.admitted) == ("4711", "post_created", True)
    assert connector.receive(headers(BODY), BODY, settings()) == delivery
    (event,) = connector.parse(delivery, settings()).events
    assert isinstance(event, MessageSeen)
    community = event.thread.community
    assert (community.remote_id, community.name, community.restricted) == ("7", "", True)


@pytest.mark.parametrize(
    "change",
    [
        {"topic_archetype": "private_message"},
        {"topic_archetype": "private_message", "category_id": None},
        {"topic_archetype": "something_new"},
        {"topic_archetype": None, "category_id": None},
        {"post_type": 4},
        {"post_type": 3},
    ],
)
def test_private_messages_and_whispers_leave_their_key_only(change: dict[str, Any]) -> None:
    body = body_of(record=POST | change)
    delivery = connector.receive(headers(body), body, settings())
    assert (delivery.key, delivery.body, delivery.admitted) == ("4711", b"", False)
    assert all(isinstance(e, Ignored) for e in connector.parse(delivery, settings()).events)


@pytest.mark.parametrize(
    ("categories", "admitted"), [(("help",), True), (("7",), True), (("HELP",), True), (("x",), False)]
)
def test_the_category_filter_holds_for_webhooks(categories: tuple[str, ...], admitted: bool) -> None:
    assert connector.receive(headers(BODY), BODY, settings(categories=categories)).admitted is admitted


@pytest.mark.parametrize(
    ("kind", "event"),
    [
        ("user", "user_created"),
        ("reviewable", "reviewable_created"),
        ("like", "post_liked"),
        ("new_thing", "thing_happened"),
    ],
)
def test_events_of_no_use_leave_their_key_only(kind: str, event: str) -> None:
    body = body_of(kind, {"email": "alice@example.test", "raw": "..."})
    delivery = connector.receive(headers(body, kind, event), body, settings())
    assert (delivery.body, delivery.admitted) == (b"", False)
    assert all(isinstance(e, Ignored) for e in connector.parse(delivery, settings()).events)


def test_a_deletion_is_the_end_of_the_message() -> None:
    body = body_of(record=POST | {"deleted_at": "2026-11-01T11:00:00.000Z"})
    delivery = connector.receive(headers(body, event="post_destroyed"), body, settings())
    (event,) = connector.parse(delivery, settings()).events
    assert isinstance(event, MessageGone)
    assert (event.remote_id, event.at.hour) == ("9", 11)


def test_a_recovery_is_later_than_the_deletion_before_it() -> None:
    delivery = connector.receive(headers(BODY, event="post_recovered"), BODY, settings())
    (event,) = connector.parse(delivery, settings()).events
    assert isinstance(event, MessageSeen)
    assert event.edited_at is not None
    assert event.edited_at.year >= 2025


@pytest.mark.parametrize(("event", "answer"), [("accepted_solution", "9"), ("unaccepted_solution", "")])
def test_solutions_change_the_thread(event: str, answer: str) -> None:
    body = body_of("solved")
    delivery = connector.receive(headers(body, "solved", event), body, settings())
    (found,) = connector.parse(delivery, settings()).events
    assert isinstance(found, ThreadChanged)
    assert POST["raw"].encode() not in delivery.body
    assert found.thread.accepted_answer == answer


def test_a_topic_changes_the_thread() -> None:
    topic = {"id": 5, "title": "New title", "category_id": 7, "closed": True, "archetype": "regular", "posts_count": 3}
    body = body_of("topic", topic)
    delivery = connector.receive(headers(body, "topic", "topic_closed_status_updated"), body, settings())
    (found,) = connector.parse(delivery, settings()).events
    assert isinstance(found, ThreadChanged)
    assert (found.thread.title, found.thread.closed, found.thread.total_replies) == ("New title", True, 2)


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded webhooks are not beside this checkout")
@pytest.mark.parametrize("name", sorted(p.stem for p in RECORDED.glob("*.json")))
def test_recorded_webhooks_are_believed_and_parsed(name: str) -> None:
    recorded = json.loads((RECORDED / f"{name}.json").read_text())
    given_headers = {k.lower(): v for k, v in recorded["headers"].items()}
    delivery = connector.receive(given_headers, recorded["raw_body"].encode(), settings())
    assert delivery.key == "4711"
    (event,) = connector.parse(delivery, settings()).events
    kinds: dict[str, type[object]] = {
        "post_created": MessageSeen,
        "post_edited": MessageSeen,
        "post_destroyed": MessageGone,
    }
    assert isinstance(event, kinds.get(name, Ignored))
    assert delivery.admitted is (name in {*kinds, "ping"})
    if name == "post_edited":
        assert isinstance(event, MessageSeen)
        assert (event.version, event.text) == (2.0, "My order never arrived. EDITED")
