"""A small encoder of English and French, by onnxruntime: texts in, sums for everything it judges out.

It is the first layers of multilingual-e5-small, trained further on our own sentences and on open data sets (see
`docs/MODELS.md`). A text is read in windows of at most `WINDOW` pieces; a long one by its first windows and its last.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from moderation.errors import ScorerError
from moderation.scoring.batching import batches, windows
from moderation.scoring.contract import CLASSES, INTENTS

DATA = Path(__file__).parent / "data"
FORMAT = 1
#: The outputs, in order. Of the first `EXPLAINED` the file also says what each piece adds.
JUDGED = ("toxicity", "urgency", "sentiment", *CLASSES, *INTENTS)
EXPLAINED = 2
LANGUAGES = ("en", "fr", "und")
BEGIN, PAD, END, UNKNOWN = 0, 1, 2, 3
WINDOW, OVERLAP, WINDOWS = 62, 12, 3
#: How much the strongest window counts beside the mean of all.
PEAK = 0.5
#: Pieces of a batch, padding included.
BUDGET = 1536

Floats = npt.NDArray[np.float32]


class Window(NamedTuple):
    """Pieces of a text, from its `first` on: a logit for each output, and what each piece adds to the first of them."""

    first: int
    logits: Floats
    added: Floats


@dataclass(frozen=True, slots=True)
class Reading:
    """A text's pieces, the place in it where each ends, and its windows in order."""

    pieces: Sequence[int]
    ends: Sequence[int]
    windows: Sequence[Window]

    def logits(self) -> Floats:
        """One logit for each of `JUDGED` and of `LANGUAGES`: of what is judged, half is the strongest window's."""
        every = np.stack([window.logits for window in self.windows])
        mean = np.average(every, axis=0, weights=[len(window.added) + 1 for window in self.windows])
        peaks = np.concatenate([every.max(axis=0)[: len(JUDGED)], mean[len(JUDGED) :]])
        whole: Floats = (PEAK * peaks + (1 - PEAK) * mean).astype(np.float32)
        return whole


@dataclass(frozen=True, slots=True)
class Encoder:
    """`slope` and `offset` (languages, judged) are Platt's, and turn logits into chances. Safe to share by threads."""

    session: Any
    tokenizer: Any
    slope: Floats
    offset: Floats
    version: str

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """In order. Windows of like length are read together, so that little is padded."""
        rows = [self.tokenizer.encode(text, add_special_tokens=False) for text in texts]
        parts = [(place, span) for place, row in enumerate(rows) for span in spans_of(len(row.ids))]
        found: list[list[Window]] = [[] for _ in texts]
        for batch in batches([len(span) + 2 for _, span in parts], BUDGET):
            chosen = [parts[number] for number in batch]
            read = self._run([rows[place].ids[span.start : span.stop] for place, span in chosen])
            for (place, span), (logits, added) in zip(chosen, read, strict=True):
                found[place].append(Window(span.start, logits, added))
        return [
            Reading(row.ids, [end for _, end in row.offsets], sorted(many, key=lambda window: window.first))
            for row, many in zip(rows, found, strict=True)
        ]

    def _run(self, rows: Sequence[Sequence[int]]) -> Iterator[tuple[Floats, Floats]]:
        tokens = np.full((len(rows), max(map(len, rows)) + 2), PAD, np.int64)
        for row, pieces in zip(tokens, rows, strict=True):
            row[: len(pieces) + 2] = (BEGIN, *pieces, END)
        logits, added = self.session.run(["logits", "added"], {"tokens": tokens})
        for pieces, sums, parts in zip(rows, logits, added, strict=True):
            yield sums, parts[1 : len(pieces) + 1]


def spans_of(pieces: int) -> list[range]:
    """The first windows of a text and its last."""
    spans = [range(part[0], part[-1] + 1) if part else range(0) for part in windows(range(pieces), WINDOW, OVERLAP)]
    return spans if len(spans) <= WINDOWS else [*spans[: WINDOWS - 1], range(pieces - WINDOW, pieces)]


def load_encoder(folder: Path = DATA, threads: int = 1) -> Encoder:
    """`careful.onnx` and `careful.json` of a folder. Raises ScorerError where they cannot be used."""
    try:
        import onnxruntime
        from tokenizers import Tokenizer
    except ImportError as error:
        raise ScorerError(f"the careful scorer needs the package {error.name}") from error
    try:
        network, words = ((folder / f"careful.{ending}").read_bytes() for ending in ("onnx", "json"))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = threads, 3
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        session = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
        notes = json.loads(session.get_modelmeta().custom_metadata_map["tenth"])
        tokenizer = Tokenizer.from_str(words.decode())
        slope, offset = (np.array(notes[name], np.float32) for name in ("slope", "offset"))
        fitting = notes["format"] == FORMAT and notes["pieces"] == tokenizer.get_vocab_size()
    except Exception as error:  # both libraries raise their own kinds, of no common base
        raise ScorerError(f"the careful model in {folder} cannot be read ({error}); reinstall tenth") from error
    if not fitting or slope.shape != (len(LANGUAGES), len(JUDGED)):
        raise ScorerError(f"the files of the careful model in {folder} do not belong together; reinstall tenth")
    return Encoder(session, tokenizer, slope, offset, f"{FORMAT}-{sha256(network + words).hexdigest()[:8]}")
