"""One line of an archive: what is accepted, what is refused and with which words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.errors import BadInput
from moderation.model import AuthorRole, CommunitySeen, Ignored, MessageSeen
from plugins.archive import ArchiveSettings, connector
from plugins.archive.parse import canonical, check, load
from plugins.contract import Delivery

GOOD: dict[str, Any] = {
    "thread": "t1",
    "id": 7,
    "author": "ann",
    "created_at": "2024-05-01T12:00:00+02:00",
    "text": "My parcel is lost.",
}


def message(**changes: Any) -> MessageSeen:
    body = json.dumps(GOOD | changes).encode()
    (event,) = connector.parse(Delivery("k", "line", body), ArchiveSettings()).events
    assert isinstance(event, MessageSeen)
    return event


def test_required_fields_make_a_message() -> None:
    seen = message()
    assert (seen.remote_id, seen.thread.remote_id, seen.author.remote_id) == ("7", "t1", "ann")
    assert seen.created_at == datetime(2024, 5, 1, 10, tzinfo=UTC)
    assert (seen.thread.title, seen.version, seen.addressed, seen.language) == (None, 0.0, False, "")
    assert seen.author.role is AuthorRole.CUSTOMER


def test_optional_fields_are_carried_over() -> None:
    seen = message(
        title="Parcel",
        lang="fr",
        in_reply_to=6,
        role="staff",
        url="https://x.example/7",
        likes=3,
        content_warning="sad",
    )
    assert (seen.thread.title, seen.language, seen.in_reply_to, seen.likes) == ("Parcel", "fr", "6", 3)
    assert (seen.author.role, seen.url, seen.content_warning) == (AuthorRole.STAFF, "https://x.example/7", "sad")


def test_an_edit_has_a_higher_version_whatever_the_order() -> None:
    edited = message(text="My parcel is lost!", edited_at="2024-05-02T00:00:00Z")
    assert edited.version > message().version
    assert edited.edited_at == datetime(2024, 5, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, CommunitySeen("archive", "Archive")),
        ({"category": "Billing"}, CommunitySeen("archive/Billing", "Archive: Billing")),
        ({"community": "Forum"}, CommunitySeen("Forum", "Forum")),
        ({"community": "Forum", "category": "Billing"}, CommunitySeen("Forum", "Forum")),
    ],
)
def test_community(fields: dict[str, str], expected: CommunitySeen) -> None:
    assert message(**fields).thread.community == expected


@pytest.mark.parametrize("name", ["title", "community", "lang", "in_reply_to", "role", "url", "likes", "edited_at"])
@pytest.mark.parametrize("empty", [None, ""])
def test_null_and_empty_count_as_absent(name: str, empty: str | None) -> None:
    assert message(**{name: empty}) == message()


def test_und_is_no_language() -> None:
    assert message(lang="und") == message()


def test_unknown_fields_change_nothing() -> None:
    assert canonical(check(GOOD | {"extra": {"deep": [1]}})) == canonical(check(GOOD))


def test_nuls_and_lone_surrogates_never_reach_a_database() -> None:
    assert message(text="a\x00b").text == "ab"
    assert message(text="é\ud800b", author="a\udfff").text == "é?b"


def test_raw_control_characters_inside_a_string_are_no_reason_to_lose_it() -> None:
    assert check(load(json.dumps(GOOD).replace("parcel", "par\x00\tcel").encode()))["text"] == "My par\tcel is lost."


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"thread": None}, "lacks “thread”"),
        ({"id": "", "text": None}, "lacks “id”, “text”"),
        ({"text": " \n"}, "“text” is empty"),
        ({"text": ["a"]}, "“text” must be text"),
        ({"text": "x" * 100_001}, "“text” is longer than 100,000"),
        ({"id": "x" * 201}, "“id” is longer than 200"),
        ({"id": 1.5}, "“id” must be text"),
        ({"id": True}, "“id” must be text"),
        ({"created_at": "2024-05-01T12:00:00"}, "“created_at” has no offset"),
        ({"created_at": "Tue Oct 31 23:36:20 +0000 2017"}, "“created_at” is not a date in ISO 8601"),
        ({"created_at": 1714557600}, "“created_at” must be text"),
        ({"created_at": "1989-12-31T23:59:59Z"}, "“created_at” is in the year 1989"),
        ({"created_at": "0001-01-01T00:00:00+23:00"}, "“created_at” is outside"),
        ({"created_at": "9999-12-31T23:59:59-23:00"}, "“created_at” is outside"),
        ({"role": "admin"}, "“role” must be one of customer, brand, member, staff"),
        ({"role": ["brand"]}, "“role” must be one of"),
        ({"url": "javascript:alert(1)"}, "“url” must start with"),
        ({"likes": -1}, "“likes” must be a whole number"),
        ({"likes": 2**31}, "“likes” must be a whole number"),
        ({"likes": True}, "“likes” must be a whole number"),
        ({"lang": "x" * 36}, "“lang” is longer than 35"),
    ],
)
def test_a_refusal_names_the_field(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadInput, match=reason.replace("(", r"\(")):
        message(**changes)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"[1]", "not a JSON object"),
        (b"\xff{}", "not UTF-8"),
        (b"{", "not JSON"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"id":' + b"1" * 5000 + b"}", "too many digits"),
        (b"", "not JSON"),
    ],
)
def test_hostile_bytes_are_refused_with_a_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        connector.parse(Delivery("k", "line", raw), ArchiveSettings())


def test_another_kind_is_refused_by_name() -> None:
    with pytest.raises(BadInput, match="“topic”"):
        connector.parse(Delivery("k", "topic", b"{}"), ArchiveSettings())


def test_what_was_not_admitted_says_nothing() -> None:
    (event,) = connector.parse(Delivery("k", "line", b"", admitted=False), ArchiveSettings()).events
    assert isinstance(event, Ignored)


@given(
    st.fixed_dictionaries(
        {"thread": st.text(min_size=1, max_size=9), "id": st.integers(), "author": st.text(min_size=1, max_size=9)},
        optional={
            "likes": st.integers(),
            "title": st.text(),
            "edited_at": st.datetimes().map(lambda d: f"{d.isoformat()}Z"),
        },
    ),
    st.text(min_size=1),
    st.datetimes(timezones=st.timezones()).map(lambda d: d.isoformat()),
)
def test_the_canonical_spelling_is_its_own(fields: dict[str, Any], text: str, created_at: str) -> None:
    try:
        record = check({**fields, "text": text, "created_at": created_at})
    except BadInput:
        return
    assert check(load(canonical(record))) == record
