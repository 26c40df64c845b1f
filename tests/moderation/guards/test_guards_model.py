"""The model beside the phrases: what it weighs, where it points, what it is made from and what it never saw."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.errors import ScorerError
from moderation.guards import model
from moderation.guards.check import read
from moderation.guards.contract import Guard, House
from moderation.guards.measure import labelled
from moderation.guards.model import BUCKETS, HEADS, Model, bucket_of, features, hear, units
from moderation.guards.phrases import LANGUAGES, sentences
from moderation.guards.places import places

OURS = Path(__file__).resolve().parents[3] / "scripts" / "guards"
RUN = 6


def tokens(text: str) -> list:
    return [token for sentence in sentences(text, places(text)) for token in sentence]


def weighing(**words: float) -> Model:
    """A model of a few words, for each guard alike; nothing is found without them."""
    rows = np.zeros((BUCKETS, len(HEADS)), np.int8)
    for word, weight in words.items():
        rows[bucket_of(word.replace("_", " "))] = weight
    return Model(rows, np.ones(len(HEADS), np.float32), np.full(len(HEADS), -1.0, np.float32))


def test_a_sum_above_the_threshold_is_a_finding_and_one_below_is_none() -> None:
    assert hear(tokens("please buy this lovely thing"), weighing(buy=9)).says(Guard.SALES)
    assert not hear(tokens("please take this lovely thing"), weighing(buy=9)).says(Guard.SALES)


def test_the_reason_is_where_the_words_stand_that_weighed_most() -> None:
    text = "The lid is loose, but honestly read the manual next time, will you"
    found = hear(tokens(text), weighing(read_the=20, manual=20, lid=3))
    start, end = found.reason(Guard.TONE)
    assert text[start:end] == "read the manual"


def test_two_neighbouring_sentences_are_read_together() -> None:
    text = "One here. Two here. Three here."
    every = list(sentences(text, ()))
    assert [[token.readings[0].text for token in unit] for unit in units(every)] == [
        ["one", "here", "two", "here"],
        ["two", "here", "three", "here"],
    ]
    assert list(units(every[:1])) == every[:1]
    assert list(units([])) == []


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_values_are_of_length_one_at_most_and_a_reason_lies_in_the_text(text: str) -> None:
    for unit in units(list(sentences(text, places(text)))):
        found = hear(unit)
        assert 0 < sum(feature.value**2 for feature in features(unit)) <= 1.0 + 1e-9
        for guard in HEADS:
            start, end = found.reason(guard)
            assert unit[0].start <= start < end <= unit[-1].end


def test_the_packaged_model_is_small_and_of_this_version() -> None:
    path = Path(model.__file__).parent / "data" / model.FILE
    assert path.stat().st_size < 300_000
    assert model.packaged().rows.shape == (BUCKETS, len(HEADS))


def test_a_file_that_is_none_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "FILE", "tone.toml")
    with pytest.raises(ScorerError, match="reinstall"):
        model.packaged.__wrapped__()


def test_an_amount_that_is_only_a_price_stays_none_where_the_model_reads() -> None:
    for text in ("The repair costs 120 €.", "La réparation coûte 120 €.", "You were charged 99 € twice."):
        assert not [f for f in read(text, "", House()) if f.guard is Guard.MONEY]


# ------------------------------------------------------------------ what it was made from


def runs(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1)}


@pytest.mark.skipif(not OURS.exists(), reason="needs the repository")
@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_that_was_learnt_from_is_held_out(language: str) -> None:
    """No six words in a row of a held-out sentence stand in a sentence without alternatives that taught the model."""
    held = {run for s in labelled(language)[1] if s.split == "held_out" for run in runs(s.text)}
    lines = (OURS / f"sentences_{language}.tsv").read_text("utf-8").splitlines()
    assert len(lines) == len(set(lines)) >= 450
    assert not [line for line in lines if held & runs(line.split("\t")[1])]


#: The second held-out file as it was written, before anything was trained.
SEALED = {
    "en": "4e94370e3c9954b8de002751f9bb24e108dd1574333928ffe69143b1684ef36e",
    "fr": "a10f4a1da4b84a90a753f8ddd820e210aebe037e55804d768f328bcece21f008",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_second_held_out_file_is_as_it_was_written(language: str) -> None:
    raw = (Path(model.__file__).parent / "data" / f"held_out_{language}.toml").read_bytes()
    assert hashlib.sha256(raw).hexdigest() == SEALED[language]
    assert sum(s.source == "held_out" for s in labelled(language)[1]) >= 120
