"""Linear heads over hashed features: the model file, and reading texts with it.

Whatever can be is added up per token and remembered, so that a batch costs look-ups and one gather.
"""

from __future__ import annotations

import hashlib
import io
import math
import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from moderation.errors import ScorerError
from moderation.scoring import features
from moderation.scoring.normalise import TOKEN, clip

MODEL = Path(__file__).parent / "data" / "embedded.npz"
FORMAT = 1
HEADS = ("toxicity", "urgency", "sentiment")
LANGUAGES = ("en", "fr", "und")
CACHE = 60_000

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Triple = tuple[float, float, float]
Six = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class Model:
    """Weights of every head, and how their sums become probabilities.

    `weights` has one row more than there are buckets, of zeros: units without pairs point there. `slope` and
    `offset` are Platt's; `peak` is how much the strongest sentence counts beside the whole.
    """

    weights: Floats
    language: Floats
    bias: Floats
    slope: Floats
    offset: Floats
    peak: Floats
    version: str


def load_model(path: Path = MODEL) -> Model:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ScorerError(f"the embedded model {path} cannot be read: {error}; reinstall tenth") from error
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
            return _assemble({name: arrays[name] for name in arrays.files}, hashlib.sha256(raw).hexdigest()[:8])
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, OSError) as error:
        raise ScorerError(f"{path} is not an embedded model ({error}); run scripts/train_scorer.py") from error


def _assemble(arrays: Mapping[str, npt.NDArray[np.generic]], digest: str) -> Model:
    if int(arrays["format"]) != FORMAT:
        raise ValueError(f"format {int(arrays['format'])}, not {FORMAT}")
    whole = {name: np.asarray(arrays[name], dtype=np.float32) for name in ("bias", "slope", "offset", "peak")}
    weights = _table(arrays, "weights", features.BUCKETS)
    language = _table(arrays, "language", features.LANGUAGE_BUCKETS)
    return Model(np.vstack([weights, np.zeros((1, 3), np.float32)]), language, version=f"{FORMAT}-{digest}", **whole)


def _table(arrays: Mapping[str, npt.NDArray[np.generic]], name: str, rows: int) -> Floats:
    """Weights are stored as bytes with a scale for each head."""
    table = np.asarray(arrays[name], dtype=np.float32) * np.asarray(arrays[f"{name}_scale"], dtype=np.float32)
    if table.shape != (rows, 3):
        raise ValueError(f"{name} has the shape {table.shape}")
    return table


class Reading(NamedTuple):
    """What one word adds: to the three heads and the three languages (`sums`), and to the buckets of its pairs."""

    key: int
    text: str
    sums: Six
    half: features.PairHalf


class Token(NamedTuple):
    """What is remembered of a token: `pull` is what all of its words add to the heads."""

    readings: tuple[Reading, ...]
    breaks: bool
    pull: Triple


class Placed(NamedTuple):
    start: int
    end: int
    readings: tuple[Reading, ...]
    breaks: bool
    pull: Triple


class Unit(NamedTuple):
    """A text or one of its sentences: sums over its distinct words, and the buckets of its pairs."""

    words: int
    sums: Six
    pairs: Collection[int]


class Judged(NamedTuple):
    """Calibrated toxicity, urgency and gladness, and the chance of each of `LANGUAGES`."""

    chances: Triple
    languages: Triple


NOTHING: Six = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
_placed = partial(tuple.__new__, Placed)  # the constructor of a named tuple costs as much as reading the token


class LinearReader:
    """A model and its memory of tokens. Thread-safe: the model is read-only, the cache is the standard library's."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._read = lru_cache(maxsize=CACHE)(self._read_token)

    def place(self, text: str) -> list[Placed]:
        read = self._read
        return [
            _placed((*match.span(), *read(match.lastgroup or "symbol", match.group())))
            for match in TOKEN.finditer(clip(text))
        ]

    def judge(self, batch: Sequence[list[Placed]]) -> list[Judged]:
        """Rounded chances: a batch and a single text agree exactly."""
        if not batch:
            return []
        units = [_units(placed) for placed in batch]
        whole, peaks = self._logits(units)
        peak = self.model.peak
        logits = ((1 - peak) * whole + peak * peaks) * self.model.slope + self.model.offset
        chances = np.round(1.0 / (1.0 + np.exp(-np.clip(logits, -30, 30))), 4).tolist()
        return [Judged((t, u, g), _tongues(parts[0])) for (t, u, g), parts in zip(chances, units, strict=True)]

    def chances(self, batch: Sequence[list[Placed]]) -> list[Triple]:
        return [judged.chances for judged in self.judge(batch)]

    def logits(self, batch: Sequence[list[Placed]]) -> tuple[Doubles, Doubles]:
        """Before calibration: of each whole text, and of its strongest sentence for each head."""
        return self._logits([_units(placed) for placed in batch])

    def _logits(self, units: list[list[Unit]]) -> tuple[Doubles, Doubles]:
        sums = self._sums([unit for parts in units for unit in parts])
        starts = np.cumsum([0, *(len(parts) for parts in units[:-1])])
        return sums[starts], np.maximum.reduceat(sums, starts, axis=0)

    def _read_token(self, kind: str, token: str) -> Token:
        readings = tuple(self._read_word(word) for word in features.token_words(kind, token))
        toxic, urgent, glad = (sum(reading.sums[head] for reading in readings) for head in range(len(HEADS)))
        return Token(readings, kind == "end", (toxic, urgent, glad))

    def _read_word(self, word: features.Word) -> Reading:
        values = np.array(word.values)
        heads = values @ self.model.weights[list(word.indices)]
        tongues = values @ self.model.language[[index % features.LANGUAGE_BUCKETS for index in word.indices]]
        toxic, urgent, glad, english, french, other = map(float, (*heads, *tongues))
        return Reading(word.key, word.text, (toxic, urgent, glad, english, french, other), features.pair_half(word.key))

    def _sums(self, units: list[Unit]) -> Doubles:
        """Logits of each unit. Every unit starts with the row of zeros, because reduceat needs one row at least."""
        flat = [index for unit in units for index in (features.BUCKETS, *unit.pairs)]
        starts = np.cumsum([0, *(len(unit.pairs) + 1 for unit in units[:-1])])
        pairs = np.add.reduceat(self.model.weights[flat], starts, axis=0, dtype=np.float64)
        words = np.array([unit.sums[: len(HEADS)] for unit in units])
        scales = np.array([features.length_scale(unit.words, len(unit.pairs)) for unit in units])
        total: Doubles = (words + features.PAIR_VALUE * pairs) * scales[:, None] + self.model.bias
        return total


def _units(placed: list[Placed]) -> list[Unit]:
    parts = features.sentences(placed)
    whole = _unit(placed)
    return [whole, *map(_unit, parts)] if len(parts) > 1 else [whole]


def _unit(placed: list[Placed]) -> Unit:
    readings = [reading for token in placed for reading in token.readings]
    if not readings:
        return Unit(0, NOTHING, ())
    keys, _, sums, halves = zip(*readings, strict=True)
    distinct = dict(zip(keys, sums, strict=True))
    toxic, urgent, glad, english, french, other = map(sum, zip(*distinct.values(), strict=True))
    return Unit(len(distinct), (toxic, urgent, glad, english, french, other), features.joined_pairs(halves))


def _tongues(whole: Unit) -> Triple:
    """Chance of each language the model knows; "und" stands for all the others."""
    scale = features.length_scale(whole.words, 0)
    sums = [scale * value for value in whole.sums[len(HEADS) :]]
    highest = max(sums)
    english, french, other = (math.exp(value - highest) for value in sums)
    total = english + french + other
    return english / total, french / total, other / total
