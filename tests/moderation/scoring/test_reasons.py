"""Reasons quote a few words of one clause, and no sentence is louder than its score."""

from __future__ import annotations

import re

import pytest

from moderation.scoring.contract import Text
from moderation.scoring.embedded import EmbeddedScorer
from moderation.scoring.reasons import LONGEST, MOST_WORDS, explain, heaviest_run

TEXTS = [
    "Hello all. You are a st*pid M0R0N, thanks! The kettle burned my hand, what now?",
    "ta gueule, pauvre con (sérieux) ; mon colis n'est jamais arrivé — personne ne répond",
    "The charger started smoking. Nice sofa, though. Who do I call?",
    "@acme https://example.org/a my account was hacked, and somebody is buying things: please help",
    "Mon appli ne s'ouvre plus depuis la mise à jour\nj'ai tout réinstallé",
]


@pytest.fixture(scope="module")
def scorer() -> EmbeddedScorer:
    return EmbeddedScorer()


@pytest.mark.parametrize("text", TEXTS)
def test_a_quote_is_a_few_words_of_one_clause(scorer: EmbeddedScorer, text: str) -> None:
    reasons = [reason for reason in scorer.score([Text(text)])[0].reasons if not reason.code.startswith("rule.")]
    assert reasons
    for reason in reasons:
        assert reason.quote in text
        assert 0 < len(reason.quote) <= LONGEST
        assert len(reason.quote.split()) <= MOST_WORDS
        assert not re.search(r"[.,;:!?()\n—]", reason.quote), reason.quote
        assert re.search(rf"(?<!\w){re.escape(reason.quote)}(?!\w)", text)


@pytest.mark.parametrize(
    ("toxicity", "urgency", "codes"),
    [
        (0.9, 0.1, {"toxic"}),
        (0.45, 0.1, {"rough"}),
        (0.3, 0.1, set()),
        (0.1, 0.7, {"urgent"}),
        (0.1, 0.5, {"need"}),
        (0.1, 0.35, set()),
    ],
)
def test_no_sentence_is_louder_than_its_score(
    scorer: EmbeddedScorer, toxicity: float, urgency: float, codes: set[str]
) -> None:
    text = "you stupid idiot, my hand is burned"
    reasons = explain(text, scorer.reader.read([text]).texts[0], [], toxicity, urgency)
    assert {reason.code for reason in reasons} - {"calm"} == codes


def test_the_heaviest_run_is_bounded() -> None:
    assert heaviest_run([0.1, -1.0, 0.5, 0.4, -0.2]) == (2, 3, pytest.approx(0.9))
    assert heaviest_run([-1.0, 0.0]) == (0, 0, 0.0)
    first, last, _ = heaviest_run([1.0] * 20)
    assert last - first + 1 == MOST_WORDS
