"""Linear heads over hashed features: the model file, and reading texts with it.

What a word adds to every head is worked out once and remembered as a row of whole numbers (fixed point), so that a
batch costs look-ups and a few gathers, and its sums are the same in any order and any company.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from operator import or_, sub
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from moderation.errors import ScorerError
from moderation.scoring import features
from moderation.scoring.contract import CLASSES, INTENTS
from moderation.scoring.features import Integers, Word
from moderation.scoring.normalise import TOKEN, kind_of, tokens_of

MODEL = Path(__file__).parent / "data" / "embedded.npz"
FORMAT = 2
HEADS = ("toxicity", "urgency", "sentiment", *CLASSES, *INTENTS)
LANGUAGES = ("en", "fr", "und")
REMEMBERED = 60_000
POINT = 1 << 16

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Facts = Callable[[str], int]
Fixed = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Table:
    """Weights as bytes, a row for each bucket and a column for each head, with a scale for each column."""

    rows: Bytes
    scale: Floats


@dataclass(frozen=True, slots=True)
class Model:
    """Weights of every head of `HEADS`, and how their sums become probabilities.

    `slope` and `offset` are Platt's; `peak` is how much the strongest sentence counts beside the whole.
    """

    weights: Table
    language: Table
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
    weights = _table(arrays, "weights", (features.BUCKETS, len(HEADS)))
    language = _table(arrays, "language", (features.LANGUAGE_BUCKETS, len(LANGUAGES)))
    return Model(weights, language, version=f"{FORMAT}-{digest}", **whole)


def _table(arrays: Mapping[str, npt.NDArray[np.generic]], name: str, shape: tuple[int, int]) -> Table:
    rows = np.asarray(arrays[name], dtype=np.int8)
    if rows.shape != shape:
        raise ValueError(f"{name} has the shape {rows.shape}")
    return Table(rows, np.asarray(arrays[f"{name}_scale"], dtype=np.float32))


class Token(NamedTuple):
    """What is remembered of a token: its words, the row of each, what they add to toxicity and urgency together, and
    the `facts` that the memory was told to keep of its words."""

    readings: tuple[Word, ...]
    rows: tuple[int, ...]
    breaks: bool
    pull: tuple[float, float]
    facts: int


class Placed(NamedTuple):
    start: int
    end: int
    readings: tuple[Word, ...]
    breaks: bool
    pull: tuple[float, float]


class Judged(NamedTuple):
    """Calibrated chances of `HEADS` (of gladness for sentiment), and the chance of each of `LANGUAGES`."""

    chances: list[float]
    languages: list[float]


class Memory(dict[str, Token]):
    """Tokens seen, and a row of fixed-point sums for each of their words: heads, then languages.

    Rows are only ever added, under a lock; `sums` and `hashes` may be replaced by longer copies, so a reader takes them
    after it has its tokens.
    """

    def __init__(self, model: Model, facts: Facts | None) -> None:
        self.model, self._facts = model, facts
        self.sums: Fixed = np.zeros((1024, len(HEADS) + len(LANGUAGES)), np.int32)
        self.hashes: Integers = np.zeros(1024, np.int64)
        self._known: dict[Word, int] = {}
        self._lock = Lock()

    def __missing__(self, token: str) -> Token:
        kind = kind_of(token)
        words = features.token_words(kind, token)
        with self._lock:
            rows = tuple(map(self._row, words))
        toxic, urgent = (self.sums[list(rows), :2].sum(axis=0) / POINT).tolist() if rows else (0.0, 0.0)
        facts = reduce(or_, (self._facts(word.text) for word in words), 0) if self._facts else 0
        found = Token(words, rows, kind == "end", (toxic, urgent), facts)
        self[token] = found
        return found

    def _row(self, word: Word) -> int:
        row = self._known.get(word)
        if row is None:
            row = len(self._known)
            if row == len(self.hashes):
                self.sums = np.concatenate((self.sums, np.zeros_like(self.sums)))
                self.hashes = np.concatenate((self.hashes, np.zeros_like(self.hashes)))
            self.sums[row], self.hashes[row] = self._sums_of(word), word.key
            self._known[word] = row
        return row

    def _sums_of(self, word: Word) -> Fixed:
        values, indices = np.array(word.values), np.array(word.indices)
        parts = ((self.model.weights, indices), (self.model.language, indices % features.LANGUAGE_BUCKETS))
        sums = np.concatenate([values @ table.rows[chosen] * table.scale for table, chosen in parts])
        fixed: Fixed = np.rint(POINT * sums).astype(np.int32)
        return fixed


class Batch(NamedTuple):
    """Texts as tokens of one memory."""

    memory: Memory
    texts: list[list[Token]]


class Units(NamedTuple):
    """Runs of words: first word and length of each unit, the row of each word, and the first unit of each text."""

    firsts: Integers
    lengths: Integers
    rows: Integers
    texts: Integers


class LinearReader:
    """A model and its memory of tokens. Thread-safe: the model is read-only, a memory keeps its own lock."""

    def __init__(self, model: Model, facts: Facts | None = None) -> None:
        self.model = model
        self._fresh = partial(Memory, model, facts)
        self._memory = self._fresh()

    def read(self, texts: Sequence[str]) -> Batch:
        """The tokens of each text. A memory that is full is left to its last readers."""
        if len(self._memory) > REMEMBERED:
            self._memory = self._fresh()
        memory = self._memory
        look_up = memory.__getitem__
        return Batch(memory, [list(map(look_up, tokens_of(text))) for text in texts])

    def judge(self, batch: Batch) -> list[Judged]:
        """Rounded chances: a batch and a single text agree exactly."""
        if not batch.texts:
            return []
        whole, peaks, tongues = self._sums(batch)
        peak = self.model.peak
        logits = ((1 - peak) * whole + peak * peaks) * self.model.slope + self.model.offset
        chances = np.round(1.0 / (1.0 + np.exp(-np.clip(logits, -30, 30))), 4)
        return list(map(Judged, chances.tolist(), _shares(tongues).tolist()))

    def logits(self, texts: Sequence[str]) -> tuple[Doubles, Doubles]:
        """Before calibration: of each whole text, and of its strongest sentence for each head."""
        return self._sums(self.read(texts))[:2]

    def _sums(self, batch: Batch) -> tuple[Doubles, Doubles, Doubles]:
        """Logits of the heads for whole texts and for their strongest sentences, and of the languages."""
        units = _units(batch.texts)
        words, word_sums = _word_sums(batch.memory, units)
        pairs, pair_sums = self._pair_sums(batch.memory, units)
        heads = word_sums[:, : len(HEADS)] + pair_sums
        logits = heads * features.length_scale(words, pairs)[:, None] + self.model.bias
        tongues = word_sums[units.texts, len(HEADS) :] * features.length_scale(words[units.texts], 0)[:, None]
        return logits[units.texts], np.maximum.reduceat(logits, units.texts, axis=0), tongues

    def _pair_sums(self, memory: Memory, units: Units) -> tuple[Integers, Doubles]:
        places, owners = _spread(units)
        buckets, owners = features.pair_buckets(memory.hashes[units.rows[places]], owners)
        counts, sums = _added(self.model.weights.rows, buckets, owners, len(units.firsts))
        return counts, sums * (features.PAIR_VALUE * self.model.weights.scale.astype(np.float64))


def _word_sums(memory: Memory, units: Units) -> tuple[Integers, Doubles]:
    places, owners = _spread(units)
    counts, sums = _added(memory.sums, units.rows[places], owners, len(units.firsts))
    return counts, sums / POINT


def _spread(units: Units) -> tuple[Integers, Integers]:
    """The place of every word of every unit, and its unit."""
    ends = np.cumsum(units.lengths)
    shifts = np.repeat(units.firsts - ends + units.lengths, units.lengths)
    return shifts + np.arange(len(shifts)), np.repeat(np.arange(len(units.firsts)), units.lengths)


def _added(table: npt.NDArray[Any], rows: Integers, owners: Integers, count: int) -> tuple[Integers, Integers]:
    """How many distinct rows each owner has, and their sum: whole numbers, so that no order changes it."""
    packed = np.sort(owners << 32 | rows)
    packed = packed[np.append(True, packed[1:] != packed[:-1])[: len(packed)]]
    rows, owners = packed & 0xFFFFFFFF, packed >> 32
    counts, sums = np.bincount(owners, minlength=count), np.zeros((count, table.shape[1]), np.int64)
    if len(rows):
        starts = np.flatnonzero(np.append(True, owners[1:] != owners[:-1]))
        sums[owners[starts]] = np.add.reduceat(table[rows], starts, axis=0, dtype=np.int64)
    return counts, sums


def _units(texts: Sequence[list[Token]]) -> Units:
    rows: list[int] = []
    firsts: list[int] = []
    lengths: list[int] = []
    heads: list[int] = []
    for tokens in texts:
        first = len(rows)
        starts = _outline(tokens, rows)
        heads.append(len(firsts))
        firsts.append(first)
        lengths.append(len(rows) - first)
        if len(starts) > 1:
            firsts += starts
            lengths += map(sub, [*starts[1:], len(rows)], starts)
    return Units(*(np.array(column, np.int64) for column in (firsts, lengths, rows, heads)))


def _outline(tokens: list[Token], rows: list[int]) -> list[int]:
    """Append the rows of all words; say where each sentence starts. A sentence has a few words at least, there are
    only so many, and the last takes what is left over."""
    starts = [len(rows)]
    for _, its, breaks, _, _ in tokens:
        rows += its
        if breaks and len(rows) - starts[-1] >= features.SHORT_SENTENCE and len(starts) < features.MAX_SENTENCES:
            starts.append(len(rows))
    if len(starts) > 1 and len(rows) - starts[-1] < features.SHORT_SENTENCE:
        starts.pop()
    return starts


def _shares(logits: Doubles) -> Doubles:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def place(text: str, tokens: Sequence[Token]) -> list[Placed]:
    """Where each token of a text stands."""
    return [
        Placed(*match.span(), token.readings, token.breaks, token.pull)
        for match, token in zip(TOKEN.finditer(text), tokens, strict=True)
    ]
