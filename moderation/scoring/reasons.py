"""Why a text scored what it did: the phrase whose words weigh most, quoted as the author wrote it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

from moderation.scoring.contract import Reason
from moderation.scoring.normalise import TOKEN
from moderation.scoring.rules import Hit, Named

ROUGH, TOXIC = 0.35, 0.5
NEED, URGENT = 0.4, 0.6
LONGEST = 80
MOST_WORDS = 6
ENOUGH, SLIGHT = 0.25, 0.12
_HEADS = (("toxic", TOXIC, "rough", ROUGH), ("urgent", URGENT, "need", NEED))


class Weighed(Protocol):
    """A token: its words, and what they add to toxicity and to urgency."""

    @property
    def readings(self) -> Sequence[Named]: ...
    @property
    def pull(self) -> Sequence[float]: ...


def explain(
    text: str, tokens: Sequence[Weighed], hits: Sequence[Hit], toxicity: float, urgency: float
) -> tuple[Reason, ...]:
    """Rules first, then what raised a score of the model's own above a floor, then one thing that speaks against.

    `tokens` are all tokens of the text, as `TOKEN` finds them.
    """
    reasons = [Reason(f"rule.{hit.category}", _shortened(text[hit.start : hit.end]), 1.0) for hit in hits]
    scores = (toxicity, urgency)
    raised = [head for head, score in enumerate(scores) if score >= _HEADS[head][3]]
    clauses = _clauses(tokens) if raised else []
    if not clauses:
        return tuple(reasons)
    scale = max(1, sum(bool(token.readings) for token in tokens)) ** -0.5
    spans = [match.span() for match in TOKEN.finditer(text)]

    def phrase(head: int, scale: float, code: str) -> list[Reason]:
        return _phrase(text, spans, clauses, [scale * token.pull[head] for token in tokens], code)

    for head in raised:
        loud, floor, mild, _ = _HEADS[head]
        reasons += phrase(head, scale, loud if scores[head] >= floor else mild)
    against = phrase(scores.index(max(scores)), -scale, "calm")
    return (*reasons, *(Reason(reason.code, reason.quote, -reason.weight) for reason in against))


def _speaks(token: Weighed) -> bool:
    return bool(token.readings) and token.readings[0].text[0] != "\x00"


def _clauses(tokens: Sequence[Weighed]) -> list[tuple[int, int]]:
    """Runs of words with nothing but spaces between them, as first token and the one after the last: a quote never
    spans a stop, a comma or an address."""
    silent = [-1, *(place for place, token in enumerate(tokens) if not _speaks(token)), len(tokens)]
    return [(before + 1, after) for before, after in pairwise(silent) if after - before > 1]


def _phrase(
    text: str, spans: list[tuple[int, int]], clauses: list[tuple[int, int]], pulls: list[float], code: str
) -> list[Reason]:
    """The run of words that pulls hardest, or nothing where none pulls enough."""
    best, chosen = (0, 0, ENOUGH), (0, 0)
    for first, end in clauses:
        these = pulls[first:end]
        if max(these) * MOST_WORDS < best[2]:
            continue
        run = heaviest_run(these)
        if run[2] > best[2]:
            best, chosen = run, (first, end)
    if chosen == (0, 0):
        return []
    clause = pulls[slice(*chosen)]
    first, last = _with_company(clause, *_trimmed(clause, best))
    quote = _shortened(text[spans[chosen[0] + first][0] : spans[chosen[0] + last][1]])
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
    for first, start in enumerate(pulls):
        if start <= 0:
            continue
        total = 0.0
        for last, pull in enumerate(pulls[first : first + MOST_WORDS], first):
            total += pull
            if total > best[2]:
                best = (first, last, total)
            elif total <= 0:
                break
    return best
