"""The careful scorer: what it refuses, what every score keeps, how long texts are read, why it says what it says."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.errors import ScorerError
from moderation.scoring.careful import CarefulScorer
from moderation.scoring.contract import CLASSES, INTENTS, Score, Scorer, Text
from moderation.scoring.encoder import DATA, WINDOW, WINDOWS, load_encoder, spans_of
from moderation.scoring.readable import readable
from moderation.scoring.registry import build

NETWORK, PIECES = DATA / "careful.onnx", DATA / "careful.json"
MOST_BYTES = 25_000_000
SLIGHT = 0.003  # sums of another shape round differently, and a rounding may turn one step of eight bits

ODD = ["", " ", "\x00", "\x00" * 50, "\u202eevil\u202c", "😡" * 40, "\u200b", "a" * 70_000, "ÿ\udc80", "日本語です"]
WORDS = [
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
]
texts = st.one_of(st.text(max_size=200), st.sampled_from(ODD), st.lists(st.sampled_from(WORDS)).map(" ".join))
messages = st.builds(Text, texts, st.sampled_from(["", "en", "fr", "de", "fr-CA"]))


@pytest.fixture(scope="module")
def scorer() -> CarefulScorer:
    return CarefulScorer()


def one(scorer: CarefulScorer, text: str, language: str = "") -> Score:
    return scorer.score([Text(text, language)])[0]


def test_missing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ScorerError, match="reinstall"):
        load_encoder(tmp_path)


@pytest.mark.parametrize("broken", [NETWORK.name, PIECES.name])
def test_a_broken_file_is_refused(tmp_path: Path, broken: str) -> None:
    for path in (NETWORK, PIECES):
        shutil.copy(path, tmp_path)
    (tmp_path / broken).write_bytes((DATA / broken).read_bytes()[:5000])
    with pytest.raises(ScorerError, match="cannot be read"):
        load_encoder(tmp_path)


def test_pieces_of_another_model_are_refused(tmp_path: Path) -> None:
    from tokenizers import Tokenizer

    shutil.copy(NETWORK, tmp_path)
    other = Tokenizer.from_file(str(PIECES))
    other.add_tokens(["strange"])
    other.save(str(tmp_path / PIECES.name))
    with pytest.raises(ScorerError, match="belong together"):
        load_encoder(tmp_path)


@pytest.mark.parametrize("threads", ["0", "many", "100000", "²", "-1"])
def test_impossible_threads_are_refused(threads: str) -> None:
    with pytest.raises(ScorerError, match="threads"):
        build("careful", {"threads": threads})


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ScorerError, match="colour"):
        build("careful", {"colour": "red"})


def test_it_is_built_by_name_and_keeps_the_protocol() -> None:
    built = build("careful", {"threads": "1"})
    assert isinstance(built, Scorer)
    assert built.score([]) == []
    assert one(built, "hi").scorer == f"careful@{built.version}"


def test_its_files_are_small() -> None:
    assert NETWORK.stat().st_size + PIECES.stat().st_size < MOST_BYTES


@given(st.lists(messages, max_size=5))
@settings(deadline=None, max_examples=60)
def test_any_text_gets_a_score_in_range_and_its_own_quotes(batch: list[Text]) -> None:
    for text, score in zip(batch, SHARED.score(batch), strict=True):
        chances = (score.toxicity, score.urgency, *score.classes.values(), *score.intents.values())
        assert all(0 <= chance <= 1 for chance in chances)
        assert -1 <= score.sentiment <= 1
        assert score.language in ("en", "fr", "und")
        assert all(reason.quote in text.text for reason in score.reasons)


@given(st.lists(messages, min_size=1, max_size=5))
@settings(deadline=None, max_examples=40)
def test_neither_order_nor_company_changes_a_score(batch: list[Text]) -> None:
    together = SHARED.score(batch)
    for text, score in zip(batch, together, strict=True):
        (alone,) = SHARED.score([text])
        assert alone.toxicity == pytest.approx(score.toxicity, abs=SLIGHT)
        assert alone.urgency == pytest.approx(score.urgency, abs=SLIGHT)
        assert alone.rules == score.rules
    for text, score in zip(batch[::-1], SHARED.score(batch[::-1]), strict=True):
        assert score.toxicity == pytest.approx(together[batch.index(text)].toxicity, abs=SLIGHT)


def test_every_head_is_filled(scorer: CarefulScorer) -> None:
    score = one(scorer, "Where is my refund? I was charged twice.")
    assert tuple(score.classes) == CLASSES
    assert tuple(score.intents) == INTENTS


def test_nothing_said_scores_nothing(scorer: CarefulScorer) -> None:
    assert one(scorer, " \u200b ", "fr") == Score(0.0, 0.0, 0.0, "fr", (), f"careful@{scorer.version}")


@pytest.mark.parametrize(
    ("hostile", "kind"),
    [
        ("you are a pathetic, worthless idiot", "thank you so much, this is lovely"),
        ("ferme ta gueule espèce de sale abruti", "merci beaucoup, c'est vraiment gentil"),
        ("y0u are a fuck1ng 1d10t", "what a beautiful morning at the lake"),
    ],
)
def test_an_insult_is_hostile_and_thanks_are_not(scorer: CarefulScorer, hostile: str, kind: str) -> None:
    assert one(scorer, hostile).toxicity > 0.8
    assert one(scorer, kind).toxicity < 0.2


@pytest.mark.parametrize(
    ("urgent", "calm"),
    [
        ("The charger caught fire and my son burned his hand", "The new colour looks great on my desk"),
        ("J'ai été débité deux fois et personne ne répond", "Belle photo, bravo à tous"),
    ],
)
def test_an_emergency_is_urgent_and_praise_is_not(scorer: CarefulScorer, urgent: str, calm: str) -> None:
    assert one(scorer, urgent).urgency > 0.7
    assert one(scorer, calm).urgency < 0.3


@pytest.mark.parametrize("courtesy", ["{} please", "{} Thanks a lot for your help!", "Hi Acme, {}"])
def test_courtesy_does_not_calm_an_emergency(scorer: CarefulScorer, courtesy: str) -> None:
    text = courtesy.format("The charger caught fire and my son burned his hand.")
    assert one(scorer, text).urgency > 0.7


def test_languages_are_told_apart(scorer: CarefulScorer) -> None:
    assert one(scorer, "Where can I find the settings of my account?", "fr").language == "en"
    assert one(scorer, "Où puis-je trouver les réglages de mon compte ?", "en").language == "fr"
    assert one(scorer, "Где найти настройки моего аккаунта?", "en").language == "und"


def test_a_rule_passes_the_cut(scorer: CarefulScorer) -> None:
    score = one(scorer, "I will kill you")
    assert "threat" in score.rules
    assert score.urgency >= 0.9
    assert score.reasons[0].code == "rule.threat"


def test_a_reason_quotes_the_words_that_weigh_most(scorer: CarefulScorer) -> None:
    score = one(scorer, "The weather was fine, and then he came, you stupid piece of shit, and we left early.")
    quotes = [reason.quote for reason in score.reasons if reason.code in ("toxic", "rough")]
    assert quotes
    assert all("shit" in quote or "stupid" in quote for quote in quotes)


def test_what_the_pieces_add_is_the_sum(scorer: CarefulScorer) -> None:
    (read,) = scorer.encoder.read([readable("My router is dead since the update").text])
    (empty,) = scorer.encoder.read([""])
    (window,) = read.windows
    assert window.added.shape == (len(read.pieces), 2)
    assert np.isfinite(window.logits).all()
    assert np.isfinite(empty.logits()).all()


@pytest.mark.parametrize(("pieces", "windows"), [(0, 1), (1, 1), (WINDOW, 1), (WINDOW + 1, 2), (10_000, WINDOWS)])
def test_windows_cover_the_beginning_and_the_end(pieces: int, windows: int) -> None:
    spans = spans_of(pieces)
    assert len(spans) == windows
    assert spans[0].start == 0
    assert spans[-1].stop == pieces
    assert all(len(span) <= WINDOW for span in spans)


def test_an_insult_at_the_end_of_a_long_text_is_seen(scorer: CarefulScorer) -> None:
    calm = "We went to the lake and had a picnic with the children under the trees. " * 20
    assert one(scorer, calm + "You are a worthless piece of shit.").toxicity > 2 * one(scorer, calm).toxicity


def test_disguises_are_read_as_what_they_mean() -> None:
    plain = readable("y0u f u c k e r, Vous êtes L'ABRUTI!!!!!! <url> @bob \u200b")
    assert "fucker" in plain.text
    assert "L'ABRUTI!!!" in plain.text
    assert "!!!!" not in plain.text
    assert plain.text.count("@user") == 1
    assert plain.tokens[plain.token_at(plain.text.index("fucker"))].start == 4


SHARED = CarefulScorer() if NETWORK.exists() else None
