"""How well a scorer ranks texts it has not seen: the area under the ROC curve, set by set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse  # type: ignore[import-untyped]
from sklearn.metrics import roc_auc_score

from moderation.scoring.linear import HEADS, LinearReader
from moderation.scoring.normalise import clip
from training.corpora import ORIGINS, Example
from training.fit import Array, fit_head

MEASURED = ("toxicity", "urgency")


@dataclass(frozen=True, slots=True)
class Figure:
    """`kind` is "held out" (a fifth of a training set) or "unseen" (trained without the set). `error` is the
    calibration error: how far chances are from shares, over ten bins of equal width."""

    source: str
    language: str
    head: str
    kind: str
    texts: int
    auc: float
    error: float | None = None

    def row(self) -> str:
        error = "" if self.error is None else f"{self.error:.3f}"
        return (
            f"| {self.source} | {self.language} | {self.head} | {self.kind} | {self.texts} | {self.auc:.3f} | {error} |"
        )


def judged(reader: LinearReader, examples: Sequence[Example], kind: str) -> Iterator[Figure]:
    """Of the whole scorer, for sets that are held out or trained nothing."""
    for source in dict.fromkeys(example.source for example in examples):
        texts = [example for example in examples if example.source == source]
        scores = np.array([one.chances for one in reader.judge(reader.read([clip(e.text) for e in texts]))])
        for head in MEASURED:
            truth, rows = _truth(texts, head)
            if 0 < sum(truth) < len(truth):
                chances = scores[rows, HEADS.index(head)]
                error = calibration_error(chances, np.array(truth)) if kind == "held out" else None
                auc = float(roc_auc_score(truth, chances))
                yield Figure(source, texts[0].language, head, kind, len(truth), auc, error)


def left_out(table: sparse.csr_matrix, examples: Sequence[Example], blind: Sequence[Example]) -> Iterator[Figure]:
    """Each set of the training, trained without it; by its whole texts only.

    `table` has a row for each example; `blind` are the same, taught by an encoder that has not seen the app reviews.
    """
    for head, taught in (("toxicity", examples), ("urgency", blind)):
        for sources in ORIGINS.values():
            rows = [i for i, e in enumerate(examples) if e.source in sources and head in e.labels]
            if not rows:
                continue
            weights, _ = fit_head(table, taught, head, sources)
            for source in sources:
                own = [i for i in rows if examples[i].source == source]
                truth = [examples[i].labels[head] for i in own]
                auc = float(roc_auc_score(truth, table[own] @ weights))
                yield Figure(source, examples[own[0]].language, head, "unseen", len(own), auc)


def _truth(examples: Sequence[Example], head: str) -> tuple[list[bool], list[int]]:
    rows = [i for i, example in enumerate(examples) if head in example.labels]
    return [examples[i].labels[head] for i in rows], rows


def calibration_error(chances: Array, truth: Array) -> float:
    """Expected calibration error (Naeini et al. 2015) over ten bins of equal width."""
    bins = np.minimum((chances * 10).astype(int), 9)
    gaps = [abs(chances[bins == b].mean() - truth[bins == b].mean()) * (bins == b).mean() for b in set(bins.tolist())]
    return float(sum(gaps))


def means(figures: Sequence[Figure]) -> Mapping[str, dict[str, float]]:
    """Mean AUC over the unseen sets, by language and head."""
    found: dict[str, dict[str, float]] = {}
    for language in ("en", "fr"):
        for head in MEASURED:
            aucs = [f.auc for f in figures if (f.language, f.head, f.kind) == (language, head, "unseen")]
            if aucs:
                found.setdefault(language, {})[head] = round(float(np.mean(aucs)), 3)
    return found
