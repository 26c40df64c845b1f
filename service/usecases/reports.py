"""Reports as people see them: one row for each subject, weighed by who reported it, the most pressing first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, case, func, select, true
from sqlalchemy.orm import Session

from moderation.errors import NotAllowed
from moderation.model import Capability, ReportOutcome
from moderation.policy import ROLES, TRUSTED, Actor, Subject, authorize
from moderation.reports import STRANGER, credence, pressing, weight
from moderation.trust import Reports
from service.db.models import Author, Community, Connection, Message, Thread
from service.db.report_tables import ReportRow
from service.db.reports import tally
from service.db.trust import chunks
from service.deps import Deps
from service.usecases.carrying import carried
from service.usecases.people import Known
from service.usecases.report_deciding import ACTS, SILENCE_HOURS
from service.usecases.report_subjects import Asker, Reported, about, asker, decided_by, may_decide, permit_decision
from service.usecases.same_person import same_person

#: Reports that are looked through, the oldest first, and subjects that a list shows.
LOOKED_THROUGH, SHOWN = 2_000, 100
_OURS = ("brand", "staff")
_Query = TypeVar("_Query", bound=Select[*tuple[Any, ...]])


@dataclass(frozen=True, slots=True)
class Complaint:
    """One report. `reporter` is "" where the platform does not tell who, or whoever reads it may not know.

    `right` and `wrong` are what became of their reports so far; `sure` is whether they count for more than a stranger.
    """

    id: int
    at: datetime
    reason: str
    text: str
    reporter: str
    right: int
    wrong: int
    sure: bool


@dataclass(frozen=True, slots=True)
class Group:
    """A subject with its open reports. `id` is the first report's; `weight` and `pressing` are in [0, 1].

    `message_id` None: it is about the author, or (`unread`) about a post that was not read here. `reporters` counts
    people, whoever reports twice once. `acts` are what whoever asks may do to it with the decision.
    """

    id: int
    connection_id: int
    connection: str
    platform: str
    community_id: int | None
    community: str
    thread_id: int | None
    title: str
    message_id: int | None
    author_id: int | None
    author: str
    text: str
    url: str
    gone: bool
    unread: bool
    first_at: datetime
    reporters: int
    weight: float
    pressing: float
    complaints: tuple[Complaint, ...]
    acts: tuple[Capability, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """`groups` are those that press most, of `total` that whoever asks may decide about."""

    groups: tuple[Group, ...]
    total: int


def groups(deps: Deps, by: Known, shown: int = SHOWN) -> Found:
    """What somebody may decide about, the most pressing first; who reported is told to the brand's own people only."""
    now = deps.now()
    with deps.store.read() as session:
        who = asker(session, by)
        mine = decided_by(who.actor, now, ReportRow.connection_id, Thread.community_id)
        here = {min(row.id for row in subject.reports): subject for subject in _open(session, mine)}
        found = _grouped(session, [*here.values()], now, named=Capability.TRIAGE in ROLES.get(by.role, frozenset()))
        theirs = [one for one in found if _permits(session, who, here[one.id], now)]
        offered = tuple(replace(one, acts=_acts(deps, session, who, here[one.id])) for one in theirs[:shown])
    return Found(offered, len(theirs))


def open_subjects(deps: Deps) -> list[Group]:
    """Every subject with open reports, whoever may decide about it; nobody who reported is named."""
    with deps.store.read() as session:
        return _grouped(session, _open(session, true()), deps.now(), named=False)


def waiting_count(deps: Deps, by: Known) -> int:
    """How many subjects wait for somebody; those about staff count for managers only."""
    actor, now = by.asking, deps.now()
    if not may_decide(actor, now):
        return 0
    # As `_open` tells subjects apart.
    whom = case((ReportRow.message_remote == "", func.coalesce(ReportRow.about_id, -ReportRow.id)))
    mine = decided_by(actor, now, ReportRow.connection_id, Thread.community_id)
    query = _placed(select(ReportRow.connection_id, ReportRow.message_remote, whom.label("whom"))).where(mine)
    if actor.role not in TRUSTED:
        query = query.outerjoin(Author, Author.id == ReportRow.about_id)
        query = query.where(Author.role.is_(None) | Author.role.not_in(_OURS))
    with deps.store.read() as session:
        return session.scalar(select(func.count()).select_from(query.distinct().subquery())) or 0


# ------------------------------------------------------------------ small parts


def _acts(deps: Deps, session: Session, who: Asker, one: Reported) -> tuple[Capability, ...]:
    """What the platform can do to the post, and whoever asks may."""
    if one.message is None or one.author_id is None or one.message.deleted_at is not None:
        return ()
    rank = who.rank_of(session, one.author_id, one.connection_id)
    subject = Subject(one.name, place=one.place, rank=rank, hours=SILENCE_HOURS)
    can = carried(deps, session.get_one(Connection, one.connection_id))
    return tuple(kind for kind in ACTS if kind in can and _may(who.actor, kind, subject, deps.now()))


def _may(actor: Actor, kind: Capability, subject: Subject, now: datetime) -> bool:
    try:
        authorize(actor, kind, subject, now)
    except NotAllowed:
        return False
    return True


def _permits(session: Session, who: Asker, subject: Reported, now: datetime) -> bool:
    try:
        permit_decision(session, who, subject, now)
    except NotAllowed:
        return False
    return True


def _placed(query: _Query) -> _Query:
    """Of reports those that are open, each with the thread that it is in, as far as that is known."""
    query = query.outerjoin(Message, Message.id == ReportRow.message_id)
    query = query.outerjoin(Thread, Thread.id == Message.thread_id)
    return query.where(ReportRow.outcome == ReportOutcome.OPEN)


def _open(session: Session, here: ColumnElement[bool]) -> list[Reported]:
    """Subjects with their open reports where a condition on report and thread holds."""
    query = _placed(select(ReportRow, Message, Thread)).where(here).order_by(ReportRow.at, ReportRow.id)
    # Held until the end: `about` finds each message and thread in the session again.
    rows = session.execute(query.limit(LOOKED_THROUGH)).all()
    together: dict[tuple[object, ...], list[ReportRow]] = {}
    for row, _message, _thread in rows:
        alone = row.id if not row.message_remote and row.about_id is None else None
        about_whom = row.about_id if not row.message_remote else None
        together.setdefault((row.connection_id, row.message_remote, about_whom, alone), []).append(row)
    return [about(session, found) for found in together.values()]


def _grouped(session: Session, subjects: Sequence[Reported], now: datetime, *, named: bool) -> list[Group]:
    same = same_person(session)
    rows = [row for subject in subjects for row in subject.reports]
    records = tally(session, {row.reporter_id for row in rows if row.reporter_id is not None}, same)
    people = {i for s in subjects for i in (s.author_id, *(row.reporter_id for row in s.reports)) if i is not None}
    authors = {a.id: a for some in chunks(people) for a in session.scalars(select(Author).where(Author.id.in_(some)))}
    places = {c.id: c for c in session.scalars(select(Community))}
    on = {c.id: c for c in session.scalars(select(Connection))}
    found = []
    for subject in subjects:
        # Those whom the platform does not name count together as one.
        reporters = {same.get(r.reporter_id or 0, r.reporter_id or 0) for r in subject.reports}
        weighs = weight({person: records.get(person, Reports()) for person in reporters})
        told = [_complaint(row, records, same, authors if named else {}) for row in subject.reports]
        author = authors.get(subject.author_id or 0)
        found.append(_group(subject, told, on[subject.connection_id], places, author, len(reporters), weighs, now))
    return sorted(found, key=lambda group: (-group.pressing, group.first_at, group.id))


def _group(
    subject: Reported,
    told: Sequence[Complaint],
    on: Connection,
    places: Mapping[int, Community],
    author: Author | None,
    reporters: int,
    weighs: float,
    now: datetime,
) -> Group:
    message, thread = subject.message, subject.thread
    first_at = min(one.at for one in told)
    return Group(
        id=min(one.id for one in told),
        connection_id=on.id,
        connection=on.name,
        platform=on.connector,
        community_id=thread.community_id if thread is not None else None,
        community=places[thread.community_id].name if thread is not None else "",
        thread_id=thread.id if thread is not None else None,
        title=thread.title if thread is not None else "",
        message_id=message.id if message is not None else None,
        author_id=subject.author_id,
        author=(author.name or author.handle) if author is not None else "",
        text=message.text if message is not None else "",
        url=message.url if message is not None else author.url if author is not None else "",
        gone=message is not None and message.deleted_at is not None,
        unread=message is None and bool(subject.reports[0].message_remote),
        first_at=first_at,
        reporters=reporters,
        weight=weighs,
        pressing=pressing(weighs, now - first_at),
        complaints=tuple(told),
    )


def _complaint(
    row: ReportRow, records: Mapping[int, Reports], same: Mapping[int, int], authors: Mapping[int, Author]
) -> Complaint:
    person = same.get(row.reporter_id or 0, row.reporter_id or 0)
    record, author = records.get(person, Reports()), authors.get(row.reporter_id or 0)
    return Complaint(
        id=row.id,
        at=row.at,
        reason=row.reason,
        text=row.text,
        reporter=(author.name or author.handle) if author is not None else "",
        right=record.upheld,
        wrong=record.rejected,
        sure=credence(record) > STRANGER,
    )
