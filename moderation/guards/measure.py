"""How well the guards read: precision and recall on sentences of our own, by guard, language and half.

A sentence counts for a guard when the guard finds anything in it. The first half is what the phrases were built on and
the model learnt from; the held-out half is of two files, and nothing was changed for either.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from moderation.evaluation.metrics import Estimate, wilson
from moderation.guards.check import read
from moderation.guards.contract import Guard, House
from moderation.guards.phrases import LANGUAGES

GUARDS = (Guard.DEFLECTION, Guard.SALES, Guard.PERSONAL_DATA, Guard.MONEY, Guard.TONE)
SPLITS = ("built_on", "held_out")
#: The files of sentences, by how their names begin. All of the second is held out.
SOURCES = ("labelled", "held_out")


@dataclass(frozen=True, slots=True)
class Labelled:
    """One sentence; `guards` are those that should find something in it."""

    text: str
    language: str
    split: str
    guards: frozenset[Guard]
    source: str = SOURCES[0]


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
    tables = {source: _tables(source, language) for source in SOURCES}
    house = tables[SOURCES[0]]["house"]
    return House(float(house["money"]), frozenset(house["hosts"])), tuple(
        Labelled(row["text"], language, row["split"], frozenset(map(Guard, row["guards"])), source)
        for source, table in tables.items()
        for row in table["sentence"]
    )


def _tables(source: str, language: str) -> dict[str, Any]:
    return tomllib.loads((files("moderation.guards") / "data" / f"{source}_{language}.toml").read_text("utf-8"))


def found_in(sentence: Labelled, house: House) -> frozenset[Guard]:
    """The guards that find something in a sentence."""
    return frozenset(finding.guard for finding in read(sentence.text, sentence.language, house))


def rows(sources: Sequence[str] = SOURCES) -> Iterator[Row]:
    """A row for each guard, language and half, in this order, over the sentences of these files."""
    for language in LANGUAGES:
        house, sentences = labelled(language)
        judged = [(sentence, found_in(sentence, house)) for sentence in sentences if sentence.source in sources]
        for split in SPLITS:
            part = [pair for pair in judged if pair[0].split == split]
            yield from (_row(guard, language, split, part) for guard in GUARDS)


def _row(guard: Guard, language: str, split: str, judged: Sequence[tuple[Labelled, frozenset[Guard]]]) -> Row:
    pairs = [(guard in sentence.guards, guard in found) for sentence, found in judged]
    right, wrong, missed = pairs.count((True, True)), pairs.count((False, True)), pairs.count((True, False))
    return Row(guard, language, split, right, wrong, missed)
