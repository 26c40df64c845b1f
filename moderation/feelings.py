"""How somebody felt before they were answered, and in the end. Pure: the author's own messages in, figures out.

The start is the mean sentiment of all they wrote before the answer, the end that of their last message after it.
Sentiment is in [-1, 1].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean, stdev

from moderation.evaluation.metrics import Estimate, wilson

#: A change smaller than this says nothing: sentiment is read by a machine.
BAND = 0.25
#: Changes before their mean gets an interval.
ENOUGH = 5


@dataclass(frozen=True, slots=True)
class Said:
    """One message. `ours`: the brand wrote it; `to` is the author whom it answers, where that is known."""

    at: datetime
    author: int
    ours: bool
    sentiment: float
    to: int | None = None


@dataclass(frozen=True, slots=True)
class Feeling:
    """Of the author who was answered; `end` is None when they wrote nothing after it."""

    author: int
    start: float
    end: float | None
    end_at: datetime | None

    @property
    def moved(self) -> str:
        """up, down, same, or "" where the end is not known."""
        return moved(self.start, self.end)


def moved(start: float, end: float | None) -> str:
    """The change in a word: up, down, same; "" where the end is not known."""
    if end is None:
        return ""
    if abs(end - start) < BAND:
        return "same"
    return "up" if end > start else "down"


def around(said: Sequence[Said], is_answer: Callable[[Said], bool]) -> Feeling | None:
    """How the one who got the first answer felt around it; None when nobody was answered.

    `said` is in order. It is the author whom the answer names, or else who began, or else who spoke last before it.
    """
    for place, answer in enumerate(said):
        before = [s for s in said[:place] if not s.ours and s.author != answer.author]
        if is_answer(answer) and before:
            author = _answered(answer, before, said[0])
            after = [s for s in said[place + 1 :] if s.author == author]
            start = fmean(s.sentiment for s in before if s.author == author)
            last = after[-1] if after else None
            return Feeling(author, start, last.sentiment if last else None, last.at if last else None)
    return None


def _answered(answer: Said, before: Sequence[Said], first: Said) -> int:
    spoke = {s.author for s in before}
    if answer.to in spoke:
        return answer.to
    return first.author if first.author in spoke else before[-1].author


@dataclass(frozen=True, slots=True)
class Moves:
    """What became of the feelings of many. Of `started`, `ended` came back with a word; the rest counts these.

    `start` and `end` are means over those who came back; `change` is the mean change with its 95% interval
    (Student's t), None for fewer than `ENOUGH`.
    """

    started: int = 0
    ended: int = 0
    up: int = 0
    same: int = 0
    down: int = 0
    start: float | None = None
    end: float | None = None
    change: Estimate | None = None

    def share(self, count: int) -> Estimate:
        """A share of those who came back, with its 95% interval (Wilson)."""
        return wilson(count, self.ended)


def moves(feelings: Iterable[tuple[float, float | None]]) -> Moves:
    """Sums up (start, end) of many conversations."""
    known = list(feelings)
    both = [(start, end) for start, end in known if end is not None]
    words = [moved(start, end) for start, end in both]
    counts = {word: words.count(word) for word in ("up", "same", "down")}
    if not both:
        return Moves(len(known))
    start, end = (fmean(side) for side in zip(*both, strict=True))
    change = mean([end - start for start, end in both])
    return Moves(len(known), len(both), **counts, start=start, end=end, change=change)


def mean(values: Sequence[float]) -> Estimate | None:
    """A mean with its 95% interval (Student's t); None for fewer than `ENOUGH`."""
    if len(values) < ENOUGH:
        return None
    middle = fmean(values)
    reach = student(len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return Estimate(middle, middle - reach, middle + reach)


def student(freedom: int) -> float:
    """The 97.5% point of Student's t: Fisher's expansion about the normal point (Abramowitz and Stegun, 26.7.5)."""
    z = 1.959964
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return float(sum(term / freedom**power for power, term in enumerate(terms)))


def middle(values: Iterable[float]) -> Estimate | None:
    """A median with its 95% interval from the order of the values (binomial ranks); None for fewer than `ENOUGH`."""
    ordered = sorted(values)
    count = len(ordered)
    if count < ENOUGH:
        return None
    reach = 1.96 * math.sqrt(count) / 2
    low = ordered[max(0, math.floor(count / 2 - reach) - 1)]
    high = ordered[min(count - 1, math.ceil(count / 2 + reach))]
    half = count // 2
    value = ordered[half] if count % 2 else (ordered[half - 1] + ordered[half]) / 2
    return Estimate(value, low, high)
