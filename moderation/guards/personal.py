"""Personal data in a public answer: addresses, numbers and dates by their shape, or by what is said of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from moderation.guards.contract import Finding, Guard
from moderation.guards.phrases import Sentence, first_of, places_in
from moderation.guards.places import Kind, Place
from moderation.scoring.rules import Hit

#: What is personal whatever is said of it.
_ALWAYS: Mapping[Kind, str] = {
    Kind.MAIL: "e-mail address",
    Kind.PHONE: "phone number",
    Kind.IBAN: "bank account",
    Kind.CARD: "card number",
}
#: What is personal where the phrases of that name say that it is somebody's.
_SAID: Mapping[str, tuple[str, tuple[Kind, ...]]] = {
    "number": ("customer or order number", (Kind.CODE,)),
    "address": ("street address", (Kind.ADDRESS,)),
    "birth": ("date of birth", (Kind.DATE,)),
}


def personal_data(sentence: Sentence, found: Sequence[Place], hits: Sequence[Hit]) -> Iterator[Finding]:
    """A finding for each stretch of the sentence that says who or where somebody is; `what` names its kind."""
    for place in places_in(sentence, found, *_ALWAYS):
        yield Finding(Guard.PERSONAL_DATA, place.start, place.end, {"what": _ALWAYS[place.kind]})
    for name, (what, kinds) in _SAID.items():
        if hit := first_of(hits, name):
            for place in places_in(sentence, found, *kinds):
                if hit.start <= place.start < hit.end or place.start >= hit.end:
                    yield Finding(Guard.PERSONAL_DATA, place.start, place.end, {"what": what})
