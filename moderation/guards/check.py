"""Reading an answer before it is said in public. Pure: the same words, the same findings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from moderation.guards.contract import Finding, Guard, House
from moderation.guards.personal import personal_data
from moderation.guards.phrases import first_of, hits, sentences
from moderation.guards.places import places
from moderation.guards.promises import Promise, above, promises

_VARIABLE = re.compile(r"\{\s*[^\W\d][\w ]{0,40}\}")
#: Guards that are phrases and nothing else.
_PHRASES = (Guard.DEFLECTION, Guard.SALES, Guard.TONE)


def read(text: str, language: str, house: House) -> tuple[Finding, ...]:  # noqa: ARG001 (declared, and not believed)
    """What is wrong with the words themselves, in the order of the text.

    Both languages are read whatever `language` says: a wrong label must not be a way past a guard.
    """
    found = [*_unfilled(text), *_said(text, house)]
    return tuple(sorted(_apart(found), key=lambda finding: (finding.start, finding.end, finding.guard)))


def _unfilled(text: str) -> Iterator[Finding]:
    for found in _VARIABLE.finditer(text):
        yield Finding(Guard.UNFILLED, found.start(), found.end(), {"name": found[0].strip("{} ")})


def _said(text: str, house: House) -> Iterator[Finding]:
    found = places(text, house.hosts)
    promised: list[Promise] = []
    for sentence in sentences(text, found):
        matched = tuple(hits(sentence))
        for guard in _PHRASES:
            if hit := first_of(matched, guard):
                yield Finding(guard, hit.start, hit.end)
        yield from personal_data(sentence, found, matched)
        promised += promises(sentence, found, matched, text)
    yield from above(promised, house.money, text)


def _apart(found: list[Finding]) -> Iterator[Finding]:
    """Each stretch once a guard: the pieces of a long sentence overlap."""
    ends: dict[Guard, int] = {}
    for finding in sorted(found, key=lambda f: (f.start, -f.end)):
        if finding.start >= ends.get(finding.guard, 0):
            ends[finding.guard] = finding.end
            yield finding
