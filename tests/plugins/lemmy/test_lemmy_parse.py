"""Lemmy's records to one shape and to events: both versions alike, other servers' people, hostile input."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from moderation.model import MessageSeen, ReportOutcome, ReportReason, ReportSeen
from plugins.lemmy import connector
from plugins.lemmy.settings import LemmySettings
from plugins.lemmy.shape import (
    Me,
    delivery,
    is_dead,
    slim_comment,
    slim_community,
    slim_post,
    slim_report,
)
from plugins.lemmy.text import message_text, picture, pictures_in, words_of
from plugins.pictures import with_pictures
from tests.plugins.lemmy.rig import rig

SETTINGS = rig().settings
ME = Me(1, "brava", "lemmy.example")
AT, LATER = "2026-03-01T10:00:00.123456Z", "2026-03-02T10:00:00Z"


def person(number: int, name: str, host: str, *, v4: bool) -> dict[str, Any]:
    shape = {"id": number, "name": name, "local": host == "lemmy.example", "bot_account": False, "display_name": None}
    return shape | {"ap_id" if v4 else "actor_id": f"https://{host}/u/{name}"}


def view(*, v4: bool, **comment: Any) -> dict[str, Any]:
    """A comment by somebody of another server, as each version has it."""
    end = "_at" if v4 else ""
    counts = {"upvotes": 3, "child_count": 0}
    record = {"id": 34, "post_id": 12, "content": "Same here.", "path": "0.30.34", "deleted": False, "removed": False}
    record |= {f"published{end}": AT, f"updated{end}": LATER} | comment | (counts if v4 else {})
    post = {"id": 12, "name": "It leaks", "creator_id": 9, "locked": True, "nsfw": False}
    visible = "public" if v4 else "Public"
    community = {"id": 5, "name": "help", "title": "Help", "visibility": visible, "local": True}
    shape = {"comment": record, "post": post, "community": community}
    shape["creator"] = person(7, "ines", "far.example.org", v4=v4)
    shape |= {"creator_is_moderator": True, "creator_is_admin": False}
    return shape if v4 else shape | {"counts": counts}


def parsed(kind: str, record: dict[str, Any], **known: Any) -> Any:
    (event,) = connector.parse(delivery(kind, record, **known), SETTINGS).events
    return event


# ------------------------------------------------------------------ both versions


def test_both_versions_say_the_same() -> None:
    old, new = (delivery("comment", slim_comment(view(v4=v4), ME)) for v4 in (False, True))
    assert old == new


def test_a_comment_of_another_server() -> None:
    seen = parsed("comment", slim_comment(view(v4=True), ME))
    assert isinstance(seen, MessageSeen)
    assert seen.remote_id == "comment-34"
    assert seen.in_reply_to == "comment-30"
    assert seen.author.handle == "ines@far.example.org"
    assert seen.author.url == f"{SETTINGS.url}/u/ines@far.example.org"
    assert seen.author.role == "staff"
    assert seen.thread.remote_id == "12"
    assert seen.thread.closed is True
    assert seen.likes == 3
    assert seen.created_at == datetime(2026, 3, 1, 10, 0, 0, 123456, UTC)
    assert seen.version == seen.edited_at.timestamp() == datetime(2026, 3, 2, 10, tzinfo=UTC).timestamp()
    assert not seen.addressed


def test_a_time_without_a_zone_is_utc() -> None:
    naive = view(v4=False, published="2026-03-01T10:00:00", updated=None)
    assert parsed("comment", slim_comment(naive, ME)).created_at == datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_a_post_with_a_link_only_says_the_link() -> None:
    shape = view(v4=True)
    shape["post"] |= {"published_at": AT, "url": "https://shop.example/grinder", "nsfw": True, "comments": 4}
    seen = parsed("post", slim_post(shape, ME))
    assert seen.text == "https://shop.example/grinder"
    assert seen.content_warning == "NSFW"
    assert seen.thread.total_replies == 4
    shape["post"]["url"] = None
    assert parsed("post", slim_post(shape, ME)).text == "It leaks"


@pytest.mark.parametrize(
    ("visibility", "restricted"),
    [
        ("Public", False),
        ("public", False),
        ("unlisted", False),
        ("local_only_public", False),
        (None, False),
        ("LocalOnly", True),
        ("local_only_private", True),
        ("Private", True),
        ("something new", True),
    ],
)
def test_what_not_everybody_may_read_is_restricted(visibility: str | None, restricted: bool) -> None:
    found = slim_community({"id": 5, "name": "help", "visibility": visibility})
    assert found.get("restricted", False) is restricted


def test_the_community_of_an_older_server_is_open() -> None:
    assert "restricted" not in slim_community({"id": 5, "name": "help"})


@pytest.mark.parametrize(
    ("text", "addressed"),
    [
        ("Hello @brava", True),
        ("Hello @Brava!", True),
        ("[@brava@lemmy.example](https://lemmy.example/u/brava)", True),
        ("@brava@lemmy.example please", True),
        ("@brava@other.example please", False),
        ("@bravado", False),
        ("mail@brava.example", False),
        ("> @brava said no\n\nI see.", False),
        ("brava", False),
    ],
)
def test_who_names_the_brand_speaks_to_it(text: str, addressed: bool) -> None:
    assert parsed("comment", slim_comment(view(v4=True, content=text), ME)).addressed is addressed


def test_who_answers_the_brand_speaks_to_it() -> None:
    record = slim_comment(view(v4=True), ME)
    assert parsed("comment", record, answers_ours=True).addressed
    below_our_post = view(v4=True, path="0.34")
    below_our_post["post"]["creator_id"] = ME.id
    found = parsed("comment", slim_comment(below_our_post, ME))
    assert found.addressed and found.in_reply_to == "post-12"
    assert not parsed("comment", slim_comment(view(v4=True, path="0.34"), ME)).addressed


def test_what_is_learnt_with_time_is_no_part_of_the_key() -> None:
    record = slim_comment(view(v4=True), ME)
    assert delivery("comment", record).key == delivery("comment", record, answers_ours=True).key


def report_view(*, v4: bool, **report: Any) -> dict[str, Any]:
    end = "_at" if v4 else ""
    shape = view(v4=v4) | {"creator": person(3, "marc", "lemmy.example", v4=v4)}
    shape["comment_creator"] = person(7, "ines", "far.example.org", v4=v4)
    record = {"id": 2, "comment_id": 34, "reason": "Spam\x00 again", "resolved": False, f"published{end}": AT}
    return shape | {"comment_report": record | report}


def test_a_report_is_the_same_in_both_versions() -> None:
    old, new = (delivery("report", slim_report(report_view(v4=v4), "comment-report")) for v4 in (False, True))
    assert old == new
    found = parsed("report", slim_report(report_view(v4=True), "comment-report"))
    assert isinstance(found, ReportSeen)
    assert (found.remote_id, found.message_id) == ("comment-report-2", "comment-34")
    assert (found.reason, found.outcome) == (ReportReason.OTHER, ReportOutcome.OPEN)
    assert found.text == "Spam again"
    assert found.reporter is not None and found.reporter.handle == "marc"
    assert found.about is not None and found.about.handle == "ines@far.example.org"


def test_a_closed_report_is_later_than_the_open_one_even_undated() -> None:
    opened, closed = (
        parsed("report", slim_report(report_view(v4=True, resolved=done), "comment-report")) for done in (False, True)
    )
    assert closed.outcome == ReportOutcome.CLOSED
    assert closed.version > opened.version


def test_a_report_by_the_servers_rules_says_so() -> None:
    meant = report_view(v4=True, violates_instance_rules=True)
    assert parsed("report", slim_report(meant, "comment-report")).reason == ReportReason.RULES


# ------------------------------------------------------------------ small parts


def test_pictures_are_read_as_what_they_show() -> None:
    made = picture("A crack [left]\nseen *above*", "https://lemmy.example/pictrs/image/a.png")
    text = with_pictures("See below.", [made])
    assert message_text(text) == "See below.\n\n[image] A crack (left) seen ·above·"
    assert pictures_in(text) == [made]
    assert with_pictures(text, pictures_in(text)) == text
    assert words_of(text) == ["See", "below."]


def test_dead_is_deleted_or_removed() -> None:
    assert is_dead({"deleted": True}) and is_dead({"removed": True})
    assert not is_dead({"deleted": False, "removed": False})


@pytest.mark.parametrize("name", ["help", "help@lemmy.example.org", "!help@a.b:8536", "/c/Help", "help_fr", "help-fr"])
def test_a_community_may_be_written_as_lemmys_pages_do(name: str) -> None:
    given = LemmySettings(url="https://lemmy.example/", token="t", communities=(name,))  # type: ignore[arg-type]
    assert given.communities[0].startswith("help")
    assert given.url == "https://lemmy.example"


@pytest.mark.parametrize("names", [(), ("a b",), ("help?x=1",), ("help&type_=Local",), ("@host",), ("",)])
def test_what_is_no_community_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError):
        LemmySettings(url="https://lemmy.example", token="t", communities=names)  # type: ignore[arg-type]


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "naïve"])
def test_what_cannot_be_a_token_is_refused(token: str) -> None:
    with pytest.raises(ValidationError) as caught:
        LemmySettings(url="https://lemmy.example", token=token, communities=("help",))  # type: ignore[arg-type]
    assert "copy it again" in json.dumps(caught.value.errors(include_url=False, include_context=False))
