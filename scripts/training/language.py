"""The language head: which of English, French or something else a text is written in."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np
from scipy import sparse  # type: ignore[import-untyped]

from moderation.scoring import features
from moderation.scoring.linear import LANGUAGES
from training.corpora import Example, foreign
from training.fit import Array, logistic

EACH = 9_000
RIDGE = 2e-6


def _vector(text: str) -> dict[int, float]:
    words = dict.fromkeys(features.words_in(text))
    scale = float(features.length_scale(len(words), 0))
    vector: dict[int, float] = {}
    for word in words:
        for index, value in zip(word.indices, word.values, strict=True):
            bucket = index % features.LANGUAGE_BUCKETS
            vector[bucket] = vector.get(bucket, 0.0) + value * scale
    return vector


def _snippets(texts: Sequence[str], random: Random) -> list[str]:
    """Pieces of two to eight words: most doubtful texts are short."""
    found = []
    for text in texts:
        words = text.split()
        start = random.randrange(max(1, len(words) - 3))
        found.append(" ".join(words[start : start + random.randint(2, 8)]))
    return found


def _texts(examples: list[Example], random: Random) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    others = [example.text for example in foreign()]
    for language in ("en", "fr"):
        known = sorted({example.text for example in examples if example.language == language})
        rows += [(text, language) for text in _snippets(random.sample(known, EACH), random)]
    rows += [(text, "und") for text in _snippets(random.choices(others, k=EACH), random)]
    return rows


def fit_language(examples: list[Example]) -> Array:
    rows = _texts([e for e in examples if not e.source.endswith("mlma") and e.source != "tox_en_davidson"], Random(7))
    vectors = [_vector(text) for text, _ in rows]
    starts = np.cumsum([0, *map(len, vectors)])
    indices = np.array([index for vector in vectors for index in vector], np.int32)
    values = np.array([value for vector in vectors for value in vector.values()])
    table = sparse.csr_matrix((values, indices, starts), shape=(len(rows), features.LANGUAGE_BUCKETS))
    weights = np.ones(len(rows))
    columns = [
        logistic(table, np.array([1.0 if label == language else 0.0 for _, label in rows]), weights, RIDGE)[0]
        for language in LANGUAGES
    ]
    return np.stack(columns, axis=1)
