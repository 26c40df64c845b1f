"""Templates: `[a|b]` picks one, `{slot}` is looked up. Decks deal a pool without repeating until it is used up."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from random import Random

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
# An article that a slot brings to the beginning of a sentence.
_ARTICLE = re.compile(r"(?:^|(?<=[.!?] ))(?:the|le)\b")
_SLOT = re.compile(r"\{(\w+)\}")


def fill(template: str, slots: Mapping[str, str], rng: Random) -> str:
    chosen = _CHOICE.sub(lambda match: rng.choice(match[1].split("|")), template)
    filled = _SLOT.sub(lambda match: slots[match[1]], chosen)
    filled = _ARTICLE.sub(lambda match: match[0].capitalize(), filled)
    return filled.replace("de le ", "du ")  # French contracts what slots put side by side.


class Decks:
    """One shuffled deck for each named pool, so that the same sentence comes back as late as possible."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._left: dict[str, list[int]] = {}

    def deal(self, name: str, size: int, allowed: Sequence[int]) -> int:
        """An index below `size` out of `allowed`, which must not be empty."""
        left = self._left.setdefault(name, [])
        suited = [index for index in left if index in allowed]
        if not suited:
            fresh = list(range(size))
            self._rng.shuffle(fresh)
            left.extend(fresh)
            suited = [index for index in left if index in allowed]
        left.remove(suited[0])
        return suited[0]
