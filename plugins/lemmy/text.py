"""Texts as databases take them, and pictures in Markdown. Pure."""

from __future__ import annotations

import re

#: A picture in Markdown; the group is its description.
PICTURE = re.compile(r"!\[([^\[\]\n]*)\]\([^()\s]+\)")
#: What would end the description early or be read as markup.
_PLAIN = str.maketrans({"[": "(", "]": ")", "\\": "/", "<": "‹", ">": "›", "`": "'", "*": "·", "_": " "})


def cleaned(text: str) -> str:
    """Databases refuse null characters and lone surrogates."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def message_text(raw: str) -> str:
    """The source text, with pictures as what they show."""
    return PICTURE.sub(lambda found: f"[image] {found[1]}".rstrip(), cleaned(raw)).strip()


def picture(alt: str, address: str) -> str:
    """A picture's markup."""
    return f"![{' '.join(alt.translate(_PLAIN).split())}]({address})"


def pictures_in(raw: str) -> list[str]:
    """The markup of each picture in a text."""
    return [found[0] for found in PICTURE.finditer(raw)]


def words_of(raw: str) -> list[str]:
    """A text as it can be compared: servers trim texts, and the pictures are our addition."""
    return PICTURE.sub(" ", raw).split()
