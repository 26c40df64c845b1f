"""Rules that pass the cut always: phrases of danger, threat, law and self-harm, kept as data in data/rules/*.toml.

A pattern is words of plain text: `*` ends a word's stem, `..` skips up to four words of the same sentence,
`(a|b c)` chooses, `(a|b)?` may be absent. Rules read the normalised words, so that disguises do not help, and every
repeat is bounded, so that a hostile text costs no more than a long one.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterable, Sequence
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
class Rule:
    """Every match has one of the `words`, or a word that begins with one of the `stems`: most texts need no search."""

    category: str
    pattern: re.Pattern[str]
    exceptions: re.Pattern[str] | None
    pardons: re.Pattern[str] | None
    words: frozenset[str]
    stems: tuple[str, ...]

    def find(self, line: str) -> tuple[int, int] | None:
        """The first match that no exception overlaps, in a text that is not pardoned as a whole."""
        if self.pardons and self.pardons.search(line):
            return None
        for match in self.pattern.finditer(line):
            if not self._excused(line, match.start(), match.end()):
                return match.span()
        return None

    def _excused(self, line: str, start: int, end: int) -> bool:
        if self.exceptions is None:
            return False
        return any(found.start() < end and start < found.end() for found in self.exceptions.finditer(line))


class RuleBook:
    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self._triggered = lru_cache(maxsize=60_000)(self._trigger)

    def match(self, tokens: Sequence[Written]) -> list[Hit]:
        """At most one hit a category, with its place in the original text."""
        wanted = 0
        for token in tokens:
            for reading in token.readings:
                wanted |= self._triggered(reading.text)
        return self.search(tokens, wanted) if wanted else []

    def _trigger(self, word: str) -> int:
        """One bit for each rule that this word may be a part of."""
        return sum(1 << bit for bit, rule in enumerate(self.rules) if word in rule.words or word.startswith(rule.stems))

    def search(self, tokens: Sequence[Written], wanted: int) -> list[Hit]:
        """Look for the rules whose bits are set."""
        line, starts, owners = _line_of(tokens)
        hits = []
        for bit, rule in enumerate(self.rules):
            span = rule.find(line) if wanted >> bit & 1 else None
            if span:
                first = tokens[owners[bisect_right(starts, span[0]) - 1]]
                last = tokens[owners[bisect_right(starts, span[1] - 1) - 1]]
                hits.append(Hit(rule.category, first.start, last.end))
        return hits


def _line_of(tokens: Sequence[Written]) -> tuple[str, list[int], list[int]]:
    """The words on one line with stops between sentences; where each starts, and which token it came from."""
    words: list[str] = []
    starts: list[int] = []
    owners: list[int] = []
    at = 1
    for owner, token in enumerate(tokens):
        plain = [reading.text for reading in token.readings if reading.text[0] != "\x00"]
        for word in [*plain, BREAK] if token.breaks else plain:
            words.append(word)
            starts.append(at)
            owners.append(owner)
            at += len(word) + 1
    return f" {' '.join(words)} ", starts, owners


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


def trigger_of(pattern: str) -> list[str]:
    """The words of the part that is hardest to meet by chance: few everyday words, long ones."""
    choices = [_stems(part) for part in parts_of(fold(pattern)) if not part.endswith("?") and part != ".."]
    return max(choices, key=lambda stems: (-len(_EVERYDAY.intersection(stems)), min(map(len, stems))))


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
        found, excused, pardoned = _any_of(patterns), _any_of(exceptions), _any_of(pardons)
    except (ValueError, re.error) as error:
        raise ScorerError(f"rules of {category}: {error}") from error
    if found is None:
        raise ScorerError(f"rules of {category}: no patterns")
    triggers = {stem for pattern in patterns for stem in trigger_of(pattern)}
    stems = tuple(sorted({trigger.split("*")[0] for trigger in triggers if "*" in trigger}))
    return Rule(category, found, excused, pardoned, frozenset(triggers), stems)


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
