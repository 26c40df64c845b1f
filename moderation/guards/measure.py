"""How well the guards read: precision and recall on sentences of our own, by guard, language and half.

A sentence counts for a guard when the guard finds anything in it. The first half is what the phrases were built on; the
held-out half was written afterwards, and nothing was changed for it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from moderation.evaluation.metrics import Estimate, wilson
from moderation.guards.check import read
from moderation.guards.contract import Guard, House
from moderation.guards.phrases import LANGUAGES

GUARDS = (Guard.DEFLECTION, Guard.SALES, Guard.PERSONAL_DATA, Guard.MONEY, Guard.TONE)
SPLITS = ("built_on", "held_out")


@dataclass(frozen=True, slots=True)
class Labelled:
    """One sentence; `guards` are those that should find something in it."""

    text: str
    language: str
    split: str
    guards: frozenset[Guard]


@dataclass(frozen=True, slots=True)
class Row:
    """Counts of sentences for one guard, language and half."""

    guard: Guard
    language: str
    split: str
    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> Estimate:
        """The share of what it found that is right."""
        return wilson(self.right, self.right + self.wrong)

    @property
    def recall(self) -> Estimate:
        """The share of what is there that it found."""
        return wilson(self.right, self.right + self.missed)


@cache
def labelled(language: str) -> tuple[House, tuple[Labelled, ...]]:
    """The sentences of a language ("en" or "fr"), and the house that they were labelled for."""
    tables = tomllib.loads((files("moderation.guards") / "data" / f"labelled_{language}.toml").read_text("utf-8"))
    house = House(float(tables["house"]["money"]), frozenset(tables["house"]["hosts"]))
    return house, tuple(
        Labelled(row["text"], language, row["split"], frozenset(map(Guard, row["guards"])))
        for row in tables["sentence"]
    )


def found_in(sentence: Labelled, house: House) -> frozenset[Guard]:
    """The guards that find something in a sentence."""
    return frozenset(finding.guard for finding in read(sentence.text, sentence.language, house))


def rows() -> Iterator[Row]:
    """A row for each guard, language and half, in this order."""
    for language in LANGUAGES:
        house, sentences = labelled(language)
        judged = [(sentence, found_in(sentence, house)) for sentence in sentences]
        for split in SPLITS:
            part = [pair for pair in judged if pair[0].split == split]
            yield from (_row(guard, language, split, part) for guard in GUARDS)


def _row(guard: Guard, language: str, split: str, judged: Sequence[tuple[Labelled, frozenset[Guard]]]) -> Row:
    pairs = [(guard in sentence.guards, guard in found) for sentence, found in judged]
    right, wrong, missed = pairs.count((True, True)), pairs.count((False, True)), pairs.count((True, False))
    return Row(guard, language, split, right, wrong, missed)
