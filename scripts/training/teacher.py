"""Decisions of a teacher: alt-profanity-check (MIT), a linear model of words that its authors trained on the Davidson
tweets and Jigsaw's comments. A tool of training, as a lexicon is: its file is read from the installed package, nothing
of it is shipped, and what is learned from it is how hostile a word or an English text sounds to it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from profanity_check import predict_prob
from profanity_check.profanity_check import vectorizer

LEAST_LETTERS = 3


def decisions(texts: Sequence[str]) -> npt.NDArray[np.float64]:
    """How likely the teacher calls each English text offensive, in [0, 1]."""
    return np.asarray(predict_prob(list(texts)), dtype=float)


def words() -> tuple[list[str], npt.NDArray[np.float64]]:
    """Every word the teacher knows, with its decision on the word alone."""
    known = sorted(word for word in vectorizer.vocabulary_ if word.isalpha() and len(word) >= LEAST_LETTERS)
    return known, decisions(known)
