"""What the embedded scorer makes of sentences that its training never saw."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.scoring.contract import Score, Text
from moderation.scoring.embedded import EmbeddedScorer
from moderation.scoring.normalise import words_of

SENTENCES = tomllib.loads((Path(__file__).parent / "functional.toml").read_text("utf-8"))
FLOORS = {"urgent": 0.65, "calm": 0.85, "toxic": 0.75, "clean": 0.95}
POLITE = [
    "{} please",
    "{} thanks",
    "Hi, {} Thank you so much!",
    "{} s'il vous plaît",
    "Acme, {} merci d'avance",
    "I love Acme. {}",
]
EMERGENCIES = [
    "My kid burned her hand on the kettle",
    "The charger started smoking on the sofa",
    "The plug is black and the fuses blew",
    "My daughter can't breathe after eating your bar",
    "There was glass in the baby food",
    "I got an electric shock from the lamp",
    "The battery is swelling and hot",
    "The brakes failed on the hill",
    "We are in the ER because of your cream",
    "The dog is bleeding after chewing the cable",
    "The heater caught fire last night",
    "My card was charged three times this morning",
    "Someone got into my account and changed the password",
    "My home address is visible on your forum",
    "I want to die and nobody notices",
    "Mon fils s'est brûlé la main sur la bouilloire",
    "Le chargeur a pris feu sur le canapé",
    "La prise est noire et les plombs ont sauté",
    "Ma fille n'arrive plus à respirer après votre barre",
    "Il y avait du verre dans le petit pot",
    "J'ai pris une décharge avec la lampe",
    "La batterie gonfle et elle est brûlante",
    "Les freins ont lâché dans la descente",
    "On est aux urgences à cause de votre crème",
    "Le chien saigne depuis qu'il a mordu le câble",
    "Le radiateur fume dans la chambre du bébé",
    "On m'a débité trois fois ce matin",
    "Quelqu'un a piraté mon compte et changé le mot de passe",
    "Mon adresse est visible sur votre forum",
    "Je veux mourir et personne ne le voit",
]
RIGHT = {
    "urgent": lambda score: score.urgency >= 0.5,
    "calm": lambda score: score.urgency < 0.5,
    "toxic": lambda score: score.toxicity >= 0.5,
    "clean": lambda score: score.toxicity < 0.5,
}


@pytest.fixture(scope="module")
def scorer() -> EmbeddedScorer:
    return EmbeddedScorer()


def one(scorer: EmbeddedScorer, text: str) -> Score:
    return scorer.score([Text(text)])[0]


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("wanted", FLOORS)
def test_most_unseen_sentences_are_judged_right(scorer: EmbeddedScorer, language: str, wanted: str) -> None:
    sentences = SENTENCES[language][wanted]
    wrong = [text for text in sentences if not RIGHT[wanted](one(scorer, text))]
    assert 1 - len(wrong) / len(sentences) >= FLOORS[wanted], wrong


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_urgent_rank_above_the_calm(scorer: EmbeddedScorer, language: str) -> None:
    urgent, calm = ([one(scorer, text).urgency for text in SENTENCES[language][kind]] for kind in ("urgent", "calm"))
    pairs = [high > low for high in urgent for low in calm]
    assert sum(pairs) / len(pairs) >= 0.9


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_language_of_a_sentence_is_told(scorer: EmbeddedScorer, language: str) -> None:
    sentences = [text for texts in SENTENCES[language].values() for text in texts]
    right = sum(one(scorer, text).language == language for text in sentences)
    assert right / len(sentences) >= 0.93


@pytest.mark.parametrize(
    "text",
    [
        "¿Dónde está mi paquete? Nadie responde",
        "Wo bleibt denn mein Paket, ich warte schon lange",
        "Где моя посылка",
        "私の荷物はどこですか",
        "🎉🎉",
    ],
)
def test_other_languages_are_und(scorer: EmbeddedScorer, text: str) -> None:
    assert one(scorer, text).language == "und"


def test_a_doubtful_text_has_the_declared_language(scorer: EmbeddedScorer) -> None:
    assert scorer.score([Text("🎉🎉", "fr-CA")])[0].language == "fr"


@pytest.mark.parametrize("emergency", EMERGENCIES)
def test_politeness_does_not_calm_an_emergency(scorer: EmbeddedScorer, emergency: str) -> None:
    before = one(scorer, emergency).urgency
    assert before > 0.5
    for frame in POLITE:
        after = one(scorer, frame.format(emergency)).urgency
        assert after > 0.5
        assert after >= before - 0.2, frame


@given(st.sampled_from(EMERGENCIES), st.lists(st.sampled_from(POLITE), min_size=1, max_size=2))
@settings(deadline=None, max_examples=200)
def test_no_courtesy_turns_an_emergency_calm(emergency: str, frames: list[str]) -> None:
    text = emergency
    for frame in frames:
        text = frame.format(text)
    assert one(SHARED, text).urgency >= 0.5


@pytest.mark.parametrize(
    "word",
    ["1d10t", "id!ot", "i d i o t", "i.d.i.o.t", "i*iot", "IDIOT", "idіot", "id\u200biot", "iiidiot", "ｉｄｉｏｔ"],
)
def test_a_disguise_does_not_hide_an_insult(scorer: EmbeddedScorer, word: str) -> None:
    assert words_of(word) == ("idiot",)
    assert one(scorer, f"you are an {word}").toxicity > 0.8


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("1st", ("1st",)),
        ("salle", ("salle",)),
        ("l’appareil", ("l", "appareil")),
        ("soooo", ("soo",)),
        ("2024", ("0",)),
        ("Élodie", ("elodie",)),
    ],
)
def test_ordinary_words_stay_what_they_are(token: str, words: tuple[str, ...]) -> None:
    assert words_of(token) == words


@pytest.mark.parametrize(
    ("friendly", "hostile"),
    [
        ("this damn machine makes damn good coffee", "this damn idiot makes me sick"),
        ("holy shit this update is fucking great", "fuck you, you great piece of shit"),
        ("putain que c'est bon ce café", "ta gueule putain de connard"),
        ("you absolute legend, you lucky bastard", "you absolute moron, you ugly bastard"),
        ("sacrée machine, putain de bon son", "sale con, putain de débile"),
    ],
)
def test_friendly_swearing_stays_below_an_insult(scorer: EmbeddedScorer, friendly: str, hostile: str) -> None:
    assert one(scorer, friendly).toxicity < 0.45 < one(scorer, hostile).toxicity


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("How do I change the filter of the coffee machine?", 0.15, 0.65),
        ("Comment on change le filtre de la cafetière ?", 0.15, 0.65),
        ("I love it, thank you so much", 0.0, 0.1),
        ("J'adore, merci beaucoup", 0.0, 0.1),
        ("haha same here, see you on Saturday", 0.0, 0.15),
        ("My son's arm is covered in burns from the heater", 0.8, 1.0),
    ],
)
def test_chances_are_sensible(scorer: EmbeddedScorer, text: str, low: float, high: float) -> None:
    assert low <= one(scorer, text).urgency <= high


def test_reasons_quote_what_was_written(scorer: EmbeddedScorer) -> None:
    score = one(scorer, "Hello all. You are a st*pid M0R0N, thanks!")
    quotes = {reason.code: reason.quote for reason in score.reasons}
    assert "M0R0N" in quotes["toxic"]


SHARED = EmbeddedScorer()
