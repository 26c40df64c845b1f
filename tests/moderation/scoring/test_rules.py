"""Rules fire on what they name, not on figures of speech, and always lift the score."""

from __future__ import annotations

import pytest

from moderation.errors import ScorerError
from moderation.scoring.contract import Text
from moderation.scoring.embedded import EmbeddedScorer
from moderation.scoring.linear import place
from moderation.scoring.rules import Need, compile_rule, needs_of, parse_rules, to_regex
from moderation.scoring.words import SENTENCES, say

FIRES = [
    ("the charger caught fire", "safety"),
    ("It burned my hand!", "safety"),
    ("my son got an electric shock", "safety"),
    ("the kitchen smells of burning plastic, there is a smell of burning", "safety"),
    ("She can’t breathe", "safety"),
    ("La bouilloire a pris feu", "safety"),
    ("il s'est brûlé la main", "safety"),
    ("la prise a noirci d'un coup", "safety"),
    ("on a dû appeler les pompiers", "safety"),
    ("I will kill you", "threat"),
    ("k1ll y0urself", "threat"),
    ("I know where you live", "threat"),
    ("je vais te casser la gueule", "threat"),
    ("suicide-toi", "threat"),
    ("on sait où tu habites", "threat"),
    ("my lawyer will be in touch", "legal"),
    ("this is a GDPR violation", "legal"),
    ("je porte plainte", "legal"),
    ("mon avocat va vous écrire", "legal"),
    ("my solicitor told me to keep every mail", "legal"),
    ("You will hear from our lawyers.", "legal"),
    ("mon avocate vous contactera", "legal"),
    ("vous recevrez un courrier de mon avocat", "legal"),
    ("I want to kill myself", "self_harm"),
    ("j'ai envie de mourir", "self_harm"),
]
QUIET = [
    "I watch it on my Fire TV",
    "the killer feature of this app",
    "a burning question about colours",
    "this track is on fire",
    "dead simple to use",
    "my phone blew up with notifications, my mind exploded",
    "I will kill you at Mario Kart",
    "he told me to kill myself and I reported him, he said kill yourself",
    "Suicide Squad is on tonight",
    "I'm a lawyer and I like it",
    "a culture shock",
    "no smoke, no burning smell",
    "le court de tennis est ouvert",
    "on joue pour tuer le temps",
    "je vais te tuer, je plaisante",
    "une salade d'avocat",
    "feu vert pour samedi",
    "j'ai explosé de rire",
    "je veux mourir de rire",
    "envie de mourir de rire",
    "l'ambiance était en feu",
    "I'm dying to try it",
    "I am suing my sofa for emotional damage",
    "my lawyer is a goldfish",
    "we went to the family court of pancakes, said the jury of the kitchen",
    "j'attaque mon réveil en justice",
    "mon avocat est un poisson rouge",
    "le tribunal familial a tranché",
]


@pytest.fixture(scope="module")
def scorer() -> EmbeddedScorer:
    return EmbeddedScorer()


@pytest.mark.parametrize(("text", "category"), FIRES)
def test_a_rule_fires_and_lifts_the_score(scorer: EmbeddedScorer, text: str, category: str) -> None:
    score = scorer.score([Text(text)])[0]
    assert category in score.rules
    assert score.urgency >= 0.9
    assert category != "threat" or score.toxicity >= 0.7
    assert score.reasons[0].code == f"rule.{score.rules[0]}"
    assert score.reasons[0].quote in text


@pytest.mark.parametrize("text", QUIET)
def test_a_figure_of_speech_is_no_alarm(scorer: EmbeddedScorer, text: str) -> None:
    assert scorer.score([Text(text)])[0].rules == ()


def test_every_reason_has_words_in_both_languages(scorer: EmbeddedScorer) -> None:
    reasons = [reason for text, _ in FIRES for reason in scorer.score([Text(text)])[0].reasons]
    assert {reason.code for reason in reasons} <= SENTENCES.keys()
    assert say(reasons[0], "en").startswith("Safety: “")
    assert say(reasons[0], "fr").startswith("Sécurité des personnes\u00a0: «\u00a0")


@pytest.mark.parametrize(
    "source", ["= nonsense", "[en]\npatterns = []", '[en]\npatterns = ["a{9}"]', '[en]\npatterns = ["(a"]']
)
def test_a_broken_rule_file_is_refused(source: str) -> None:
    with pytest.raises(ScorerError, match="safety"):
        parse_rules("safety", source)


def test_patterns_skip_words_and_choose(scorer: EmbeddedScorer) -> None:
    rule = compile_rule("safety", ["(my|the)? charger .. melt*"], ["not melt*"])
    assert rule.find(" the charger has just started melting ") == (1, 37)
    assert rule.find(" the charger did not melt ") is None
    assert rule.find(" the charger . it melted ") is None
    assert needs_of("(my|the)? charger .. melt*") == (Need(frozenset({"charger"}), ()), Need(frozenset(), ("melt",)))
    assert needs_of("(smell|odour)* of")[0].stems == ("odour", "smell")
    assert needs_of("(go|come) to the (big fire|hospital)")[0].words == {"fire", "hospital"}
    assert to_regex("a") == "(?<= )a(?= )"


@pytest.mark.parametrize("text", [text for text, _ in FIRES] + QUIET)
def test_skipping_the_search_loses_no_hit(scorer: EmbeddedScorer, text: str) -> None:
    placed = place(text, scorer.reader.read([text]).texts[0])
    assert scorer.rules.match(placed) == scorer.rules.search(placed)
