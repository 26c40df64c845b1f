"""What `authorize` must know of an act of moderation: where it is, whose it would be done to, how fast it goes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from moderation.model import INVERSES, Capability
from moderation.policy import ANOTHER, RANKS, STAFF_RANK, Actor, Permit, Subject, authorize
from service.db.grant_tables import GrantRow, ModerationAct
from service.db.models import Action, Author, Case, Community, Message, Person, Thread
from service.db.redress_tables import Appeal, Statement
from service.usecases.people import Known, pseudonym
from service.usecases.proofs import authors_of, person_of
from service.usecases.standing import actor_of, subject_of

_OURS = frozenset({"brand", "staff"})
#: These are about somebody without touching them.
_OF_NO_RANK = frozenset({str(Capability.RESOLVE_REPORT), str(Capability.NOTIFY)})
_ON_THEIR_WAY = ("approved", "sending", "unknown")


def permit_act(session: Session, actor: Actor, action: Action, act: ModerationAct, now: datetime) -> Permit:
    """Asks for an act's Permit, also for whoever said the second yes. Raises NotAllowed."""
    if act.second_id is not None:
        second = session.get_one(Person, act.second_id)
        asked = session.get_one(Person, action.person_id)
        about = replace(subject_of_act(session, action, act, now, second.id), second=pseudonym(asked))
        _permit(session, actor_of(session, second), action, about, now)
    return _permit(session, actor, action, subject_of_act(session, action, act, now, action.person_id), now)


def _permit(session: Session, actor: Actor, action: Action, subject: Subject, now: datetime) -> Permit:
    """A move is asked for in both communities."""
    kind = Capability(action.kind)
    permit = authorize(actor, kind, subject, now)
    if kind is Capability.MOVE and subject.place is not None:
        there = community_of(session, action.connection_id, str((action.options or {}).get("community", "")))
        authorize(actor, kind, replace(subject, place=replace(subject.place, community=there)), now)
    return permit


def refuse_unseen(session: Session, actor: Actor, thread_id: int | None, now: datetime) -> None:
    """Raises NotAllowed for a conversation that somebody may not see.

    To whom only a part is open, what is elsewhere and what is not there at all (None, too) answer alike.
    """
    thread = session.get(Thread, thread_id) if thread_id is not None else None
    place = thread.place if thread is not None else None
    authorize(actor, Capability.SEE, Subject(f"thread:{thread_id}", place=place), now)


def refuse_unseen_place(session: Session, actor: Actor, thread_id: int, community_id: int, now: datetime) -> None:
    """The same for another community that a conversation would be in."""
    thread, to = session.get(Thread, thread_id), session.get(Community, community_id)
    here = thread is not None and to is not None and to.connection_id == thread.connection_id
    place = replace(thread.place, community=community_id) if thread is not None and here else None
    authorize(actor, Capability.SEE, Subject(f"community:{community_id}", place=place), now)


def act_for(session: Session, by: Known, action_id: int, now: datetime) -> tuple[Action, ModerationAct] | None:
    """An act; None when there is none. Raises NotAllowed as `refuse_unseen`, but for what they asked for themselves."""
    action, row = session.get(Action, action_id), session.get(ModerationAct, action_id)
    if action is None or action.person_id != by.id:
        case = session.get(Case, action.case_id) if action is not None else None
        refuse_unseen(session, by.asking, case.thread_id if case is not None else None, now)
    return (action, row) if action is not None and row is not None else None


def community_of(session: Session, connection_id: int, remote_id: str) -> int | None:
    """The community of a remote id."""
    here = (Community.connection_id == connection_id, Community.remote_id == remote_id)
    return session.scalar(select(Community.id).where(*here))


def subject_of_act(session: Session, action: Action, act: ModerationAct, now: datetime, person_id: int) -> Subject:
    """The whole of it for one person, as it is at this moment: when it is asked for, and again when the job runs."""
    thread = session.get_one(Thread, session.get_one(Case, action.case_id).thread_id)
    about = subject_of(session, action.target, action.connection_id, action_id=action.id or 0)
    theirs, starter = authors_of(session, person_id), starter_of(session, thread.id)
    author_id = act.author_id if act.author_id is not None else starter
    ranked = author_id is not None and action.kind not in _OF_NO_RANK
    return replace(
        about,
        place=thread.place,
        own=author_id in theirs or starter in theirs,
        rank=rank_of(session, author_id, thread.connection_id) if ranked and author_id is not None else 0,
        hours=act.hours,
        lately=lately(session, person_id, now, but=action.id),
        several=bool(act.waits),
        second=_second(session, action, act),
        planned=bool(act.planned),
        **_overruled(session, action, act),
    )


def _second(session: Session, action: Action, act: ModerationAct) -> str:
    """Who said the second yes. An act that waits is asked for as if somebody had, and never carried out."""
    if act.second_id is not None:
        return pseudonym(session.get_one(Person, act.second_id))
    return ANOTHER if action.state == "waiting" else ""


def _overruled(session: Session, action: Action, act: ModerationAct) -> dict[str, Any]:
    """Of the act that this one takes back, whoever asks for it in whatever way: the last of its kind that stands."""
    kind = Capability(action.kind)
    if kind not in INVERSES or act.planned:
        return {}
    query = select(Action, ModerationAct).join(ModerationAct, ModerationAct.action_id == Action.id)
    query = query.where(Action.connection_id == action.connection_id, Action.target == action.target)
    query = query.where(Action.kind.in_((str(kind), str(INVERSES[kind]))), ModerationAct.author_id == act.author_id)
    query = query.where((Action.state == "done") | (Action.state.in_(_ON_THEIR_WAY) & ModerationAct.planned.is_(False)))
    if action.id is not None:
        query = query.where(Action.id < action.id)
    last = session.execute(query.order_by(Action.id.desc()).limit(1)).one_or_none()
    if last is None or last[1].planned or last[0].kind != INVERSES[kind]:
        return {}
    did = session.get_one(Person, last[0].person_id)
    return {"doer": pseudonym(did), "did": last[1].rank, "appealed": _appealed(session, last[0].id)}


def _appealed(session: Session, action_id: int) -> bool:
    about = select(Appeal.id).join(Statement, Statement.id == Appeal.statement_id)
    about = about.where(Statement.action_id == action_id, Appeal.state.in_(("open", "overturned")))
    return session.scalar(about.limit(1)) is not None


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


def starter_of(session: Session, thread_id: int) -> int | None:
    """Who began a thread, as far as it is known."""
    first = select(Message.author_id).where(Message.thread_id == thread_id)
    return session.scalar(first.order_by(Message.created_at, Message.id).limit(1))
