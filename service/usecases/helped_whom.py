"""A year in thanks: what somebody's answers did for others, told to themselves alone. No rank, no points."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from service.db.trust_tables import DeedRow, PraiseRow
from service.deps import Deps
from service.usecases.people import Known
from service.usecases.proofs import authors_of
from service.usecases.public_answers import Answer, answers

#: The most answers that are linked.
LINKED = 12


@dataclass(frozen=True, slots=True)
class HelpedYear:
    """One calendar year, in UTC, of all accounts that somebody has proven.

    `answered` counts threads of others, `accepted` and `calmed` are of these; `people` accepted or thanked. `links` are
    to the answers that were, the newest first. `years` are those of which anything is known; none: no account proven.
    """

    year: int
    years: tuple[int, ...]
    answered: int = 0
    people: int = 0
    accepted: int = 0
    calmed: int = 0
    links: tuple[Answer, ...] = ()


def helped_year(deps: Deps, by: Known, year: int | None = None) -> HelpedYear:
    """What somebody's answers did in a year, by default the one that is running."""
    this = deps.now().year
    with deps.store.read() as session:
        mine = authors_of(session, by.id)
        years = _years(session, mine, this)
        chosen = year if year in years else this
        return _year(session, mine, chosen, years) if mine else HelpedYear(chosen, ())


def _years(session: Session, mine: Collection[int], this: int) -> tuple[int, ...]:
    first = session.scalar(select(func.min(DeedRow.at)).where(DeedRow.author_id.in_(mine), DeedRow.answered))
    return tuple(range(this, min(first.year if first else this, this) - 1, -1))


def _year(session: Session, mine: Collection[int], year: int, years: tuple[int, ...]) -> HelpedYear:
    answered = (DeedRow.author_id.in_(mine), DeedRow.answered.is_(True), *_within(DeedRow.at, year))
    others = (PraiseRow.author_id.in_(mine), PraiseRow.giver_id.not_in(mine), *_within(PraiseRow.at, year))
    people = select(func.count(PraiseRow.giver_id.distinct())).where(*others)
    return HelpedYear(
        year,
        years,
        _threads(session, *answered),
        session.scalar(people) or 0,
        _threads(session, *answered, DeedRow.accepted.is_(True)),
        _threads(session, *answered, DeedRow.calmed.is_(True)),
        _links(session, *answered, DeedRow.accepted.is_(True) | DeedRow.thanked.is_(True)),
    )


def _within(at: InstrumentedAttribute[datetime], year: int) -> tuple[ColumnElement[bool], ...]:
    return at >= datetime(year, 1, 1, tzinfo=UTC), at < datetime(year + 1, 1, 1, tzinfo=UTC)


def _threads(session: Session, *where: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count(DeedRow.thread_id.distinct())).where(*where)) or 0


def _links(session: Session, *where: ColumnElement[bool]) -> tuple[Answer, ...]:
    query = select(DeedRow.thread_id, DeedRow.best).where(*where, DeedRow.best != "")
    rows = session.execute(query.order_by(DeedRow.at.desc(), DeedRow.thread_id.desc()).limit(4 * LINKED))
    pairs = [(thread, remote) for thread, remote in rows]
    known = answers(session, pairs)
    return tuple(known[pair] for pair in pairs if pair in known)[:LINKED]
