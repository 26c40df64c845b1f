"""Where the sentences of a comment stand, counted as Perspective counts: in UTF-16 units of the text as it was sent.

Spans are half open, in order and apart; what lies between them is white space, or markup in a comment of HTML.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

#: More sentences than these are scored together with their neighbours, so that one request stays one.
MOST = 64
#: A sentence ends with its punctuation before white space, or with its line. A run of dots is looked at once only.
_END = re.compile(r"(?<![.!?…。！？])[.!?…。！？]++[\"'”’»)\]]*+(?=\s)|\n")
_MARKUP = re.compile(
    r"<(?P<mute>script|style)\b[^<>]*>.*?(?:</(?P=mute)\s*>|\Z)|<!--.*?(?:-->|\Z)"
    r"|</?(?P<tag>[a-z][a-z0-9]*)\b[^<>]*>|&(?:\#[0-9]{1,7}|\#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,30});",
    re.IGNORECASE | re.DOTALL,
)
_BLOCKS = frozenset(
    {"blockquote", "br", "dd", "div", "dt", "h1", "h2", "h3", "h4", "hr", "li", "ol", "p", "pre", "td", "tr", "ul"}
)


@dataclass(frozen=True, slots=True)
class Readable:
    """A text to be read, and for each of its characters where it begins in the text as sent (and, last, the end)."""

    text: str
    origin: range | tuple[int, ...]
    sent: str


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a comment: its text, and where it stands in UTF-16 units."""

    text: str
    begin: int
    end: int


def plain(sent: str) -> Readable:
    return Readable(sent, range(len(sent) + 1), sent)


def without_markup(sent: str) -> Readable:
    """Tags, comments, scripts and styles are taken out, entities are read; blocks end a line."""
    text: list[str] = []
    origin: list[int] = []
    for begin, piece in _pieces(sent):
        text.append(piece)
        whole = sent.startswith(piece, begin)
        origin += range(begin, begin + len(piece)) if whole else [begin] * len(piece)
    return Readable("".join(text), (*origin, len(sent)), sent)


def _pieces(sent: str) -> Iterator[tuple[int, str]]:
    at = 0
    for found in _MARKUP.finditer(sent):
        yield at, sent[at : found.start()]
        at = found.end()
        if found[0].startswith("&"):
            yield found.start(), html.unescape(found[0])
        elif (found["tag"] or "").lower() in _BLOCKS:
            yield found.start(), "\n"
    yield at, sent[at:]


def whole(readable: Readable) -> Span:
    """The whole comment."""
    return Span(readable.text, 0, _units(readable.sent)[-1])


def sentences(readable: Readable) -> list[Span]:
    """The sentences, at least one in a text that says anything."""
    units = _units(readable.sent)
    parts = _grouped([p for p in _parts(readable.text) if p[0] < p[1]])
    return [Span(readable.text[b:e], units[readable.origin[b]], units[_after(readable, e)]) for b, e in parts]


def _after(readable: Readable, end: int) -> int:
    """Where a span ends in the text as sent: an entity ends with its semicolon, not where the next character begins."""
    last = readable.origin[end - 1]
    found = _MARKUP.match(readable.sent, last) if isinstance(readable.origin, tuple) else None
    return found.end() if found else last + 1


def _parts(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    for found in _END.finditer(text):
        yield _trimmed(text, at, found.end())
        at = found.end()
    yield _trimmed(text, at, len(text))


def _trimmed(text: str, begin: int, end: int) -> tuple[int, int]:
    part = text[begin:end]
    return begin + len(part) - len(part.lstrip()), begin + len(part.rstrip())


def _grouped(parts: list[tuple[int, int]]) -> list[tuple[int, int]]:
    each = -(-len(parts) // MOST) or 1
    groups = [parts[start : start + each] for start in range(0, len(parts), each)]
    return [(group[0][0], group[-1][1]) for group in groups]


def _units(text: str) -> range | list[int]:
    """UTF-16 units before each character, and of all: those beyond the basic plane have two."""
    if text.isascii():
        return range(len(text) + 1)
    return list(accumulate((2 if ord(c) > 0xFFFF else 1 for c in text), initial=0))
