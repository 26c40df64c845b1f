"""What praise is worth: by how many independent people, not how often. Pure.

Everybody has one voice, or nearly two if they praise much, and shares it among all whom they praise. So a ring of n
accounts can give itself at most 2n voices however they are tied, fewer than two a member: praise inside is a shifting
of what they have. The idea of a conserved, normalised vote is that of EigenTrust (Kamvar, Schlosser, Garcia-Molina,
WWW 2003), without its walk over the whole graph: a voice depends on its giver's own praise alone, so that a change
concerns only those whom its giver praised.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from moderation.trust_threads import Praise

HALF_LIFE_DAYS = 120.0
#: Half-lives after which something is not looked at any more: a hundredth of it is left.
HORIZON = 6.5
#: All praise of the brand's own staff together counts at most as this many voices.
STAFF_CAP = 1.0
#: A candidate's circle is closed when less than this share of the attention its members get comes from outside.
OUTSIDE_LEAST = 0.2
#: Rounds in which accounts that live off the circle alone are taken into it.
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Giver:
    """Somebody who praised: `praised` is when each praise they ever gave was given. `alone`: nobody but the praised
    author ever wrote in a thread that they began, so nothing shows that they are a person of their own."""

    given: tuple[datetime, ...]
    staff: bool = False
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Voices:
    """Praise of one author, in people: from those `known` to others, from those `alone`, from `staff`."""

    known: float = 0.0
    alone: float = 0.0
    staff: float = 0.0
    people: int = 0

    @property
    def total(self) -> float:
        """Those who know nobody else count as much as those who do, at most: accounts made for it gain nothing."""
        return self.known + min(self.alone, self.known) + min(self.staff, STAFF_CAP)


def decay(at: datetime, now: datetime) -> float:
    """What is left of something in (0, 1]: half after `HALF_LIFE_DAYS`."""
    return float(2.0 ** (-max(0.0, (now - at).total_seconds()) / (86_400 * HALF_LIFE_DAYS)))


def voices(
    received: Iterable[Praise], returned: Iterable[Praise], givers: Mapping[int, Giver], now: datetime
) -> Voices:
    """The voices in praise that one author `received`, `returned` being the praise that author gave.

    Whoever was praised back as much as they praised does not count.
    """
    by_giver: dict[int, list[datetime]] = {}
    for praise in received:
        by_giver.setdefault(praise.giver, []).append(praise.at)
    back: dict[int, float] = {}
    for praise in returned:
        back[praise.author] = back.get(praise.author, 0.0) + decay(praise.at, now)
    sums = {"known": 0.0, "alone": 0.0, "staff": 0.0}
    for number in sorted(by_giver):
        giver = givers[number]
        mine = sum(sorted(decay(at, now) for at in by_giver[number]))
        worth = max(0.0, 1.0 - back.get(number, 0.0) / mine) * _share(mine, giver, now)
        sums["staff" if giver.staff else "alone" if giver.alone else "known"] += worth
    return Voices(sums["known"], sums["alone"], sums["staff"], len(by_giver))


def _share(mine: float, giver: Giver, now: datetime) -> float:
    """The part of a giver's voice that goes to one author, who got `mine` of all they gave."""
    everything = max(mine, sum(sorted(decay(at, now) for at in giver.given)))
    return 2.0 * (1.0 - 2.0**-everything) * mine / everything


@dataclass(frozen=True, slots=True)
class Circle:
    """Who stands behind a candidate: `size` accounts, of whose attention `outside` comes from beyond them."""

    size: int
    attention: int
    outside: float

    def closed(self, people: int) -> bool:
        """Whether they live among themselves. Three are none yet, and half of the `people` there are the community."""
        return self.attention > 0 and self.size > 3 and self.outside < OUTSIDE_LEAST and 2 * self.size < people


def circle(
    author: int, supporters: Collection[int], attention: Mapping[int, Mapping[int, int]], staff: Collection[int] = ()
) -> Circle:
    """The circle around an author: those who praised them, and whoever gets all their attention from these.

    `attention[a][b]` counts how often b wrote in a's threads or praised a, for every supporter and every b found
    there. The brand's `staff` are outside of any circle.
    """
    inside = {author, *supporters} - set(staff)
    for _ in range(_ROUNDS):
        met = {b for a in supporters for b in attention.get(a, {})} - inside - set(staff)
        drawn = {b for b in met if set(attention.get(b, {})) <= inside | {b}}
        if not drawn:
            break
        inside |= drawn
    counts = [(b in inside, n) for a in supporters for b, n in attention.get(a, {}).items() if b not in (a, author)]
    total = sum(n for _, n in counts)
    beyond = sum(n for within, n in counts if not within)
    return Circle(len(inside), total, beyond / total if total else 0.0)
