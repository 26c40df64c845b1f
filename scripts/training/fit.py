"""Logistic regression on soft targets over sparse rows, by L-BFGS from zero: the same bytes every time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse  # type: ignore[import-untyped]
from scipy.optimize import minimize  # type: ignore[import-untyped]

from moderation.scoring import features

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
    return sparse.csr_matrix((np.array(values), np.array(indices, np.int32), np.array(starts)), shape=shape)


def logistic(rows: sparse.csr_matrix, targets: Array, weights: Array, ridge: float) -> tuple[Array, float]:
    """Weights and bias that minimise the weighted cross-entropy with `ridge` times half their square."""
    turned = rows.T.tocsr()
    total = weights.sum()

    def loss(point: Array) -> tuple[float, Array]:
        logits = rows @ point[:-1] + point[-1]
        cost = weights @ (np.logaddexp(0.0, logits) - targets * logits) / total
        wrong = weights * (1.0 / (1.0 + np.exp(-logits)) - targets) / total
        slope = np.append(turned @ wrong + ridge * point[:-1], wrong.sum())
        return float(cost + 0.5 * ridge * point[:-1] @ point[:-1]), slope

    start = np.zeros(rows.shape[1] + 1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 150, "maxcor": 8})
    return found.x[:-1], float(found.x[-1])


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
