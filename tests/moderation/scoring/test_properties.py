"""What every score keeps, whatever the text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.scoring.contract import Score, Scorer, Text
from moderation.scoring.embedded import EmbeddedScorer

ODD = [
    "",
    " ",
    "\x00",
    "\x00" * 50,
    "\u202eevil\u202c",
    "😡" * 40,
    "\u200b",
    "Z\u0335\u0321a\u0337\u0322lgo",
    "a" * 70_000,
    "ÿ\udc80",
]
PIECES = [
    "you are",
    "an idiot",
    "burned my hand",
    "merci",
    "1d10t",
    "*",
    "@",
    "c o n",
    "!!!",
    "\n",
    "<url>",
    "l'",
    "été",
    ".",
]
texts = st.one_of(st.text(max_size=200), st.sampled_from(ODD), st.lists(st.sampled_from(PIECES)).map(" ".join))
messages = st.builds(Text, texts, st.sampled_from(["", "en", "fr", "de", "fr-CA"]))


@pytest.fixture(scope="module")
def scorer() -> EmbeddedScorer:
    return EmbeddedScorer()


def check(text: Text, score: Score) -> None:
    assert 0 <= score.toxicity <= 1
    assert 0 <= score.urgency <= 1
    assert -1 <= score.sentiment <= 1
    assert score.language in ("en", "fr", "und")
    assert all(reason.quote in text.text for reason in score.reasons)
    assert sum(reason.weight < 0 for reason in score.reasons) <= 1


def test_keeps_the_protocol(scorer: EmbeddedScorer) -> None:
    assert isinstance(scorer, Scorer)
    assert scorer.score([]) == []
    assert scorer.score([Text("hi")])[0].scorer == f"embedded@{scorer.version}"


@given(st.lists(messages, max_size=6))
@settings(deadline=None, max_examples=150)
def test_any_text_gets_a_score_in_range_and_its_own_quotes(batch: list[Text]) -> None:
    for text, score in zip(batch, SHARED.score(batch), strict=True):
        check(text, score)


@given(st.lists(messages, min_size=1, max_size=6), st.randoms())
@settings(deadline=None, max_examples=100)
def test_neither_order_nor_company_changes_a_score(batch: list[Text], random: object) -> None:
    together = SHARED.score(batch)
    assert together == [SHARED.score([text])[0] for text in batch]
    assert together[::-1] == SHARED.score(batch[::-1])


def test_a_fresh_scorer_says_the_same(scorer: EmbeddedScorer) -> None:
    batch = [Text(text) for text in ODD + PIECES]
    assert scorer.score(batch) == EmbeddedScorer().score(batch)


@pytest.mark.parametrize("text", ["", "\x00", "  \n ", "\u200b\u202e"])
def test_nothing_said_scores_nothing(scorer: EmbeddedScorer, text: str) -> None:
    score = scorer.score([Text(text, "fr")])[0]
    assert (score.toxicity, score.urgency, score.sentiment, score.reasons) == (0, 0, 0, ())
    assert score.language == "fr"


@pytest.mark.parametrize(
    "text",
    [
        "a" * 10**6,
        "a " * 500_000,
        "*" * 10**6,
        "a.b" * 300_000,
        "@" * 10**6,
        "\u0301" * 10**6,
        "i'll kill " * 10**5,
        "<" * 10**6,
    ],
)
def test_a_megabyte_takes_a_bounded_time(scorer: EmbeddedScorer, text: str) -> None:
    """A guard against time that grows with the square of the length, which would be minutes; not a benchmark."""
    started = time.process_time()
    scorer.score([Text(text)])
    assert time.process_time() - started < 10


SHARED = EmbeddedScorer()
