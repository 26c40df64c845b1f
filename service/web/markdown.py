"""A forum's post as it will look: Markdown by markdown-it, kept to a few tags by nh3. Pictures are shown as words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape

_INLINE = {"a", "b", "br", "code", "del", "em", "s", "span", "strong"}
_BLOCKS = {"blockquote", "hr", "li", "ol", "p", "pre", "table", "tbody", "td", "th", "thead", "tr", "ul"}
_SCHEMES = {"http", "https", "mailto"}
_LINK = {"target": "_blank", "dir": "auto"}


def rendered(text: str) -> Markup:
    """The post. As on a forum every line ends where it was typed to end, and addresses become links."""
    return Markup(_cleaner().clean(str(_reader().render(text))))  # noqa: S704


@cache
def _reader() -> MarkdownIt:
    options = {"html": False, "breaks": True, "linkify": True, "typographer": True}
    reader = MarkdownIt("commonmark", options)
    reader.enable(["linkify", "replacements", "smartquotes", "strikethrough", "table"])
    reader.add_render_rule("image", _in_words)
    # A page has an order of headings of its own.
    reader.add_render_rule("heading_open", lambda *_rest: '<p class="heading">')
    reader.add_render_rule("heading_close", lambda *_rest: "</p>")
    return reader


@cache
def _cleaner() -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=_INLINE | _BLOCKS,
        attributes={"a": {"href"}, "ol": {"start"}},
        allowed_classes={"p": {"heading"}, "span": {"meta"}},
        set_tag_attribute_values={"a": _LINK},
        attribute_filter=_away,
        url_schemes=_SCHEMES,
        link_rel="nofollow noopener noreferrer",
    )


def _away(_tag: str, name: str, value: str) -> str | None:
    """A link without a scheme would lead to a page of the desk."""
    return value if name != "href" or value.partition(":")[0].lower() in _SCHEMES else None


def _in_words(_self: Any, tokens: Sequence[Token], at: int, *_rest: Any) -> str:
    return f'<span class="meta">[{escape(tokens[at].content)}]</span>'
