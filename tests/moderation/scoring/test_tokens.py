"""Tokens of a text: the same with and without their places, and each kind shows from the token alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.scoring.normalise import TOKEN, kind_of, tokens_of

SIGNS = st.text(st.sampled_from("ab1@#*$!|<>'’-_./:?,\n \u200b\u0301é😡«—"), max_size=60)


@given(st.one_of(SIGNS, st.text(max_size=80)))
@settings(deadline=None, max_examples=400)
def test_tokens_need_no_context(text: str) -> None:
    found = list(TOKEN.finditer(text))
    assert tokens_of(text) == [match.group() for match in found]
    assert [kind_of(match.group()) for match in found] == [
        {"spaced": "word"}.get(match.lastgroup or "", match.lastgroup) for match in found
    ]


@pytest.mark.parametrize(
    ("token", "kind"),
    [
        ("@anna", "place"),
        ("<url>", "place"),
        ("https://a.org/b", "place"),
        ("b*tch", "word"),
        ("s h i t", "word"),
        ("?!", "end"),
        ("«", "pause"),
        ("-", "pause"),
        ("😡", "symbol"),
    ],
)
def test_kinds(token: str, kind: str) -> None:
    assert kind_of(token) == kind
