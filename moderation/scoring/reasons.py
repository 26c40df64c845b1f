"""Why a text scored what it did: the phrase whose words weigh most, quoted as the author wrote it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from moderation.scoring.contract import Reason
from moderation.scoring.linear import Placed
from moderation.scoring.rules import Hit

ROUGH, TOXIC = 0.35, 0.5
NEED, URGENT = 0.4, 0.6
LONGEST = 80
MOST_WORDS = 6
ENOUGH, SLIGHT = 0.25, 0.12
_HEADS = (("toxic", TOXIC, "rough", ROUGH), ("urgent", URGENT, "need", NEED))
_PAUSE = re.compile(r"[^\w\s'’‘`-]|\n|\s[-–—]\s")


def explain(
    text: str, placed: Sequence[Placed], hits: Sequence[Hit], toxicity: float, urgency: float
) -> tuple[Reason, ...]:
    """Rules first, then what raised a score of the model's own above a floor, then one thing that speaks against."""
    reasons = [Reason(f"rule.{hit.category}", _shortened(text[hit.start : hit.end]), 1.0) for hit in hits]
    scores = (toxicity, urgency)
    raised = [head for head, score in enumerate(scores) if score >= _HEADS[head][3]]
    clauses = _clauses(text, placed) if raised else []
    if not clauses:
        return tuple(reasons)
    scale = max(1, sum(bool(token.readings) for token in placed)) ** -0.5
    for head in raised:
        loud, floor, mild, _ = _HEADS[head]
        reasons += _phrase(text, clauses, head, scale, loud if scores[head] >= floor else mild)
    against = _phrase(text, clauses, scores.index(max(scores)), -scale, "calm")
    return (*reasons, *(Reason(reason.code, reason.quote, -reason.weight) for reason in against))


def _clauses(text: str, placed: Sequence[Placed]) -> list[list[Placed]]:
    """Runs of words with nothing but spaces between them: a quote never spans a stop, a comma or an address."""
    found: list[list[Placed]] = [[]]
    end = 0
    for token in placed:
        start = token.start
        if found[-1] and start != end and text[end:start] != " " and _PAUSE.search(text, end, start):
            found.append([])
        end = token.end
        if token.readings and token.readings[0].text[0] != "\x00":
            found[-1].append(token)
        elif found[-1]:
            found.append([])
    return [clause for clause in found if clause]


def _phrase(text: str, clauses: list[list[Placed]], head: int, scale: float, code: str) -> list[Reason]:
    """The run of words that pulls hardest, or nothing where none pulls enough."""
    best, chosen, pulls = (0, 0, 0.0), clauses[0], [0.0]
    for clause in clauses:
        these = [scale * token.pull[head] for token in clause]
        if max(these) * MOST_WORDS < max(ENOUGH, best[2]):
            continue
        run = heaviest_run(these)
        if run[2] > best[2]:
            best, chosen, pulls = run, clause, these
    if best[2] < ENOUGH:
        return []
    first, last = _with_company(pulls, *_trimmed(pulls, best))
    quote = _shortened(text[chosen[first].start : chosen[last].end])
    return [Reason(code, quote, round(best[2], 2))] if quote else []


def _trimmed(pulls: Sequence[float], run: tuple[int, int, float]) -> tuple[int, int]:
    """Without the words at its ends that add next to nothing: an article that happens to lean the right way."""
    first, last, total = run
    while last - first > 1 and pulls[last] < SLIGHT * total:
        last -= 1
    while last - first > 1 and pulls[first] < SLIGHT * total:
        first += 1
    return first, last


def _with_company(pulls: Sequence[float], first: int, last: int) -> tuple[int, int]:
    """One word alone says little: its stronger neighbour comes along, the one before it where they are equal."""
    if first < last or len(pulls) == 1:
        return first, last
    before = pulls[first - 1] if first else -float("inf")
    after = pulls[last + 1] if last + 1 < len(pulls) else -float("inf")
    return (first - 1, last) if before >= after else (first, last + 1)


def _shortened(quote: str) -> str:
    """At most `LONGEST` characters, cut between words where there are several."""
    quote = quote.strip()
    if len(quote) <= LONGEST:
        return quote
    return quote[: LONGEST + 1].rpartition(" ")[0].rstrip(" ,;:.!?") or quote[:LONGEST]


def heaviest_run(pulls: Sequence[float]) -> tuple[int, int, float]:
    """First and last index and the sum of the heaviest run of at most `MOST_WORDS`."""
    best = (0, 0, 0.0)
    count = len(pulls)
    for first, pull in enumerate(pulls):
        if pull <= 0:
            continue
        total = 0.0
        for last in range(first, min(first + MOST_WORDS, count)):
            total += pulls[last]
            if total > best[2]:
                best = (first, last, total)
    return best
