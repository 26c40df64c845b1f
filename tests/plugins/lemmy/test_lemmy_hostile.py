"""Hostile input to a Lemmy connection: strange records, paths, addresses and positions stop no reading."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.errors import BadInput
from moderation.model import Events
from plugins.contract import Delivery
from plugins.lemmy import connector
from plugins.lemmy.cursor import Cursor, Lane
from plugins.lemmy.intake import Row, missed
from plugins.lemmy.shape import (
    delivery,
    handle_of,
    host_of,
    parent_of,
    slim_comment,
    slim_post,
    slim_report,
    slim_thread,
)
from tests.plugins.lemmy.test_lemmy_parse import ME, SETTINGS, view

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = (
    "id",
    "post_id",
    "content",
    "path",
    "published_at",
    "updated_at",
    "upvotes",
    "deleted",
    "ap_id",
    "name",
    "local",
)


@settings(max_examples=200, deadline=None)
@given(where=st.sampled_from(["comment", "post", "creator", "community"]), name=st.sampled_from(NAMES), value=JSON)
def test_a_strange_record_is_shaped_and_then_parsed_or_refused(where: str, name: str, value: Any) -> None:
    """No server makes the reading of all others stop: shapes are total, and parsing refuses in words."""
    shape = view(v4=True)
    shape[where] = value if name == "id" and where == "creator" else shape[where] | {name: value}
    for kind, record in (
        ("comment", slim_comment(shape, ME)),
        ("post", slim_post(shape, ME)),
        ("thread", slim_thread(shape) | {"present": []}),
        ("report", slim_report(shape | {"comment_report": shape.get(where)}, "comment-report")),
    ):
        refused_or_parsed(delivery(kind, record))


def refused_or_parsed(one: Delivery) -> None:
    """Refused with a reason; any other error fails the test."""
    found = Events()
    with suppress(BadInput):
        found = connector.parse(one, SETTINGS)
    assert not any("\x00" in repr(asdict(event)) for event in found.events)


@settings(max_examples=200, deadline=None)
@given(path=st.text(max_size=20) | st.lists(st.integers(0, 99).map(str)).map(".".join))
def test_a_path_gives_the_comment_above_or_none(path: str) -> None:
    parent = parent_of({"path": path})
    assert parent is None or parent in path.split(".")


@given(address=st.text(max_size=40) | st.sampled_from(["https://[", "http://a@b:c/", "//", "https://x:99999/u"]))
def test_any_address_has_a_host_or_none(address: str) -> None:
    assert isinstance(host_of({"ap_id": address}), str)
    assert handle_of({"name": "ines", "local": False, "ap_id": address}).startswith("ines")


@given(stamps=st.lists(st.integers(0, 10**12), unique=True, max_size=30), most=st.integers(1, 40))
def test_a_position_comes_back_as_it_was_kept(stamps: list[int], most: int) -> None:
    known = {str(number + 1): at for number, at in enumerate(stamps)}
    cursor = Cursor(lanes={"post:help": Lane(known=known, page="3", settled=True)}, ours=["1"], gone=["comment-2"])
    assert Cursor.load(cursor.dump()) == cursor


@given(times=st.lists(st.integers(0, 50), max_size=20), first=st.booleans(), last=st.booleans())
def test_nothing_that_is_listed_or_off_the_page_is_missed(times: list[int], first: bool, last: bool) -> None:
    at = [datetime.fromtimestamp(1_000_000 + one, UTC) for one in sorted(times, reverse=True)]
    rows = [Row(str(number), one, {}, {}) for number, one in enumerate(at)]
    lane = Lane(known={row.number: row.written for row in rows} | {"above": 10**13, "below": 0})
    found = set(missed(lane, rows, rows, first=first, last=last))
    allowed = ({"above"} if first else set()) | ({"below"} if last else set())
    assert found <= allowed
    assert found == (allowed if rows or (first and last) else set())
