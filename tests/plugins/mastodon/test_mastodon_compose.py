"""The post that an answer becomes: whom it names, and how long servers count it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.contract import Limits
from plugins.mastodon.compose import addressed, compose, length
from service.sandbox.counting import status_length

MASTODON = Limits(most=500, link=23)
HOME = "social.example"
FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467"
WORDS = st.sampled_from(
    [
        "Bonjour", "l’eau", "e\u0301te\u0301", FAMILY, "\U0001f1eb\U0001f1f7", "ok.", "(", ")", "!", "@ines", "@ines,",
        "@ines@far.example.org", "@a.b-c@x-y.org.", "mail@brava.fr", "#aide", "https://brava.fr",
        "https://brava.fr/aide?q=a&b=1", "https://help.brava.co.uk:8443/a/b/c/d/e/f/g/h/i#top.", "HTTP://BRAVA.FR/A,",
        "https://brava.example/help/with/a/long/path", "http://localhost/x", "https://brava", "https://", "@", "\r\n",
    ]
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("", 0),
        ("Merci", 5),
        (FAMILY, 1),
        ("e\u0301", 1),
        ("https://a.fr", 23),
        ("See https://brava.fr/a/very/long/way/to/the/page?x=1#part, please", 4 + 23 + len(", please")),
        ("(https://brava.fr/wiki/A_(b))", 25),
        ("https://brava.fr/(x", 23 + 2),
        ("brava.fr/a/very/long/way/to/the/page", 36),
        ("https://help.brava.example/a/b", 30),
        ("@ines@far.example.org merci", len("@ines merci")),
        ("@ines@far.example.org@more", 26),
        ("ines@far.example.org", 20),
        ("https://far.example.org/@ines", 23),
    ],
)
def test_mastodon_counts_links_as_23_and_names_without_their_domain(text: str, counted: int) -> None:
    assert length(text, 23) == counted


def test_a_server_that_makes_no_concessions_counts_every_character() -> None:
    text = f"@ines@far.example.org {FAMILY} https://brava.fr/a/very/long/way"
    assert compose(text, "", HOME, Limits(link=None)).length == len(text)


@given(st.lists(WORDS, max_size=12), st.sampled_from([" ", "  ", "\n"]))
def test_the_sandbox_counts_the_same_in_its_own_way(words: list[str], between: str) -> None:
    text = between.join(words)
    assert length(text, 23) == status_length(text)


@pytest.mark.parametrize(
    ("text", "to", "whole"),
    [
        ("Merci", "", "Merci"),
        ("Merci", "ines@social.example", "@ines Merci"),
        ("Merci", "ines@Social.Example", "@ines Merci"),
        ("Merci", "ines@far.example.org", "@ines@far.example.org Merci"),
        ("@ines Merci", "ines@social.example", "@ines Merci"),
        ("Merci @INES@social.example !", "ines@social.example", "Merci @INES@social.example !"),
        ("@ines Merci", "ines@far.example.org", "@ines@far.example.org @ines Merci"),
    ],
)
def test_the_reader_is_named_once(text: str, to: str, whole: str) -> None:
    assert addressed(text, to, HOME) == whole
    assert compose(text, to, HOME, MASTODON).text == whole
