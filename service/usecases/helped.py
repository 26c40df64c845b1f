"""Did it help: feelings before and after the answer, how fast it came and from whom, targets met, coverage.

A conversation counts in the window in which somebody first asked in it. Sums are kept beside the threads
(`service.db.outcomes`); a report reads these and no message.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from moderation.feelings import BAND
from moderation.helped import Conversation, Figures, Pile, Share, together
from service.db import outcomes
from service.db.clock_tables import OutcomeRow
from service.db.models import Case, Community, Connection, DeliveryRow, Thread
from service.db.team_tables import CaseTeam, Team
from service.deps import Deps
from service.usecases.clocks import overdue
from service.usecases.targets import DEFAULT, plans

#: Threads that are summed up in one transaction.
BLOCK = 400
#: Conversations named because their author left less content than they came.
MOST_NAMED = 8
#: Decisions that say that it is done; to leave it to the community says nothing of that.
_DONE = ("handled", "answered")
#: What conversations are piled up by: community, topic, team.
_Key = tuple[int, str, int | None]
_Kind = TypeVar("_Kind")


@dataclass(frozen=True, slots=True)
class Group:
    """The conversations of a community, or of one topic in it ("": nothing stands out; None: all). `late` are open."""

    community_id: int
    community: str
    connection: str
    topic: str | None
    figures: Figures
    late: int = 0


@dataclass(frozen=True, slots=True)
class TeamGroup:
    """The conversations whose case is a team's now; `team_id` None: those that no team has."""

    team_id: int | None
    team: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Fell:
    """A conversation whose author left less content than they came, after the brand's answer."""

    thread_id: int
    title: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """Messages that were taken in, those of them that have a score, and deliveries that wait or could not be read."""

    scored: int
    stored: int
    waiting: int
    dead: int

    @property
    def share(self) -> Share:
        return Share(self.scored, self.stored + self.waiting + self.dead)


@dataclass(frozen=True, slots=True)
class Report:
    """`uncounted` conversations changed and are not summed up anew yet; `running` open cases have a target, `late`
    are past it; `targets` says whether any community has one."""

    since: datetime
    until: datetime
    figures: Figures
    communities: tuple[Group, ...]
    topics: tuple[Group, ...]
    teams: tuple[TeamGroup, ...]
    fell: tuple[Fell, ...]
    coverage: Coverage
    running: int
    late: int
    uncounted: int
    targets: bool

    @property
    def routed(self) -> bool:
        """Whether any of these conversations is a team's."""
        return any(group.team_id is not None for group in self.teams)


# ------------------------------------------------------------------ summing up


def sum_up(deps: Deps, blocks: int = 20) -> int:
    """Sums up conversations that changed, in blocks, so that nobody waits long. Returns how many."""
    with deps.store.read() as session:
        late = outcomes.answered_since(session, deps.now())
    if late:
        with deps.store.write() as session:
            outcomes.touch(session, late)
    total = 0
    for _ in range(blocks):
        with deps.store.read() as session:
            rows = outcomes.sum_up(session, outcomes.changed(session, BLOCK), deps.now())
        if not rows:
            break
        with deps.store.write() as session:
            outcomes.keep(session, rows)
        total += len(rows)
    return total


def sum_up_all(deps: Deps) -> int:
    """Sums up until nothing is left, for who asks once and wants the whole answer."""
    total = 0
    while done := sum_up(deps):
        total += done
    return total


def feeling_of(deps: Deps, thread_id: int) -> tuple[float, float | None] | None:
    """How the author of a conversation felt before the brand's first answer and in the end, as last summed up."""
    with deps.store.read() as session:
        row = session.get(OutcomeRow, thread_id)
    if row is None or row.answered_by != "brand" or row.feeling_start is None:
        return None
    return row.feeling_start, row.feeling_end


# ------------------------------------------------------------------ the report


def helped(deps: Deps, since: datetime, communities: Collection[int] | None = None) -> Report:
    """What came of the conversations that began since a moment, in these communities (None: all)."""
    now = deps.now()
    with deps.store.read() as session:
        names = _names(session, communities)
        known = plans(session)
        rows = session.execute(_asked(since, now, names)).all()
        coverage = _coverage(session, since, names, communities is None)
        fell = _fell(session, since, now, names)
        dirty = select(func.count()).select_from(OutcomeRow).where(OutcomeRow.dirty > 0)
        uncounted = session.scalar(dirty) or 0
    piles: dict[_Key, Pile] = defaultdict(Pile)
    for row in rows:
        plan = known.get(row.community_id, DEFAULT)
        piles[row.community_id, row.topic, row.team_id].add(_conversation(row), plan.hours, plan.targets, now)
    late = overdue(deps, names)
    return Report(
        since=since,
        until=now,
        figures=together(piles.values()).figures(),
        communities=_communities(names, piles, late),
        topics=_topics(names, piles),
        teams=_teams({row.team_id: row.team for row in rows if row.team_id is not None}, piles),
        fell=fell,
        coverage=coverage,
        running=sum(run for run, _ in late.values()),
        late=sum(over for _, over in late.values()),
        uncounted=uncounted,
        targets=any(known[n].targets.response or known[n].targets.resolution for n in names if n in known),
    )


def _names(session: Session, communities: Collection[int] | None) -> dict[int, tuple[str, str]]:
    """Name and connection of each community that is asked about, in order."""
    query = (
        select(Community.id, Community.name, Connection.name)
        .join(Connection)
        .order_by(Connection.name, Community.name, Community.id)
    )
    wanted = {row[0]: (row[1], row[2]) for row in session.execute(query)}
    return {n: found for n, found in wanted.items() if communities is None or n in communities}


def _asked(since: datetime, until: datetime, communities: Collection[int]) -> Any:
    columns = (
        *(Thread.community_id, OutcomeRow.topic, OutcomeRow.asked_at, OutcomeRow.brand_after),
        *(OutcomeRow.community_after, OutcomeRow.accepted_after, OutcomeRow.answered_by, OutcomeRow.feeling_start),
        *(OutcomeRow.feeling_end, OutcomeRow.asked_back_at.is_not(None).label("asked_back"), OutcomeRow.told),
        *(Case.open, Case.decision, Case.decided_at, CaseTeam.team_id, Team.name.label("team")),
    )
    return (
        select(*columns)
        .join(Thread, Thread.id == OutcomeRow.thread_id)
        .outerjoin(Case, Case.thread_id == OutcomeRow.thread_id)
        .outerjoin(CaseTeam, CaseTeam.case_id == Case.id)
        .outerjoin(Team, Team.id == CaseTeam.team_id)
        .where(OutcomeRow.asked_at >= since, OutcomeRow.asked_at <= until, Thread.community_id.in_(communities))
    )


def _conversation(row: Row[Any]) -> Conversation:
    decided = (row.decided_at - row.asked_at).total_seconds() if row.decision in _DONE and row.decided_at else None
    settled = [after for after in (row.accepted_after, decided) if after is not None and after >= 0]
    return Conversation(
        asked=row.asked_at,
        brand=_length(row.brand_after),
        community=_length(row.community_after),
        settled=_length(min(settled, default=None)),
        needed=bool(row.open) or row.decision in _DONE or row.brand_after is not None,
        by=row.answered_by,
        start=row.feeling_start,
        end=row.feeling_end,
        asked_back=row.asked_back,
        told=row.told,
    )


def _length(seconds: float | None) -> timedelta | None:
    return timedelta(seconds=seconds) if seconds is not None else None


def _communities(
    names: Mapping[int, tuple[str, str]], piles: Mapping[_Key, Pile], late: Mapping[int, tuple[int, int]]
) -> tuple[Group, ...]:
    mine = _merged(piles, lambda key: key[0])
    return tuple(
        Group(number, *name, None, mine.get(number, Pile()).figures(), late.get(number, (0, 0))[1])
        for number, name in names.items()
    )


def _topics(names: Mapping[int, tuple[str, str]], piles: Mapping[_Key, Pile]) -> tuple[Group, ...]:
    mine = sorted(_merged(piles, lambda key: key[:2]).items())
    return tuple(Group(number, *names[number], topic, pile.figures()) for (number, topic), pile in mine)


def _teams(names: Mapping[int, str], piles: Mapping[_Key, Pile]) -> tuple[TeamGroup, ...]:
    """By name; what no team has comes last."""
    mine = _merged(piles, lambda key: key[2])
    found = [TeamGroup(n, names[n] if n is not None else "", pile.figures()) for n, pile in mine.items()]
    return tuple(sorted(found, key=lambda one: (one.team_id is None, one.team)))


def _merged(piles: Mapping[_Key, Pile], by: Callable[[_Key], _Kind]) -> dict[_Kind, Pile]:
    """The piles by one thing that they are told apart by."""
    kinds: dict[_Kind, list[Pile]] = defaultdict(list)
    for key, pile in piles.items():
        kinds[by(key)].append(pile)
    return {kind: together(mine) for kind, mine in kinds.items()}


def _coverage(session: Session, since: datetime, communities: Collection[int], everything: bool) -> Coverage:
    """Of a delivery nobody knows the community before it is read: those count where all communities do."""
    query = select(func.sum(OutcomeRow.scored), func.sum(OutcomeRow.messages)).join(
        Thread, Thread.id == OutcomeRow.thread_id
    )
    inside = (Thread.last_message_at >= since, Thread.community_id.in_(communities))
    scored, stored = session.execute(query.where(*inside)).one()
    unread = select(DeliveryRow.state, func.count()).where(
        DeliveryRow.state.in_(("pending", "claimed", "dead")), DeliveryRow.received_at >= since
    )
    rows = session.execute(unread.group_by(DeliveryRow.state)).all() if everything else []
    counts: dict[str, int] = {row[0]: row[1] for row in rows}
    waiting = counts.get("pending", 0) + counts.get("claimed", 0)
    return Coverage(scored or 0, stored or 0, waiting, counts.get("dead", 0))


def _fell(session: Session, since: datetime, until: datetime, communities: Collection[int]) -> tuple[Fell, ...]:
    """Those that fell deepest, worth reading first."""
    depth = OutcomeRow.feeling_end - OutcomeRow.feeling_start
    query = (
        select(Thread.id, Thread.title, OutcomeRow.feeling_start, OutcomeRow.feeling_end)
        .join(Thread, Thread.id == OutcomeRow.thread_id)
        .where(OutcomeRow.asked_at >= since, OutcomeRow.asked_at <= until, Thread.community_id.in_(communities))
        .where(OutcomeRow.answered_by == "brand", depth <= -BAND)
        .order_by(depth, Thread.id)
        .limit(MOST_NAMED)
    )
    return tuple(Fell(number, title, start or 0.0, end or 0.0) for number, title, start, end in session.execute(query))
