"""Statements of reasons in the fields of the EU's database: checked against its rules, as a schema of our own."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.errors import BadInput
from moderation.first_rules import FIRST_RULES
from moderation.model import INVERSES, Capability
from moderation.statement_words import CATEGORY_WORDS
from moderation.statements import (
    CATEGORIES,
    CONTESTABLE,
    EEA,
    ILLEGAL,
    KEYWORDS,
    LANGUAGES,
    LAW,
    OTHER,
    WITH_REASONS,
    Reasons,
    Source,
    category_of,
    letter,
    named_law,
    outcome_letter,
    spoken_language,
    to_database,
    without_personal_data,
)

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
LINK = "https://desk.brava.example/appeal/MQ.9yV0Zw1vYxk2lq0n3mT8xk9rJQ2bqg7yYb1m4tZy8aE"
_DATE = {"type": "string", "pattern": r"^20\d\d-[01]\d-[0-3]\d$"}
#: As the documentation of the API of transparency.dsa.ec.europa.eu has it, without fields that we never send.
SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": [
        *("decision_ground", "content_type"),
        *("category", "content_date", "application_date", "decision_facts", "source_type", "automated_detection"),
        *("automated_decision", "territorial_scope", "puid"),
    ],
    "anyOf": [{"required": [f"decision_{what}"]} for what in ("visibility", "monetary", "provision", "account")],
    "oneOf": [
        {
            "properties": {"decision_ground": {"const": f"DECISION_GROUND_{ground.upper()}_CONTENT"}},
            "required": [f"{ground}_content_{own}", f"{ground}_content_explanation"],
            "not": {
                "anyOf": [{"required": [f"{other}_content_{their}"]}, {"required": [f"{other}_content_explanation"]}]
            },
        }
        for (ground, own), (other, their) in permutations((("illegal", "legal_ground"), ("incompatible", "ground")))
    ],
    "properties": {
        "decision_visibility": {
            "type": "array",
            "minItems": 1,
            "items": {
                "enum": [
                    f"DECISION_VISIBILITY_CONTENT_{how}"
                    for how in (
                        "REMOVED",
                        "DISABLED",
                        "DEMOTED",
                        "AGE_RESTRICTED",
                        "INTERACTION_RESTRICTED",
                        "LABELLED",
                    )
                ]
            },
        },
        "decision_provision": {
            "enum": [
                f"DECISION_PROVISION_{how}"
                for how in ("PARTIAL_SUSPENSION", "TOTAL_SUSPENSION", "PARTIAL_TERMINATION", "TOTAL_TERMINATION")
            ]
        },
        "decision_account": {"enum": ["DECISION_ACCOUNT_SUSPENDED", "DECISION_ACCOUNT_TERMINATED"]},
        "decision_ground": {"enum": ["DECISION_GROUND_ILLEGAL_CONTENT", "DECISION_GROUND_INCOMPATIBLE_CONTENT"]},
        "illegal_content_legal_ground": {"type": "string", "minLength": 1, "maxLength": 500},
        "illegal_content_explanation": {"type": "string", "minLength": 1, "maxLength": 2000},
        "incompatible_content_ground": {"type": "string", "minLength": 1, "maxLength": 500},
        "incompatible_content_explanation": {"type": "string", "minLength": 1, "maxLength": 2000},
        "content_type": {"type": "array", "minItems": 1, "items": {"enum": ["CONTENT_TYPE_TEXT"]}},
        "category": {"type": "string", "pattern": "^STATEMENT_CATEGORY_[A-Z_]+$"},
        "category_specification": {"type": "array", "items": {"type": "string", "pattern": "^KEYWORD_[A-Z_]+$"}},
        "content_language": {"type": "string", "pattern": "^[A-Z]{2}$"},
        "content_date": _DATE,
        "application_date": _DATE,
        "end_date_visibility_restriction": _DATE,
        "end_date_service_restriction": _DATE,
        "end_date_account_restriction": _DATE,
        "decision_facts": {"type": "string", "minLength": 1, "maxLength": 5000},
        "source_type": {"enum": ["SOURCE_ARTICLE_16", "SOURCE_TYPE_OTHER_NOTIFICATION", "SOURCE_VOLUNTARY"]},
        "automated_detection": {"enum": ["Yes", "No"]},
        "automated_decision": {
            "enum": ["AUTOMATED_DECISION_FULLY", "AUTOMATED_DECISION_PARTIALLY", "AUTOMATED_DECISION_NOT_AUTOMATED"]
        },
        "territorial_scope": {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"enum": list(EEA)}},
        "puid": {"type": "string", "maxLength": 500, "pattern": "^[A-Za-z0-9_-]+$"},
    },
}
_checker = jsonschema_rs.validator_for(SCHEMA)
_words = st.text(min_size=1, max_size=2_500).filter(lambda text: bool(text.strip()))


@st.composite
def reasons(draw: st.DrawFn) -> Reasons:
    said = draw(_words)
    return Reasons(
        kind=draw(st.sampled_from(sorted(WITH_REASONS))),
        puid="tenth-7-20261122090000",
        language=draw(st.sampled_from(LANGUAGES)),
        community=draw(st.text(max_size=300)),
        reason=said,
        explanation=without_personal_data(said, ("zoe", "Zoé Martin")),
        rule=draw(st.text(max_size=120)),
        rule_text=draw(st.text(max_size=1_000)),
        category=draw(st.sampled_from([*CATEGORY_WORDS, "", "KEYWORD_UNHEARD_OF"])),
        automated=draw(st.booleans()),
        content_language=draw(st.sampled_from(["", "en", "fr", "de"])),
        written_on="2026-11-20",
        law=draw(st.one_of(st.just(""), st.text(min_size=1, max_size=LAW))),
    )


@given(reasons(), st.one_of(st.none(), st.integers(1, 9_000)), st.sampled_from(Source))
def test_what_is_exported_keeps_the_rules_of_the_database(found: Reasons, hours: int | None, source: Source) -> None:
    until = NOW + timedelta(hours=hours) if hours else None
    fields = to_database(found, NOW, until, source)
    if found.kind is Capability.WARN:
        assert fields is None, "a warning restricts nothing"
        return
    assert fields is not None
    _checker.validate(fields)
    assert any(name.startswith("end_date_") for name in fields) is (until is not None)
    assert set(fields.get("category_specification", ())) <= set(KEYWORDS[fields["category"]])
    assert (fields["decision_ground"] == "DECISION_GROUND_ILLEGAL_CONTENT") is bool(found.law)
    assert not (found.law and fields["category"] == OTHER), "what the law forbids breaks more than terms"
    assert Reasons.from_body(found.to_body()) == found


@pytest.mark.parametrize("typed", ["", " \n\x00\u202e ", "§" * (LAW + 1)])
def test_illegal_is_not_said_without_the_law(typed: str) -> None:
    with pytest.raises(BadInput, match="law"):
        named_law(typed)


def test_a_law_is_one_line_and_none_is_the_communitys_rules() -> None:
    assert named_law(None) is None
    assert named_law("  Penal code,\r\n art.\u00a0222-17\x00 ") == "Penal code, art. 222-17"


def test_the_letter_says_which_of_the_two_in_plain_words_and_what_was_kept_before_is_against_the_rules() -> None:
    kept = dict.fromkeys(Reasons.__slots__, "") | {
        "kind": "hide",
        "reason": "No.",
        "language": "fr",
        "automated": False,
    }
    old = Reasons.from_body({name: value for name, value in kept.items() if name != "law"})
    assert "Contraire aux règles de la communauté." in letter(old, None, LINK, NOW)[1]
    english, illegal = replace(old, language="en"), replace(old, law="art. 24 de la loi de 1881")
    assert "Against the rules of the community." in letter(english, None, LINK, NOW)[1]
    assert "Against the rule: Be kind" in letter(replace(english, rule="Be kind"), None, LINK, NOW)[1]
    assert "Contenu illicite, selon : art. 24 de la loi de 1881" in letter(illegal, None, LINK, NOW)[1]
    assert category_of(illegal.category)[0] == OTHER
    assert (to_database(illegal, NOW, None, Source.NOTICE) or {})["category"] == ILLEGAL


@given(reasons(), st.one_of(st.none(), st.just(NOW)))
def test_a_letter_fits_any_platform_and_holds_the_whole_link(found: Reasons, until: datetime | None) -> None:
    title, text = letter(found, until, LINK, NOW + CONTESTABLE)
    assert LINK in text
    assert not re.search(r"@[\w]", text), "whoever is named in a private post reads it"
    assert len(text) <= 500
    assert title
    outcome = outcome_letter(found.language, "overturned", found.reason, True, LINK)[1]
    assert LINK in outcome
    assert len(outcome) <= 500


@pytest.mark.parametrize("law", ["", "l" * LAW])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", sorted(WITH_REASONS))
def test_the_longest_letter_fits(kind: Capability, language: str, law: str) -> None:
    long = "w" * 300
    found = Reasons(kind, "p", language, long, long, long, long, long, OTHER, False, "", "2026-11-20", law)
    assert len(letter(found, NOW, LINK, NOW + CONTESTABLE)[1]) <= 500


@given(st.text(max_size=80), st.text(max_size=80), st.sampled_from(["zoe", "Zoé Martin", "@zoe@social.example"]))
def test_no_name_outlives_the_export(before: str, after: str, name: str) -> None:
    told = without_personal_data(f"{before} {name} {after}", ("@zoe@social.example", "zoe", "Zoé Martin"))
    assert not any(word.strip(".,") == name for word in told.split())
    assert "zoe@social.example" not in told


@pytest.mark.parametrize(
    "said",
    ["Call 06 12 34 56 78", "Write to lena@home.example", "See https://x.example/lena", "Ask @lena"],
)
def test_numbers_addresses_and_links_are_left_out(said: str) -> None:
    assert "…" in without_personal_data(said)


def test_every_category_has_words_in_both_languages_and_every_first_rule_is_whole() -> None:
    known = {*CATEGORIES, *(keyword for found in KEYWORDS.values() for keyword in found)}
    assert known == set(CATEGORY_WORDS)
    for rule in FIRST_RULES:
        assert rule.category in known
        assert category_of(rule.category)[0] in CATEGORIES
        assert {*rule.title, *rule.text} == set(LANGUAGES)
    assert category_of("nonsense") == (OTHER, ())


def test_acts_that_give_back_have_no_statement() -> None:
    given_back = {INVERSES[kind] for kind in WITH_REASONS if kind in INVERSES}
    assert not given_back & WITH_REASONS


@pytest.mark.parametrize(
    ("found", "desk", "spoken"), [("fr", "en", "fr"), ("fr-CA", "", "fr"), ("de", "fr", "fr"), ("", "", "en")]
)
def test_the_authors_language_else_the_desks(found: str, desk: str, spoken: str) -> None:
    assert spoken_language(found, desk) == spoken
