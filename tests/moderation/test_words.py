"""Reasons in words: nothing that triage or a scorer can say lacks a sentence in either language."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from moderation import words
from moderation.scoring import rules as rule_words
from moderation.scoring import words as scored
from moderation.scoring.contract import Reason
from moderation.triage import WATCHED, ThreadFacts, assess
from moderation.tuning import Tuning
from moderation.words import RULES, SENTENCES, SILENT, duration, reasons_in_words

AS_OF = datetime(2026, 11, 22, 9, tzinfo=UTC)
NOW = AS_OF.timestamp()
LOCALES = ("en", "fr")
#: Everything that can speak for a thread, and everything that can speak against it.
HOT = ThreadFacts(
    need=1.0,
    open_at=NOW - 90_000,
    toxicity=1.0,
    toxic_messages=3,
    rules=rule_words.CATEGORIES,
    addressed=3,
    authors=40,
    likes=400,
    messages=60,
    last_at=NOW,
    sentiment_start=1.0,
    sentiment_end=-1.0,
    recent=(NOW,) * 12,
)
COLD = ThreadFacts(helped=2, answered=3, accepted=True, settled=True, authors=2, last_at=NOW - 40 * 86_400)
TUNED = Tuning(topics={"billing": 0.9, "praise": -0.9})
EVERY = [
    *assess(replace(HOT, topics={"billing": 1.0, "safety": 1.0}), AS_OF, TUNED).because,
    *assess(replace(COLD, topics={"praise": 1.0}), AS_OF, TUNED).because,
]


def test_the_two_threads_bring_out_every_code_there_is() -> None:
    assert {b.code for b in EVERY} == set(SENTENCES["en"])


@pytest.mark.parametrize("locale", LOCALES)
def test_every_reason_that_triage_can_give_has_a_sentence(locale: str) -> None:
    for because in EVERY:
        if because.code in SILENT:
            continue
        found = reasons_in_words([[because.code, because.weight, because.params]], [], 7_200, locale)
        assert len(found) == 1, because
        assert found[0].text
        assert "{" not in found[0].text
        assert found[0].against is (because.weight < 0)


def test_both_languages_have_the_same_sentences_with_the_same_gaps() -> None:
    assert set(SENTENCES) == set(LOCALES)
    assert set(SENTENCES["en"]) == set(SENTENCES["fr"])
    for code, pair in SENTENCES["en"].items():
        for english, french in zip(pair, SENTENCES["fr"][code], strict=True):
            assert bool(english) == bool(french), code
            assert set(re.findall(r"{\w+}", english)) == set(re.findall(r"{\w+}", french)), code


@pytest.mark.parametrize("locale", LOCALES)
def test_every_rule_has_a_name(locale: str) -> None:
    rules = [*rule_words.CATEGORIES, WATCHED]
    assert set(RULES[locale]) == set(rules)
    named = reasons_in_words([["rule", 3.0, {"rules": rules}]], [], 0, locale)[0].text
    assert all(RULES[locale][rule] in named for rule in rules)


def test_every_code_of_a_scorer_has_both_sentences() -> None:
    codes = {"toxic", "rough", "urgent", "need", "calm", *(f"rule.{c}" for c in rule_words.CATEGORIES)}
    assert codes <= set(scored.SENTENCES)
    assert all(english and french for english, french in scored.SENTENCES.values())


def test_french_has_no_break_spaces_before_its_double_marks() -> None:
    sentences = [text for pair in SENTENCES["fr"].values() for text in pair]
    sentences += [french for _, french in scored.SENTENCES.values()]
    sentences.append(scored.say(Reason("toxic", "quoted"), "fr"))
    for text in sentences:
        assert not re.search(r"[^\u00a0\u202f][:;!?»]|«[^\u00a0\u202f]", text), ascii(text)


def test_the_strongest_comes_first_what_speaks_against_last_and_nothing_twice() -> None:
    because = [["waiting", 0.4, {}], ["helped", -1.4, {"count": 1}], ["addressed", 0.7, {"count": 1}]]
    own = [Reason("toxic", "you fools", 0.9), Reason("toxic", "you fools", 0.9)]
    found = reasons_in_words(because, own, 3_600, "en")
    assert [s.kind for s in found] == ["toxic", "addressed", "waiting", "helped"]
    assert [s.against for s in found] == [False, False, False, True]
    assert found[2].text == "Waiting for 1 h with no answer"


def test_a_messages_own_words_stand_for_the_general_sentence() -> None:
    because = [["need", 4.0, {}], ["rule", 3.0, {"rules": ["safety"]}], ["toxicity", 2.0, {"count": 1}]]
    own = [Reason("urgent", "help", 0.9), Reason("rule.safety", "smoke", 1.0), Reason("rough", "idiots", 0.4)]
    assert [s.kind for s in reasons_in_words(because, own, 0, "en")] == ["rule", "urgent", "rough"]
    assert len(reasons_in_words(because, [], 0, "en")) == 3


def test_weak_and_silent_reasons_are_not_said() -> None:
    assert reasons_in_words([["fresh", 0.8, {}], ["reach", 0.2, {"authors": 3}]], [], 0, "en") == []


def test_an_unknown_language_reads_english_and_an_unknown_code_as_it_is() -> None:
    assert reasons_in_words([["turning", 1.0, {}]], [], 0, "tlh")[0].text == SENTENCES["en"]["turning"][0]
    assert reasons_in_words([], [Reason("other.scorer", "x")], 0, "fr")[0].text.startswith("other.scorer")


@pytest.mark.parametrize(
    ("seconds", "english", "french"),
    [
        (-5, "1 min", "1 min"),
        (0, "1 min", "1 min"),
        (59, "1 min", "1 min"),
        (3_599, "59 min", "59 min"),
        (3_600, "1 h", "1 h"),
        (2 * 86_400 - 1, "47 h", "47 h"),
        (2 * 86_400, "2 days", "2 jours"),
        (40 * 86_400, "40 days", "40 jours"),
    ],
)
def test_durations_as_people_say_them(seconds: float, english: str, french: str) -> None:
    assert duration(seconds) == english
    assert duration(seconds, "fr") == french


def test_the_facts_of_the_hot_thread_are_told_with_their_figures() -> None:
    told = " ".join(s.text for s in reasons_in_words([[b.code, b.weight, b.params] for b in EVERY], [], 90_000, "en"))
    assert "12 messages in two hours" in told
    assert "40 people" in told
    assert "25 h" in told
    assert words.duration(90_000) == "25 h"
    assert assess(replace(HOT, rules=()), AS_OF).always == ()
