"""Reading an answer before it is said in public. Pure: the same words, the same findings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from moderation.guards.contract import Finding, Guard, House
from moderation.guards.model import hear, units
from moderation.guards.personal import personal_data
from moderation.guards.phrases import Sentence, first_of, hits, sentences
from moderation.guards.places import places
from moderation.guards.promises import Promise, above, amounts_in, promises

_VARIABLE = re.compile(r"\{\s*[^\W\d][\w ]{0,40}\}")
#: Guards that are words and nothing else.
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
    """What the phrases find; then, where they found nothing, what the model finds."""
    found = places(text, house.hosts)
    every = list(sentences(text, found))
    by_phrase: list[Finding] = []
    promised: list[Promise] = []
    for sentence in every:
        matched = tuple(hits(sentence))
        by_phrase += (Finding(guard, hit.start, hit.end) for guard in _PHRASES if (hit := first_of(matched, guard)))
        by_phrase += personal_data(sentence, found, matched)
        promised += promises(sentence, found, matched, text)
    yield from by_phrase
    for unit in units(every):
        heard = hear(unit)
        for guard in _PHRASES:
            if heard.says(guard) and not _within(unit, ((f.start, f.end) for f in by_phrase if f.guard is guard)):
                yield Finding(guard, *heard.reason(guard))
        if heard.says(Guard.MONEY) and not _within(unit, ((one.start, one.end) for one in promised)):
            promised += amounts_in(unit, found, text)
    yield from above(promised, house.money, text)


def _within(unit: Sentence, spans: Iterable[tuple[int, int]]) -> bool:
    return any(start < unit[-1].end and end > unit[0].start for start, end in spans)


def _apart(found: list[Finding]) -> Iterator[Finding]:
    """Each stretch once a guard: the pieces of a long sentence overlap."""
    ends: dict[Guard, int] = {}
    for finding in sorted(found, key=lambda f: (f.start, -f.end)):
        if finding.start >= ends.get(finding.guard, 0):
            ends[finding.guard] = finding.end
            yield finding
