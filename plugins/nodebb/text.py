"""A post's text as people wrote it: quotations marked, markup and what no database takes removed."""

from __future__ import annotations

import html
import re

import nh3

_BLOCKS = {"p", "br", "div", "li", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "tr"}
_DROPPED = {"script", "style", "template", "iframe", "noscript", "title"}
_STEP = re.compile(r"(</?(?:p|div|li|blockquote|pre|h[1-6]|tr)>|<(?:br|hr)>)")
_ANY_TAG = re.compile(r"<[^<>]*>")
_IMAGE = re.compile(r"<img\b([^<>]*)>", re.IGNORECASE)
_ALT = re.compile(r'\balt="([^"<>]*)"')
_MANY_BREAKS = re.compile(r"\n{3,}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
#: Tags up to which markup is read as markup: the reader takes quadratic time on deep nesting, and no post needs more.
_MOST_TAGS = 2_000
_DEEPEST = 8


def cleaned(value: object) -> str:
    """Any JSON value as storable text: no control characters, no lone surrogates."""
    if not isinstance(value, str):
        return ""
    return _CONTROL.sub("", value.encode("utf-8", "replace").decode())


def shown_name(value: object) -> str:
    """The forum escapes titles and names for its pages."""
    return cleaned(html.unescape(cleaned(value)))


def message_text(content: str) -> str:
    """The words of a post, a quotation as "> " lines, a picture as what it shows."""
    given = _IMAGE.sub(_described, cleaned(content))
    if given.count("<") > _MOST_TAGS:
        given = _ANY_TAG.sub(" ", given).replace("<", " ")
    kept = nh3.clean(given, tags=_BLOCKS, clean_content_tags=_DROPPED, attributes={}, link_rel=None)
    lines: list[str] = []
    depth = 0
    for part in _STEP.split(kept):
        if part.startswith("<"):
            depth += (part == "<blockquote>") - (part == "</blockquote>")
            lines += [""] * (part != "<br>")
        elif part.strip():
            lines += _marked(part.strip("\n"), min(max(depth, 0), _DEEPEST))
    return _MANY_BREAKS.sub("\n\n", "\n".join(lines)).strip()


def _marked(part: str, depth: int) -> list[str]:
    lines = (line.strip() for line in cleaned(html.unescape(part)).split("\n"))
    return ["> " * depth + line if line else "" for line in lines]


def _described(found: re.Match[str]) -> str:
    alt = _ALT.search(found[1])
    return f" [image] {alt[1]} " if alt else " [image] "
