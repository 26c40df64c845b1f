"""What reports are about, and who may decide about it. In the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import ColumnElement, SQLColumnExpression, false, or_, select, true
from sqlalchemy.orm import Session

from moderation.errors import BadInput, NotAllowed
from moderation.grants import Place, Scope
from moderation.model import Capability, ReportOutcome
from moderation.policy import RANKS, ROLES, TRUSTED, Actor, Permit, Subject, authorize
from service.db.models import Message, Person, Thread
from service.db.report_tables import ReportDecision, ReportRow
from service.db.scopes import within
from service.usecases.bearing import rank_of
from service.usecases.people import Known
from service.usecases.proofs import authors_of
from service.usecases.standing import actor_of

#: Whoever may do one of these in a place decides about its reports. A program is let in by the last.
WAYS = (
    *(Capability.TRIAGE, Capability.RESOLVE_REPORT, Capability.HIDE, Capability.LOCK, Capability.SILENCE),
    Capability.MANAGE,
)


class AlreadyDecided(BadInput):
    """Somebody was faster, here or on the platform."""


@dataclass(frozen=True, slots=True)
class Reported:
    """A subject with its open reports: a message, or an author, or a message that was not read yet (neither is known).

    `author_id` is whoever is complained of.
    """

    reports: tuple[ReportRow, ...]
    message: Message | None = None
    thread: Thread | None = None
    author_id: int | None = None

    @property
    def connection_id(self) -> int:
        return self.reports[0].connection_id

    @property
    def place(self) -> Place:
        return self.thread.place if self.thread is not None else Place(self.connection_id)

    @property
    def name(self) -> str:
        """What the audit log calls it."""
        if self.message is not None:
            return f"message:{self.message.id}"
        return f"author:{self.author_id}" if self.author_id is not None else f"report:{self.reports[0].id}"


def reported(session: Session, report_id: int) -> Reported:
    """The subject of an open report, with all that is open about it, locked. Raises BadInput, or AlreadyDecided."""
    row = session.get(ReportRow, report_id)
    if row is None:
        raise BadInput("There is no such report.")
    query = select(ReportRow).where(same_subject(row), ReportRow.outcome == ReportOutcome.OPEN).order_by(ReportRow.id)
    rows = session.scalars(query.with_for_update().execution_options(populate_existing=True)).all()
    if report_id not in {one.id for one in rows}:
        raise AlreadyDecided("This report is decided already: somebody was faster, or it was closed on its platform.")
    return about(session, rows)


def same_subject(row: ReportRow) -> ColumnElement[bool]:
    """What holds for every report of the same subject."""
    here = ReportRow.connection_id == row.connection_id
    if row.message_remote:
        return here & (ReportRow.message_remote == row.message_remote)
    if row.about_id is None:
        return ReportRow.id == row.id
    return here & (ReportRow.message_remote == "") & (ReportRow.about_id == row.about_id)


def about(session: Session, rows: Sequence[ReportRow]) -> Reported:
    """Reports of one subject, with what is known of it."""
    message_id = next((row.message_id for row in rows if row.message_id is not None), None)
    said_of = next((row.about_id for row in rows if row.about_id is not None), None)
    if message_id is None:
        return Reported(tuple(rows), author_id=said_of)
    message = session.get_one(Message, message_id)
    return Reported(tuple(rows), message, session.get_one(Thread, message.thread_id), message.author_id)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who decides, at this moment: as `authorize` knows them, and the authors that they have proven to be.

    `ranks` keeps how high authors stand who were asked about.
    """

    actor: Actor
    theirs: frozenset[int]
    ranks: dict[int, int] = field(default_factory=dict)

    def rank_of(self, session: Session, author_id: int, connection_id: int) -> int:
        """How high an author stands, as `bearing.rank_of` says."""
        if author_id not in self.ranks:
            self.ranks[author_id] = rank_of(session, author_id, connection_id)
        return self.ranks[author_id]


def asker(session: Session, by: Known) -> Asker:
    """A person as they are at this moment; a program as its token said."""
    if by.role == "program":
        return Asker(by.asking, frozenset())
    return Asker(actor_of(session, session.get_one(Person, by.id)), authors_of(session, by.id))


def permit_number(session: Session, who: Asker, report_id: int, now: datetime) -> None:
    """Raises NotAllowed for a report that somebody may not decide about, before anything is said of its state.

    To members, what is elsewhere, what is not theirs to decide and what is not there at all answer alike.
    """
    row = session.get(ReportRow, report_id)
    if row is not None:
        permit_decision(session, who, about(session, [row]), now)
    else:
        permit_here(who.actor, None, f"report:{report_id}", now)


def permit_decision(session: Session, who: Asker, subject: Reported, now: datetime) -> Permit:
    """Lets somebody decide about reports. Raises NotAllowed, which says why to the brand's own people only.

    Nobody decides about their own: what they wrote, a conversation they began, a report they made. What is about the
    brand's people, or about somebody who stands as high as whoever asks, is for owners and managers.
    """
    permit = permit_here(who.actor, subject.place, subject.name, now)
    try:
        _refuse_own(session, who, subject)
    except NotAllowed:
        if Capability.TRIAGE in ROLES.get(who.actor.role, frozenset()):
            raise
        raise _no_right() from None
    return permit


def _refuse_own(session: Session, who: Asker, subject: Reported) -> None:
    if who.theirs and who.theirs & _involved(session, subject):
        raise NotAllowed("Somebody else must decide this: it is about you, or you reported it, or began it.")
    if who.actor.role not in TRUSTED and subject.author_id is not None:
        rank = who.rank_of(session, subject.author_id, subject.connection_id)
        if rank and rank >= RANKS.get(who.actor.role, 0):
            raise NotAllowed("It is about staff, or about somebody who stands as high as you do: it is for a manager.")


def _no_right() -> NotAllowed:
    return NotAllowed("You hold no right to decide about reports here.")


def _involved(session: Session, subject: Reported) -> set[int | None]:
    """Whoever is complained of, whoever complains, and whoever began the conversation."""
    found = {subject.author_id, *(row.reporter_id for row in subject.reports)}
    if subject.thread is not None:
        first = select(Message.author_id).where(Message.thread_id == subject.thread.id)
        found.add(session.scalar(first.order_by(Message.created_at, Message.id).limit(1)))
    return found


def permit_here(actor: Actor, place: Place | None, name: str, now: datetime) -> Permit:
    """Lets somebody decide about reports of a place, whoever they are about. Raises NotAllowed.

    None stands for the place of what is not there: whoever decides in a part only is told the same of both.
    """
    for way in WAYS:
        try:
            return authorize(actor, way, Subject(name, place=place), now)
        except NotAllowed:
            continue
    raise _no_right()


def may_decide(actor: Actor, now: datetime) -> bool:
    """Whether there is any place where somebody decides about reports: for what to offer, never for what to do."""
    return _everywhere(actor, now) or bool(_parts(actor, now))


def decided_by(
    actor: Actor,
    now: datetime,
    connection: SQLColumnExpression[int],
    community: SQLColumnExpression[int] | SQLColumnExpression[int | None],
) -> ColumnElement[bool]:
    """The condition on rows, by these columns, that somebody decides about reports there; `Thread` is joined to them.

    It says of many rows what `permit_here` says of one.
    """
    if _everywhere(actor, now):
        return true()
    return or_(false(), *(within(scope, connection, community) for scope in _parts(actor, now)))


def place_of(session: Session, decision: ReportDecision) -> Place:
    """Where what was decided about is at this moment; where nothing of it is known, where it was."""
    message = session.get(Message, decision.message_id) if decision.message_id is not None else None
    if message is None:
        return Place(decision.connection_id, decision.community_id)
    return session.get_one(Thread, message.thread_id).place


def _everywhere(actor: Actor, now: datetime) -> bool:
    """Whether somebody's role lets them decide about reports, wherever."""
    return _holds_in(replace(actor, grants=()), None, now)


def _parts(actor: Actor, now: datetime) -> list[Scope]:
    """Where grants let somebody decide about reports: each is asked for on its own."""
    return [one.scope for one in actor.grants if _holds_in(replace(actor, grants=(one,)), one.scope.place, now)]


def _holds_in(actor: Actor, place: Place | None, now: datetime) -> bool:
    try:
        permit_here(actor, place, "reports", now)
    except NotAllowed:
        return False
    return True
