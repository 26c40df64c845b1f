"""The memory of words is bounded, shared between threads, and never changes a score."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from moderation.scoring import linear
from moderation.scoring.contract import CLASSES, INTENTS, Text
from moderation.scoring.embedded import EmbeddedScorer

TEXTS = [
    Text(f"{start} {middle} number{turn}, {end}")
    for turn, start in enumerate(("the charger", "ma commande", "you idiot", "thanks"))
    for middle in ("never arrived", "burned my hand", "n'est pas venue. Toujours rien.", "😡 you clown")
    for end in ("who do I call?", "merci", "see you", "I'll sue")
]


def test_a_full_memory_starts_anew_and_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    calm = EmbeddedScorer()
    expected = calm.score(TEXTS)
    monkeypatch.setattr(linear, "REMEMBERED", 5)
    forgetful = EmbeddedScorer()
    assert [forgetful.score([text])[0] for text in TEXTS] == expected
    assert len(forgetful.reader.read(["one more word"]).memory) <= 5 + 10


def test_threads_share_a_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "REMEMBERED", 20)
    scorer = EmbeddedScorer()
    expected = EmbeddedScorer().score(TEXTS)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda turn: scorer.score(TEXTS[turn:] + TEXTS[:turn]), range(len(TEXTS))))
    for turn, scores in enumerate(found):
        assert scores == expected[turn:] + expected[:turn]


def test_the_memory_grows_beyond_its_first_rows() -> None:
    words = " ".join(
        f"w{'abcdefghij'[n % 10]}{'klmnopqrst'[n // 10 % 10]}{'uvwxyzabcd'[n // 100]}" for n in range(1000)
    )
    many = " ".join(f"{word}{ending}" for word in words.split() for ending in ("", "x"))
    long = [Text(many[start : start + 4000]) for start in range(0, len(many), 4000)]
    assert EmbeddedScorer().score(long) == [EmbeddedScorer().score([text])[0] for text in long]


@pytest.mark.parametrize("text", ["", "hello", "you filthy moron, my refund never came"])
def test_every_class_and_intent_has_a_chance(text: str) -> None:
    score = EmbeddedScorer().score([Text(text)])[0]
    assert tuple(score.classes) == CLASSES
    assert tuple(score.intents) == INTENTS
    assert all(0 <= chance <= 1 for chance in (*score.classes.values(), *score.intents.values()))
