"""Train the embedded scorer: `python scripts/train_scorer.py --data ../shared/data`. About ninety seconds on one core.

Only tier A texts and our own sentences train what ships; `--measure` also scores the tier B sets.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

import numpy as np  # noqa: E402  (the thread count must be set first)
import numpy.typing as npt  # noqa: E402
from training.corpora import Example, conversations, grammar, tier_a, tier_b  # noqa: E402
from training.fit import Array, as_bytes, logistic, matrix, platt  # noqa: E402
from training.language import fit_language  # noqa: E402
from training.measure import report  # noqa: E402

from moderation.scoring import features  # noqa: E402
from moderation.scoring.linear import FORMAT, HEADS, MODEL, LinearReader, Model  # noqa: E402

RIDGE = {"toxicity": 2e-6, "urgency": 1.2e-6, "sentiment": 3e-6}
PEAK = (0.6, 0.7, 0.0)


def _column(examples: list[Example], head: str) -> tuple[list[int], Array, Array]:
    rows = [i for i, example in enumerate(examples) if head in example.targets]
    targets = np.array([examples[i].targets[head] for i in rows])
    weights = np.array([examples[i].trust(head) for i in rows])
    return rows, targets, weights


def fit_heads(examples: list[Example]) -> tuple[Array, Array]:
    table = matrix([example.text for example in examples])
    columns, biases = [], []
    for head in HEADS:
        rows, targets, weights = _column(examples, head)
        column, bias = logistic(table[rows], targets, weights, RIDGE[head])
        columns.append(column)
        biases.append(bias)
        print(f"  {head}: {len(rows)} texts", flush=True)
    return np.stack(columns, axis=1), np.array(biases)


def calibrate(model: Model, held_out: list[Example]) -> tuple[Array, Array]:
    reader = LinearReader(model)
    whole, peaks = reader.logits([reader.place(example.text) for example in held_out])
    mixed = (1 - model.peak) * whole + model.peak * peaks
    fits = []
    for column, head in enumerate(HEADS):
        rows, targets, weights = _column(held_out, head)
        fits.append(platt(mixed[rows, column], targets, weights))
    return np.array([slope for slope, _ in fits]), np.array([offset for _, offset in fits])


def train(examples: list[Example]) -> dict[str, npt.NDArray[Any]]:
    kept = [example for example in examples if not example.held_out]
    weights, bias = fit_heads(kept)
    table, scale = as_bytes(weights)
    tongues, tongue_scale = as_bytes(fit_language(kept))
    peak = np.array(PEAK, np.float32)
    rows = np.vstack([table * scale, np.zeros((1, 3))]).astype(np.float32)
    ones, zeros = np.ones(3, np.float32), np.zeros(3, np.float32)
    draft = Model(rows, tongues * tongue_scale, bias.astype(np.float32), ones, zeros, peak, "draft")
    slope, offset = calibrate(draft, [example for example in examples if example.held_out])
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
        "peak": peak,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder of labelled texts")
    parser.add_argument("--out", type=Path, default=MODEL)
    parser.add_argument("--measure", action="store_true", help="also measure on sets that may not train what ships")
    parser.add_argument("--only-measure", action="store_true", help="measure the model that is there")
    options = parser.parse_args()
    examples = tier_a(options.data) + conversations(options.data) + grammar()
    if not options.only_measure:
        np.savez_compressed(options.out, allow_pickle=False, **train(examples))
        print(f"{options.out}: {options.out.stat().st_size} bytes, {features.BUCKETS} buckets")
    unseen = tier_b(options.data) if options.measure or options.only_measure else []
    print(report(options.out, [e for e in examples if e.held_out and e.labels], unseen))


if __name__ == "__main__":
    main()
