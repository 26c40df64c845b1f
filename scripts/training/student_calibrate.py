"""From logits to chances, on texts that were held out; and what eight bits cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from zlib import crc32

import numpy as np
import numpy.typing as npt
import onnx
from sklearn.metrics import roc_auc_score

from moderation.scoring.encoder import FORMAT, JUDGED, LANGUAGES, load_encoder
from moderation.scoring.readable import readable
from training.corpora import Example
from training.fit import platt
from training.student import Student
from training.student_data import REST, SHARES, Texts, share_of
from training.student_export import written
from training.student_fit import logits_of
from training.student_pieces import tokenizer

Floats = npt.NDArray[np.float32]
MOST_LOST = 0.01
FEWEST = 200
MOST = 400


def calibrated(
    student: Student, network: onnx.ModelProto, texts: Texts, model: bytes, held_out: Sequence[Example]
) -> dict[str, object]:
    """What the scorer must know beside the network. Raises SystemExit where eight bits rank worse by `MOST_LOST`."""
    chosen = _some(held_out)
    languages = len(LANGUAGES)
    bare = {"slope": np.ones((languages, len(JUDGED))).tolist(), "offset": np.zeros((languages, len(JUDGED))).tolist()}
    notes: dict[str, object] = {"format": FORMAT, "pieces": texts.pieces.get_piece_size(), **bare}
    logits = _small(written(network, notes), model, [example.text for example in chosen])
    _refuse_loss(logits, logits_of(student, texts, [example.text for example in chosen]), chosen)
    fits = np.array(
        [[_fit(logits[:, at], chosen, head, tongue) for at, head in enumerate(JUDGED)] for tongue in LANGUAGES]
    )
    return notes | {"slope": fits[:, :, 0].round(4).tolist(), "offset": fits[:, :, 1].round(4).tolist()}


def _some(held_out: Sequence[Example]) -> list[Example]:
    """At most `MOST` of each source, in a fixed order."""
    found: dict[tuple[str, str], list[Example]] = {}
    for example in sorted(held_out, key=lambda example: crc32(example.text.encode())):
        found.setdefault((share_of(example), example.language), []).append(example)
    return [example for examples in found.values() for example in examples[:MOST]]


def _small(network: bytes, model: bytes, texts: Sequence[str]) -> Floats:
    """Logits as the scorer itself finds them, windows and all."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "careful.onnx").write_bytes(network)
        (Path(folder) / "careful.json").write_text(tokenizer(model), "utf-8")
        encoder = load_encoder(Path(folder))
        rows = [encoder.read([readable(text).text for text in texts[i : i + 256]]) for i in range(0, len(texts), 256)]
    return np.stack([read.logits() for row in rows for read in row])


def _refuse_loss(small: Floats, whole: Floats, examples: Sequence[Example]) -> None:
    for head in ("toxicity", "urgency"):
        rows = [place for place, example in enumerate(examples) if head in example.labels]
        truth = [examples[place].labels[head] for place in rows]
        before, after = (roc_auc_score(truth, found[rows, JUDGED.index(head)]) for found in (whole, small))
        print(f"  {head}: AUC {before:.4f} before, {after:.4f} in eight bits")
        if before - after > MOST_LOST:
            raise SystemExit(f"eight bits lose {before - after:.3f} of the AUC of {head}")


def _fit(logits: Floats, examples: Sequence[Example], head: str, language: str) -> tuple[float, float]:
    """Platt's slope and offset for a language, or for all texts where it has too few; each set counts by its share."""
    known = [place for place, example in enumerate(examples) if head in example.targets]
    spoken = [place for place in known if examples[place].language == language]
    rows = spoken if len(spoken) >= FEWEST else known
    sizes = Counter(share_of(examples[place]) for place in rows)
    shares = SHARES | {REST: 1000 - sum(SHARES.values())}
    weights = np.array([shares[name] / sizes[name] for name in (share_of(examples[place]) for place in rows)])
    targets = np.array([examples[place].targets[head] for place in rows])
    return platt(logits[rows].astype(float), targets, weights)
