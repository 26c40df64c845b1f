"""What there is to do in a trial of grants: for each a place, a message to hide there, and one in the next place."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from random import Random

from sqlalchemy import select

from service.db.models import Author, Case, Community, Message, Thread
from service.deps import Deps
from service.selftest.place import Place, TrialError
from service.usecases.granted import author_named

#: In every so many grants, one more message is asked for right before the grant ends.
QUEUED_EVERY = 3
#: Seconds that `tenth rockstars` may take.
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Spot:
    """A message that may be hidden: its numbers here, and its own and its topic's on the forum."""

    thread_id: int
    message_id: int
    topic: str
    post: str
    starter: int


@dataclass(frozen=True, slots=True)
class Task:
    """One grant, in the place that the desk's form calls `key`.

    `queued` is asked for at the very end, so that it is still held for undo when the grant ends.
    """

    key: str
    community_id: int
    place: str
    spot: Spot
    elsewhere: Spot
    queued: Spot | None


def experts(place: Place, connection_id: int) -> dict[str, int]:
    """Handles and numbers of those whom `tenth rockstars` finds, the best first."""
    process = place.command("rockstars", "--json")
    output, _nothing = process.communicate(timeout=PATIENCE)
    if process.returncode:
        raise TrialError(f"`tenth rockstars` ended with code {process.returncode}.")
    handles = [one["accounts"][0]["handle"] for one in json.loads(output)["candidates"]]
    if not handles:
        raise TrialError("`tenth rockstars` found nobody.")
    return {handle: author_named(place.deps, connection_id, handle) for handle in handles}


def tasks(deps: Deps, connection_id: int, people: Sequence[int], count: int, rng: Random) -> list[list[Task]]:
    """So many grants, dealt out to the people one after the other, each going through all communities in turn."""
    spots = _spots(deps, connection_id, people)
    names, free = list(spots), {place: iter(rng.sample(found, len(found))) for place, found in spots.items()}
    turns = [cycle(names[number % len(names) :] + names[: number % len(names)]) for number in range(len(people))]
    made: list[list[Task]] = [[] for _ in people]
    for number in range(count):
        who = number % len(people)
        here = next(turns[who])
        there = names[(names.index(here) + 1) % len(names)]
        mine = _not_of(people[who], free[here])
        elsewhere = next(_not_of(people[who], iter(rng.sample(spots[there], len(spots[there])))))
        queued = next(mine) if number % QUEUED_EVERY == 0 else None
        made[who].append(Task(f"{connection_id}:{here[0]}", *here, next(mine), elsewhere, queued))
    return made


def _not_of(author_id: int, found: Iterator[Spot]) -> Iterator[Spot]:
    """Nobody acts in a conversation that they began."""
    for spot in found:
        if spot.starter != author_id:
            yield spot
    raise TrialError("There are not enough messages for so many grants.")


def _spots(deps: Deps, connection_id: int, people: Sequence[int]) -> dict[tuple[int, str], list[Spot]]:
    """By community, answers of customers who are nobody's candidates; with the opening post a whole topic would go."""
    query = (
        select(Community.id, Community.remote_id, Thread.id, Thread.remote_id, Message, Author)
        .join(Thread, Thread.community_id == Community.id)
        .join(Case, Case.thread_id == Thread.id)
        .join(Message, Message.thread_id == Thread.id)
        .join(Author, Author.id == Message.author_id)
        .where(Community.connection_id == connection_id, Community.restricted.is_(False))
        .order_by(Community.id, Thread.id, Message.created_at, Message.id)
    )
    found: dict[tuple[int, str], list[Spot]] = defaultdict(list)
    starters: dict[int, int] = {}
    with deps.store.read() as session:
        for community_id, place, thread_id, topic, message, author in session.execute(query):
            first = thread_id not in starters
            starter = starters.setdefault(thread_id, author.id)
            if not first and author.role == "customer" and not author.bot and author.id not in people:
                spot = Spot(thread_id, message.id, topic, message.remote_id, starter)
                found[community_id, place].append(spot)
    return dict(found)
