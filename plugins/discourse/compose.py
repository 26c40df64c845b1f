"""The post that an answer becomes: its text, the pictures below it, and its length as a forum counts it. Pure."""

from __future__ import annotations

import re

from plugins.contract import Composed, Limits

#: A picture in a post's source, as Discourse's own composer writes it; the group is its description.
PICTURE = re.compile(r"!\[([^\[\]|\n]*)(?:\|[^\[\]\n]*)?\]\(upload://[^)\s]+\)")
#: What would end the description early or be read as markup; the composer just drops some of it.
_PLAIN = str.maketrans({"[": "(", "]": ")", "|": "/", "\\": "/", "<": "‹", ">": "›", "`": "'"})


def compose(text: str, limits: Limits) -> Composed:
    """A forum shows whom a post answers by itself, so nothing is put in front."""
    return Composed(text, length(text, limits.least))


def length(text: str, least: int) -> int:
    """Characters. Only the lower limit looks at what is left without decoration (`StrippedLengthValidator`)."""
    bare = bare_length(text)
    return bare if bare < least else len(text)


def bare_length(text: str) -> int:
    """Without comments and outer spaces; an emoji by name, and dots or commas in a row, are one character."""
    text = re.sub(r":\w+(?::\w+)?:", "X", _without_comments(text))
    return len(re.sub(r",{2,}", ",", re.sub(r"\.{2,}", "…", text)).strip())


def _without_comments(text: str) -> str:
    """Line by line and up to a line's last end of one: a search for an end that is not there takes quadratic time."""
    lines = (line.rpartition("-->") for line in text.split("\n"))
    return "\n".join(re.sub(r"<!--.*?-->", "", before + end) + after for before, end, after in lines)


def picture(alt: str, address: str, width: int, height: int) -> str:
    """A picture's markup. `address` is the forum's short one; a size of 0 is left out."""
    said = " ".join(alt.translate(_PLAIN).split())
    size = f"|{width}x{height}" if width > 0 and height > 0 else ""
    return f"![{said}{size}]({address})"


def pictures_in(raw: str) -> list[str]:
    """The markup of each picture in a post's source."""
    return [found[0] for found in PICTURE.finditer(raw)]


def words_of(raw: str) -> list[str]:
    """A text as it can be compared: Discourse trims texts and changes line ends, and the pictures are our addition."""
    return PICTURE.sub(" ", raw).split()
