"""Which scores are near a decision, and who spoke: what a cascade is set with, and what it says of itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from moderation.errors import ScorerError
from moderation.scoring.contract import Score

HEADS = ("toxicity", "urgency")
BLENDS = ("average", "replace")
MEMBERS, BANDS = "embedded,careful", "toxicity 0.35-0.65, urgency 0.4-0.6"
BLEND: Literal["average"] = "average"
_NUMBER = r"(0?\.\d+|[01](?:\.0+)?)"
_BAND = re.compile(rf"\s*({'|'.join(HEADS)})\s+{_NUMBER}\s*-\s*{_NUMBER}\s*")


@dataclass(frozen=True, slots=True)
class Band:
    """Scores of `head` from `low` to `high`, both included, are near a decision."""

    head: str
    low: float
    high: float

    def holds(self, score: Score) -> bool:
        found: float = getattr(score, self.head)
        return self.low <= found <= self.high


def read_bands(given: str) -> list[Band]:
    """Bands from "toxicity 0.2-0.8, urgency 0.3-0.7". Raises ScorerError."""
    found = [_BAND.fullmatch(part) for part in given.split(",")]
    bands = [Band(one[1], float(one[2]), float(one[3])) for one in found if one]
    if len(bands) < len(found) or any(band.low > band.high for band in bands):
        raise ScorerError(f"bands are written like “{BANDS}”, not “{given}”")
    return bands


def members_of(signature: str) -> list[str]:
    """Names of the scorers that spoke, in order, from a score's `scorer`."""
    return signature.partition("@")[0].split("+")
