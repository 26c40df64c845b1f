"""A text as sentences of plain words, and the phrases that are looked for in them: data/*.toml, in the words of
`moderation.scoring.rules`. What is no plain word (`places`) stands in a sentence as one word: xlink, xamount."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from itertools import chain
from typing import Any, NamedTuple

from moderation.errors import ScorerError
from moderation.guards.places import Kind, Place
from moderation.scoring.normalise import TOKEN, kind_of, words_of
from moderation.scoring.rules import Hit, Rule, RuleBook, compile_rule

LANGUAGES = ("en", "fr")
_FILES = ("deflection", "sales", "tone", "promise", "personal")
#: Longer sentences are read in pieces that overlap, so that one without an end costs no more than many.
_LONGEST, _OVERLAP = 80, 16


class Word(NamedTuple):
    """One plain word."""

    text: str


class Token(NamedTuple):
    """A stretch of the text and the plain words it stands for."""

    start: int
    end: int
    readings: tuple[Word, ...]
    breaks: bool = False


Sentence = Sequence[Token]


def sentences(text: str, found: Sequence[Place]) -> Iterator[Sentence]:
    """The text's sentences; one of more than 80 tokens comes in pieces."""
    sentence: list[Token] = []
    for token in _tokens(text, found):
        if token.breaks:
            yield from _pieces(sentence)
            sentence = []
        else:
            sentence.append(token)
    yield from _pieces(sentence)


def _pieces(sentence: Sentence) -> Iterator[Sentence]:
    if len(sentence) <= _LONGEST:
        return iter((sentence,) if sentence else ())
    return (sentence[at : at + _LONGEST] for at in range(0, len(sentence) - _OVERLAP, _LONGEST - _OVERLAP))


def _tokens(text: str, found: Sequence[Place]) -> Iterator[Token]:
    at = 0
    for place in found:
        yield from _plain(text, at, place.start)
        yield Token(place.start, place.end, (Word(f"x{place.kind}"),))
        at = place.end
    yield from _plain(text, at, len(text))


def _plain(text: str, start: int, end: int) -> Iterator[Token]:
    for match in TOKEN.finditer(text, start, end):
        kind = kind_of(match[0])
        if kind == "end" and not _inside_a_number(text, *match.span()):
            yield Token(*match.span(), (), breaks=True)
        elif kind == "word" and (words := tuple(Word(w) for word in words_of(match[0]) if (w := word.strip("_")))):
            yield Token(*match.span(), words)


def _inside_a_number(text: str, start: int, end: int) -> bool:
    return text[start:end] == "." and text[max(start - 1, 0) : start].isdigit() and text[end : end + 1].isdigit()


def hits(sentence: Sentence) -> list[Hit]:
    """The first match of each rule's phrases in one sentence."""
    return phrase_book().match(sentence)


@cache
def phrase_book() -> RuleBook:
    """The phrases of every guard, in both languages. Raises ScorerError where a file of ours is missing or wrong."""
    return RuleBook(chain.from_iterable(map(_rules, _FILES)))


def _rules(name: str) -> Iterator[Rule]:
    """The rules of one file; a table within a language's table is a rule of its own, named for itself."""
    try:
        tables = tomllib.loads((files("moderation.guards") / "data" / f"{name}.toml").read_text("utf-8"))
        lists: dict[str, tuple[list[str], list[str]]] = {}
        for language in LANGUAGES:
            for rule, table in _split(name, tables[language]):
                patterns, exceptions = lists.setdefault(rule, ([], []))
                patterns += table["patterns"]
                exceptions += table.get("exceptions", ())
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise ScorerError(f"the phrases of {name} cannot be read: {error}; reinstall tenth") from error
    for rule, (patterns, exceptions) in lists.items():
        yield compile_rule(rule, patterns, exceptions)


def _split(name: str, table: dict[str, Any]) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """The rules of one language, with the words that stand for a name filled in."""
    words = table.get("words", {})
    inner = {key: value for key, value in table.items() if isinstance(value, dict) and key != "words"}
    own = {key: value for key, value in table.items() if isinstance(value, list)}
    for rule, lists in {**({name: own} if own else {}), **inner}.items():
        yield rule, {key: [line.format_map(words) for line in lines] for key, lines in lists.items()}


def first_of(found: Sequence[Hit], category: str) -> Hit | None:
    """The first hit of a category."""
    return min((hit for hit in found if hit.category == category), key=lambda hit: hit.start, default=None)


def places_in(sentence: Sentence, found: Sequence[Place], *kinds: Kind) -> list[Place]:
    """The places of these kinds that stand in a sentence."""
    if not sentence:
        return []
    start, end = sentence[0].start, sentence[-1].end
    return [place for place in found if place.kind in kinds and start <= place.start < end]
