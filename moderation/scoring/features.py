"""Text -> hashed features. Additive by design: a word's features depend on that word alone, so they are remembered.

A document is a list of units (the whole text, then each of its sentences). A unit's vector is the sum of its distinct
words' vectors and of its distinct word pairs, divided by the square root of how many there are: a long message is not
louder than a short one, and repeating a word is not a way to shout.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import numpy.typing as npt

from moderation.scoring.normalise import clip, kind_of, tokens_of, words_of

BITS = 18
BUCKETS = 1 << BITS
LANGUAGE_BUCKETS = 1 << 15
PAIR_STEP, SKIP_STEP = 0x9E3779B1, 0x85EBCA6B

WORD_VALUE = 0.75
GRAM_VALUE = 0.66
PAIR_VALUE = 0.7
MAX_SENTENCES = 24
SHORT_SENTENCE = 4

Integers = npt.NDArray[np.int64]
_ACCENTED = re.compile(r"[à-öø-ÿœ]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Word:
    """One plain word with what it adds to a vector: `indices` and `values`, and `key` for its pairs."""

    text: str
    key: int
    indices: tuple[int, ...]
    values: tuple[float, ...]


def _grams(text: str) -> list[str]:
    padded = f"<{text}>"
    return [padded[i : i + n] for n in (3, 4, 5) for i in range(len(padded) - n + 1) if n < len(padded)]


def make_word(text: str, accented: bool = False) -> Word:
    """Half of the weight is the word itself, half its letter sequences, so that a misspelling is half known."""
    grams = (
        sorted({crc32(gram.encode("utf-8", "surrogatepass")) % BUCKETS for gram in _grams(text)})
        if text.isalpha()
        else []
    )
    key = crc32(f"w:{text}".encode("utf-8", "surrogatepass"))
    indices, values = [key % BUCKETS], [WORD_VALUE]
    if grams:
        share = GRAM_VALUE / len(grams) ** 0.5
        indices += grams
        values += [share] * len(grams)
    if accented:
        indices.append(crc32(b"accented") % BUCKETS)
        values.append(WORD_VALUE)
    return Word(text, key, tuple(indices), tuple(values))


def make_mark(name: str) -> Word:
    """A word that stands for a property of the text: it has no letters of its own."""
    return make_word(f"\x00{name}")


def token_words(kind: str, token: str) -> tuple[Word, ...]:
    """The words of one token, marks of the text among them."""
    if kind == "pause":
        return ()
    if kind == "place":
        return (make_mark("mention" if token[0] == "@" else "link"),)
    if kind == "end":
        marks = [name for name, sign in (("asks", "?"), ("exclaims", "!")) if sign in token]
        return tuple(make_mark(name) for name in marks)
    if kind == "symbol":
        return (make_word(token),)
    accented = bool(_ACCENTED.search(token))
    words = tuple(make_word(word, accented) for word in words_of(token))
    return (*words, make_mark("capitals")) if len(token) > 3 and token.isupper() else words


def pair_buckets(keys: Integers, units: Integers) -> tuple[Integers, Integers]:
    """The buckets of neighbouring words and of words with one between them, and the unit of each pair.

    `keys` are the words' keys in the order of the text, `units` (as long, ascending) the unit that each stands in.
    """
    near = (keys[:-1] * PAIR_STEP ^ keys[1:]) % BUCKETS
    far = (keys[:-2] * SKIP_STEP ^ keys[2:]) % BUCKETS
    beside, apart = units[:-1] == units[1:], units[:-2] == units[2:]
    return np.concatenate((near[beside], far[apart])), np.concatenate((units[:-1][beside], units[:-2][apart]))


def vector_of(text: str) -> dict[int, float]:
    """The reference reading of a whole text, as training sees it. `linear.py` sums the same numbers faster."""
    words = list(words_in(text))
    keys = np.array([word.key for word in words], np.int64)
    pairs = sorted(set(pair_buckets(keys, np.zeros_like(keys))[0].tolist()))
    vector: dict[int, float] = {}
    for word in dict.fromkeys(words):
        for index, value in zip(word.indices, word.values, strict=True):
            vector[index] = vector.get(index, 0.0) + value
    for index in pairs:
        vector[index] = vector.get(index, 0.0) + PAIR_VALUE
    scale = float(length_scale(len(set(words)), len(pairs)))
    return {index: value * scale for index, value in vector.items()}


def words_in(text: str) -> Iterator[Word]:
    """The words of a text in its order, marks among them."""
    for token in tokens_of(clip(text)):
        yield from token_words(kind_of(token), token)


def length_scale(words: npt.ArrayLike, pairs: npt.ArrayLike) -> npt.NDArray[np.float64]:
    return np.asarray(1.0 / np.sqrt(np.asarray(words) + PAIR_VALUE**2 * np.asarray(pairs) + 1e-9))
