"""A community simulated hour by hour, to see whether the line keeps its promises: the share of conversations that a
team is shown, under drift, a tenfold hour and quiet nights, with people who look and decide only when they work.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from moderation.triage import Candidate, Cut, ThreadFacts, cut, window_start

START = datetime(2026, 1, 5, tzinfo=UTC)
STEP = timedelta(hours=2)
WINDOW_DAYS = 28
WEEKS = 9
#: Conversations an hour by day and by night, and how many more in the one bad hour of the outage.
DAY, NIGHT, OUTAGE = 1.6, 0.15, 10.0
OUTAGE_AT = START + timedelta(weeks=6, days=2, hours=14)
#: From here on conversations get worse, week by week.
DRIFT_FROM = START + timedelta(weeks=5)
DECISIONS_A_STEP = 3


@dataclass(slots=True)
class Talk:
    """A conversation, and what a team did with it."""

    id: int
    facts: ThreadFacts
    surfaced: bool = False
    seen: bool = False
    decided: bool = False
    stood: float = 0.0

    @property
    def at(self) -> float:
        return self.facts.first_at


@dataclass(frozen=True, slots=True)
class Moment:
    """A step of the simulation. `shown` is the share of the window's conversations that stand above the line, were seen
    there or were decided; `standing` are those above it now; `undecided_oldest` is in hours."""

    at: datetime
    threads: int
    shown: float
    standing: int
    cut: float
    undecided_oldest: float


@dataclass(slots=True)
class Simulation:
    """`moments` in order of time. `broken` counts conversations that somebody saw and that left undecided."""

    moments: list[Moment] = field(default_factory=list)
    talks: list[Talk] = field(default_factory=list)
    broken: int = 0


def simulate(seed: int = 1, weeks: int = WEEKS) -> Simulation:
    rng, result, at = Random(seed), Simulation(), START
    live: list[Talk] = []
    while at < START + timedelta(weeks=weeks):
        at += STEP
        new = _arrivals(rng, at, len(result.talks))
        result.talks += new
        oldest = window_start(at, WINDOW_DAYS).timestamp()
        live = [talk for talk in live + new if talk.facts.last_at > oldest]
        line = cut([Candidate(t.id, t.facts, seen=t.seen, decided=t.decided, stood=t.stood) for t in live], at)
        above = {p.id: p.assessment.priority for p in line.placed if p.lane == "needs"}
        result.broken += sum(t.seen and not t.decided and t.id not in above for t in live)
        for talk, placed in zip(live, line.placed, strict=True):
            talk.stood = max(talk.stood, placed.assessment.priority)
        _note(live, above)
        if _at_work(at):
            _work(live, above)
        result.moments.append(_moment(at, live, above, line))
    return result


def _arrivals(rng: Random, at: datetime, known: int) -> list[Talk]:
    by_day = 7 <= at.hour < 23
    mean = (DAY if by_day else NIGHT) * (STEP / timedelta(hours=1))
    if abs(at - OUTAGE_AT) < STEP / 2:
        mean *= OUTAGE
    count = sum(rng.random() < mean / 40 for _ in range(40))
    return [Talk(known + n + 1, _facts(rng, at - STEP * rng.random(), known + n + 1)) for n in range(count)]


def _facts(rng: Random, at: datetime, number: int) -> ThreadFacts:
    worse = max(0.0, (at - DRIFT_FROM) / timedelta(weeks=1)) * 0.4
    outage = 2.0 if abs(at - OUTAGE_AT) < STEP else 0.0
    need = rng.betavariate(0.7 + worse + outage, 3.0)
    seconds = at.timestamp()
    return ThreadFacts(
        marked=number, need=need, need_at=seconds, open_at=seconds, toxicity=rng.betavariate(0.5, 5), authors=1,
        messages=1, first_at=seconds, last_at=seconds, helped=int(rng.random() < 0.3), answered=rng.randrange(3),
    )  # fmt: skip


def _note(live: list[Talk], above: dict[int, float]) -> None:
    for talk in live:
        if talk.id in above:
            talk.surfaced = True
        elif not talk.seen:
            talk.surfaced = False


def _at_work(at: datetime) -> bool:
    return at.weekday() < 5 and 9 <= at.hour < 18


def _work(live: list[Talk], above: dict[int, float]) -> None:
    """A team looks at the whole queue and decides what stands highest."""
    queue = sorted((t for t in live if t.id in above), key=lambda t: -above[t.id])
    for talk in queue:
        talk.seen = True
    for talk in queue[:DECISIONS_A_STEP]:
        talk.decided = True


def _moment(at: datetime, live: list[Talk], above: dict[int, float], line: Cut) -> Moment:
    standing = [t for t in live if t.id in above and not t.decided]
    shown = sum(t.surfaced or t.seen or t.decided for t in live)
    waits = [(at.timestamp() - t.at) / 3600 for t in standing]
    return Moment(at, len(live), shown / max(1, len(live)), len(standing), line.value, max(waits, default=0.0))
