"""Why a text scored what it did: the phrase whose words weigh most, quoted as the author wrote it."""

from __future__ import annotations

from collections.abc import Sequence

from moderation.scoring.contract import Reason
from moderation.scoring.linear import Placed
from moderation.scoring.rules import Hit

FLOOR = 0.4
LOUD = 0.7
LONGEST = 80
MOST_WORDS = 8
ENOUGH = 0.25
TOXIC, URGENT = 0, 1


def explain(
    text: str, placed: Sequence[Placed], hits: Sequence[Hit], toxicity: float, urgency: float
) -> tuple[Reason, ...]:
    """Rules first, then what raised a score above the floor, then one thing that speaks against."""
    reasons = [Reason(f"rule.{hit.category}", text[hit.start : hit.end][:LONGEST].strip(), 1.0) for hit in hits]
    raised = [head for head, score in ((TOXIC, toxicity), (URGENT, urgency)) if score >= FLOOR]
    if not raised or not placed:
        return tuple(reasons)
    codes = {TOXIC: "toxic" if toxicity >= LOUD else "rough", URGENT: "urgent" if urgency >= LOUD else "need"}
    for head in raised:
        reasons += _phrase(text, placed, _pulls(placed, head), codes[head])
    strongest = TOXIC if toxicity > urgency else URGENT
    against = _phrase(text, placed, [-pull for pull in _pulls(placed, strongest)], "calm")
    return (*reasons, *(Reason(reason.code, reason.quote, -reason.weight) for reason in against))


def _pulls(placed: Sequence[Placed], head: int) -> list[float]:
    """How much each token moved a head, on the scale of the whole text."""
    scale = max(1, sum(bool(token.readings) for token in placed)) ** -0.5
    return [scale * sum(reading.heads[head] for reading in token.readings) for token in placed]


def _phrase(text: str, placed: Sequence[Placed], pulls: list[float], code: str) -> list[Reason]:
    """The run of words that pulls hardest, or nothing where none pulls enough."""
    first, last, weight = heaviest_run(pulls)
    if weight < ENOUGH:
        return []
    start = placed[first].start
    quote = text[start : min(placed[last].end, start + LONGEST)].strip()
    return [Reason(code, quote, round(weight, 2))] if quote else []


def heaviest_run(pulls: Sequence[float]) -> tuple[int, int, float]:
    """First and last index and the sum of the heaviest run of at most `MOST_WORDS`."""
    best = (0, 0, 0.0)
    for first in range(len(pulls)):
        if pulls[first] <= 0:
            continue
        total = 0.0
        for last in range(first, min(first + MOST_WORDS, len(pulls))):
            total += pulls[last]
            if total > best[2]:
                best = (first, last, total)
    return best
