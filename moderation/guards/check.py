"""Reading an answer before it is said in public. Pure: the same words, the same findings."""

from __future__ import annotations

import re

from moderation.guards.contract import Finding, Guard, House

_VARIABLE = re.compile(r"\{\s*[^\W\d][\w ]{0,40}\}")


def read(text: str, language: str, house: House) -> tuple[Finding, ...]:
    """What is wrong with the words themselves, in the order of the text."""
    return tuple(
        Finding(Guard.UNFILLED, found.start(), found.end(), {"name": found[0].strip("{} ")})
        for found in _VARIABLE.finditer(text)
    )
