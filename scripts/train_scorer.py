"""Train the embedded scorer: `python scripts/train_scorer.py --data ../shared/data`. About ninety seconds on one core.

Only tier A texts and our own sentences train what ships; `--measure` also scores the tier B sets.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

import numpy as np  # noqa: E402  (the thread count must be set first)
import numpy.typing as npt  # noqa: E402
from scipy import sparse  # type: ignore[import-untyped] # noqa: E402
from training.corpora import Example, conversations, decent, grammar, lexicon, sentences, tier_a, tier_b  # noqa: E402
from training.encoder import ALL, BLIND, needed  # noqa: E402
from training.fit import Array, as_bytes, fit_head, matrix, platt  # noqa: E402
from training.language import fit_language  # noqa: E402
from training.measure import MEASURED, Figure, judged, left_out, means  # noqa: E402
from training.teacher import taught, word_examples  # noqa: E402

from moderation.scoring import features  # noqa: E402
from moderation.scoring.linear import FORMAT, HEADS, MODEL, LinearReader, Model, Table, load_model  # noqa: E402
from moderation.scoring.normalise import clip  # noqa: E402

FIGURES = MODEL.parent / "measured.json"
#: Of sentences that a grammar makes, one in so many says what there is to say.
THIN, EMERGENCIES = 3, 12.0
#: How the names of sources begin that hold whole texts, not words or what a grammar made.
WRITTEN = ("tox_", "threads_", "need_", "sentences")
PEAK = np.array([{"urgency": 0.7, "sentiment": 0.0}.get(head, 0.6) for head in HEADS], np.float32)


def fit_heads(table: sparse.csr_matrix, examples: list[Example]) -> tuple[Array, Array]:
    columns, biases = [], []
    for head in HEADS:
        weights, bias = fit_head(table, examples, head)
        columns.append(weights)
        biases.append(bias)
        print(f"  {head}: {sum(head in example.targets for example in examples)} texts", flush=True)
    return np.stack(columns, axis=1), np.array(biases)


def calibrate(draft: Model, held_out: list[Example]) -> tuple[Array, Array]:
    """Platt's scaling (1999) on held-out texts, each as much as another: sets by what they label, our sentences by
    whether the target passes a half. Sentiment is no chance but a level, and keeps its targets."""
    whole, peaks = LinearReader(draft).logits([clip(example.text) for example in held_out])
    mixed = (1 - PEAK) * whole + PEAK * peaks
    fits = []
    for place, head in enumerate(HEADS):
        rows = [i for i, e in enumerate(held_out) if head in (e.labels if e.labels and head in MEASURED else e.targets)]
        truth = np.array([_truth(held_out[i], head) for i in rows])
        fits.append(platt(mixed[rows, place], truth, np.ones(len(rows))))
    return np.array([slope for slope, _ in fits]), np.array([offset for _, offset in fits])


def _truth(example: Example, head: str) -> float:
    if head == "sentiment":
        return example.targets[head]
    return float(example.labels[head] if head in example.labels else example.targets[head] >= 0.5)


def train(texts: sparse.csr_matrix, kept: list[Example], held_out: list[Example]) -> dict[str, npt.NDArray[Any]]:
    weights, bias = fit_heads(texts, kept)
    table, scale = as_bytes(weights)
    tongues, tongue_scale = as_bytes(fit_language(kept))
    ones, zeros = np.ones(len(HEADS), np.float32), np.zeros(len(HEADS), np.float32)
    tables = Table(table, scale), Table(tongues, tongue_scale)
    draft = Model(*tables, bias.astype(np.float32), ones, zeros, PEAK, "draft")
    slope, offset = calibrate(draft, held_out)
    print("  slope", slope.round(3), "offset", offset.round(3))
    return {
        "format": np.array(FORMAT),
        "weights": table,
        "weights_scale": scale,
        "language": tongues,
        "language_scale": tongue_scale,
        "bias": bias.astype(np.float32),
        "slope": slope.astype(np.float32),
        "offset": offset.astype(np.float32),
        "peak": PEAK,
    }


def thinned(made: list[Example]) -> list[Example]:
    """A part of what a grammar made. Emergencies are told nowhere else as often, so it counts more for urgency."""
    for example in made:
        example.urgency_share *= EMERGENCIES
    return made[::THIN]


def examples_of(data: Path, teacher: str = ALL) -> list[Example]:
    labelled = tier_a(data) + conversations(data) + thinned(grammar()) + sentences() + lexicon()
    return needed(taught(decent(labelled)), teacher) + word_examples()


def split(examples: list[Example]) -> tuple[list[Example], list[Example]]:
    """What trains, and the fifth that is held out of what people wrote."""
    kept = [example for example in examples if not example.held_out]
    return kept, [e for e in examples if e.held_out and e.source.startswith(WRITTEN)]


def measure(data: Path, model: Path, table: sparse.csr_matrix) -> list[Figure]:
    reader = LinearReader(load_model(model))
    kept, held_out = split(examples_of(data))
    figures = [*judged(reader, [e for e in held_out if e.labels], "held out")]
    figures += left_out(table, kept, split(examples_of(data, BLIND))[0])
    return [*figures, *judged(reader, tier_b(data), "unseen")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder of labelled texts")
    parser.add_argument("--out", type=Path, default=MODEL)
    parser.add_argument("--measure", action="store_true", help="also measure what it makes of sets it has not seen")
    options = parser.parse_args()
    kept, held_out = split(examples_of(options.data))
    table = matrix([example.text for example in kept])
    np.savez_compressed(options.out, allow_pickle=False, **train(table, kept, held_out))
    print(f"{options.out}: {options.out.stat().st_size} bytes, {features.BUCKETS} buckets")
    if options.measure:
        figures = measure(options.data, options.out, table)
        print("| set | language | head | kind | texts | AUC | ECE |\n|-|-|-|-|-|-|-|")
        print("\n".join(figure.row() for figure in figures))
        FIGURES.write_text(json.dumps({"embedded": means(figures)}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
