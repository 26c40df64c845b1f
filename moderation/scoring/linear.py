"""Linear heads over hashed features: the model file, and reading texts with it.

Whatever can be is added up per token and remembered, so that a batch costs look-ups and one gather.
"""

from __future__ import annotations

import hashlib
import io
import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from moderation.errors import ScorerError
from moderation.scoring import features
from moderation.scoring.normalise import clip

MODEL = Path(__file__).parent / "data" / "embedded.npz"
FORMAT = 1
HEADS = ("toxicity", "urgency", "sentiment")
LANGUAGES = ("en", "fr", "und")
CACHE = 60_000

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Triple = tuple[float, float, float]


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
    """What one word adds: to the three heads, and to the three languages."""

    key: int
    text: str
    heads: Triple
    tongues: Triple


class Placed(NamedTuple):
    start: int
    end: int
    readings: tuple[Reading, ...]
    breaks: bool


class Unit(NamedTuple):
    """A text or one of its sentences: sums over its distinct words, and the buckets of its pairs."""

    heads: Triple
    pairs: list[int]
    scale: float


class LinearReader:
    """A model and its memory of tokens. Thread-safe: the model is read-only, the cache is the standard library's."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._read = lru_cache(maxsize=CACHE)(self._read_token)

    def place(self, text: str) -> list[Placed]:
        read = self._read
        return [
            Placed(start, end, read(kind, token), kind == "end")
            for kind, token, start, end in features.raw_tokens(clip(text))
        ]

    def chances(self, batch: Sequence[list[Placed]]) -> list[Triple]:
        """Calibrated toxicity, urgency and gladness of each text. Rounded: a batch and a single text agree exactly."""
        if not batch:
            return []
        whole, peaks = self.logits(batch)
        peak = self.model.peak
        logits = ((1 - peak) * whole + peak * peaks) * self.model.slope + self.model.offset
        chances = 1.0 / (1.0 + np.exp(-np.clip(logits, -30, 30)))
        return [(row[0], row[1], row[2]) for row in np.round(chances, 4).tolist()]

    def logits(self, batch: Sequence[list[Placed]]) -> tuple[Doubles, Doubles]:
        """Before calibration: of each whole text, and of its strongest sentence for each head."""
        rows = [_units(placed) for placed in batch]
        sums = self._sums([unit for units in rows for unit in units])
        starts = np.cumsum([0, *(len(units) for units in rows[:-1])])
        return sums[starts], np.maximum.reduceat(sums, starts, axis=0)

    def languages(self, placed: list[Placed]) -> dict[str, float]:
        """Chance of each language the model knows; "und" stands for all the others."""
        distinct = {reading.key: reading.tongues for token in placed for reading in token.readings}
        scale = features.length_scale(len(distinct), 0)
        sums = [scale * sum(column) for column in zip(*distinct.values(), strict=True)] or [0.0] * len(LANGUAGES)
        powers = [math.exp(value - max(sums)) for value in sums]
        return {name: power / sum(powers) for name, power in zip(LANGUAGES, powers, strict=True)}

    def _read_token(self, kind: str, token: str) -> tuple[Reading, ...]:
        return tuple(self._read_word(word) for word in features.token_words(kind, token))

    def _read_word(self, word: features.Word) -> Reading:
        values = np.array(word.values)
        heads = values @ self.model.weights[list(word.indices)]
        tongues = values @ self.model.language[[index % features.LANGUAGE_BUCKETS for index in word.indices]]
        return Reading(word.key, word.text, _triple(heads), _triple(tongues))

    def _sums(self, units: list[Unit]) -> Doubles:
        """Logits of each unit. Every unit starts with the row of zeros, because reduceat needs one row at least."""
        flat = [index for unit in units for index in (features.BUCKETS, *unit.pairs)]
        starts = np.cumsum([0, *(len(unit.pairs) + 1 for unit in units[:-1])])
        pairs = np.add.reduceat(self.model.weights[flat], starts, axis=0, dtype=np.float64)
        words = np.array([unit.heads for unit in units])
        scales = np.array([unit.scale for unit in units])
        total: Doubles = (words + features.PAIR_VALUE * pairs) * scales[:, None] + self.model.bias
        return total


def _triple(row: npt.NDArray[np.generic]) -> Triple:
    first, second, third = row.tolist()
    return float(first), float(second), float(third)


def _units(placed: list[Placed]) -> list[Unit]:
    parts = features.sentences(placed)
    whole = _unit(placed)
    return [whole, *map(_unit, parts)] if len(parts) > 1 else [whole]


def _unit(placed: list[Placed]) -> Unit:
    readings = [reading for token in placed for reading in token.readings]
    distinct = {reading.key: reading.heads for reading in readings}
    toxic = urgent = glad = 0.0
    for heads in distinct.values():
        toxic += heads[0]
        urgent += heads[1]
        glad += heads[2]
    pairs = features.pair_buckets([reading.key for reading in readings])
    return Unit((toxic, urgent, glad), pairs, features.length_scale(len(distinct), len(pairs)))
