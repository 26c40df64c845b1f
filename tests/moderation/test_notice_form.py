"""What a notice of illegal content must say before it is taken."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.errors import BadInput
from moderation.notices import ADDRESS, EXPLANATION, MOST, NAME, NAMELESS, URL, Given, checked
from moderation.statements import CATEGORIES

HERE = "https://forum.example/t/leak/12/3"
GOOD = Given(
    (HERE,), CATEGORIES[0], "It threatens a neighbour with a knife.", "Ada", "ada@example.org", good_faith=True
)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"urls": ()}, "exact address"),
        ({"urls": ("  ",)}, "exact address"),
        ({"urls": ("javascript:alert(1)",)}, "Copy the address"),
        ({"urls": ("https:///nowhere",)}, "Copy the address"),
        ({"urls": ("https://[::1",)}, "Copy the address"),
        ({"urls": (f"https://a.example/{'x' * URL}",)}, "Copy the address"),
        ({"urls": ("https://a.example/\x00",)}, "Copy the address"),
        ({"urls": tuple(f"https://a.example/{n}" for n in range(MOST + 1))}, "at most"),
        ({"category": "STATEMENT_CATEGORY_MADE_UP"}, "what kind"),
        ({"explanation": "Bad."}, "why it is illegal"),
        ({"explanation": " " * 50}, "why it is illegal"),
        ({"explanation": "x" * (EXPLANATION + 1)}, "why it is illegal"),
        ({"name": ""}, "who you are"),
        ({"name": "x" * (NAME + 1)}, "who you are"),
        ({"address": ""}, "e-mail"),
        ({"address": "ada at example.org"}, "e-mail"),
        ({"address": "ada@example"}, "e-mail"),
        ({"address": f"ada@{'x' * ADDRESS}.org"}, "e-mail"),
        ({"good_faith": False}, "good faith"),
    ],
)
def test_a_notice_that_lacks_something_is_refused_with_what_it_is(change: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        checked(replace(GOOD, **change))


def test_the_abuse_of_children_is_told_of_without_a_name_but_nothing_else() -> None:
    for category in sorted(NAMELESS):
        assert checked(replace(GOOD, category=category, name="", address="")).name == ""
    with pytest.raises(BadInput):
        checked(replace(GOOD, category="STATEMENT_CATEGORY_PROTECTION_OF_MINORS", name="", address=""))
    with pytest.raises(BadInput):
        checked(replace(GOOD, category=min(NAMELESS), name="", address="no address"))


def test_the_same_place_twice_is_one_and_control_characters_go() -> None:
    found = checked(replace(GOOD, urls=(f" {HERE} ", HERE), name="A\x00da\n", explanation=f"{'x' * 20}\r\n\x07end"))
    assert (found.urls, found.name, found.explanation) == ((HERE,), "Ada", f"{'x' * 20}\nend")


@given(st.text(), st.text(), st.text(), st.text(), st.text(), st.booleans())
def test_whatever_is_typed_is_taken_whole_or_refused_in_words(
    url: str, category: str, explanation: str, name: str, address: str, faith: bool
) -> None:
    typed = Given((url, HERE), category or CATEGORIES[0], explanation + "x" * 20, name + "A", address, faith)
    with suppress(BadInput):
        found = checked(typed)
        assert checked(found) == found
        assert all(len(given) <= URL for given in found.urls)
