"""How well the tenth does, from what people said of it. Pure: counts in, figures with their intervals out."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from moderation.evaluation.metrics import Estimate, wilson

#: Judged probes before a recall is given.
ENOUGH = 20
#: An alarm asks for at least this many in a day, and for a chance below this that an ordinary day brings as many.
ALARM_LEAST, ALARM_CHANCE = 5, 0.001
#: Days of history that a usual day is known from.
HISTORY_LEAST = 7.0


@dataclass(frozen=True, slots=True)
class Probed:
    """Counts of conversations. `found` needed the brand and stood above the line, `by_hand` were brought up from below
    it by a person; of `judged` probes `needed` did; `below` stand under the line."""

    found: int
    by_hand: int
    judged: int
    needed: int
    below: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """What two people said of one state of a conversation. `kappa` is None where chance alone explains everything."""

    pairs: int
    same: int
    kappa: float | None

    @property
    def share(self) -> float:
        return self.same / self.pairs if self.pairs else float("nan")


def recall(counts: Probed) -> Estimate | None:
    """Share of what needed the brand that stood above the line, with its 95% interval; None while it is not known.

    The probes' share (Wilson) times what is below estimates what was missed, beside what people found there by hand.
    """
    if counts.judged < ENOUGH:
        return None
    share = wilson(counts.needed, counts.judged)
    if not counts.found and not counts.by_hand and not counts.needed:
        return None

    def of(missed_share: float) -> float:
        missed = counts.by_hand + missed_share * counts.below
        return counts.found / (counts.found + missed) if counts.found + missed else 1.0

    return Estimate(of(share.value), of(share.high), of(share.low))


def agreement(said: Iterable[tuple[object, int, bool]]) -> Agreement:
    """Of (state of a conversation, person, needs the brand) in the order of time, a person once for each state.

    Cohen's kappa (1960) between those who spoke first and those who spoke later.
    """
    by_state: dict[object, list[tuple[int, bool]]] = defaultdict(list)
    for state, person, needs in said:
        by_state[state].append((person, needs))
    pairs = [(a[1], b[1]) for one in by_state.values() for a, b in itertools.combinations(one, 2) if a[0] != b[0]]
    same = sum(a == b for a, b in pairs)
    if not pairs:
        return Agreement(0, 0, None)
    first, later = (sum(side) / len(pairs) for side in zip(*pairs, strict=True))
    chance = first * later + (1 - first) * (1 - later)
    return Agreement(len(pairs), same, (same / len(pairs) - chance) / (1 - chance) if chance < 1 else None)


def unusual(today: int, before: int, days: float) -> bool:
    """Whether rules fired on more conversations in a day than `before` in the `days` before it let expect."""
    if days < HISTORY_LEAST or today < ALARM_LEAST:
        return False
    return poisson_tail(today, usual(before, days)) < ALARM_CHANCE


def usual(before: int, days: float) -> float:
    """How many a day brings; a history without any still holds less than one."""
    return max(before, 1) / days


def poisson_tail(least: int, mean: float) -> float:
    """The chance of `least` or more where `mean` > 0 are expected."""
    below = (math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(least))
    return max(0.0, 1.0 - math.fsum(below))
