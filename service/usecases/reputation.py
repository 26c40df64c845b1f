"""Who is a rock star: standings kept up to date, and candidates with their evidence and what speaks against them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from moderation.trust import Against, Reputation, against
from moderation.trust_voices import Circle
from service.db import reports, standings, trust
from service.db.models import Author, Community, Connection, Message, Thread
from service.db.trust_tables import Product, StandingRow, TrustAuthor, TrustMark, TrustThread
from service.deps import Deps
from service.usecases.circles import circle_of
from service.usecases.same_person import accounts, same_person
from service.usecases.ties import ties_of

#: Threads, and authors, that one transaction takes.
BLOCK = 500
#: Candidates that a list shows, and how many more of the best it looks through for them.
SHOWN, LOOKED_AT = 10, 60


@dataclass(frozen=True, slots=True)
class Evidence:
    """One of somebody's best answers; `case` is the thread's number here."""

    thread: int
    title: str
    url: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Account:
    """An account on a platform; one person may have proven several."""

    id: int
    handle: str
    name: str
    connection: str
    url: str


@dataclass(frozen=True, slots=True)
class InArea:
    """The score in an area beside its name in words."""

    key: str
    name: str
    reputation: Reputation


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who helps, in the area asked for; `against` empty: they can be proposed.

    `circle` is who stands behind them, where nothing but that could speak against them.
    """

    accounts: tuple[Account, ...]
    reputation: Reputation
    areas: tuple[InArea, ...]
    against: tuple[Against, ...]
    circle: Circle | None
    marks: tuple[TrustMark, ...]
    best: tuple[Evidence, ...]

    @property
    def account(self) -> Account:
        return self.accounts[0]


@dataclass(frozen=True, slots=True)
class Area:
    """Where somebody can be good at something; `people` have a standing there."""

    key: str
    name: str
    people: int


@dataclass(frozen=True, slots=True)
class Found:
    """`candidates` could be proposed, the best first; of `others`, who are as good, something speaks against it.

    `authors` wrote something, of which `praised` were praised in the area. `waiting` threads are still to be read.
    """

    area: str
    candidates: tuple[Candidate, ...]
    others: tuple[Candidate, ...]
    authors: int
    praised: int
    waiting: int


# ------------------------------------------------------------------ keeping standings


def sum_up(deps: Deps, blocks: int = 20) -> int:
    """Reads threads that changed and makes the standings they concern, in blocks. Returns how many of both."""
    total = 0
    for _ in range(blocks):
        done = _read_block(deps) or _stand_block(deps)
        if not done:
            break
        total += done
    return total


def sum_up_all(deps: Deps) -> int:
    """Until nothing is left, for who asks once and wants the whole answer."""
    total = 0
    while done := sum_up(deps):
        total += done
    return total


def _read_block(deps: Deps) -> int:
    with deps.store.read() as session:
        fresh = trust.read(session, trust.changed(session, BLOCK))
    if fresh:
        with deps.store.write() as session:
            trust.keep(session, fresh, deps.now())
    return len(fresh)


def _stand_block(deps: Deps) -> int:
    now = deps.now()
    with deps.store.read() as session:
        same = same_person(session)
        due = standings.due(session, same, now, BLOCK)
        made = standings.make(session, due, same, reports.tally(session, due, same), now)
    if due:
        with deps.store.write() as session:
            standings.keep(session, due, made, now)
    return len(due)


# ------------------------------------------------------------------ candidates


def rockstars(deps: Deps, area: str = "", shown: int = SHOWN) -> Found:
    """The best of an area ("" everywhere), as standings are kept. Raises BadInput where there is no such area."""
    with deps.store.read() as session:
        names = area_names(session)
        if area and area not in names:
            raise BadInput(f"There is no area “{area}”. `tenth rockstars --areas` lists them.")
        rows = _top(session, area)
        looked = _candidates(session, rows, area, names, shown)
        waiting = select(func.count()).select_from(TrustThread).where(TrustThread.dirty > 0)
        praised = select(func.count()).select_from(StandingRow).where(StandingRow.area == area)
        return Found(
            area,
            tuple(c for c in looked if not c.against)[:shown],
            tuple(c for c in looked if c.against)[:shown],
            session.scalar(select(func.count()).select_from(TrustAuthor)) or 0,
            session.scalar(praised) or 0,
            session.scalar(waiting) or 0,
        )


def areas(deps: Deps) -> list[Area]:
    """Every area in which somebody has a standing, those with the most people first."""
    with deps.store.read() as session:
        names = area_names(session)
        query = select(StandingRow.area, func.count()).where(StandingRow.area.in_(names)).group_by(StandingRow.area)
        found = [Area(key, names[key], people) for key, people in session.execute(query)]
    return sorted(found, key=lambda a: (-a.people, a.name.casefold(), a.key))


def _top(session: Session, area: str) -> list[StandingRow]:
    best = select(StandingRow).where(StandingRow.area == area)
    return list(session.scalars(best.order_by(StandingRow.score.desc(), StandingRow.author_id).limit(LOOKED_AT)))


def _candidates(
    session: Session, rows: list[StandingRow], area: str, names: Mapping[str, str], shown: int
) -> list[Candidate]:
    """Those of the list that it takes to show so many; a circle is looked at where nothing else speaks against."""
    same = same_person(session)
    ids = [row.author_id for row in rows]
    people = {i: accounts(i, same) for i in ids}
    everyone = _accounts_of(session, {a for found in people.values() for a in found})
    ties = ties_of(session, {a: everyone[a][0] for a in everyone}, area)
    there = _people_in(session)
    best = _evidence(session, {tuple(pair) for row in rows for pair in row.facts["best"]})
    elsewhere = _areas_of(session, ids, names)
    found: list[Candidate] = []
    for row in rows:
        if sum(not c.against for c in found) == shown:
            break
        mine = people[row.author_id]
        tied = [why for account in mine for why in ties[account].against]
        known = Reputation.from_json(row.facts)
        around = None if against(known, ties=tied) else circle_of(session, row.author_id, same)
        count = sum(there.get(connection, 0) for connection in {everyone[a][0].connection_id for a in mine})
        found.append(
            Candidate(
                tuple(everyone[a][1] for a in mine),
                known,
                tuple(elsewhere.get(row.author_id, ())),
                against(known, ties=tied, around=around, people=count),
                around,
                tuple(mark for account in mine for mark in ties[account].marks),
                tuple(best[tuple(pair)] for pair in row.facts["best"] if tuple(pair) in best),
            )
        )
    return found


def _accounts_of(session: Session, ids: Iterable[int]) -> dict[int, tuple[Author, Account]]:
    query = select(Author, Connection.name).join(Connection, Connection.id == Author.connection_id)
    rows = session.execute(query.where(Author.id.in_(list(ids))))
    return {a.id: (a, Account(a.id, a.handle, a.name, connection, a.url)) for a, connection in rows}


def _people_in(session: Session) -> dict[int, int]:
    """How many wrote something, by connection."""
    query = select(Author.connection_id, func.count()).join(TrustAuthor, TrustAuthor.author_id == Author.id)
    return {row[0]: row[1] for row in session.execute(query.group_by(Author.connection_id))}


def _evidence(session: Session, wanted: Collection[tuple[int, str]]) -> dict[tuple[Any, ...], Evidence]:
    """Answers that still stand, by (thread, the platform's id). SQLite looks no pair up in an index."""
    query = (
        select(Message.thread_id, Message.remote_id, Thread.title, Message.url, Thread.url, Message.created_at)
        .join(Thread, Thread.id == Message.thread_id)
        .where(Message.thread_id.in_({thread for thread, _ in wanted}), Message.deleted_at.is_(None))
        .where(tuple_(Message.thread_id, Message.remote_id).in_(list(wanted)))
    )
    return {
        (thread, remote): Evidence(thread, title, url or thread_url, at)
        for thread, remote, title, url, thread_url, at in session.execute(query)
    }


def _areas_of(session: Session, ids: list[int], names: Mapping[str, str]) -> dict[int, list[InArea]]:
    """The areas of each author, the one they are best in first."""
    found: defaultdict[int, list[InArea]] = defaultdict(list)
    query = select(StandingRow).where(StandingRow.author_id.in_(ids), StandingRow.area != "")
    for row in session.scalars(query.order_by(StandingRow.author_id, StandingRow.score.desc(), StandingRow.area)):
        if row.area in names:  # a product may have been taken off the list a moment ago
            found[row.author_id].append(InArea(row.area, names[row.area], Reputation.from_json(row.facts)))
    return found


def area_names(session: Session) -> dict[str, str]:
    """Words for every area that is known."""
    keys = session.scalars(select(StandingRow.area).where(StandingRow.area != "").distinct())
    query = select(Community.id, Community.name, Connection.name).join(Connection)
    communities = {f"community:{number}": name or where for number, name, where in session.execute(query)}
    products = {f"product:{name.casefold()}": name for name in session.scalars(select(Product.name))}
    return {key: f"#{key.removeprefix('tag:')}" for key in keys if key.startswith("tag:")} | communities | products
