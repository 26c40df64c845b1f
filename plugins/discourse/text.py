"""A post's text as people wrote it: quotations marked, HTML and what no database takes removed."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

import nh3

from moderation.errors import BadInput
from plugins.discourse.compose import PICTURE

_PARAGRAPH_END = re.compile(r"</(?:p|div|li|h[1-6]|blockquote|pre|tr)>|<hr\s*/?>", re.IGNORECASE)
_LINE_END = re.compile(r"<br\s*/?>", re.IGNORECASE)
_QUOTE = re.compile(r"(\[quote(?:=[^\]\n]*)?\]|\[/quote\])", re.IGNORECASE)
_MANY_BREAKS = re.compile(r"\n{3,}")
_ANY_TAG = re.compile(r"<[^<>]*>")
#: Tags up to which markup is read as markup: the reader takes quadratic time on deep nesting, and no post needs more.
_MOST_TAGS = 2_000


def message_text(post: Mapping[str, Any]) -> str:
    """The source text, with quotations as "> " lines and pictures as what they show.

    Without a source text, what the page shows, tags removed.
    """
    raw = post.get("raw")
    if isinstance(raw, str) and raw:
        shown = PICTURE.sub(lambda found: f"[image] {found[1]}".rstrip(), cleaned(raw))
        return without_bbcode_quotes(shown)
    cooked = post.get("cooked")
    if not isinstance(cooked, str):
        raise BadInput("post.raw is missing or not a text.")
    if cooked.count("<") > _MOST_TAGS:
        cooked = _ANY_TAG.sub(" ", cooked).replace("<", " ")
    broken = _LINE_END.sub("\n", _PARAGRAPH_END.sub("\n\n\\g<0>", cooked))
    plain = html.unescape(nh3.clean(broken, tags=set()))
    return _MANY_BREAKS.sub("\n\n", cleaned(plain)).strip()


def cleaned(text: str) -> str:
    """Databases refuse null characters and lone surrogates."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def without_bbcode_quotes(text: str) -> str:
    """`[quote="alice, post:1"]…[/quote]` as "> " lines; left as it is where the marks do not pair."""
    if "[quote" not in text.lower():
        return text
    parts = _QUOTE.split(text)
    blocks: list[str] = []
    depth = 0
    for index, part in enumerate(parts):
        if index % 2:
            depth += -1 if part[1] == "/" else 1
            if depth < 0:
                return text
        elif part.strip():
            blocks.append(_quoted(part.strip("\n"), depth))
    return "\n\n".join(blocks) if depth == 0 else text


def _quoted(part: str, depth: int) -> str:
    return "\n".join(f"{'> ' * depth}{line}" for line in part.split("\n"))
