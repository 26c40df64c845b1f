"""The trial of grants: whatever fails and whoever is killed, nobody acts outside a grant, and no right is left behind.

The experts are those whom `tenth rockstars` finds in the sandbox's community. A manager offers each a grant on the
pages of a real `tenth run`; they sign in with the forum's account, accept, hide a message where the grant holds, are
refused in the next category, and are revoked. First in calm weather, to see how long a revocation takes with all
platforms up; then while the forum fails and processes are killed. At the end the forum's own books are read.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field, replace
from random import Random
from typing import Any

from service.auth.external.discourse import new_key
from service.deps import Deps, utc_now
from service.selftest.grants_count import Tally, count
from service.selftest.grants_person import MANAGER, Expert, Scene, Spell
from service.selftest.grants_platform import LATE, Platform, forum
from service.selftest.grants_points import EVERY_POINT, POINTS
from service.selftest.grants_tasks import Task, experts, tasks
from service.selftest.measure import quantile
from service.selftest.place import Place, TrialError, last_words, throw_away
from service.selftest.replies_clock import Clock, by_clock
from service.selftest.replies_count import unsettled
from service.selftest.replies_crew import Crew, Kills
from service.usecases import intake, polling, reputation, rights, triage
from service.usecases.connections import connect, set_shadow
from service.usecases.identities import set_forum_secret
from service.usecases.people import create_person

Say = Callable[[str], None]
NAME = "trial-forum"
#: Our seconds that a grant may take, and all of them together, before the trial is given up.
GRANT_SECONDS, LEAST_SECONDS = 20.0, 240.0
READ_SECONDS = 120.0
#: Our seconds between two looks at the processes, and how many looks there are between two words of progress.
TICK, WORDS_EVERY = 0.1, 100
_ACTOR = "selftest"


@dataclass(frozen=True, slots=True)
class Plan:
    """How hard to try: `count` grants while things fail, after `calm` others. `kills`: at each of `points`.

    `speed`: seconds of the trial's clock that pass in one of ours. `calls`: what the forum allows in a minute.
    """

    count: int = 100
    calm: int = 40
    kills: int = 1
    random_kills: int = 12
    speed: float = 5.0
    calls: int = 600
    seed: int = 10
    points: Collection[str] = EVERY_POINT


@dataclass(slots=True)
class Result(Tally):
    """What came of it; the first words are those of `Tally`.

    revoke_*_s: seconds of the trial's clock from the decision until the desk shows the right as gone and the forum
    refuses the member, with all platforms up; stormy_*: the same while calls fail and processes are killed.
    """

    revoked: int = 0
    revoke_p50_s: float = 0.0
    revoke_p99_s: float = 0.0
    stormy_revoked: int = 0
    stormy_revoke_p50_s: float = 0.0
    stormy_revoke_p99_s: float = 0.0
    experts: int = 0
    communities: int = 0
    kills: int = 0
    killed: dict[str, int] = field(default_factory=dict)
    faults: int = 0
    spoiled: dict[str, int] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    speed: float = 1.0
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Whether every promise was kept."""
        broken = (self.acts_outside, self.rights_left_on_platform, self.unaudited, self.astray)
        return not any(broken) and self.chain_ok and self.grants > 0 and self.acts > 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"good": self.good}


def try_grants(plan: Plan, say: Say) -> Result:
    """Runs the whole trial. Raises TrialError when it cannot be carried out to its end."""
    started, rng = time.monotonic(), Random(plan.seed)
    clock = Clock(utc_now(), plan.speed)
    say("starting the forum …")
    with forum(plan.calls, clock, plan.seed) as platform, throw_away([platform.host]) as place:
        here = replace(place, deps=by_clock(place.deps, clock))
        connection_id = _connect(here.deps, platform, plan)
        _read(here.deps, say)
        people, dealt = _cast(here, connection_id, plan, rng)
        say(f"{len(people)} experts are found: {', '.join(people)}")
        stage = _Stage(here, clock, plan, platform, people, create_person(here.deps, MANAGER, "manager"), rng, say)
        calm = [own[: len(range(number, plan.calm, len(people)))] for number, own in enumerate(dealt)]
        stormy = [own[len(first) :] for own, first in zip(dealt, calm, strict=True)]
        spells = stage.play(calm, Kills(0, 0), stormy=False) if any(calm) else []
        if any(stormy):
            platform.spoil(clock)
            spells += stage.play(stormy, Kills(plan.kills, plan.random_kills, plan.points, POINTS), stormy=True)
        time.sleep(clock.real(2 * LATE))  # whatever is still under way to the forum arrives
        result = _result(count(here.deps, platform.effects(), platform.rights(), spells), spells, plan)
        result.spoiled = dict(platform.spoiled())
    result.experts, result.communities = len(people), len({spell.place for spell in spells})
    result.faults, result.kills = sum(result.spoiled.values()), stage.killed.total()
    result.killed, result.seconds = dict(stage.killed), round(time.monotonic() - started, 1)
    return result


def _connect(deps: Deps, platform: Platform, plan: Plan) -> int:
    """Connected by the settings that a person would give, live, and trusted with sign-in."""
    connection_id, _check = connect(deps, "discourse", NAME, platform.settings(plan.calls), _ACTOR)
    set_shadow(deps, connection_id, False, _ACTOR)
    set_forum_secret(deps, platform.url, platform.secret, _ACTOR)
    return connection_id


def _read(deps: Deps, say: Say) -> None:
    """Reads the whole forum, and sums up who helps there."""
    say("reading the forum …")
    deadline = time.monotonic() + READ_SECONDS
    while due := polling.due_connections(deps):
        if time.monotonic() > deadline:
            raise TrialError("The forum was not read to its end.")
        for connection_id in due:
            polling.poll_connection(deps, connection_id)
        while intake.process_deliveries(deps):
            pass
    triage.triage_due(deps)
    reputation.sum_up_all(deps)


def _cast(place: Place, connection_id: int, plan: Plan, rng: Random) -> tuple[dict[str, int], list[list[Task]]]:
    """Who plays, and what each has to do: no more people than there are grants."""
    found = experts(place, connection_id)
    people = dict(list(found.items())[: plan.count + plan.calm])
    return people, tasks(place.deps, connection_id, list(people.values()), plan.count + plan.calm, rng)


class _Stage:
    """Lets experts and a manager work at the desk while its processes are killed, until all is settled."""

    def __init__(
        self,
        place: Place,
        clock: Clock,
        plan: Plan,
        platform: Platform,
        people: dict[str, int],
        password: str,
        rng: Random,
        say: Say,
    ) -> None:
        self._place, self._clock, self._plan, self._rng, self._say = place, clock, plan, rng, say
        self._people, private = people, new_key()
        self._scene = Scene(place.deps, place.port, platform, password)
        self._members = {handle: platform.member(handle, private) for handle in people}
        self.killed: Counter[str] = Counter()

    def play(self, dealt: Sequence[Sequence[Task]], kills: Kills, *, stormy: bool) -> list[Spell]:
        """One grant after the other for each expert, all experts at once."""
        hands = [
            Expert(self._scene, handle, author_id, self._members[handle], own, stormy=stormy)
            for (handle, author_id), own in zip(self._people.items(), dealt, strict=True)
        ]
        number = sum(map(len, dealt))
        crew = Crew(self._place, self._clock, kills, self._rng, hands, tasks=number)
        try:
            crew.start()
            self._until_settled(crew, hands, number)
        finally:
            crew.stop()
            self.killed += crew.killed
        return [spell for hand in hands for spell in hand.spells]

    def _until_settled(self, crew: Crew, hands: Sequence[Expert], number: int) -> None:
        """Until every grant is over, every act done or given up, and every right as it should be."""
        limit = LEAST_SECONDS + GRANT_SECONDS * number
        deadline, tick, deps = time.monotonic() + limit, 0, self._place.deps
        while not crew.written or unsettled(deps) or rights.pending(deps):
            if time.monotonic() > deadline:
                raise TrialError(f"Not everything is settled after {limit:.0f} s:\n{last_words(self._place.log)}")
            if tick % WORDS_EVERY == 0:
                over = sum(1 for hand in hands for spell in hand.spells if spell.revoke_s is not None)
                self._say(f"{over} of {number} grants are over; {crew.killed.total()} kills …")
            crew.look_after()
            time.sleep(TICK)
            tick += 1


def _result(tally: Tally, spells: Sequence[Spell], plan: Plan) -> Result:
    calm = [s.revoke_s for s in spells if s.revoke_s is not None and not s.stormy]
    stormy = [s.revoke_s for s in spells if s.revoke_s is not None and s.stormy]
    return Result(
        **asdict(tally),
        revoked=len(calm),
        revoke_p50_s=round(quantile(calm, 0.5), 1),
        revoke_p99_s=round(quantile(calm, 0.99), 1),
        stormy_revoked=len(stormy),
        stormy_revoke_p50_s=round(quantile(stormy, 0.5), 1),
        stormy_revoke_p99_s=round(quantile(stormy, 0.99), 1),
        limits={"admin_calls_per_minute": plan.calls},
        speed=plan.speed,
    )
