"""What a guard says, and who may say “send it all the same”."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from moderation.policy import Level


class Guard(StrEnum):
    """What can be wrong with an answer before it is sent."""

    EMPTY = "empty"
    TOO_LONG = "too_long"
    TOO_SHORT = "too_short"
    UNFILLED = "unfilled"
    NO_ALT = "no_alt"
    GONE = "gone"
    DEFLECTION = "deflection"
    SALES = "sales"
    PERSONAL_DATA = "personal_data"
    MONEY = "money"
    TONE = "tone"
    LINK = "link"
    ANSWERED = "answered"


#: The level on the brand account that may send against a guard, with a reason. The others nobody may pass.
PASSED_BY: Mapping[Guard, Level] = {
    Guard.DEFLECTION: Level.APPROVE,
    Guard.SALES: Level.APPROVE,
    Guard.PERSONAL_DATA: Level.APPROVE,
    Guard.MONEY: Level.APPROVE,
    Guard.TONE: Level.APPROVE,
    Guard.LINK: Level.SEND,
    Guard.ANSWERED: Level.SEND,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a guard found. `start` and `end` are places in the text in characters (0, 0: all of it).

    `facts` fill the guard's sentence, for example {"amount": "500 €"}.
    """

    guard: Guard
    start: int = 0
    end: int = 0
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def final(self) -> bool:
        """Whether nobody may pass it."""
        return self.guard not in PASSED_BY

    def to_json(self) -> dict[str, object]:
        """What is kept of it."""
        return {"guard": str(self.guard), "start": self.start, "end": self.end, "facts": dict(self.facts)}


@dataclass(frozen=True, slots=True)
class House:
    """What a desk allows itself. `money` is the amount that may be promised without a second person, in any currency;
    `hosts` are the brand's own sites, where a link is no deflection."""

    money: float = 0.0
    hosts: frozenset[str] = frozenset()
