"""What is refused comes first: nothing private is ever kept, and whoever wants to be left out is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.model import Ignored
from plugins.mastodon.deliveries import Place, may_keep, of_status
from plugins.mastodon.parse import parse
from tests.plugins.mastodon.making import OWN, account, mention, status
from tests.plugins.mastodon.recorded import SERVERS, needs_recordings, statuses

WITH_BRAND = Place("1", with_brand=True)


@pytest.mark.parametrize("visibility", ["private", "direct", "limited", "local", "", None, 3, ["public"]])
@pytest.mark.parametrize("addressed", [True, False])
def test_what_is_not_public_leaves_only_a_key(visibility: Any, addressed: bool) -> None:
    secret = status(visibility=visibility, content="<p>my address</p>", mentions=[mention()] if addressed else [])
    found = of_status(secret, OWN, WITH_BRAND)
    assert (found.admitted, found.body) == (False, b"")
    assert isinstance(parse(found).events[0], Ignored)


def test_the_key_of_what_is_not_kept_says_nothing_of_its_words() -> None:
    one = of_status(status(visibility="direct", content="yes"), OWN, WITH_BRAND)
    other = of_status(status(visibility="direct", content="no"), OWN, WITH_BRAND)
    assert one.key == other.key


@pytest.mark.parametrize("note", ["#nobot", "<p>Espresso <a href='x'>#<span>NoBot</span></a></p>", "hi &#35;nobot!"])
def test_nobot_is_honoured(note: str) -> None:
    shy = account(note=note)
    assert not may_keep(status(account=shy), OWN, with_brand=True)


@pytest.mark.parametrize("more", [{"indexable": False}, {"noindex": True}])
def test_a_refusal_to_be_indexed_is_honoured(more: dict[str, Any]) -> None:
    assert not may_keep(status(account=account(**more)), OWN, with_brand=True)


@pytest.mark.parametrize("more", [{}, {"indexable": None}, {"noindex": False}, {"note": "I build #nobots"}])
def test_saying_nothing_is_no_refusal(more: dict[str, Any]) -> None:
    assert may_keep(status(account=account(**more)), OWN)


@pytest.mark.parametrize("more", [{"mentions": [mention()]}, {"in_reply_to_account_id": OWN.id}])
def test_who_speaks_to_the_brand_is_heard_all_the_same(more: dict[str, Any]) -> None:
    shy = account(note="#nobot", indexable=False)
    assert may_keep(status(account=shy, **more), OWN)
    assert may_keep(status(account=shy, visibility="unlisted", **more), OWN)


def test_unlisted_posts_are_kept_in_the_threads_of_the_brand_only() -> None:
    assert not may_keep(status(visibility="unlisted"), OWN)
    assert may_keep(status(visibility="unlisted"), OWN, with_brand=True)
    assert may_keep(status(visibility="unlisted", account=account(OWN.id, "brand")), OWN)


def test_boosts_are_not_kept() -> None:
    assert not may_keep(status(reblog=status("2")), OWN)


def test_profile_texts_and_counts_are_not_kept() -> None:
    author = account(note="I live in Lyon", followers_count=3, fields=[{"name": "phone", "value": "123"}])
    body = of_status(status(account=author), OWN, Place("1")).body
    assert b"Lyon" not in body
    assert b"followers" not in body
    assert b"phone" not in body


@needs_recordings
@pytest.mark.parametrize("server", SERVERS)
def test_no_recorded_private_status_is_kept(server: str) -> None:
    private = [found for _, found in statuses(server) if found["visibility"] in ("private", "direct")]
    assert private
    assert not [one for one in private if of_status(one, OWN, WITH_BRAND).admitted]


@given(
    st.dictionaries(
        st.sampled_from(list(status())), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.none())
    )
)
def test_no_shape_makes_admission_fail_or_lets_more_through(more: dict[str, Any]) -> None:
    odd = status() | more
    found = of_status(odd, OWN, WITH_BRAND)
    assert found.admitted == bool(found.body)
    assert not found.admitted or odd["visibility"] in ("public", "unlisted")
