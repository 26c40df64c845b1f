"""Figures of many conversations: how long answers took, feelings, targets met. Pure: records in, figures out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from moderation.clocks import ALWAYS, Hours, Targets, met, open_between
from moderation.evaluation.metrics import Estimate, wilson
from moderation.feelings import Moves, middle, moves

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Conversation:
    """One in which somebody asked at `asked`; the others are lengths of time after it, None for "did not happen".

    `settled` is when an answer was accepted or the desk decided that it is done. `needed` the brand, as far as anybody
    said. `by`, `start` and `end` are the feelings around the first answer (see `moderation.outcomes`). `asked_back`:
    the brand asked in public whether it helped; `told`: and was told.
    """

    asked: datetime
    brand: timedelta | None = None
    community: timedelta | None = None
    settled: timedelta | None = None
    needed: bool = False
    by: str = ""
    start: float | None = None
    end: float | None = None
    asked_back: bool = False
    told: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `of`."""

    count: int
    of: int

    @property
    def estimate(self) -> Estimate:
        """With its 95% interval (Wilson)."""
        return wilson(self.count, self.of)


@dataclass(frozen=True, slots=True)
class Waits:
    """How long `count` conversations waited: medians in seconds, on the wall and of the time that counts.

    With 95% intervals from the order of the values; None for few.
    """

    count: int
    wall: Estimate | None
    counted: Estimate | None


@dataclass(frozen=True, slots=True)
class Figures:
    """`brand` and `community`: until their first answers; `settled`: until it was solved.

    `ours` are feelings around the brand's first answer, `theirs` around the community's where the brand said nothing,
    `asked_back` those of `ours` in which the brand asked in public whether it helped; `told` of these said something.
    `within_hour`: answered by the community within the first hour, of those whose first hour is over. `response` and
    `resolution`: targets met, of those of which it is known.
    """

    conversations: int
    brand: Waits
    community: Waits
    settled: Waits
    ours: Moves
    theirs: Moves
    asked_back: Moves
    told: int
    within_hour: Share
    response: Share
    resolution: Share


@dataclass(slots=True)
class Pile:
    """What is gathered of a group, one conversation after the other."""

    count: int = 0
    told: int = 0
    waits: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    feelings: dict[str, list[tuple[float, float | None]]] = field(default_factory=lambda: defaultdict(list))
    held: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))

    def add(self, one: Conversation, hours: Hours, targets: Targets, now: datetime) -> None:
        """Counts a conversation of a community with these hours and targets."""
        self.count += 1
        self.told += one.told
        self._wait("brand", one.brand, one.asked, hours)
        self._wait("community", one.community, one.asked, hours)
        self._wait("settled", one.settled, one.asked, hours)
        if one.start is not None:
            self.feelings[one.by].append((one.start, one.end))
            if one.asked_back:
                self.feelings["asked_back"].append((one.start, one.end))
        if one.community is not None or now - one.asked >= HOUR:
            self.held["within_hour"].append(one.community is not None and one.community <= HOUR)
        if one.needed:
            answered = one.brand if one.brand is not None else one.settled
            self._hold("response", targets.response, answered, one.asked, hours, now)
            self._hold("resolution", targets.resolution, one.settled, one.asked, hours, now)

    def _wait(self, name: str, after: timedelta | None, asked: datetime, hours: Hours) -> None:
        if after is not None:
            counted = after if hours == ALWAYS else open_between(hours, asked, asked + after)
            self.waits[name].append((after.total_seconds(), counted.total_seconds()))

    def _hold(
        self, name: str, target: timedelta | None, after: timedelta | None, asked: datetime, hours: Hours, now: datetime
    ) -> None:
        if target is not None:
            found = met(hours, target, asked, asked + after if after is not None else None, now)
            if found is not None:
                self.held[name].append(found)

    def figures(self) -> Figures:
        """The figures of what was gathered."""
        return Figures(
            conversations=self.count,
            brand=_waits(self.waits["brand"]),
            community=_waits(self.waits["community"]),
            settled=_waits(self.waits["settled"]),
            ours=moves(self.feelings["brand"]),
            theirs=moves(self.feelings["community"]),
            asked_back=moves(self.feelings["asked_back"]),
            told=self.told,
            within_hour=_share(self.held["within_hour"]),
            response=_share(self.held["response"]),
            resolution=_share(self.held["resolution"]),
        )


def together(piles: Iterable[Pile]) -> Pile:
    """Several groups as one."""
    whole = Pile()
    for pile in piles:
        whole.count += pile.count
        whole.told += pile.told
        for name in ("waits", "feelings", "held"):
            for key, values in getattr(pile, name).items():
                getattr(whole, name)[key].extend(values)
    return whole


def _waits(values: list[tuple[float, float]]) -> Waits:
    return Waits(len(values), middle(wall for wall, _ in values), middle(counted for _, counted in values))


def _share(held: list[bool]) -> Share:
    return Share(sum(held), len(held))
