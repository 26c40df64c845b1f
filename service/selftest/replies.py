"""The trial of replies: whatever fails and whoever is killed, an approved answer is posted once, or a person is asked.

Three platforms, one for each way with a doubled call, spoil the calls that post. People sign in at the pages of a real
`tenth run` and send; its web and workers are killed at every commit, around and in the call, and at random, and so are
gunicorn's master and the supervisor. Then each platform's own books are read.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field, replace
from random import Random
from typing import Any

from sqlalchemy import func, select

from service.db.models import Case
from service.deps import Deps, utc_now
from service.selftest.place import Place, TrialError, throw_away
from service.selftest.replies_clock import Clock, by_clock
from service.selftest.replies_count import Tally, count, unsettled
from service.selftest.replies_crew import Crew, Kills
from service.selftest.replies_person import Person, Task
from service.selftest.replies_platform import LATE, MODES, Mode, Platform, platforms
from service.selftest.replies_points import EVERY_POINT
from service.usecases import intake, polling, triage
from service.usecases.connections import connect, set_shadow
from service.usecases.people import create_person
from service.usecases.searching import SEARCH

Say = Callable[[str], None]
READ_SECONDS = 180.0
PEOPLE = 2
#: Our seconds that an answer may take, and all of them together, before the trial is given up.
ANSWER_SECONDS, LEAST_SECONDS = 5.0, 240.0
#: Our seconds between two looks at the processes, and how many looks there are between two words of progress.
TICK, WORDS_EVERY = 0.1, 100
_ACTOR = "selftest"


@dataclass(frozen=True, slots=True)
class Plan:
    """How hard to try. `speed`: seconds of the trial's clock that pass in one of ours. `kills`: at each of `points`."""

    replies: int = 300
    kills: int = 5
    random_kills: int = 20
    speed: float = 20.0
    seed: int = 10
    points: Collection[str] = EVERY_POINT

    def counts(self) -> dict[Mode, int]:
        """Answers for each platform."""
        share, rest = divmod(self.replies, len(MODES))
        return {mode: share + (number < rest) for number, mode in enumerate(MODES)}


@dataclass(slots=True)
class Result:
    """What came of it, counted on the platforms' side; the words are those of `Tally`."""

    approved: int = 0
    posted: int = 0
    waiting: int = 0
    there: int = 0
    returned: int = 0
    doubled: int = 0
    lost: int = 0
    astray: int = 0
    kills: int = 0
    killed: dict[str, int] = field(default_factory=dict)
    spoiled: dict[str, int] = field(default_factory=dict)
    modes: dict[str, dict[str, int]] = field(default_factory=dict)
    speed: float = 1.0
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Whether every promise was kept."""
        return not (self.doubled or self.lost or self.astray) and self.approved > 0

    def add(self, mode: str, tally: Tally) -> None:
        """Takes one platform's count in."""
        self.modes[mode] = asdict(tally)
        for name, number in self.modes[mode].items():
            setattr(self, name, getattr(self, name) + number)

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"good": self.good}


def try_replies(plan: Plan, say: Say) -> Result:
    """Runs the whole trial. Raises TrialError when it cannot be carried out to its end."""
    started, rng = time.monotonic(), Random(plan.seed)
    clock = Clock(utc_now(), plan.speed)
    result = Result(speed=plan.speed)
    say(f"starting {len(MODES)} platforms …")
    with platforms(plan.counts(), clock, plan.seed) as found, throw_away([p.host for p in found]) as place:
        here = replace(place, deps=by_clock(place.deps, clock))
        connections = [_connect(here.deps, platform) for platform in found]
        _read(here.deps, plan.replies, say)
        for platform in found:
            platform.spoil(clock)
        crew = play(here, clock, plan, 1, rng, say)
        time.sleep(clock.real(2 * LATE))  # whatever is still under way to a platform arrives
        for platform, connection_id in zip(found, connections, strict=True):
            result.add(platform.mode, count(here.deps, connection_id, platform.said()))
        result.spoiled = dict(sum((platform.spoiled() for platform in found), Counter()))
    result.kills, result.killed = crew.killed.total(), dict(crew.killed)
    result.seconds = round(time.monotonic() - started, 1)
    return result


def _connect(deps: Deps, platform: Platform) -> int:
    """Connected by the settings that a person would give, and live."""
    connection_id, _check = connect(deps, platform.connector, platform.mode, platform.settings, _ACTOR)
    set_shadow(deps, connection_id, False, _ACTOR)
    return connection_id


def _read(deps: Deps, wanted: int, say: Say) -> None:
    """Reads the platforms until every conversation is a case."""
    deadline = time.monotonic() + READ_SECONDS
    while (cases := _cases(deps)) < wanted:
        if time.monotonic() > deadline:
            raise TrialError(f"Only {cases} of {wanted} conversations were read.")
        say(f"{cases} of {wanted} conversations are read …")
        for connection_id in polling.due_connections(deps):
            polling.poll_connection(deps, connection_id)
        while intake.process_deliveries(deps):
            pass
        triage.triage_due(deps)
        time.sleep(TICK)


def _cases(deps: Deps) -> int:
    with deps.store.read() as session:
        return session.scalar(select(func.count(Case.id))) or 0


def play(place: Place, clock: Clock, plan: Plan, each: int, rng: Random, say: Say) -> Crew:
    """Lets the desk answer each case `each` times while its processes are killed, until all is settled."""
    cases = _in_any_order(place.deps, rng)
    kills, people = Kills(plan.kills, plan.random_kills, plan.points), _hire(place, cases, each)
    crew = Crew(place, clock, kills, rng, people, tasks=len(cases) * each)
    try:
        crew.start()
        _until_settled(place.deps, crew, clock, plan, say)
    finally:
        crew.stop()
    return crew


def _in_any_order(deps: Deps, rng: Random) -> Sequence[int]:
    with deps.store.read() as session:
        cases = session.scalars(select(Case.id).order_by(Case.id)).all()
    return rng.sample(cases, len(cases))


def _hire(place: Place, cases: Sequence[int], each: int) -> list[Person]:
    """All answers to one case are written by one person: another's answer would hold theirs back."""
    made = []
    for number in range(PEOPLE):
        name = f"trial-{number + 1}"
        tasks = [Task(case_id, n) for n in range(each) for case_id in cases[number::PEOPLE]]
        made.append(Person(place.deps, place.port, name, create_person(place.deps, name, "manager"), tasks))
    return made


def _until_settled(deps: Deps, crew: Crew, clock: Clock, plan: Plan, say: Say) -> None:
    """Until everything is written, and each answer is posted or its search is over."""
    limit = LEAST_SECONDS + ANSWER_SECONDS * plan.replies + clock.real(2 * SEARCH.total_seconds())
    deadline, tick = time.monotonic() + limit, 0
    while (left := unsettled(deps)) or not crew.written:
        if time.monotonic() > deadline:
            raise TrialError(f"{left} answers are not settled after {limit:.0f} s.")
        if tick % WORDS_EVERY == 0:
            say(f"{left} answers are on their way or looked for; {crew.killed.total()} kills …")
        crew.look_after()
        time.sleep(TICK)
        tick += 1
