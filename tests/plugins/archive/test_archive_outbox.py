"""The outbox.json of a Mastodon account's archive."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from moderation.model import AuthorRole, MessageSeen
from plugins.archive import ArchiveSettings, connector, intake
from plugins.archive.outbox import handle, plain
from plugins.contract import BadLine, Delivery

NOW = datetime(2024, 6, 1, tzinfo=UTC)
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
ME = "https://social.example/users/brand"


def note(number: int, **changes: Any) -> dict[str, Any]:
    made = {
        "id": f"{ME}/statuses/{number}",
        "type": "Note",
        "summary": None,
        "inReplyTo": None,
        "published": "2024-05-01T12:00:00Z",
        "url": f"https://social.example/@brand/{number}",
        "attributedTo": ME,
        "to": [PUBLIC],
        "cc": [f"{ME}/followers"],
        "content": "<p>We look into it.<br />Soon.</p><p>A &lt;b&gt; &amp; c</p>",
        "contentMap": {"en": "<p>We look into it.</p>"},
        "tag": [{"type": "Hashtag", "name": "#help"}],
    }
    return {"type": "Create", "actor": ME, "object": made | changes}


def outbox(*activities: Any, indent: int | None = None) -> bytes:
    document = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": "outbox.json",
        "type": "OrderedCollection",
        "totalItems": len(activities),
        "orderedItems": list(activities),
    }
    return json.dumps(document, indent=indent).encode()


def read(raw: bytes) -> list[Delivery | BadLine]:
    return list(intake.read(io.BytesIO(raw), NOW))


def messages(raw: bytes) -> list[MessageSeen]:
    found = [connector.parse(one, ArchiveSettings()).events[0] for one in read(raw) if isinstance(one, Delivery)]
    return [one for one in found if isinstance(one, MessageSeen)]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\n \n  "])
def test_it_is_recognised_in_any_dress(indent: int | None, before: bytes) -> None:
    assert len(messages(before + outbox(note(1), note(2), indent=indent))) == 2


def test_a_note_becomes_a_message_of_the_brand() -> None:
    (seen,) = messages(outbox(note(1, summary="parcels", updated="2024-05-02T00:00:00Z")))
    assert seen.text == "We look into it.\nSoon.\n\nA <b> & c"
    assert (seen.remote_id, seen.url) == (f"{ME}/statuses/1", "https://social.example/@brand/1")
    assert (seen.author.handle, seen.author.role) == ("brand@social.example", AuthorRole.BRAND)
    assert (seen.language, seen.content_warning) == ("en", "parcels")
    assert seen.version == datetime(2024, 5, 2, tzinfo=UTC).timestamp()


def test_answers_stay_in_the_thread_they_answer() -> None:
    elsewhere = "https://other.example/1"
    first, second, third, fourth = messages(
        outbox(
            note(1, inReplyTo=elsewhere),
            note(2, inReplyTo=f"{ME}/statuses/1"),
            note(3),
            note(4, inReplyTo=elsewhere, conversation="tag:social.example,2024:objectId=9"),
        )
    )
    assert first.thread.remote_id == second.thread.remote_id == elsewhere
    assert third.thread.remote_id == third.remote_id
    assert fourth.thread.remote_id == "tag:social.example,2024:objectId=9"


@pytest.mark.parametrize("fields", [{"to": PUBLIC}, {"to": [], "cc": ["as:Public"]}, {"to": ["Public"]}])
def test_public_posts_are_admitted_however_they_say_so(fields: dict[str, Any]) -> None:
    assert len(messages(outbox(note(1, **fields)))) == 1


@pytest.mark.parametrize("to", [[], None, [f"{ME}/followers"], [{"id": PUBLIC}], 7])
def test_a_post_for_followers_leaves_only_its_key(to: Any) -> None:
    private = note(1, to=to, cc=[])
    (found,) = read(outbox(private))
    assert isinstance(found, Delivery)
    assert (found.body, found.admitted) == (b"", False)
    assert read(outbox(private)) == [found]


def test_boosts_are_passed_over() -> None:
    assert read(outbox({"type": "Announce", "object": "https://other.example/1"})) == []


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (7, "not a Create activity"),
        ({"type": "Create", "object": "https://x.example/1"}, "not a Create activity"),
        ({"type": "Create", "object": {"type": "Question"}}, "not a Create activity"),
        (note(1, id=None), "lacks “id”"),
        (note(1, attributedTo=[ME]), "lacks “attributedTo”"),
        (note(1, attributedTo="https://[x/"), "“attributedTo” is not an address"),
        (note(1, content=None), "lacks “content”"),
        (note(1, content="<p></p>"), "lacks “text”"),
        (note(1, published="yesterday"), "“created_at”"),
        (note(1, published="2034-01-01T00:00:00Z"), "in the future"),
        (note(1, inReplyTo={"id": "x"}), "“in_reply_to” must be text"),
    ],
)
def test_a_bad_item_is_named_by_its_place(item: Any, reason: str) -> None:
    good, bad = read(outbox(note(9), item))
    assert isinstance(good, Delivery)
    assert isinstance(bad, BadLine)
    assert bad.number == 2
    assert reason in bad.reason


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b'{"@context": 1}', "no list “orderedItems”"),
        (b'{"@context": ', "not JSON"),
        (b'{"orderedItems":' + b"[" * 99_999, "deeply"),
    ],
)
def test_a_broken_collection_is_one_bad_line(raw: bytes, reason: str) -> None:
    (found,) = read(raw)
    assert isinstance(found, BadLine)
    assert reason in found.reason


def test_a_collection_above_the_cap_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "MAX_OUTBOX_BYTES", 1024 * 1024)
    (found,) = read(outbox(note(1, content="x" * 2_000_000)))
    assert found == BadLine(1, "outbox is larger than 1 MB")


@pytest.mark.parametrize("piece", ["<div>", "<", "<a ", "</p><p", "<!--", "&lt"])
def test_text_out_of_hostile_html_takes_linear_time(piece: str) -> None:
    assert len(plain(piece * 200_000)) <= len(piece) * 200_000


def test_an_account_without_a_web_address_keeps_its_name() -> None:
    assert handle("acct:brand") == "acct:brand"
    assert handle("https://social.example/@brand/") == "brand@social.example"
