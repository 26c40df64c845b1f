"""The desk of whoever holds a grant: their part of the communities and nothing else, and what they may do there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, false, or_, select
from sqlalchemy.orm import Session

from moderation.errors import BadInput, NotAllowed
from moderation.grants import Place
from moderation.model import INVERSES, Capability
from moderation.policy import ANOTHER, RANKS, Actor, Subject, allows, authorize, needs_two
from service.db.models import Case, Community, Connection, Message, Thread
from service.db.scopes import within
from service.deps import Deps
from service.usecases.bearing import lately, rank_of, refuse_unseen, starter_of
from service.usecases.carrying import carried
from service.usecases.connections import connector_named
from service.usecases.conversation import ThreadPage, thread_page
from service.usecases.granted import Shown as ShownGrant
from service.usecases.granted import mine
from service.usecases.people import Known
from service.usecases.proofs import authors_of
from service.usecases.queue import LANES, Item, cases, item_of, marked_texts
from service.usecases.standing import subject_of
from service.usecases.wishing import ON_AUTHORS, ON_MESSAGES, ON_THREADS

#: Conversations shown at once.
SHOWN = 50
#: The order in which acts are offered: what is done most comes first.
ORDER = (
    Capability.HIDE,
    Capability.RESTORE,
    Capability.LOCK,
    Capability.UNLOCK,
    Capability.MARK_ANSWER,
    Capability.MOVE,
    Capability.WARN,
    Capability.SILENCE,
    Capability.UNSILENCE,
    Capability.SUSPEND,
    Capability.UNSUSPEND,
)


@dataclass(frozen=True, slots=True)
class Left:
    """A grant, and how many acts are left of it in this hour and this day."""

    grant: ShownGrant
    hour: int
    day: int


@dataclass(frozen=True, slots=True)
class Offered:
    """An act that can be asked for. `inverse` takes it back (None: nothing does); `two`: a second must say yes."""

    kind: Capability
    inverse: Capability | None
    two: bool
    on: str


@dataclass(frozen=True, slots=True)
class Desk:
    """What can be done in one conversation. `messages` are the ids of those that may be touched.

    `targets` are communities to move to, by id; `longest` is the longest silence in hours (None: no limit). `why` says
    why nothing is offered.
    """

    thread_id: int
    community_id: int
    acts: tuple[Offered, ...]
    messages: frozenset[int]
    targets: tuple[tuple[int, str], ...] = ()
    longest: int | None = None
    why: str = ""


def terms(deps: Deps, by: Known) -> list[Left]:
    """The grants that somebody holds, those that are suspended too, with what is left of each."""
    held = [one for one in mine(deps, by) if one.state in ("active", "suspended") and one.person_id == by.id]
    with deps.store.read() as session:
        hour, day = lately(session, by.id, deps.now())
    return [Left(one, max(0, min(one.hourly - hour, one.daily - day)), max(0, one.daily - day)) for one in held]


def conversations(deps: Deps, by: Known, locale: str) -> list[Item]:
    """What needs somebody in their part, the most pressing first."""
    with deps.store.read() as session:
        query = (
            cases()
            .where(*LANES["needs"], in_part_of(by, deps.now()))
            .order_by(Case.priority.desc(), Case.id.desc())
            .limit(SHOWN)
        )
        rows = session.execute(query).all()
        marked = marked_texts(session, [row[0].marked_message_id for row in rows])
        return [item_of(row, marked, deps.now(), locale) for row in rows]


def in_part_of(by: Known, now: datetime) -> ColumnElement[bool]:
    """The condition on a case with its thread that a grant lets somebody see it. Without such a grant, none is."""
    scopes = [grant.scope for grant in by.grants if grant.holds(now) and Capability.SEE in grant.capabilities]
    return or_(false(), *(within(scope, Case.connection_id, Case.community_id) for scope in scopes))


def opened(deps: Deps, by: Known, thread_id: int, locale: str) -> ThreadPage:
    """A conversation, for those who may see it there. Raises NotAllowed, BadInput."""
    with deps.store.read() as session:
        refuse_unseen(session, by.asking, thread_id, deps.now())
    return thread_page(deps, thread_id, locale)


def desk_of(deps: Deps, by: Known, thread_id: int) -> Desk | None:
    """What this person may do in a conversation; None where that is nothing at any time. Raises BadInput."""
    now = deps.now()
    with deps.store.read() as session:
        thread = session.get(Thread, thread_id)
        if thread is None:
            raise BadInput("There is no such conversation.")
        place = thread.place
        connection = session.get_one(Connection, thread.connection_id)
        kinds = [kind for kind in ORDER if kind in connector_named(deps, connection.connector).capabilities]
        bare = Subject("offer", place=place, hours=1, second=ANOTHER)
        able = [kind for kind in kinds if _may(by.asking, kind, bare, now)]
        if not able:
            return None
        possible = [kind for kind in able if kind in carried(deps, connection)]
        about = replace(subject_of(session, "offer", thread.connection_id), place=place, hours=1, second=ANOTHER)
        about = replace(about, own=starter_of(session, thread_id) in authors_of(session, by.id))
        about = replace(about, lately=lately(session, by.id, now))
        why = _why_not(by.asking, (possible or able)[0], about, now)
        messages = _touchable(session, by, thread) if not why else frozenset()
        targets = _targets(session, by, thread, about, now) if Capability.MOVE in possible and not why else ()
    acts = tuple(_offer(kind) for kind in possible if _worth(kind, messages, targets)) if not why else ()
    return Desk(thread_id, thread.community_id, acts, messages, targets, _longest(by, place, now), why)


def _offer(kind: Capability) -> Offered:
    on = "message" if kind in ON_MESSAGES else "author" if kind in ON_AUTHORS else "thread"
    return Offered(kind, INVERSES.get(kind), needs_two(kind, several=False), on)


def _worth(kind: Capability, messages: frozenset[int], targets: tuple[tuple[int, str], ...]) -> bool:
    if kind is Capability.MOVE:
        return bool(targets)
    return bool(messages) or kind in ON_THREADS


def _may(actor: Actor, kind: Capability, about: Subject, now: datetime) -> bool:
    return not _why_not(actor, kind, about, now)


def _why_not(actor: Actor, kind: Capability, about: Subject, now: datetime) -> str:
    try:
        authorize(actor, kind, about, now)
    except NotAllowed as refused:
        return str(refused)
    return ""


def _touchable(session: Session, by: Known, thread: Thread) -> frozenset[int]:
    """Messages of people who stand lower than whoever asks, and are somebody else."""
    rank, own = RANKS.get(by.role, 0), authors_of(session, by.id)
    query = select(Message.id, Message.author_id).where(Message.thread_id == thread.id)
    rows = [(number, author) for number, author in session.execute(query)]
    lower = {a for a in {a for _, a in rows} if a not in own and rank_of(session, a, thread.connection_id) < rank}
    return frozenset(number for number, author in rows if author in lower)


def _targets(session: Session, by: Known, thread: Thread, about: Subject, now: datetime) -> tuple[tuple[int, str], ...]:
    """Where a conversation may be moved by this person: no other community is named."""
    query = select(Community.id, Community.name).where(Community.connection_id == thread.connection_id)
    found = session.execute(query.where(Community.id != thread.community_id).order_by(Community.name)).all()
    there = [(n, name, replace(about, place=replace(thread.place, community=n))) for n, name in found]
    return tuple((n, name) for n, name, where in there if _may(by.asking, Capability.MOVE, where, now))


def _longest(by: Known, place: Place, now: datetime) -> int | None:
    """By a role a silence may be of any length."""
    if allows(by.asking, Capability.SILENCE):
        return None
    covering = [g for g in by.grants if g.holds(now) and g.scope.covers(place)]
    return max((g.silence_hours for g in covering), default=0)
