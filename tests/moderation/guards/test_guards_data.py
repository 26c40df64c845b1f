"""The phrases mean what they say, and the labelled sentences hold the guards to what was measured."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.resources import files
from typing import Any

import pytest
from click.testing import CliRunner

from moderation.guards import phrases
from moderation.guards.contract import Guard
from moderation.guards.measure import GUARDS, Row, labelled, rows
from moderation.guards.places import Kind
from service.cli.guards import guards

FILES = ("deflection", "sales", "tone", "promise", "personal")


def patterns(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [line for key, inner in value.items() if key != "words" for line in patterns(inner)]
    return list(value)


@pytest.mark.parametrize("name", FILES)
def test_no_pattern_holds_what_its_language_would_read_otherwise(name: str) -> None:
    source = (files("moderation.guards") / "data" / f"{name}.toml").read_text("utf-8")
    for line in patterns(tomllib.loads(source)):
        assert ")? .." not in line, f"a gap cannot follow what may be absent: {line}"
        assert not line.endswith(")?"), f"what may be absent cannot be last: {line}"
        assert not re.search(r"\w\?", line), f"only a group may be absent: {line}"
        assert line.count("(") == line.count(")"), line
        for word in re.findall(r"\bx(\w+)", line):
            if word in {"code", "desk", "mail", "link", "own", "handle", "amount", "phone", "address", "date"}:
                assert word in set(Kind)


def test_every_guard_of_words_has_its_phrases() -> None:
    names = {rule.category for rule in phrases.phrase_book().rules}
    assert {Guard.DEFLECTION, Guard.SALES, Guard.TONE, "promise", "limitless", "number", "address", "birth"} == names


@pytest.mark.parametrize("language", phrases.LANGUAGES)
def test_the_labelled_set_is_large_and_its_halves_are_apart(language: str) -> None:
    _, sentences = labelled(language)
    texts = [sentence.text for sentence in sentences]
    assert len(texts) == len(set(texts)) >= 250
    held = [sentence for sentence in sentences if sentence.split == "held_out"]
    assert len(held) >= 125
    for guard in GUARDS:
        assert sum(guard in sentence.guards for sentence in held) >= 15
    assert sum(not sentence.guards for sentence in held) >= 35


#: What was measured on the held-out sentences of both files, rounded down: (precision, recall).
FLOORS = {
    ("en", "deflection"): (0.92, 0.77),
    ("en", "sales"): (0.97, 0.65),
    ("en", "personal_data"): (1.0, 0.93),
    ("en", "money"): (1.0, 0.75),
    ("en", "tone"): (0.79, 0.46),
    ("fr", "deflection"): (0.95, 0.62),
    ("fr", "sales"): (0.77, 0.5),
    ("fr", "personal_data"): (0.94, 1.0),
    ("fr", "money"): (1.0, 0.75),
    ("fr", "tone"): (0.81, 0.42),
}


@pytest.fixture(scope="module")
def measured() -> list[Row]:
    return list(rows())


def test_the_guards_hold_what_was_measured(measured: list[Row]) -> None:
    held = {(r.language, str(r.guard)): (r.precision.value, r.recall.value) for r in measured if r.split == "held_out"}
    assert held.keys() == FLOORS.keys()
    for key, (precision, recall) in held.items():
        assert precision >= FLOORS[key][0], key
        assert recall >= FLOORS[key][1], key


# ------------------------------------------------------------------ the command


def test_the_table_and_its_json_say_the_same(measured: list[Row]) -> None:
    said = json.loads(CliRunner().invoke(guards, ["--json"]).output)
    assert [(r["guard"], r["language"], r["split"], r["right"], r["wrong"], r["missed"]) for r in said] == [
        (r.guard, r.language, r.split, r.right, r.wrong, r.missed) for r in measured
    ]
    table = CliRunner().invoke(guards, [])
    assert table.exit_code == 0
    assert table.output.count("held out") == len(FLOORS)


def test_one_text_is_read_and_said_in_words() -> None:
    text = "We will refund you 120 €"
    plain = CliRunner().invoke(guards, ["check", text, "--limit", "50", "--locale", "fr"])
    assert "Cela promet" in plain.output
    assert "Nothing" in CliRunner().invoke(guards, ["check", text, "--limit", "200"]).output
    (found,) = json.loads(CliRunner().invoke(guards, ["check", text, "--json"]).output)
    assert (found["guard"], found["facts"]) == ("money", {"amount": "120 €"})
    own = ["check", "Head over to https://brava.example/x", "--host", "brava.example"]
    assert "Nothing" in CliRunner().invoke(guards, own).output
