"""The standing of authors by area, made from what trust.py keeps. Everything here runs in the caller's transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, func, or_, select, update
from sqlalchemy.orm import Session

from moderation.model import AuthorRole
from moderation.trust import Reports, Reputation, reputation
from moderation.trust_threads import Deed, Praise
from moderation.trust_voices import HALF_LIFE_DAYS, HORIZON, Giver, voices
from service.db.models import Author
from service.db.trust import chunks
from service.db.trust_tables import DeedRow, PraiseRow, StandingRow, TrustAuthor, TrustMark, TrustThread

#: Answers that are shown as evidence.
BEST = 5
#: A standing is made anew after so long, though nothing changed: it fades.
FADES = timedelta(days=7)
OURS = (AuthorRole.BRAND, AuthorRole.STAFF)


@dataclass(slots=True)
class Known:
    """What is kept of one person, whose accounts are one: (areas, thread, deed), (areas, praise) got, praise given."""

    deeds: list[tuple[Sequence[str], int, Deed]] = field(default_factory=list)
    got: list[tuple[Sequence[str], Praise]] = field(default_factory=list)
    gave: list[Praise] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Standing:
    """One author's reputation in one area; `best` are (thread, the platform's id) of answers that were praised."""

    author: int
    area: str
    reputation: Reputation
    best: tuple[tuple[int, str], ...]


def due(session: Session, same: Mapping[int, int], now: datetime, limit: int) -> dict[int, int]:
    """Authors whose standing is to be made, and those who stand for them, with the count of what changed about each."""
    query = select(TrustAuthor.author_id, TrustAuthor.dirty)
    found = session.execute(query.where(TrustAuthor.dirty > 0).limit(limit)).all()
    if not found:
        found = session.execute(query.where(TrustAuthor.made_at < now - FADES).limit(limit)).all()
    wanted = {row.author_id: row.dirty for row in found}
    stand = {same[a] for a in wanted if a in same} - set(wanted)
    return wanted | {row.author_id: row.dirty for row in session.execute(query.where(TrustAuthor.author_id.in_(stand)))}


def ours(session: Session, ids: Collection[int]) -> set[int]:
    """Those of these authors who are tied to the brand, whoever says so."""
    marks = session.scalars(select(TrustMark).where(TrustMark.ended_at.is_(None), TrustMark.kind != "conflict")).all()
    declared, domains = {m.author_id for m in marks}, [m.domain for m in marks if m.domain]
    found: set[int] = set()
    for some in chunks(ids):
        rows = session.execute(select(Author.id, Author.role, Author.handle).where(Author.id.in_(some)))
        for number, role, handle in rows:
            if role in OURS or number in declared or any(at_domain(handle, domain) for domain in domains):
                found.add(number)
    return found


def at_domain(handle: str, domain: str) -> bool:
    """Whether an address (name@host) is at a domain or below it. A forum's user names are at none."""
    name, _, host = handle.casefold().rpartition("@")
    return bool(name) and (host == domain or host.endswith(f".{domain}"))


def make(
    session: Session,
    authors: Collection[int],
    same: Mapping[int, int],
    reports: Mapping[int, Reports],
    now: datetime,
) -> list[Standing]:
    """The standings of these authors; reads only. `same` maps an account to the one that stands for its person.

    An account that another stands for has no standing of its own. `reports` are by the account that stands.
    """
    first = [a for a in authors if same.get(a, a) == a]
    accounts = _accounts(first, same)
    known = _known(session, accounts, same, now)
    givers = _givers(session, {p.giver for k in known.values() for _, p in k.got}, same, now)
    return [s for a in first for s in _standings(a, known[a], givers, reports.get(a, Reports()), now)]


def keep(session: Session, authors: Mapping[int, int], standings: Iterable[Standing], now: datetime) -> None:
    """Replaces the standings of those authors about whom nothing changed since they were made."""
    ids = list(authors)
    locked = select(TrustAuthor.author_id, TrustAuthor.dirty).where(TrustAuthor.author_id.in_(ids))
    rows = session.execute(locked.order_by(TrustAuthor.author_id).with_for_update())
    mine = {row.author_id for row in rows if row.dirty == authors[row.author_id]}
    old = delete(StandingRow).where(StandingRow.author_id.in_(mine))
    session.execute(old.execution_options(synchronize_session=False))
    fresh = [_values(s) for s in standings if s.author in mine]
    if fresh:
        session.connection().execute(StandingRow.__table__.insert(), fresh)  # type: ignore[attr-defined]
    table: Any = TrustAuthor.__table__
    done = update(table).where(table.c.author_id == bindparam("b_id")).values(dirty=0, made_at=now)
    if mine:
        session.connection().execute(done, [{"b_id": i} for i in mine])


def _standings(
    author: int, known: Known, givers: Mapping[int, _Seen], reports: Reports, now: datetime
) -> Iterator[Standing]:
    """Everywhere ("") and in each area where somebody praised them."""
    everywhere = [deed for _, _, deed in known.deeds]
    for area in ("", *sorted({area for areas, _ in known.got for area in areas})):
        here = [(thread, deed) for areas, thread, deed in known.deeds if not area or area in areas]
        got = [praise for areas, praise in known.got if not area or area in areas]
        heard = {p.giver: _except(givers[p.giver], author) for p in got}
        found = reputation([d for _, d in here], everywhere, voices(got, known.gave, heard, now), reports, now)
        if found.score > 0.0:
            yield Standing(author, area, found, _best(here))


def _best(here: Iterable[tuple[int, Deed]]) -> tuple[tuple[int, str], ...]:
    praised = [(thread, deed) for thread, deed in here if deed.praised and not deed.toxic]
    praised.sort(key=lambda pair: (pair[1].accepted, pair[1].at, pair[0]), reverse=True)
    return tuple((thread, deed.best) for thread, deed in praised[:BEST])


def _values(standing: Standing) -> dict[str, Any]:
    found = standing.reputation
    facts = found.to_json() | {"best": [list(pair) for pair in standing.best]}
    return {"author_id": standing.author, "area": standing.area, "score": found.score, "facts": facts}


# ------------------------------------------------------------------ what is kept of people


def _accounts(first: Iterable[int], same: Mapping[int, int]) -> list[int]:
    wanted = set(first)
    return sorted(wanted | {account for account, person in same.items() if person in wanted})


def _known(
    session: Session, accounts: Sequence[int], same: Mapping[int, int], now: datetime
) -> defaultdict[int, Known]:
    since = now - timedelta(days=HALF_LIFE_DAYS * HORIZON)
    found: defaultdict[int, Known] = defaultdict(Known)
    areas: dict[int, Sequence[str]] = {}
    recent = or_(DeedRow.at >= since, DeedRow.toxic_at >= since)
    query = select(DeedRow.__table__, TrustThread.areas).join(TrustThread, TrustThread.thread_id == DeedRow.thread_id)
    for some in chunks(accounts):
        for row in session.execute(query.where(DeedRow.author_id.in_(some), recent)):
            areas[row.thread_id] = row.areas
            person = same.get(row.author_id, row.author_id)
            found[person].deeds.append((row.areas, row.thread_id, _deed(row, person, same)))
        for praise, thread in _praises(session, PraiseRow.author_id.in_(some), same, since):
            if praise.giver != praise.author:
                found[praise.author].got.append((areas.get(thread, ()), praise))
        for praise, _ in _praises(session, PraiseRow.giver_id.in_(some), same, since):
            if praise.giver != praise.author:
                found[praise.giver].gave.append(praise)
    return found


def _deed(row: Any, person: int, same: Mapping[int, int]) -> Deed:
    """Nobody answers themselves, whichever of their accounts they ask with."""
    own = same.get(row.asker_id, row.asker_id) == person
    return Deed(
        author=person,
        began=row.began,
        at=row.at,
        posts=row.posts,
        weeks=frozenset(row.weeks),
        toxic=row.toxic,
        toxic_at=row.toxic_at,
        answered=row.answered and not own,
        accepted=row.accepted and not own,
        thanked=row.thanked,
        passed_over=row.passed_over,
        delay=None if own else row.delay,
        calmed=row.calmed,
        best=row.best,
    )


def _praises(session: Session, where: Any, same: Mapping[int, int], since: datetime) -> Iterator[tuple[Praise, int]]:
    query = select(PraiseRow.__table__).where(where, PraiseRow.at >= since)
    for row in session.execute(query):
        giver, author = same.get(row.giver_id, row.giver_id), same.get(row.author_id, row.author_id)
        yield Praise(giver, author, row.at, row.accepted), row.thread_id


@dataclass(frozen=True, slots=True)
class _Seen:
    """A giver, and the authors found in threads they began: all of them where there are few, else some."""

    giver: Giver
    company: frozenset[int]


def _except(seen: _Seen, author: int) -> Giver:
    """A giver as they are without one author."""
    return Giver(seen.giver.given, seen.giver.staff, alone=not seen.company - {author})


def _givers(session: Session, people: Collection[int], same: Mapping[int, int], now: datetime) -> dict[int, _Seen]:
    since = now - timedelta(days=HALF_LIFE_DAYS * HORIZON)
    given: defaultdict[int, list[datetime]] = defaultdict(list)
    company: defaultdict[int, set[int]] = defaultdict(set)
    staff: set[int] = set()
    others = (DeedRow.author_id != DeedRow.asker_id,)
    some_company = select(DeedRow.asker_id, func.min(DeedRow.author_id), func.max(DeedRow.author_id))
    for some in chunks(_accounts(people, same)):
        for praise, _ in _praises(session, PraiseRow.giver_id.in_(some), same, since):
            if praise.giver != praise.author:
                given[praise.giver].append(praise.at)
        grouped = some_company.where(DeedRow.asker_id.in_(some), *others).group_by(DeedRow.asker_id)
        for asker, one, other in session.execute(grouped):
            person = same.get(asker, asker)
            company[person] |= {same.get(one, one), same.get(other, other)} - {person}
        staff |= {same.get(number, number) for number in ours(session, some)}
    return {p: _Seen(Giver(tuple(given[p]), p in staff), frozenset(company[p])) for p in people}
