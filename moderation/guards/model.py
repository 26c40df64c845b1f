"""The small linear model beside the phrases: words, how they begin, and pairs of words, with a weight for each guard.

It reads two neighbouring sentences at a time. What each word adds is known, so that a finding is where the words stand
that weighed most. `scripts/train_guards.py` makes the file; docs/GUARDS.md says how well it reads.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import NamedTuple
from zipfile import BadZipFile
from zlib import crc32

import numpy as np
import numpy.typing as npt

from moderation.errors import ScorerError
from moderation.guards.contract import Guard
from moderation.guards.phrases import Sentence

FILE = "model.npz"
BUCKETS = 1 << 16
#: The columns of the weights, in order. That of money asks of a text with an amount whether it promises it.
HEADS = (Guard.DEFLECTION, Guard.SALES, Guard.TONE, Guard.MONEY)
WORD, PAIR, APART, STEM = 1.0, 0.7, 0.5, 0.5
#: How many letters are a stem; shorter words have none.
_STEM = 5
#: The squares of the values of some seven words: a text of fewer is little to go by, and weighs less.
_LEAST = 12.0
#: A word belongs to the reason when it adds more than this share of what the strongest one adds.
_SHARE = 0.2

Floats = npt.NDArray[np.float32]


class Feature(NamedTuple):
    """A bucket, its value, and the tokens it comes from (twice the same for a single word)."""

    bucket: int
    value: float
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Model:
    """Weights as bytes, a row for each bucket, a column for each of `HEADS`; a guard finds something above 0 once its
    `bias`, which holds the threshold, too, is added."""

    rows: npt.NDArray[np.int8]
    scale: Floats
    bias: Floats


@dataclass(frozen=True, slots=True)
class Heard:
    """What was made of two sentences: a sum for each of `HEADS`, above 0 where the guard finds something."""

    tokens: Sentence
    features: Sequence[Feature]
    weights: Floats
    sums: Floats

    def says(self, guard: Guard) -> bool:
        """Whether the guard finds something."""
        return bool(self.sums[HEADS.index(guard)] > 0)

    def reason(self, guard: Guard) -> tuple[int, int]:
        """Where in the text, in characters, the run of words stands that weighed most."""
        added = np.zeros(len(self.tokens))
        for feature, weight in zip(self.features, self.weights[:, HEADS.index(guard)].tolist(), strict=True):
            added[feature.first] += weight / 2
            added[feature.last] += weight / 2
        first, last = _best_run((added - _SHARE * added.max()).tolist())
        return self.tokens[first].start, self.tokens[last].end


def units(sentences: Sequence[Sentence]) -> Iterator[Sentence]:
    """Each sentence with the next one; a single sentence alone."""
    if len(sentences) < 2:
        return iter(sentences)
    return ([*one, *other] for one, other in pairwise(sentences))


def features(tokens: Sentence) -> list[Feature]:
    """The distinct words, stems, and pairs of words beside each other or with one between them, each where it first
    stands; the squares of the values sum to 1, or to less for a few words."""
    found: dict[int, Feature] = {}
    for words, value, first, last in _parts(tokens):
        bucket = bucket_of(words)
        found.setdefault(bucket, Feature(bucket, value, first, last))
    norm = max(_LEAST, sum(feature.value**2 for feature in found.values())) ** 0.5
    return [feature._replace(value=feature.value / norm) for feature in found.values()]


def _parts(tokens: Sentence) -> Iterator[tuple[str, float, int, int]]:
    words = [(place, word.text) for place, token in enumerate(tokens) for word in token.readings]
    for place, word in words:
        yield word, WORD, place, place
    for (first, one), (last, other) in pairwise(words):
        yield f"{one} {other}", PAIR, first, last
    for (first, one), (last, other) in zip(words, words[2:], strict=False):
        yield f"{one} _ {other}", APART, first, last
    for place, word in words:
        if len(word) > _STEM and word.isalpha():
            yield f"{word[:_STEM]}-", STEM, place, place


def bucket_of(words: str) -> int:
    """The row of a part of a text."""
    return crc32(words.encode("utf-8", "surrogatepass")) % BUCKETS


def hear(tokens: Sentence, model: Model | None = None) -> Heard:
    """What the model makes of some tokens."""
    model = model or packaged()
    found = features(tokens)
    values = np.array([feature.value for feature in found], np.float32)
    rows = model.rows[[feature.bucket for feature in found]].astype(np.float32)
    weights = rows * model.scale * values[:, None]
    return Heard(tokens, found, weights, weights.sum(axis=0) + model.bias)


@cache
def packaged() -> Model:
    """The model of this package. Raises ScorerError where its file is missing or wrong."""
    try:
        raw = (files("moderation.guards") / "data" / FILE).read_bytes()
        with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
            model = Model(arrays["rows"], arrays["scale"], arrays["bias"])
    except (OSError, KeyError, ValueError, EOFError, BadZipFile) as error:
        raise ScorerError(f"the guards' model cannot be read: {error}; reinstall tenth") from error
    if model.rows.shape != (BUCKETS, len(HEADS)) or model.rows.dtype != np.int8:
        raise ScorerError("the guards' model is not of this version; reinstall tenth")
    return model


def _best_run(added: Sequence[float]) -> tuple[int, int]:
    """The first and last place of the run with the greatest sum (Kadane's algorithm)."""
    best, run, start, found = -np.inf, 0.0, 0, (0, 0)
    for place, value in enumerate(added):
        if run <= 0:
            run, start = 0.0, place
        run += value
        if run > best:
            best, found = run, (start, place)
    return found
