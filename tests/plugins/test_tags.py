"""Tags as platforms write them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.tags import LONGEST, MOST, tag_key, tags_of

JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=120),
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.sampled_from(["name", "value", "id"]), inner),
    max_leaves=40,
)


@pytest.mark.parametrize("said", [None, "help", {"name": "help"}, 5, True])
def test_what_is_no_list_says_nothing(said: object) -> None:
    assert tags_of(said) is None


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ([], ()),
        (["Grinder", "grinder", "#GRINDER"], ("grinder",)),
        ([{"id": 3, "name": "Mouture", "slug": "mouture"}, {"value": "eau chaude"}], ("eau chaude", "mouture")),
        ([{"id": 3}, 5, None, ["a"], "", "  ", "#", "x" * 101], ()),
        (["\x00leak\u200b", "# #C#"], ("c#", "leak")),
    ],
)
def test_texts_and_objects_are_tidied(said: object, found: tuple[str, ...]) -> None:
    assert tags_of(said) == found


@given(JSONS)
def test_whatever_comes_is_few_short_plain_and_stays_as_it_is_when_read_again(said: object) -> None:
    found = tags_of(said)
    assert found is None or tags_of(json.loads(json.dumps(found))) == found
    for tag in found or ():
        assert 0 < len(tag) <= LONGEST
        assert tag.isprintable()
        assert tag == tag_key(tag)
    assert len(found or ()) <= MOST
