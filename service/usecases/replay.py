"""The past with other settings: what would have been surfaced, beside what the settings of the time surfaced.

Both are decided anew from the messages, at one moment after the other; what people held, saw or decided is left out of
both, so that only the settings differ.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from moderation.triage import Candidate, MessageFact, ThreadFacts, cut, digest
from moderation.tuning import PRIOR, Tuning
from service.db.models import Community, Connection, DecisionRow, Thread
from service.deps import Deps
from service.usecases.learning import active_at, newest_weights
from service.usecases.past import in_blocks, in_window, messages_between

MOST_STEPS = 500
WEIGHTS = ("shipped", "learned")


@dataclass(frozen=True, slots=True)
class Settings:
    """What is tried. None leaves a setting as it was."""

    budget: float | None = None
    weights: str | None = None


@dataclass(frozen=True, slots=True)
class Ref:
    """A thread that only one of the two surfaced, and what people said of it in that time."""

    thread: str
    title: str
    url: str
    needed: bool | None


@dataclass(frozen=True, slots=True)
class Replayed:
    """Of one community: how many threads each surfaced at some moment, how many of those needed the brand, and which
    differ. `needed` is how many people said needed it."""

    community: str
    steps: int
    was: int
    would: int
    both: int
    needed: int
    was_needed: int
    would_needed: int
    only_was: tuple[Ref, ...]
    only_would: tuple[Ref, ...]

    def to_json(self) -> dict[str, Any]:
        names = ("community", "steps", "was", "would", "both", "needed", "was_needed", "would_needed")
        refs = {n: [_ref_json(r) for r in getattr(self, n)] for n in ("only_was", "only_would")}
        return {name: getattr(self, name) for name in names} | refs


def replay(
    deps: Deps, start: datetime, end: datetime, settings: Settings, community: int | None, every: timedelta
) -> list[Replayed]:
    """Every community, or one. Raises BadInput when the times or settings make no sense."""
    if settings.budget is not None and not 0 < settings.budget <= 1:
        raise BadInput("A budget is a share above 0 and up to 1, such as 0.1.")
    if end < start or not every or (end - start) / every >= MOST_STEPS:
        raise BadInput(f"--from comes before --to, at most {MOST_STEPS} steps of --every hours apart.")
    with deps.store.read() as session:
        query = select(Community, Connection.name).join(Connection).order_by(Connection.name, Community.id)
        rows = session.execute(query.where(Community.id == community) if community is not None else query).all()
        return [_replay(session, c, f"{name}/{c.name}", (start, end, every), settings) for c, name in rows]


def _replay(
    session: Session, community: Community, name: str, times: tuple[datetime, datetime, timedelta], settings: Settings
) -> Replayed:
    start, end, every = times
    film = _Film(messages_between(session, community, start, end))
    was: set[int] = set()
    would: set[int] = set()
    moments = list(_moments(start, end, every))
    newest = newest_weights(session, community.id)
    for moment in moments:
        there = in_window(film.at(moment), community, moment)
        used = active_at(session, community.id, moment)
        tried = {None: used, "shipped": PRIOR, "learned": newest}[settings.weights]
        was |= _surfaced(there, moment, community.budget, used)
        would |= _surfaced(there, moment, settings.budget or community.budget, tried)
    said = _said(session, community.id, start, end)
    needed = {thread for thread, needs in said.items() if needs}
    return Replayed(
        name,
        len(moments),
        len(was),
        len(would),
        len(was & would),
        len(needed),
        len(was & needed),
        len(would & needed),
        _refs(session, was - would, said),
        _refs(session, would - was, said),
    )


class _Film:
    """The facts of every thread at one moment after the other; what did not move is not summed up again."""

    def __init__(self, messages: dict[int, list[MessageFact]]) -> None:
        self._messages = messages
        self._times = {thread: [m.at for m in known] for thread, known in messages.items()}
        self._kept: dict[int, tuple[int, ThreadFacts]] = {}

    def at(self, moment: datetime) -> dict[int, ThreadFacts]:
        for thread, known in self._messages.items():
            count = bisect_right(self._times[thread], moment.timestamp())
            if self._kept.get(thread, (0, None))[0] != count:
                self._kept[thread] = (count, digest(known[:count], moment))
        return {thread: facts for thread, (count, facts) in self._kept.items() if count}


def _surfaced(there: Sequence[Candidate], moment: datetime, budget: float, tuning: Tuning) -> set[int]:
    return {p.id for p in cut(there, moment, budget, tuning).placed if p.lane in ("needs", "always")}


def _moments(start: datetime, end: datetime, every: timedelta) -> Iterator[datetime]:
    """From the start in equal steps, and the end."""
    moment = start
    while moment < end:
        yield moment
        moment += every
    yield end


def _said(session: Session, community_id: int, start: datetime, end: datetime) -> dict[int, bool]:
    """The last decision on each thread in that time."""
    query = select(DecisionRow.thread_id, DecisionRow.needs).where(
        DecisionRow.community_id == community_id, DecisionRow.as_of >= start, DecisionRow.as_of <= end
    )
    rows = session.execute(query.order_by(DecisionRow.at, DecisionRow.id))
    return {row.thread_id: row.needs for row in rows}


def _refs(session: Session, threads: Collection[int], said: Mapping[int, bool]) -> tuple[Ref, ...]:
    rows = [row for some in in_blocks(sorted(threads)) for row in session.execute(_named(some))]
    return tuple(Ref(remote_id, title, url, said.get(number)) for number, remote_id, title, url in rows)


def _named(threads: Collection[int]) -> Any:
    columns = Thread.id, Thread.remote_id, Thread.title, Thread.url
    return select(*columns).where(Thread.id.in_(threads)).order_by(Thread.id)


def _ref_json(ref: Ref) -> dict[str, Any]:
    return {"thread": ref.thread, "title": ref.title, "url": ref.url, "needed": ref.needed}
