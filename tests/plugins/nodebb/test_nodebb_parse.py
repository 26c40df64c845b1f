"""NodeBB's records to events, whatever a server sends: what is kept, what is refused, what a text becomes."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.errors import BadInput
from moderation.model import AuthorRole, MessageSeen, ReportOutcome, ReportReason, ReportSeen
from plugins.contract import Composed, Delivery, Limits
from plugins.nodebb import connector
from plugins.nodebb.compose import picture, pictures_in, words_of
from plugins.nodebb.parse import reason_of
from plugins.nodebb.shape import Maker, flag_delivery, slim_post
from plugins.nodebb.text import message_text, shown_name
from plugins.pictures import with_pictures
from tests.plugins.nodebb.rig import settings_for

OURS = settings_for("https://forum.example", "TOKEN", 2)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
PIECES = st.sampled_from(["<p>", "</p>", "<blockquote>", "</blockquote>", "<br>", "<img", "<script>", "</script>"])
SIGNS = st.sampled_from(["a", "\n", "\x00", "\ud800", "&lt;b&gt;", "&#0;", ">", '" alt="'])
AT = 1_795_322_255_704
TOPIC = {
    "tid": 5,
    "cid": 5,
    "slug": "5/pressure",
    "title": "A &amp; B",
    "titleRaw": "A & B",
    "postcount": 3,
    "locked": 0,
}
POST = {
    "pid": 10,
    "toPid": "5",
    "content": "<p>Hello</p>",
    "timestamp": AT,
    "edited": 0,
    "upvotes": 2,
    "user": {"uid": 3, "username": "ines", "userslug": "ines", "displayname": "Inès"},
}
FLAG = {
    "flagId": "4",
    "type": "post",
    "targetId": "47",
    "state": "open",
    "datetime": str(AT),
    "reports": [{"value": "Spam", "timestamp": AT, "reporter": {"uid": 3, "username": "ines"}}],
    "target": {"content": "<p>You clowns</p>", "user": {"uid": 4, "username": "marc"}},
    "history": [{"fields": {"state": "x"}, "datetime": AT + 9000}, {"meta": [], "datetime": AT + 99_000}],
}


def events(delivery: Delivery) -> list[Any]:
    return list(connector.parse(delivery, OURS).events)


def maker(restricted: bool = False, **topic: Any) -> Maker:
    return Maker(OURS, TOPIC | {"category": {"cid": 5, "name": "Help &amp; more", "slug": "5/help"}} | topic,
                 restricted=restricted)  # fmt: skip


def message(**changes: Any) -> MessageSeen:
    found = events(maker().post(POST | changes))[0]
    assert isinstance(found, MessageSeen)
    return found


# ------------------------------------------------------------------ what it becomes


def test_a_post_says_who_what_where_and_to_whom() -> None:
    found = message()
    assert (found.remote_id, found.in_reply_to, found.text, found.likes) == ("10", "5", "Hello", 2)
    assert (found.author.remote_id, found.author.handle, found.author.name) == ("3", "ines", "Inès")
    assert found.author.url == "https://forum.example/user/ines"
    assert (found.thread.title, found.thread.url) == ("A & B", "https://forum.example/topic/5/pressure")
    assert (found.thread.community.name, found.thread.community.restricted) == ("Help & more", False)


def test_somebody_who_left_no_name_is_nobodys_account() -> None:
    found = message(user={"uid": 0, "username": "[[global:former-user]]", "userslug": ""})
    assert (found.author.remote_id, found.author.url) == ("0", "")


def test_people_and_posts_of_other_servers_keep_their_address() -> None:
    there = "https://social.example/users/zoe"
    found = message(pid=f"{there}/1", user={"uid": there, "username": "zoe@social.example", "userslug": "zoe@social"})
    assert found.remote_id == f"{there}/1"
    assert found.author.remote_id == there
    assert found.url == "https://forum.example/post/https%3A%2F%2Fsocial.example%2Fusers%2Fzoe%2F1"


@pytest.mark.parametrize(
    ("content", "addressed"),
    [
        ("<p>@Brand please</p>", True),
        ('<p>Hello <a href="/user/brand">@<bdi>brand</bdi></a>!</p>', True),
        ("<blockquote><p>@brand said</p></blockquote><p>Well.</p>", False),
        ("<p>mail@brand.example, @brands and @brand-new</p>", False),
    ],
)
def test_who_names_the_brand_speaks_to_it(content: str, addressed: bool) -> None:
    found = events(maker().post(POST | {"content": content}, brand=["brand"]))[0]
    assert found.addressed is addressed


def test_who_answers_the_brand_speaks_to_it_and_the_brand_itself_is_the_brand() -> None:
    assert events(maker().post(POST, answers_uid="2"))[0].addressed
    assert message(user={"uid": 2, "username": "brand"}).author.role == AuthorRole.BRAND
    assert events(maker().post(POST, staff=True))[0].author.role == AuthorRole.STAFF


def test_a_return_is_as_new_as_an_edit() -> None:
    edited, back = AT + 5000, AT + 9000
    found = events(maker().post(POST | {"edited": edited}, recovered=back))[0]
    assert found.version == back / 1000 == found.edited_at.timestamp()
    assert message(edited=edited).version == edited / 1000


def test_a_growing_topic_makes_no_post_news() -> None:
    first = maker().post(POST)
    assert first == maker(postcount=9, locked=1, isSolved="1", solvedPid="10").post(POST | {"replies": {"count": 4}})
    assert first.key != maker().post(POST | {"upvotes": 3}).key


def test_a_category_that_is_not_known_to_be_open_is_restricted() -> None:
    assert events(maker(restricted=True).post(POST))[0].thread.community.restricted
    body = json.dumps({"post": slim_post(POST), "topic": TOPIC}).encode()
    assert events(Delivery("k", "post", body))[0].thread.community.restricted


def test_a_flag_keeps_who_and_why_and_nothing_of_the_post() -> None:
    made = flag_delivery(FLAG)
    assert b"clowns" not in made.body
    found = events(made)[0]
    assert isinstance(found, ReportSeen)
    assert (found.remote_id, found.message_id, found.reason) == ("4:3", "47", ReportReason.SPAM)
    assert found.version == (AT + 9000) / 1000, "sanctions on the author are no change of the flag"
    assert found.outcome == ReportOutcome.OPEN


def test_a_flag_that_nobody_stands_by_says_nothing() -> None:
    assert not isinstance(events(flag_delivery(FLAG | {"reports": []}))[0], ReportSeen)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("Spam", ReportReason.SPAM),
        ("Offensive", ReportReason.ABUSE),
        ("Hors sujet", ReportReason.OFF_TOPIC),
        ("Contenu illégal", ReportReason.LEGAL),
        ("Breaks the rules", ReportReason.RULES),
        ("", ReportReason.OTHER),
        ("I just do not like it", ReportReason.OTHER),
    ],
)
def test_a_reason_is_guessed_from_its_words(said: str, reason: ReportReason) -> None:
    assert reason_of(said) == reason


# ------------------------------------------------------------------ whatever comes


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_record_is_parsed_or_refused(data: st.DataObject) -> None:
    post = POST | data.draw(st.dictionaries(st.sampled_from([*POST]), JSON, max_size=3))
    topic = data.draw(st.dictionaries(st.sampled_from([*TOPIC, "category", "solvedPid", "isSolved"]), JSON, max_size=3))
    flag = FLAG | data.draw(st.dictionaries(st.sampled_from([*FLAG]), JSON, max_size=3))
    made = maker(**topic)
    for delivery in (made.post(post), made.thread(), made.thread(stream=[10], change=1), flag_delivery(flag)):
        assert 0 < len(delivery.key) <= 255
        assert delivery.key.isprintable()
        with suppress(BadInput):
            assert events(delivery)


@settings(max_examples=200, deadline=None)
@given(content=st.text() | st.lists(PIECES | SIGNS).map("".join))
def test_any_markup_becomes_plain_text(content: str) -> None:
    text = message_text(content)
    assert "\x00" not in text
    assert text == text.encode("utf-8", "replace").decode()
    assert "\n\n\n" not in text
    assert text == text.strip()


def test_quotations_and_pictures_are_marked_and_typed_signs_are_not_markup() -> None:
    content = (
        '<blockquote>\n<p dir="auto">I said<br />this</p>\n</blockquote>\n'
        '<p>No, &lt;b&gt; <img src="/x.png" alt="a gasket"> see</p><script>alert(1)</script>'
    )
    assert message_text(content) == "> I said\n> this\n\nNo, <b>  [image] a gasket  see"
    assert shown_name("Ma commande n&#x27;est pas arriv\u00e9e\x00") == "Ma commande n'est pas arrivée"


def test_html_of_an_image_without_words_is_still_an_image() -> None:
    assert message_text('<p><img src="/x.png"></p>') == "[image]"


# ------------------------------------------------------------------ composing


def test_length_is_in_utf_16_units_and_the_lower_limit_without_tags() -> None:
    assert connector.compose("\U0001f469 and me", "", OURS, Limits(least=1)) == Composed("\U0001f469 and me", 9)
    assert connector.compose("<b>Hi</b> ", "", OURS, Limits(least=8)).length == 2


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=60), alts=st.lists(st.text(max_size=20), max_size=3))
def test_pictures_of_ours_are_found_again_below_any_text(text: str, alts: list[str]) -> None:
    pictures = [picture(alt, f"/assets/uploads/files/{i}-a.png") for i, alt in enumerate(alts)]
    raw = with_pictures(text, pictures)
    assert set(pictures) <= set(pictures_in(raw))
    assert with_pictures(text, pictures_in(raw)) == raw
    assert words_of(raw) == words_of(text)
