"""The cascade: who is asked, whose word counts, and that the page can tell who spoke. Its members are real scorers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.errors import ScorerError
from moderation.evaluation.functional import functional_suite
from moderation.scoring.bands import Band, members_of, read_bands
from moderation.scoring.cascade import CascadeScorer, build_cascade
from moderation.scoring.contract import Score, Scorer, Text
from moderation.scoring.detoxify import DetoxifyScorer
from moderation.scoring.embedded import RULE_TOXICITY, RULE_URGENCY, EmbeddedScorer
from moderation.scoring.registry import build

SUITE = [Text(case.text, language) for language in ("en", "fr") for case in functional_suite(language)]
BOTH = [Band("toxicity", 0.3, 0.7), Band("urgency", 0.3, 0.7)]
THREAT = Text("I will kill you")


class Counting:
    """A second reading of its own: the embedded model on the text in capitals. It counts what it is given."""

    version = "1"

    def __init__(self, name: str = "second") -> None:
        self.name = name
        self.given: list[Text] = []

    def score(self, texts: Sequence[Text]) -> list[Score]:
        self.given += texts
        found = embedded().score([Text(text.text.upper() + "!", text.language) for text in texts])
        return [replace(one, scorer=f"{self.name}@1", classes={"insult": one.toxicity}) for one in found]


class Tone:
    """A network that finds every text hostile."""

    def read(self, texts: Sequence[str]) -> list[dict[str, float]]:
        return [{"toxicity": 0.9} for _ in texts]


@cache
def embedded() -> EmbeddedScorer:
    return EmbeddedScorer()


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"members": "embedded"}, "two members"),
        ({"members": "embedded,embedded"}, "two members"),
        ({"members": "embedded,cascade"}, "no member of a cascade"),
        ({"members": "embedded,oracle"}, "no scorer called 'oracle'"),
        ({"members": "detoxify,embedded"}, "tone only"),
        ({"bands": "toxicity"}, "bands are written"),
        ({"bands": "toxicity 0.9-0.1"}, "bands are written"),
        ({"blend": "loudest"}, "average or replace"),
        ({"colour": "blue"}, "no setting colour"),
        ({"oracle.path": "x"}, r"no setting oracle\.path"),
    ],
)
def test_a_wrong_cascade_is_refused(settings: Mapping[str, str], match: str) -> None:
    def some(name: str, own: Mapping[str, str]) -> Scorer:
        if name == "detoxify":
            return DetoxifyScorer("detoxify", "1", Tone(), embedded())
        return Counting("careful") if name == "careful" else build(name, own)

    with pytest.raises(ScorerError, match=match):
        build_cascade(settings, some)


def test_members_get_their_own_settings() -> None:
    given: dict[str, dict[str, str]] = {}

    def some(name: str, own: Mapping[str, str]) -> Scorer:
        given[name] = dict(own)
        return Counting(name)

    build_cascade({"members": "embedded, second", "second.export": "here", "second.threads": "2"}, some)
    assert given == {"embedded": {}, "second": {"export": "here", "threads": "2"}}


def test_only_what_is_near_a_decision_is_read_again() -> None:
    second = Counting()
    scores = CascadeScorer([embedded(), second], BOTH).score(SUITE)
    first = embedded().score(SUITE)
    near = [text for text, score in zip(SUITE, first, strict=True) if any(band.holds(score) for band in BOTH)]
    assert second.given == near
    assert 0 < len(near) < len(SUITE)
    for score, alone in zip(scores, first, strict=True):
        if any(band.holds(alone) for band in BOTH):
            assert members_of(score.scorer) == ["embedded", "second"]
        else:
            assert replace(score, scorer="") == replace(alone, scorer="")
            assert members_of(score.scorer) == ["embedded"]


def test_an_average_lies_between_and_a_replacement_is_the_last_word() -> None:
    texts = [text for text, score in zip(SUITE, embedded().score(SUITE), strict=True) if BOTH[0].holds(score)]
    texts = [text for text, score in zip(texts, embedded().score(texts), strict=True) if not score.rules]
    alone, again = embedded().score(texts), Counting().score(texts)
    averaged = CascadeScorer([embedded(), Counting()], BOTH).score(texts)
    replaced = CascadeScorer([embedded(), Counting()], BOTH, "replace").score(texts)
    for a, b, mean, last in zip(alone, again, averaged, replaced, strict=True):
        low, high = sorted((a.toxicity, b.toxicity))
        assert low - 1e-4 <= mean.toxicity <= high + 1e-4
        assert (last.toxicity, last.urgency, last.classes) == (b.toxicity, b.urgency, b.classes)
        for name, value in mean.classes.items():
            low, high = sorted((a.classes[name], b.classes.get(name, a.classes[name])))
            assert low - 1e-4 <= value <= high + 1e-4, "who does not judge a class has no part in its average"


def test_detoxify_is_asked_and_heard_about_tone_only() -> None:
    detoxify = DetoxifyScorer("detoxify", "1", Tone(), embedded())
    cascade = CascadeScorer([embedded(), Counting(), detoxify], BOTH, "replace")
    before = CascadeScorer([embedded(), Counting()], BOTH, "replace").score(SUITE)
    for score, so_far in zip(cascade.score(SUITE), before, strict=True):
        asked = "detoxify" in members_of(score.scorer)
        assert asked == BOTH[0].holds(so_far)
        assert (score.urgency, score.sentiment, score.intents) == (so_far.urgency, so_far.sentiment, so_far.intents)
        assert score.toxicity == (0.9 if asked else so_far.toxicity)


def test_another_band_blend_or_member_is_another_version() -> None:
    made = [
        CascadeScorer([embedded(), Counting()], BOTH),
        CascadeScorer([embedded(), Counting()], BOTH[:1]),
        CascadeScorer([embedded(), Counting()], BOTH, "replace"),
        CascadeScorer([embedded(), Counting("third")], BOTH),
    ]
    assert len({one.version for one in made}) == 4
    assert all(one.score([Text("hi")])[0].scorer.endswith(f"@{one.version}") for one in made)


@given(
    st.lists(st.one_of(st.sampled_from(SUITE), st.just(THREAT), st.builds(Text, st.text(max_size=60))), max_size=6),
    st.sampled_from(["average", "replace"]),
    st.sampled_from(["toxicity 0-1, urgency 0-1", "toxicity 0.2-0.8", "urgency .4-.6"]),
)
def test_every_text_has_one_lawful_score_whatever_stands_beside_it(texts: list[Text], blend: str, bands: str) -> None:
    cascade = CascadeScorer([embedded(), Counting()], read_bands(bands), blend)
    scores = cascade.score(texts)
    assert scores == [cascade.score([text])[0] for text in texts]
    for score, alone in zip(scores, embedded().score(texts), strict=True):
        assert 0 <= score.toxicity <= 1 and 0 <= score.urgency <= 1 and -1 <= score.sentiment <= 1
        assert score.rules == alone.rules
        assert score.urgency >= RULE_URGENCY or not score.rules
        assert score.toxicity >= RULE_TOXICITY or "threat" not in score.rules
        assert len(score.scorer) <= 80
