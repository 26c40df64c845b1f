"""How well a model file ranks texts it has not seen: the area under the curve, set by set."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from moderation.scoring.linear import HEADS, LinearReader, load_model
from training.corpora import Example


def _line(name: str, examples: list[Example], reader: LinearReader) -> Iterable[str]:
    chances = np.array(reader.chances([reader.place(example.text) for example in examples]))
    for head in ("toxicity", "urgency"):
        marked = [i for i, example in enumerate(examples) if head in example.labels]
        truth = [examples[i].labels[head] for i in marked]
        if 0 < sum(truth) < len(truth):
            found = chances[marked, HEADS.index(head)]
            high, low = found[np.array(truth)].mean(), found[~np.array(truth)].mean()
            yield f"| {name} | {head} | {len(truth)} | {roc_auc_score(truth, found):.3f} | {high:.2f} | {low:.2f} |"


def report(path: Path, held_out: list[Example], unseen: list[Example]) -> str:
    reader = LinearReader(load_model(path))
    lines = ["| set | head | texts | AUC | mean if yes | mean if no |", "|-|-|-|-|-|-|"]
    for title, examples in (("held out", held_out), ("unseen", unseen)):
        for source in dict.fromkeys(example.source for example in examples):
            lines += _line(f"{source} ({title})", [e for e in examples if e.source == source], reader)
    return "\n".join(lines)
