"""Tags of a thread as platforms write them: plain, or as objects that name them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

LONGEST = 100
MOST = 20


def tags_of(given: object) -> tuple[str, ...] | None:
    """The tags of a list of texts or of objects with a `name` or `value`, tidied and in order; None: no list is there.

    At most MOST of at most LONGEST characters are kept, without "#" and case, so that one tag is one text everywhere.
    """
    if not isinstance(given, list):
        return None
    return tuple(sorted(set(_tidied(given))))[:MOST]


def _tidied(given: list[object]) -> Iterator[str]:
    for one in given:
        name = (one.get("name") or one.get("value")) if isinstance(one, dict) else one
        if isinstance(name, str):
            tidy = tag_key(name)
            if tidy and len(tidy) <= LONGEST:
                yield tidy


def tag_key(tag: str) -> str:
    """A tag as it is compared and kept."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", tag).casefold())
    return "".join(c for c in folded if c.isprintable()).lstrip("# ").rstrip(" ")
