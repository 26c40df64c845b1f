"""Rules that pass the cut always: phrases of danger, threat, law and self-harm, kept as data in data/rules/*.toml.

A pattern is words of plain text: `*` ends a word's stem, `..` skips up to four words of the same sentence,
`(a|b c)` chooses, `(a|b)?` may be absent. Rules read the normalised words, so that disguises do not help, and every
repeat is bounded, so that a hostile text costs no more than a long one.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple, Protocol

from moderation.errors import ScorerError
from moderation.scoring.normalise import fold

CATEGORIES = ("safety", "threat", "legal", "self_harm")
BREAK = "."
_OPTIONAL = re.compile(r"(\(\?:(?:[^()]|\(\?:[^()]*\))*\))\? ")
_EVERYDAY = frozenset(
    {"a", "going", "gonna", "in", "last", "must", "need", "needs", "on", "passe", "plan", "should", "someone"}
    | {"somebody", "take", "taken", "the", "to", "try", "vais", "venir", "veux", "vient", "viens", "want", "wants"}
    | {"avec", "d", "de", "donnees", "j", "je", "jours", "l", "la", "le", "serait", "son", "sont", "un", "une", "with"}
    | {"wanna", "went", "where", "will", "wish", "wont", "better", "compte", "sent", "dans", "faire", "i"}
)
_ALLOWED = re.compile(r"[a-z0-9 *.()|?]+")


class Named(Protocol):
    @property
    def text(self) -> str: ...


class Written(Protocol):
    """A token of the original text and the plain words it stands for."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def breaks(self) -> bool: ...
    @property
    def readings(self) -> Sequence[Named]: ...


class Hit(NamedTuple):
    category: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Need:
    """A part that a pattern cannot do without: one of the `words`, or a word that begins with one of the `stems`."""

    words: frozenset[str]
    stems: tuple[str, ...]

    def met_by(self, word: str) -> bool:
        return word in self.words or word.startswith(self.stems)


@dataclass(frozen=True, slots=True)
class Pattern:
    """`needs` are its two parts that are hardest to meet by chance: a text that lacks one needs no search."""

    matcher: re.Pattern[str]
    needs: tuple[Need, Need]


@dataclass(frozen=True, slots=True)
class Rule:
    category: str
    patterns: tuple[Pattern, ...]
    exceptions: tuple[re.Pattern[str], ...]
    pardons: re.Pattern[str] | None

    def find(self, line: str, wanted: int = -1) -> tuple[int, int] | None:
        """The first match of the wanted patterns that no exception overlaps, in a text that is not pardoned."""
        spans = [
            match.span()
            for bit, pattern in enumerate(self.patterns)
            if wanted >> bit & 1
            for match in pattern.matcher.finditer(line)
        ]
        if not spans or (self.pardons and self.pardons.search(line)):
            return None
        return min((span for span in spans if not self._excused(line, *span)), default=None)

    def _excused(self, line: str, start: int, end: int) -> bool:
        """Each exception is looked for by itself: one must not hide another that overlaps it."""
        matches = (found for exception in self.exceptions for found in exception.finditer(line))
        return any(found.start() < end and start < found.end() for found in matches)


class RuleBook:
    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self._needs = [pattern.needs for rule in self.rules for pattern in rule.patterns]
        self.needs_met = lru_cache(maxsize=60_000)(self._needs_met)

    def match(self, tokens: Sequence[Written]) -> list[Hit]:
        """At most one hit a category, with its place in the original text."""
        met = 0
        for token in tokens:
            for reading in token.readings:
                met |= self.needs_met(reading.text)
        wanted = self.wanted(met)
        return self.search(tokens, wanted) if wanted else []

    def wanted(self, met: int) -> int:
        """A bit for each pattern both of whose needs are met, of `needs_met` by all words of a text."""
        return met & met >> len(self._needs)

    def _needs_met(self, word: str) -> int:
        """Two bits for each pattern, far apart: whether this word may be its first need, and its second."""
        bits = 0
        for bit, (first, second) in enumerate(self._needs):
            bits |= first.met_by(word) << bit | second.met_by(word) << bit + len(self._needs)
        return bits

    def search(self, tokens: Sequence[Written], wanted: int = -1) -> list[Hit]:
        """Look for the patterns whose bits are set."""
        words = list(_words_of(tokens))
        line = f" {' '.join(word for word, _ in words)} "
        hits = []
        for rule in self.rules:
            span = rule.find(line, wanted)
            wanted >>= len(rule.patterns)
            if span:
                first, last = (words[line.count(" ", 0, at) - 1][1] for at in span)
                hits.append(Hit(rule.category, first.start, last.end))
        return hits


def _words_of(tokens: Sequence[Written]) -> Iterator[tuple[str, Written]]:
    """The words with stops between sentences, each with the token it came from."""
    for token in tokens:
        for reading in token.readings:
            if reading.text[0] != "\x00":
                yield reading.text, token
        if token.breaks:
            yield BREAK, token


def to_regex(pattern: str) -> str:
    """A pattern of the rule files as a regular expression over a line of words."""
    plain = fold(pattern)
    if not _ALLOWED.fullmatch(plain):
        raise ValueError(f"unknown signs in {pattern!r}")
    plain = plain.replace(" .. ", "\x01").replace("(", "(?:").replace("*", "[^ .]{0,12}")
    plain = _OPTIONAL.sub(r"(?:\1 )?", plain)
    plain = plain.replace("\x01", "(?: [^ .]{1,30}){0,4} ")
    return rf"(?<= ){plain}(?= )"


def parts_of(pattern: str) -> list[str]:
    """The words and groups of a pattern that stand side by side, outermost only."""
    parts, depth = [""], 0
    for sign in pattern:
        depth += (sign == "(") - (sign == ")")
        if sign == " " and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return parts


def needs_of(pattern: str) -> tuple[Need, Need]:
    """The two parts that are hardest to meet by chance: few everyday words, long ones."""
    parts = [_stems(part) for part in parts_of(fold(pattern)) if not part.endswith("?") and part != ".."]
    sure = [stems for stems in parts if not {"", "*", BREAK}.intersection(stems)]
    if not sure:
        raise ValueError(f"{pattern!r} has no word that it cannot do without")
    sure.sort(key=lambda stems: (len(_EVERYDAY.intersection(stems)), -min(map(len, stems))))
    return _need(sure[0]), _need(sure[min(1, len(sure) - 1)])


def _need(stems: Sequence[str]) -> Need:
    begun = sorted({stem.split("*")[0] for stem in stems if "*" in stem})
    return Need(frozenset(stem for stem in stems if "*" not in stem), tuple(begun))


def _stems(part: str) -> list[str]:
    """For each choice of a group, the longest word that it cannot do without."""
    if not part.startswith("("):
        return [part]
    inner, ending = part[1 : part.rindex(")")], part[part.rindex(")") + 1 :]
    choices, depth = [""], 0
    for sign in inner:
        depth += (sign == "(") - (sign == ")")
        if sign == "|" and depth == 0:
            choices.append("")
        else:
            choices[-1] += sign
    sure = [[word for word in parts_of(choice) if "(" not in word] or [""] for choice in choices]
    return [max(words, key=len) + ending for words in sure]


def compile_rule(
    category: str, patterns: Sequence[str], exceptions: Sequence[str] = (), pardons: Sequence[str] = ()
) -> Rule:
    try:
        found = tuple(Pattern(re.compile(to_regex(pattern)), needs_of(pattern)) for pattern in patterns)
        excused, pardoned = tuple(re.compile(to_regex(line)) for line in exceptions), _any_of(pardons)
    except (ValueError, re.error) as error:
        raise ScorerError(f"rules of {category}: {error}") from error
    if not found:
        raise ScorerError(f"rules of {category}: no patterns")
    return Rule(category, found, excused, pardoned)


def _any_of(patterns: Sequence[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(map(to_regex, patterns))) if patterns else None


def parse_rules(category: str, source: str) -> Rule:
    """One file: a table for each language with `patterns`, `exceptions` that excuse the words they overlap, and
    `pardons` that excuse the whole text."""
    try:
        tables = tomllib.loads(source).values()
    except tomllib.TOMLDecodeError as error:
        raise ScorerError(f"rules of {category}: {error}") from error
    lists = [[line for table in tables for line in table.get(key, [])] for key in ("patterns", "exceptions", "pardons")]
    return compile_rule(category, *lists)


@cache
def packaged_rules() -> RuleBook:
    folder = files("moderation.scoring") / "data" / "rules"
    try:
        return RuleBook(parse_rules(name, (folder / f"{name}.toml").read_text("utf-8")) for name in CATEGORIES)
    except OSError as error:
        raise ScorerError(f"a file of rules cannot be read: {error}; reinstall tenth") from error
