"""Logistic regression on soft targets over sparse rows, by L-BFGS from zero: the same bytes every time."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse  # type: ignore[import-untyped]
from scipy.optimize import minimize  # type: ignore[import-untyped]

from moderation.scoring import features
from training.corpora import Example

RIDGE = {"toxicity": 5e-7, "urgency": 1.2e-6, "sentiment": 3e-6}
OTHER_RIDGE = 4e-6
Array = npt.NDArray[np.float64]


def matrix(texts: Sequence[str]) -> sparse.csr_matrix:
    indices: list[int] = []
    values: list[float] = []
    starts = [0]
    for text in texts:
        vector = features.vector_of(text)
        indices += vector
        values += vector.values()
        starts.append(len(indices))
    shape = (len(texts), features.BUCKETS)
    return sparse.csr_matrix((np.array(values, np.float32), np.array(indices, np.int32), np.array(starts)), shape=shape)


def logistic(
    rows: sparse.csr_matrix, targets: Array, weights: Array, ridge: float, steps: int = 100
) -> tuple[Array, float]:
    """Weights and bias that minimise the weighted cross-entropy with `ridge` times half their square.

    Products are taken in single precision, which is all that bytes can keep.
    """
    turned = rows.T.tocsr()
    total = weights.sum()

    def loss(point: Array) -> tuple[float, Array]:
        logits = (rows @ point[:-1].astype(np.float32)).astype(np.float64) + point[-1]
        cost = weights @ (np.logaddexp(0.0, logits) - targets * logits) / total
        wrong = weights * (1.0 / (1.0 + np.exp(-logits)) - targets) / total
        slope = np.append(turned @ wrong.astype(np.float32) + ridge * point[:-1], wrong.sum())
        return float(cost + 0.5 * ridge * point[:-1] @ point[:-1]), slope

    start = np.zeros(rows.shape[1] + 1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": steps, "maxcor": 8})
    return found.x[:-1], float(found.x[-1])


def column(examples: Sequence[Example], head: str) -> tuple[list[int], Array, Array]:
    """Which examples teach a head, their targets and how far each is trusted."""
    rows = [i for i, example in enumerate(examples) if head in example.targets]
    targets = np.array([examples[i].targets[head] for i in rows])
    return rows, targets, np.array([examples[i].trust(head) for i in rows])


def fit_head(
    table: sparse.csr_matrix, examples: Sequence[Example], head: str, without: Collection[str] = ()
) -> tuple[Array, float]:
    """Weights and bias of one head from the examples of all other sources; `table` has a row for each example."""
    rows, targets, weights = column(examples, head)
    weights[[examples[i].source in without for i in rows]] = 0.0
    steps = 100 if head in RIDGE else 60
    return logistic(table[rows], targets, weights, RIDGE.get(head, OTHER_RIDGE), steps)


def platt(logits: Array, targets: Array, weights: Array) -> tuple[float, float]:
    """Slope and offset that turn sums into probabilities on texts the weights have not seen."""

    def loss(point: Array) -> float:
        turned = point[0] * logits + point[1]
        return float(weights @ (np.logaddexp(0.0, turned) - targets * turned) / weights.sum())

    found = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-8})
    return float(found.x[0]), float(found.x[1])


def as_bytes(table: Array) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Eight bits a weight, with one scale for each column; what rounds to zero compresses away."""
    scale = np.percentile(np.abs(table[np.abs(table).max(axis=1) > 0]), 99.9, axis=0) / 127
    scale = np.maximum(scale, 1e-9)
    return np.clip(np.round(table / scale), -127, 127).astype(np.int8), scale.astype(np.float32)
