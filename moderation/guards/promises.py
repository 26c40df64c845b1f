"""Money that an answer promises, above what one person may promise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from moderation.guards.contract import Finding, Guard
from moderation.guards.money import value_of
from moderation.guards.phrases import Sentence, first_of, places_in
from moderation.guards.places import Kind, Place
from moderation.scoring.rules import Hit


class Promise(NamedTuple):
    """An amount that somebody shall get. `value` is in its own currency; infinite for “a full refund”."""

    start: int
    end: int
    value: float


def promises(sentence: Sentence, found: Sequence[Place], hits: Sequence[Hit], text: str) -> Iterator[Promise]:
    """What one sentence promises: the amounts after its first words of promising, or else all of them."""
    promised = first_of(hits, "promise")
    if promised is None:
        return
    amounts = places_in(sentence, found, Kind.AMOUNT)
    after = [place for place in amounts if place.start >= promised.start]
    for place in after or amounts:
        yield Promise(place.start, place.end, value_of(text[place.start : place.end]))
    limitless = first_of(hits, "limitless")
    if limitless and not amounts:
        yield Promise(limitless.start, limitless.end, float("inf"))


def amounts_in(sentence: Sentence, found: Sequence[Place], text: str) -> list[Promise]:
    """Every amount of a sentence, as one that is promised."""
    amounts = places_in(sentence, found, Kind.AMOUNT)
    return [Promise(place.start, place.end, value_of(text[place.start : place.end])) for place in amounts]


def above(promised: Iterable[Promise], limit: float, text: str) -> Iterator[Finding]:
    """A finding for each promise above the limit; one for all of them where only their sum is. The same figure said
    twice is one promise."""
    all_of_them = tuple(promised)
    single = [one for one in all_of_them if one.value > limit]
    for one in single:
        yield Finding(Guard.MONEY, one.start, one.end, {"amount": text[one.start : one.end].strip()})
    distinct = {one.value: one for one in reversed(all_of_them)}
    if not single and sum(distinct) > limit:
        parts = sorted(distinct.values())
        words = " + ".join(text[one.start : one.end].strip() for one in parts)
        yield Finding(Guard.MONEY, parts[0].start, max(one.end for one in all_of_them), {"amount": words})
