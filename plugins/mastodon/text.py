"""HTML from other people's servers to plain text. What comes in is hostile; nothing that goes out is markup."""

from __future__ import annotations

import html
import re
from typing import Any

import nh3

_BLOCKS = {"p", "br", "div", "li", "ul", "ol", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6"}
_DROPPED = {"script", "style", "template", "iframe", "noscript", "title"}
_BREAK = re.compile(r"<(?:br|/li|/ul|/ol|/div|/pre|/h\d|/blockquote)[^>]*>")
_PARAGRAPH = re.compile(r"</p>")
_TAG = re.compile(r"<[^>]*>")
_ANY_TAG = re.compile(r"<[^<>]*>")
#: Tags up to which markup is read as markup: the reader takes quadratic time on deep nesting, and no post needs more.
_MOST_TAGS = 2_000
_EMPTY_LINES = re.compile(r"\n{3,}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def plain(value: Any) -> str:
    """Any JSON value as storable text: no control characters, no lone surrogates (JSON has them, databases do not)."""
    if not isinstance(value, str):
        return ""
    return _CONTROL.sub("", value.encode("utf-8", "replace").decode("utf-8"))


def from_html(value: Any) -> str:
    """The words of a status or a note: line breaks kept, links as their text, everything else gone."""
    given = plain(value)
    if given.count("<") > _MOST_TAGS:
        given = _ANY_TAG.sub(" ", given).replace("<", " ")
    cleaned = nh3.clean(given, tags=_BLOCKS, clean_content_tags=_DROPPED, attributes={}, link_rel=None)
    # nh3 wrapped or escaped every "<" that is not one of the tags above, so these patterns meet nothing else.
    broken = _PARAGRAPH.sub("\n\n", _BREAK.sub("\n", cleaned.replace("\n", " ")))
    text = plain(html.unescape(_TAG.sub("", broken)))
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return _EMPTY_LINES.sub("\n\n", "\n".join(lines)).strip()


def first_words(text: str, length: int = 80) -> str:
    """The start of a text on one line, for a title."""
    flat = " ".join(text.split())
    return flat if len(flat) <= length else flat[: length - 1].rstrip() + "…"
