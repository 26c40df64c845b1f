"""The post that an answer becomes: its text, the pictures below it, and its length as a forum counts it. Pure."""

from __future__ import annotations

import re

from plugins.contract import Composed, Limits

#: A picture that was sent to the forum, in a post's source; the group is its description.
PICTURE = re.compile(r"!\[([^\[\]\n]*)\]\((?:https?://[^\s()/]{1,253})?/[^\s()]{0,200}assets/uploads/[^\s()]{1,400}\)")
_TAG = re.compile(r"<[^<>]*>")
#: What would end the description early or be read as markup.
_PLAIN = str.maketrans({"[": "(", "]": ")", "\\": "/", "<": "‹", ">": "›", "`": "'", "*": "∗", "_": " "})


def compose(text: str, limits: Limits) -> Composed:
    """A forum shows whom a post answers by itself, so nothing is put in front."""
    return Composed(text, length(text, limits.least))


def length(text: str, least: int) -> int:
    """UTF-16 units, as JavaScript counts. Only the lower limit looks at what is left without tags and outer spaces."""
    bare = _units(_TAG.sub("", text).strip())
    return bare if bare < least else _units(text)


def _units(text: str) -> int:
    return len(text) + sum(sign > "\uffff" for sign in text)


def picture(alt: str, address: str) -> str:
    """A picture's markup."""
    return f"![{' '.join(alt.translate(_PLAIN).split())}]({address})"


def pictures_in(raw: str) -> list[str]:
    """The markup of each picture in a post's source."""
    return [found[0] for found in PICTURE.finditer(raw)]


def words_of(raw: str) -> list[str]:
    """A text as it can be compared: the forum trims texts, and the pictures are our addition."""
    return PICTURE.sub(" ", raw).split()
