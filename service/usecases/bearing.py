"""What `authorize` must know of an act of moderation: where it is, whose it would be done to, how fast it goes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from moderation.grants import Place
from moderation.model import Capability
from moderation.policy import RANKS, STAFF_RANK, Actor, Permit, Subject, authorize
from service.db.grant_tables import GrantRow, ModerationAct
from service.db.models import Action, Author, Case, Community, Message, Person, Thread
from service.usecases.people import pseudonym
from service.usecases.proofs import authors_of, person_of
from service.usecases.standing import subject_of

_OURS = frozenset({"brand", "staff"})


def permit_act(session: Session, actor: Actor, action: Action, act: ModerationAct, now: datetime) -> Permit:
    """Asks for an act's Permit; a move is asked for in both communities. Raises NotAllowed."""
    kind, subject = Capability(action.kind), subject_of_act(session, action, act, now)
    permit = authorize(actor, kind, subject, now)
    if kind is Capability.MOVE and subject.place is not None:
        there = community_of(session, action.connection_id, str((action.options or {}).get("community", "")))
        authorize(actor, kind, replace(subject, place=replace(subject.place, community=there)), now)
    return permit


def community_of(session: Session, connection_id: int, remote_id: str) -> int | None:
    """The community of a remote id."""
    here = (Community.connection_id == connection_id, Community.remote_id == remote_id)
    return session.scalar(select(Community.id).where(*here))


def subject_of_act(session: Session, action: Action, act: ModerationAct, now: datetime) -> Subject:
    """The whole of it, as it is at this moment: when it is asked for, and again when the job runs."""
    thread = session.get_one(Thread, session.get_one(Case, action.case_id).thread_id)
    about = subject_of(session, action.target, action.connection_id, action_id=action.id or 0)
    theirs = authors_of(session, action.person_id)
    author_id = act.author_id if act.author_id is not None else _starter(session, thread.id)
    second = session.get(Person, act.second_id) if act.second_id is not None else None
    return replace(
        about,
        place=Place(thread.connection_id, thread.community_id),
        own=author_id in theirs or _starter(session, thread.id) in theirs,
        rank=rank_of(session, author_id, thread.connection_id) if author_id is not None else 0,
        hours=act.hours,
        lately=lately(session, action.person_id, now, but=action.id),
        second=pseudonym(second) if second is not None else "",
        planned=bool(act.planned),
    )


def rank_of(session: Session, author_id: int, connection_id: int) -> int:
    """How high an author stands: the platform's and the brand's own, those with a grant here, people of the desk."""
    author = session.get_one(Author, author_id)
    ranks = [STAFF_RANK if author.role in _OURS else 0]
    held = select(GrantRow.id).where(GrantRow.author_id == author_id, GrantRow.connection_id == connection_id)
    if session.scalar(held.where(GrantRow.state.in_(("active", "suspended"))).limit(1)) is not None:
        ranks.append(RANKS["rock_star"])
    person_id = person_of(session, author_id)
    if person_id is not None:
        person = session.get_one(Person, person_id)
        ranks.append(RANKS.get(person.role, 0) if person.active and person.role != "rock_star" else 0)
    return max(ranks)


def lately(session: Session, person_id: int, now: datetime, but: int | None = None) -> tuple[int, int]:
    """How many acts somebody asked for by a grant in the last hour and the last day; not those undone in time."""
    query = (
        select(func.count())
        .select_from(ModerationAct)
        .join(Action, Action.id == ModerationAct.action_id)
        .where(Action.person_id == person_id, Action.state != "cancelled")
        .where(ModerationAct.grant_id.is_not(None), ModerationAct.planned.is_(False))
    )
    if but is not None:
        query = query.where(Action.id != but)
    hour = session.scalar(query.where(ModerationAct.at > now - timedelta(hours=1))) or 0
    return hour, session.scalar(query.where(ModerationAct.at > now - timedelta(days=1))) or 0


def _starter(session: Session, thread_id: int) -> int | None:
    """Who began a thread, as far as it is known."""
    first = select(Message.author_id).where(Message.thread_id == thread_id)
    return session.scalar(first.order_by(Message.created_at, Message.id).limit(1))
