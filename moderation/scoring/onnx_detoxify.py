"""Detoxify's network without torch: what `tenth model export` wrote, run by onnxruntime.

A text longer than the network's window is read in windows that overlap; each class is the highest of its windows.
Where Detoxify cuts a text off, the rest is read here, too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from tokenizers import Tokenizer

from moderation.errors import ScorerError
from moderation.scoring.batching import Memo, Pool, batches, windows
from moderation.scoring.cores import cores
from moderation.scoring.detoxify import DetoxifyScorer
from moderation.scoring.embedded import EmbeddedScorer

Floats = npt.NDArray[np.float32]
NAME = "detoxify-onnx"
SETTINGS = ("export", "threads")
NETWORK, TOKENIZER, CARD = "network.onnx", "tokenizer.json", "export.json"
#: Tokens of a batch, padding included: enough to keep a core's products busy, few enough to stay in its cache.
BUDGET = 256
#: What starting a batch costs, in tokens: the weights come by once.
OVERHEAD = 12
OVERLAP = 0.125
TEXTS_AT_ONCE = 1024
REMEMBERED = 4096
WAITING = 32
#: onnxruntime's name for products in bfloat16, which it has for ARM processors only.
BF16_OPTION = "mlas.enable_gemm_fastmath_arm64_bfloat16"


@dataclass(frozen=True, slots=True)
class Card:
    """What an export says of itself. `window` counts tokens without the frame (`begin` and `end`); digests are SHA-256.

    `precision` is "int8", "bf16" or "fp32".
    """

    model: str
    checkpoint: str
    precision: str
    classes: tuple[str, ...]
    window: int
    begin: int
    end: int
    padding: int
    network: str
    tokenizer: str


class OnnxReader:
    """See `detoxify.Reader`. Texts that are alike are read once, here and for a while after."""

    def __init__(self, folder: Path, card: Card, threads: int = 0, remembered: int = REMEMBERED) -> None:
        self.card = card
        self._tokenizer = _tokenizer(folder / TOKENIZER)
        self._session = _session(folder / NETWORK, card.precision)
        self._pool = Pool(threads or cores(), WAITING)
        self._memo: Memo[bytes, Floats] = Memo(remembered)

    def read(self, texts: Sequence[str]) -> list[dict[str, float]]:
        rows = self.chances(texts).tolist()
        return [dict(zip(self.card.classes, row, strict=True)) for row in rows]

    def chances(self, texts: Sequence[str]) -> Floats:
        """[texts, classes]."""
        keys = [hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts]
        known = {key: row for key in keys if (row := self._memo.get(key)) is not None}
        fresh = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        for key, row in zip(fresh, self._chances(list(fresh.values())), strict=True):
            known[key] = row
            self._memo.keep(key, row)
        return np.array([known[key] for key in keys], np.float32).reshape(len(keys), len(self.card.classes))

    def fits(self, text: str) -> bool:
        """Whether one window holds the text."""
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids) <= self.card.window

    def _chances(self, texts: Sequence[str]) -> list[Floats]:
        parts = (texts[start : start + TEXTS_AT_ONCE] for start in range(0, len(texts), TEXTS_AT_ONCE))
        return [row for part in parts for row in self._part(part)]

    def _part(self, texts: Sequence[str]) -> Floats:
        coded = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        overlap = int(self.card.window * OVERLAP)
        read = [windows(one.ids, self.card.window, overlap) for one in coded]
        owners = np.repeat(np.arange(len(texts)), [len(one) for one in read])
        pieces = [piece for one in read for piece in one]
        planned = batches([len(piece) + 2 for piece in pieces], BUDGET, OVERHEAD)
        answers = self._pool.map(self._run, [[pieces[place] for place in batch] for batch in planned])
        found = np.zeros((len(texts), len(self.card.classes)), np.float32)
        for batch, answer in zip(planned, answers, strict=True):
            np.maximum.at(found, owners[batch], answer)
        return found

    def _run(self, pieces: Sequence[Sequence[int]]) -> Floats:
        """One batch on one core: batches side by side waste less than the cores of one batch waiting for each other."""
        lengths = np.array([len(piece) + 2 for piece in pieces], np.int32)
        ids = np.full((len(pieces), lengths.max()), self.card.padding, np.int64)
        for row, piece in zip(ids, pieces, strict=True):
            row[: len(piece) + 2] = (self.card.begin, *piece, self.card.end)
        answer: Floats = self._session.run(None, {"ids": ids, "lengths": lengths})[0]
        return answer


def build_onnx_detoxify(settings: Mapping[str, str]) -> DetoxifyScorer:
    """Settings: `export`, a folder that `tenth model export` wrote; `threads`, 0 or none for all cores available."""
    given = settings.get("export", "")
    if not given:
        raise ScorerError(f"{NAME} needs the setting export: the folder that `tenth model export` wrote")
    threads, folder = _threads(settings), Path(given).expanduser().resolve()
    card = read_card(folder)
    for name, digest in ((NETWORK, card.network), (TOKENIZER, card.tokenizer)):
        if sha256(folder / name) != digest:
            raise ScorerError(f"{folder / name} is not the file that {CARD} tells of: export the model again")
    version = f"{card.model}-{card.network[:8]}-{card.precision}"
    return DetoxifyScorer(NAME, version, OnnxReader(folder, card, threads), EmbeddedScorer())


def read_card(folder: Path) -> Card:
    """Raises ScorerError when the folder holds no export."""
    try:
        told: dict[str, Any] = json.loads((folder / CARD).read_text("utf-8"))
        return Card(**{field.name: told[field.name] for field in fields(Card)} | {"classes": tuple(told["classes"])})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ScorerError(f"{folder} holds no export ({error!r}): make one by `tenth model export`") from error


def sha256(path: Path) -> str:
    """Raises ScorerError when the file cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ScorerError(f"{path} cannot be read: {error}") from error


def _threads(settings: Mapping[str, str]) -> int:
    given = settings.get("threads", "") or "0"
    if not given.isdecimal():
        raise ScorerError(f"{NAME}: threads is a number, 0 for all cores available, not {given!r}")
    return int(given)


def _tokenizer(path: Path) -> Tokenizer:
    try:
        found = Tokenizer.from_file(str(path))
    except Exception as error:  # the package raises bare exceptions
        raise ScorerError(f"{path} is no tokenizer: {error}") from error
    found.no_padding()
    found.no_truncation()
    return found


def _session(path: Path, precision: str) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if precision == "bf16":
        options.add_session_config_entry(BF16_OPTION, "1")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the package's exceptions share no base class but this
        raise ScorerError(f"{path} cannot be run: {error}") from error
