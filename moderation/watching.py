"""Watched words: what a manager wants found in new messages, however it is written.

A *word* is one or several whole words; case, accents, look-alikes, digits for letters, spelled-out and stretched ones
do not hide it. A *pattern* is a regular expression in RE2's syntax: RE2 matches in time that is linear in the text
whatever the pattern is (https://github.com/google/re2/wiki/WhyRE2), so that no text can hold the reader up. A pattern
is looked for in the text without case, accents and hidden signs, and in the same with its words as the scorer reads
them.

A script that puts no space between words has no whole words: use a pattern there.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Any

import re2

from moderation.errors import BadInput
from moderation.scoring.normalise import TOKEN, fold, kind_of, readings, undoubled, words_of


class Kind(StrEnum):
    """How a watch says what it looks for."""

    WORD = "word"
    PATTERN = "pattern"


class Does(StrEnum):
    """What follows when a watch that is on finds something."""

    SURFACE = "surface"
    HIDE = "hide"


class Mode(StrEnum):
    """Draft counts what it would have done."""

    DRAFT = "draft"
    ON = "on"
    OFF = "off"


#: Characters of a watch, and of a message that are read.
LONGEST, MOST_READ = 300, 50_000
#: Instructions of a compiled pattern: what bounds the time that one character may cost.
LARGEST = 600
MEMORY = 2 << 20
#: A watch that finds more than this share of everyday sentences says nothing about a message.
TOO_COMMON = 0.25
_GAP: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Watched:
    """One thing to be found. `id` names it in what is found; `text` is as `checked` gave it."""

    id: int
    kind: str
    text: str


def checked(kind: str, text: str) -> str:
    """A watch as it is kept: printable, one line. Raises BadInput when it is empty, invalid or finds everything."""
    kept = " ".join("".join(c for c in text if c.isprintable()).split())
    if kind not in tuple(Kind):
        raise BadInput("A watch is a word or a pattern.")
    if not kept:
        raise BadInput("Say what is to be found.")
    if len(kept) > LONGEST:
        raise BadInput(f"A watch has at most {LONGEST} characters.")
    watch = Watched(0, kind, kept)
    if kind == Kind.PATTERN:
        _pattern(kept)
    elif not _wanted(kept):
        raise BadInput("There is no word in it: a watch of marks only would find nothing.")
    if _finds_everything(watch):
        raise BadInput("This would be found in nearly everything that people write. Say it more narrowly.")
    return kept


class Watcher:
    """Looks for many watches in one text at once; what one finds never depends on the others."""

    def __init__(self, watches: Iterable[Watched]) -> None:
        self._starts: dict[str, list[tuple[int, Sequence[frozenset[str]]]]] = {}
        self._shapes: dict[tuple[int, str], set[str]] = {}
        self._patterns: list[tuple[int, Any]] = []
        for watch in watches:
            if watch.kind == Kind.PATTERN:
                self._patterns.append((watch.id, _pattern(watch.text)))
            else:
                self._add_word(watch)

    def find(self, text: str) -> tuple[int, ...]:
        """The ids of the watches that a text has something of, in order."""
        read = Reading(text)
        found = {id_ for id_, pattern in self._patterns if any(map(pattern.search, read.surfaces))}
        return tuple(sorted(found | self._find_words(read))) if self._starts else tuple(sorted(found))

    def _add_word(self, watch: Watched) -> None:
        first, *rest = _wanted(watch.text)
        for key in first:
            self._starts.setdefault(key, []).append((watch.id, rest))
        for word in first.union(*rest):
            self._shapes.setdefault((len(word), word[0]), set()).add(word)

    def _find_words(self, read: Reading) -> set[int]:
        line = [self._unmasked(options) for options in read.line] if "*" in read.text else read.line
        return {
            id_
            for at, options in enumerate(line)
            for key in options
            for id_, rest in self._starts.get(key, ())
            if _follows(line[at + 1 : at + 1 + len(rest)], rest)
        }

    def _unmasked(self, options: frozenset[str]) -> frozenset[str]:
        """With the watched words that a word with stars may hide."""
        masks = [one for one in options if "*" in one and len(one) - one.count("*") > 1]
        known = [(mask, word) for mask in masks for word in self._shapes.get((len(mask), mask[0]), ())]
        return options.union(w for m, w in known if all(a in ("*", b) for a, b in zip(m, w, strict=True)))


class Reading:
    """A text as watches read it: `line` has what each word may mean, with a gap between sentences."""

    def __init__(self, text: str) -> None:
        clear = unicodedata.normalize("NFKC", text[:MOST_READ])[:MOST_READ]
        self.text = clear if clear.isascii() else "".join(c for c in clear if unicodedata.category(c) != "Cf")

    @cached_property
    def line(self) -> list[frozenset[str]]:
        """For each word its readings; nothing of a watch goes across a gap."""
        found: list[frozenset[str]] = []
        for match in TOKEN.finditer(self.text):
            kind = kind_of(match[0])
            if kind == "end":
                found += [_GAP] if _ends_sentence(self.text, match) else []
            elif kind != "pause":
                found += readings(match[0])
        return found

    @cached_property
    def surfaces(self) -> tuple[str, ...]:
        """The text without case and accents, and the same with its words undisguised."""
        plain = fold(self.text)
        read = TOKEN.sub(_undisguised, self.text)
        return (plain,) if read == plain else (plain, read)


def _ends_sentence(text: str, match: re.Match[str]) -> bool:
    """A full stop inside an address or a number ends nothing."""
    return "\n" in match[0] or match.end() == len(text) or text[match.end()].isspace()


def _undisguised(match: re.Match[str]) -> str:
    return _as_read(match[0])


@lru_cache(maxsize=50_000)
def _as_read(token: str) -> str:
    if kind_of(token) != "word" or token.isdigit():
        return fold(token)
    return " ".join(words_of(token))


def _wanted(text: str) -> list[frozenset[str]]:
    """What each word of a watch may be written as."""
    words = [one for one in Reading(text).line if one]
    return [one.union(map(undoubled, (w for w in one if w[0] != "~"))) for one in words]


def _follows(line: Sequence[frozenset[str]], rest: Sequence[frozenset[str]]) -> bool:
    return len(line) == len(rest) and not any(map(frozenset.isdisjoint, line, rest))


@lru_cache(maxsize=500)
def _pattern(text: str) -> Any:
    """A compiled pattern. Raises BadInput with what RE2 says against it."""
    options = re2.Options()
    options.max_mem, options.log_errors, options.case_sensitive = MEMORY, False, False
    try:
        found = re2.compile(_unaccented(text), options)
    except (re2.error, UnicodeEncodeError) as error:
        words = error.args[0]
        said = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
        raise BadInput(f"This is not a pattern that can be looked for: {said}.") from error
    if found.programsize > LARGEST:
        raise BadInput("This pattern is too large: fewer or smaller repeats, please.")
    return found


def _unaccented(text: str) -> str:
    """As the texts that are read; case stays, because it has a meaning in patterns (\\W is not \\w)."""
    apart = unicodedata.normalize("NFKD", text.replace("œ", "oe").replace("æ", "ae"))
    return "".join(c for c in apart if not unicodedata.combining(c))


def _finds_everything(watch: Watched) -> bool:
    """Whether it is in a text of nothing, or in too many everyday sentences of one language."""
    find = Watcher([watch]).find
    shares = [sum(1 for one in said if find(one)) / len(said) for said in _EVERYDAY]
    return bool(find("")) or max(shares) > TOO_COMMON


_EVERYDAY = (
    (
        "Hello, is anybody here?",
        "I bought it last week and it works.",
        "Thank you for the quick help!",
        "Where can you get the new filter?",
        "That is what they told us, too.",
        "My order has not come yet",
        "Good morning from the coast",
        "We had the same thing in May 2024.",
        "No, it was not the cable.",
        "How do I reset the password?",
        "Nice picture :)",
        "Try to turn it off and on again.",
        "See you all on Friday",
        "The second one is better than the first.",
        "ok",
        "Has this been fixed with the update?",
    ),
    (
        "Bonjour, il y a quelqu’un ?",
        "Je l’ai achetée la semaine dernière, elle marche.",
        "Merci pour votre aide !",
        "Où peut-on trouver le nouveau filtre ?",
        "C’est ce qu’on nous a dit aussi.",
        "Ma commande n’est pas encore arrivée",
        "Bonne soirée à tous",
        "Nous avons eu le même problème en mai 2024.",
        "Non, ce n’était pas le câble.",
        "Comment changer le mot de passe ?",
        "Très belle photo :)",
        "Essayez de la débrancher puis de la rallumer.",
        "À vendredi",
        "Le deuxième est mieux que le premier.",
        "ok",
        "Est-ce que la mise à jour corrige ça ?",
    ),
)
