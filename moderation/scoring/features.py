"""Text -> hashed features. Additive by design: a word's features depend on that word alone, so they are cached.

A document is a list of units (the whole text, then each of its sentences). A unit's vector is the sum of its distinct
words' unit vectors and of its word pairs, divided by the square root of how many there are: a long message is not
louder than a short one, and repeating a word is not a way to shout.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import xor
from typing import Protocol, TypeVar
from zlib import crc32

from moderation.scoring.normalise import TOKEN, clip, words_of

BITS = 18
BUCKETS = 1 << BITS
LANGUAGE_BUCKETS = 1 << 15
PAIR_STEP, SKIP_STEP = 0x9E3779B1, 0x85EBCA6B

WORD_VALUE = 0.75
GRAM_VALUE = 0.66
PAIR_VALUE = 0.7
MAX_UNITS = 24
SHORT_UNIT = 4

_ACCENTED = re.compile(r"[à-öø-ÿœ]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Word:
    """One plain word with what it adds to a vector: `indices` and `values`, and `key` for its pairs."""

    text: str
    key: int
    indices: tuple[int, ...]
    values: tuple[float, ...]


class Breaking(Protocol):
    """Anything that may end a sentence."""

    @property
    def breaks(self) -> bool: ...


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


_PLACES = {"<": "link", "h": "link", "@": "mention"}


def token_words(kind: str, token: str) -> tuple[Word, ...]:
    """The words of one token, marks of the text among them."""
    if kind == "place":
        return (make_mark(_PLACES.get(token[0], "link")),)
    if kind == "end":
        marks = [name for name, sign in (("asks", "?"), ("exclaims", "!")) if sign in token]
        return tuple(make_mark(name) for name in marks)
    if kind == "symbol":
        return (make_word(token),)
    accented = bool(_ACCENTED.search(token))
    words = tuple(make_word(word, accented) for word in words_of(token))
    return (*words, make_mark("capitals")) if len(token) > 3 and token.isupper() else words


T = TypeVar("T", bound=Breaking)


def raw_tokens(text: str) -> Iterator[tuple[str, str, int, int]]:
    """Kind, token as written, and where it stands."""
    for match in TOKEN.finditer(text):
        yield match.lastgroup or "symbol", match.group(), match.start(), match.end()


def sentences(tokens: list[T]) -> list[list[T]]:
    """Sentences of at least a few words each; the last one takes what is left over, and there are only so many."""
    found: list[list[T]] = [[]]
    for token in tokens:
        found[-1].append(token)
        if token.breaks and len(found[-1]) > SHORT_UNIT and len(found) < MAX_UNITS:
            found.append([])
    if len(found) > 1 and len(found[-1]) < SHORT_UNIT:
        last = found.pop()
        found[-1] += last
    return found


PairHalf = tuple[int, int, int]


def pair_half(key: int) -> PairHalf:
    """A word's share of its pairs' buckets: as the second word, as the first, and as the first of a wider pair."""
    return key % BUCKETS, key * PAIR_STEP % BUCKETS, key * SKIP_STEP % BUCKETS


def joined_pairs(halves: Sequence[PairHalf]) -> set[int]:
    """Buckets of the distinct neighbouring words, and of those with one word between them."""
    second, near, far = zip(*halves, strict=True)
    return {*map(xor, near, second[1:]), *map(xor, far, second[2:])}


def pair_buckets(keys: Iterable[int]) -> list[int]:
    halves = [pair_half(key) for key in keys]
    return sorted(joined_pairs(halves)) if halves else []


def vector_of(text: str) -> dict[int, float]:
    """The reference reading of a whole text, as training sees it. `linear.py` sums the same numbers faster."""
    words = [word for kind, token, _, _ in raw_tokens(clip(text)) for word in token_words(kind, token)]
    distinct = {word.key: word for word in words}
    pairs = pair_buckets([word.key for word in words])
    vector: dict[int, float] = {}
    for word in distinct.values():
        for index, value in zip(word.indices, word.values, strict=True):
            vector[index] = vector.get(index, 0.0) + value
    for index in pairs:
        vector[index] = vector.get(index, 0.0) + PAIR_VALUE
    scale = length_scale(len(distinct), len(pairs))
    return {index: value * scale for index, value in vector.items()}


def length_scale(words: int, pairs: int) -> float:
    return float((words + PAIR_VALUE**2 * pairs + 1e-9) ** -0.5)
