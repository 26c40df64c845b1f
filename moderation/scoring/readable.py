"""Text as an encoder should read it: disguises undone, all else as the author wrote it; and where each part stood."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from moderation.scoring import features
from moderation.scoring.normalise import TOKEN, clip, fold, words_of

_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ud800-\udfff\ufeff]")
_NO_LETTERS = re.compile(r"[\W_]+")
_RUN = re.compile(r"(.)\1{2,}", re.DOTALL)
_OTHER_LETTER = re.compile(r"[^\W\d_\u0000-\u024f]")
LOUDEST = 3


class Readable(NamedTuple):
    """`text` as the encoder reads it; `tokens` are its tokens, `begins` where each begins in `text`."""

    text: str
    tokens: Sequence[Part]
    begins: Sequence[int]

    def token_at(self, place: int) -> int:
        """Which token a place of `text` belongs to; what stands between two belongs to the one before."""
        return max(0, bisect_right(self.begins, place) - 1)


class Part(NamedTuple):
    """A token of the original text, the plain words that rules and reasons read in it, and what it adds to a score."""

    start: int
    end: int
    readings: tuple[features.Word, ...]
    breaks: bool
    pull: Sequence[float] = ()


def readable(text: str) -> Readable:
    text = clip(text)
    written: list[str] = []
    parts: list[Part] = []
    begins: list[int] = []
    at = length = 0
    for match in TOKEN.finditer(text):
        start, end = match.span()
        between = _between(text[at:start]) if start > at else ""
        plain, readings = _read(match.lastgroup or "symbol", match.group())
        begins.append(length + len(between))
        parts.append(Part(start, end, readings, match.lastgroup == "end"))
        written += (between, plain)
        length += len(between) + len(plain)
        at = end
    return Readable("".join(written), parts, begins)


@lru_cache(maxsize=60_000)
def _read(kind: str, token: str) -> tuple[str, tuple[features.Word, ...]]:
    readings = features.token_words(kind, token)
    if kind == "place":
        return ("@user" if token[0] == "@" else "url"), readings
    if kind in ("end", "symbol"):
        return _between(token), readings
    words = words_of(token)
    undone = "".join(words)
    if kind == "word" and undone == _NO_LETTERS.sub("", fold(token)):
        return _UNSEEN.sub("", token), readings
    return " ".join(words), readings


def _between(signs: str) -> str:
    """Signs and spaces, without those that nobody sees, and without shouting."""
    return _RUN.sub(lambda run: run[1] * LOUDEST if run[1].strip() else " ", _UNSEEN.sub("", signs))


def other_script(text: str) -> bool:
    """Whether most of its letters are of a script that neither English nor French is written in."""
    others = 0 if text.isascii() else len(_OTHER_LETTER.findall(text))
    return bool(others) and 2 * others > sum(map(str.isalpha, text))
