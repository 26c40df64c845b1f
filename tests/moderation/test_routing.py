"""Routing: the first rule that holds, nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.routing import ANY, Facts, Rule, answers_in, holds, primary, route

TOPICS, DANGERS, LANGUAGES = ("bug", "billing", "legal"), ("safety", "threat"), ("en", "fr", "fr-CA", "und", "")
facts = st.builds(
    Facts,
    community=st.integers(1, 3),
    topics=st.frozensets(st.sampled_from(TOPICS)),
    dangers=st.frozensets(st.sampled_from(DANGERS)),
    language=st.sampled_from(LANGUAGES),
)
rules = st.builds(
    Rule,
    team=st.integers(1, 5),
    community=st.none() | st.integers(1, 3),
    topic=st.sampled_from(("", *TOPICS)),
    danger=st.sampled_from(("", ANY, *DANGERS)),
    language=st.sampled_from(("", "en", "fr")),
    languages=st.frozensets(st.sampled_from(("en", "fr"))),
)
HERE = Facts(1, frozenset({"bug"}), frozenset({"safety"}), "fr-CA")


@pytest.mark.parametrize(
    "rule",
    [
        Rule(1, community=2),
        Rule(1, topic="billing"),
        Rule(1, danger="threat"),
        Rule(1, language="en"),
        Rule(1, languages=frozenset({"en"})),
        Rule(1, community=1, topic="bug", danger="safety", language="en"),
    ],
)
def test_one_condition_that_fails_is_enough_to_refuse(rule: Rule) -> None:
    assert not holds(HERE, rule)


@pytest.mark.parametrize(
    "rule",
    [
        Rule(1),
        Rule(1, community=1),
        Rule(1, topic="bug"),
        Rule(1, danger="safety"),
        Rule(1, danger=ANY),
        Rule(1, language="fr"),
        Rule(1, languages=frozenset({"fr", "de"})),
    ],
)
def test_what_is_asked_for_holds(rule: Rule) -> None:
    assert holds(HERE, rule)


def test_any_danger_needs_one() -> None:
    assert not holds(replace(HERE, dangers=frozenset()), Rule(1, danger=ANY))


def test_an_unknown_language_fits_no_wish_but_keeps_no_team_away() -> None:
    unknown = replace(HERE, language="und")
    assert not holds(unknown, Rule(1, language="fr"))
    assert holds(unknown, Rule(1, languages=frozenset({"fr"})))
    assert answers_in((), "fr")
    assert [primary(t) for t in ("fr-CA", "pt_BR", "UND", "", "EN")] == ["fr", "pt", "", "", "en"]


def test_no_rule_is_everybodys_queue() -> None:
    assert route(HERE, []) is None
    assert route(HERE, [Rule(4, topic="legal")]) is None


@given(facts, st.lists(rules, max_size=6))
def test_the_first_rule_that_holds_wins_and_no_other(of: Facts, all_rules: list[Rule]) -> None:
    holding = [rule for rule in all_rules if holds(of, rule)]
    assert route(of, all_rules) == (holding[0].team if holding else None)


@given(facts, st.lists(rules, max_size=6), rules)
def test_a_rule_at_the_end_only_takes_what_nobody_had(of: Facts, all_rules: list[Rule], last: Rule) -> None:
    before = route(of, all_rules)
    after = route(of, [*all_rules, last])
    assert after == before if before is not None else after in (None, last.team)


@given(facts, rules, st.sampled_from(TOPICS))
def test_a_narrower_rule_never_takes_more(of: Facts, rule: Rule, topic: str) -> None:
    wide, narrow = replace(rule, topic=""), replace(rule, topic=topic)
    assert not holds(of, narrow) or holds(of, wide)
