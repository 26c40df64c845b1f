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

from training.corpora import Example

LEAST_LETTERS = 3
WORD_WEIGHT = 3.0
SHARE, WRITTEN_SHARE = 0.7, 0.5
DECENT = 0.4


def decisions(texts: Sequence[str]) -> npt.NDArray[np.float64]:
    """How likely the teacher calls each English text offensive, in [0, 1]."""
    return np.asarray(predict_prob(list(texts)), dtype=float)


def words() -> tuple[list[str], npt.NDArray[np.float64]]:
    """Every word the teacher knows, with its decision on the word alone."""
    known = sorted(word for word in vectorizer.vocabulary_ if word.isalpha() and len(word) >= LEAST_LETTERS)
    return known, decisions(known)


def word_examples() -> list[Example]:
    found = zip(*words(), strict=True)
    return [Example(word, "en", "teacher's words", {"toxicity": float(chance)}, WORD_WEIGHT) for word, chance in found]


def taught(examples: list[Example]) -> list[Example]:
    """English texts whose toxicity is partly what the teacher says, so that each set's own way of labelling weighs
    less. It takes all swearing ill and many a name of a group: what we wrote as decent stays decent."""
    english = [e for e in examples if e.language == "en" and "toxicity" in e.targets]
    for example, decision in zip(english, decisions([e.text for e in english]).tolist(), strict=True):
        target = example.targets["toxicity"]
        if example.labels or target >= DECENT or decision < DECENT:
            share = WRITTEN_SHARE if example.source.startswith("sentences") else SHARE
            example.targets["toxicity"] = target + share * (decision - target)
    return examples
