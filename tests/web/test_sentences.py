"""Errors in the reader's language: found again in whatever was said, never at a loss, never slow."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from moderation.errors import BadInput
from plugins.contract import Permanent
from service.usecases.people import NameTaken
from service.web.language import TRANSLATIONS
from service.web.sentences import CONTEXT, Sentences, extract, kinds, pieces, told, values
from tests.web.desk import PASSWORD, post

ROOT = Path(__file__).parents[2]
SOURCE = """
_WORDS = "Too many of them. Wait."
def why(n):
    return f"Only {n} fit."
def act(role, error, given):
    words = "One." if role else "Not this one."
    if given:
        raise BadInput(f"There is no role “{role}” of {', '.join(given)}.")
    if error:
        raise Permanent(words, detail="not for people, this")
    raise Permanent(why(given.count))
raise NameTaken(_WORDS)
raise ValueError("Nobody reads this.")
"""


def french() -> Catalog:
    with (TRANSLATIONS / "fr" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale="fr")


def known(**sentences: str) -> Sentences:
    catalogue = {f"{CONTEXT}\x04{english}": other for english, other in sentences.items()}
    return Sentences.of(SimpleNamespace(_catalog=catalogue | {"elsewhere": "ailleurs"}))


def test_sentences_are_found_where_errors_are_made() -> None:
    assert {BadInput.__name__, Permanent.__name__, NameTaken.__name__} <= kinds()
    found = {message[1] for _line, _function, message, _comments in extract(io.BytesIO(SOURCE.encode()))}
    assert found == {
        *("Too many of them. Wait.", "There is no role “{role}” of {join}.", "Not this one.", "Only {n} fit."),
    }


def test_a_text_is_said_again_with_its_values_which_may_be_sentences_themselves() -> None:
    sentences = known(**{"No “{name}” of {where}: {why}": "{where} : {why} ({name})", "It is gone.": "C’est parti."})
    assert sentences.told("No “x” of a.b: It is gone.") == "a.b : C’est parti. (x)"
    assert sentences.told("It is gone.") == "C’est parti."
    assert sentences.told("elsewhere") == "elsewhere"
    assert sentences.told("It is gone. Or not.") == "It is gone. Or not."


def test_of_two_that_fit_the_one_with_more_words_is_meant() -> None:
    sentences = known(**{"The {what} refused: {why}": "no", "The forum refused: {why}": "Le forum a refusé : {why}"})
    assert sentences.told("The forum refused: x") == "Le forum a refusé : x"


@given(st.lists(st.text("ab{} ", max_size=4), min_size=2, max_size=5), st.lists(st.text("ab ", max_size=5), max_size=4))
def test_what_was_put_together_is_taken_apart(words: list[str], given_: list[str]) -> None:
    given_ = (given_ + ["a"] * 5)[: len(words) - 1]
    text = "".join(w + g for w, g in zip(words, [*given_, ""], strict=True))
    found = values(words, text)
    assert found is not None
    assert "".join(w + g for w, g in zip(words, [*found, ""], strict=True)) == text


def test_words_and_names_of_a_sentence() -> None:
    assert pieces("a {b} c {d}") == (["a ", " c ", ""], ["b", "d"])
    assert pieces("none {left open") == (["none left open"], [])


def test_every_sentence_of_an_error_has_its_french_with_the_same_values() -> None:
    mapping, options = parse_mapping_cfg((ROOT / "babel.cfg").open(encoding="utf-8"))
    methods = [(pattern, method) for pattern, method in mapping if method == "ignore" or "sentences" in method]
    rows = extract_from_dir(str(ROOT), methods, options, keywords={"pgettext": ((1, "c"), 2)})
    wanted = {message for _file, _line, message, _comments, context in rows if context == CONTEXT}
    assert len(wanted) > 300
    have = {m.id: m.string for m in french() if m.context == CONTEXT}
    assert {s for s in wanted if not have.get(s)} == set()
    assert set(have) - wanted == set(), "these are said no more"
    for english, other in have.items():
        assert set(re.findall(r"{(\w+)}", str(english))) == set(re.findall(r"{(\w+)}", str(other))), other


def test_a_french_reader_is_refused_in_french(as_role: Callable[[str], FlaskClient]) -> None:
    client = as_role("owner")
    answer = post(client, "/account/language?lang=fr", locale="xx")
    assert answer.status_code == 400
    assert "Il n’y a pas de langue «\u00a0xx\u00a0»." in answer.text
    short = post(client, "/account/password?lang=fr", old=PASSWORD, new="short", again="short")
    assert "Un mot de passe a besoin de 12 à 200 caractères." in short.text
    assert "Take one of" in post(client, "/account/language?lang=en", locale="xx").text


@pytest.mark.parametrize("text", ["", "x" * 5_000, "%s {x} %(y)s", "\x00"])
def test_what_is_not_ours_stays_as_it_is(text: str, as_role: Callable[[str], FlaskClient]) -> None:
    with as_role("owner").application.test_request_context("/?lang=fr"):
        assert told(text) == text
