"""Who is a rock star: reputation from what somebody did, sure enough that luck does not make it. Pure and total.

Each figure is the lower end of a 95% interval for a share (Wilson, 1927, as in `evaluation.metrics`), so that ten good
answers stand above one lucky one; everything halves in `trust_voices.HALF_LIFE_DAYS`, so that last year's hero fades.
The score is a product: whoever helps nobody has none, whatever else they do, and hostility takes from everything.

What holds for every history (tests/moderation/test_trust.py): an accepted answer more never lowers the score, a hostile
message more never raises it, and the order in which deeds and praise are told does not matter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from moderation.evaluation.metrics import Estimate, wilson
from moderation.trust_threads import Deed, week_of
from moderation.trust_voices import Circle, Voices, decay

#: The doubt that everybody meets: as if so many answers had helped nobody.
DOUBT = 8.0
#: And the good faith: as if so many messages had been friendly.
GOOD_FAITH = 10.0
#: How much an answer says that nobody came back to.
SILENCE = 0.25
#: An answer within this time is quick.
QUICK = timedelta(hours=1)
#: Regularity is taken over so many weeks.
WEEKS = 26
#: What the score is made of beside having helped: shares of the whole. The rest is had by helping alone.
_SHARES = {"calm": 0.1, "quick": 0.1, "regular": 0.15, "reports": 0.1}
_ALONE = 1.0 - sum(_SHARES.values())

#: A candidate was praised by at least so many people, with at least so many voices, and was active in so many weeks.
LEAST_PEOPLE, LEAST_VOICES, LEAST_WEEKS = 3, 2.5, 2
#: And is hostile in no more than this share of what they write, as far as can be told.
MOST_TOXIC = 0.1
#: Reports of theirs that were decided, from which on their accuracy speaks for or against them.
LEAST_REPORTS = 5


class Against(StrEnum):
    """What speaks against proposing somebody. The first ones are final; the last ones may pass."""

    STAFF = "staff"
    PARTNER = "partner"
    PAID = "paid"
    BOT = "bot"
    CONFLICT = "conflict"
    CIRCLE = "circle"
    TOXIC = "toxic"
    REPORTS = "reports"
    FEW = "few"
    NEW = "new"


_PLAIN = ("score", "voices", "people", "answers", "accepted", "toxic_share", "weeks")
_COUNTS = ("praised", "quick", "calmed", "toxic")
_UNKNOWN = Estimate(0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Count:
    """So many of so many, plainly counted."""

    good: int = 0
    of: int = 0


@dataclass(frozen=True, slots=True)
class Reports:
    """What became of an author's reports."""

    upheld: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class Reputation:
    """Of one author in one area. `helped` is the share of answers that helped, doubt included, with its interval.

    Counts are of everything within the horizon; the score and the intervals are of what is left of it by decay.
    `toxic` is of all that they wrote anywhere, with `toxic_share` the upper end of its interval.
    """

    score: float = 0.0
    helped: Estimate = _UNKNOWN
    voices: float = 0.0
    people: int = 0
    answers: int = 0
    praised: Count = Count()
    accepted: int = 0
    quick: Count = Count()
    calmed: Count = Count()
    reports: Reports = Reports()
    toxic: Count = Count()
    toxic_share: float = 1.0
    weeks: int = 0
    since: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values, from which `from_json` makes the same again."""
        values = {name: getattr(self, name) for name in _PLAIN}
        values |= {name: {"good": c.good, "of": c.of} for name in _COUNTS for c in [getattr(self, name)]}
        values["helped"] = {"value": self.helped.value, "low": self.helped.low, "high": self.helped.high}
        values["reports"] = {"upheld": self.reports.upheld, "rejected": self.reports.rejected}
        return values | {"since": self.since.isoformat() if self.since else None}

    @staticmethod
    def from_json(kept: Mapping[str, Any]) -> Reputation:
        """What `to_json` gave; other names in it are passed over."""
        values = {name: kept[name] for name in _PLAIN}
        values |= {name: Count(**kept[name]) for name in _COUNTS}
        since = datetime.fromisoformat(kept["since"]) if kept["since"] else None
        return Reputation(**values, helped=Estimate(**kept["helped"]), reports=Reports(**kept["reports"]), since=since)


def reputation(
    here: Collection[Deed], everywhere: Collection[Deed], praise: Voices, reports: Reports, now: datetime
) -> Reputation:
    """The reputation of an author from their deeds in an area and everywhere, and the voices they have in that area."""
    helped = _bounds(praise.total, _misses(here, now), DOUBT)
    quick = _masses(((d, _quick(d)) for d in here if d.answered or d.toxic), now)
    calm = _masses(((d, d.calmed) for d in here if d.calmed is not None or d.toxic), now)
    weeks = _weeks(everywhere, now)
    parts = {
        "calm": _bounds(*calm).low,
        "quick": _bounds(*quick).low,
        "regular": wilson(weeks, WEEKS).low,
        "reports": wilson(reports.upheld, reports.upheld + reports.rejected).low,
    }
    toxic_share = _toxic_share(everywhere, now)
    score = helped.low * (1.0 - toxic_share) ** 2 * (_ALONE + sum(_SHARES[name] * parts[name] for name in _SHARES))
    return Reputation(
        score=score,
        helped=helped,
        voices=praise.total,
        people=praise.people,
        answers=sum(d.answered for d in here),
        praised=Count(sum(d.answered and d.praised for d in here), sum(d.answered for d in here)),
        accepted=sum(d.accepted for d in here),
        quick=Count(sum(_quick(d) for d in here if d.delay is not None), sum(d.delay is not None for d in here)),
        calmed=Count(sum(d.calmed is True for d in here), sum(d.calmed is not None for d in here)),
        reports=reports,
        toxic=Count(sum(d.toxic for d in everywhere), sum(d.posts for d in everywhere)),
        toxic_share=toxic_share,
        weeks=weeks,
        since=min((d.began for d in everywhere), default=None),
    )


def against(
    found: Reputation, *, ties: Iterable[Against] = (), around: Circle | None = None, people: int = 0
) -> tuple[Against, ...]:
    """Whatever speaks against proposing somebody, the gravest first; nothing: they are a candidate.

    `ties` are what is known of their independence, `around` their circle among `people` in that place.
    """
    reports = found.reports
    decided = reports.upheld + reports.rejected
    checks = {
        Against.CIRCLE: around is not None and around.closed(people),
        Against.TOXIC: found.toxic.good > 0 and found.toxic.good > MOST_TOXIC * found.toxic.of,
        Against.REPORTS: decided >= LEAST_REPORTS and 2 * reports.upheld < decided,
        Against.FEW: found.people < LEAST_PEOPLE or found.voices < LEAST_VOICES,
        Against.NEW: found.weeks < LEAST_WEEKS,
    }
    held = {why for why, holds in checks.items() if holds} | set(ties)
    return tuple(why for why in Against if why in held)


def _misses(deeds: Iterable[Deed], now: datetime) -> float:
    """Answers that helped nobody as far as can be told, and hostility, which is one more. Praise ends a miss."""
    found = []
    for deed in deeds:
        if (deed.answered or deed.toxic) and not deed.praised:
            found.append(decay(deed.ended, now) * (1.0 if deed.passed_over or deed.toxic else SILENCE))
        if deed.toxic_at:
            found.append(decay(deed.toxic_at, now))
    return sum(sorted(found))


def _quick(deed: Deed) -> bool:
    return deed.delay is not None and deed.delay <= QUICK.total_seconds()


def _masses(told: Iterable[tuple[Deed, bool | None]], now: datetime) -> tuple[float, float]:
    """What is left of deeds that went well, if they were not hostile, and of those that did not, if nobody praised."""
    good, bad = [], []
    for deed, well in told:
        if well and not deed.toxic:
            good.append(decay(deed.at, now))
        elif not deed.praised:
            bad.append(decay(deed.ended, now))
    return sum(sorted(good)), sum(sorted(bad))


def _bounds(good: float, bad: float, doubt: float = 0.0) -> Estimate:
    tries = good + bad + doubt
    return wilson(good, tries) if tries > 0.0 else _UNKNOWN


def _toxic_share(deeds: Collection[Deed], now: datetime) -> float:
    """The upper end of the share of hostile messages."""
    toxic = sum(sorted(decay(d.toxic_at, now) * d.toxic for d in deeds if d.toxic_at))
    friendly = sum(sorted(decay(d.at, now) * (d.posts - d.toxic) for d in deeds))
    return wilson(toxic, toxic + friendly + GOOD_FAITH).high


def _weeks(deeds: Iterable[Deed], now: datetime) -> int:
    """Weeks of the last half year in which they wrote something friendly."""
    latest = week_of(now)
    return sum(latest - WEEKS < week <= latest for week in frozenset[int]().union(*(d.weeks for d in deeds)))
