"""Acts of moderation: asked for with a reason, authorized, held for undo, carried out by the same job as answers.

A refusal is written in the audit log. What was done can be taken back by its inverse, at once or at a planned end. A
suspension, and an act on several at once, wait for a second person (service.usecases.seconding).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from moderation.errors import BadInput, NotAllowed
from moderation.model import INVERSES, Capability
from moderation.policy import Permit, needs_two
from service.db.audit import Entry, append
from service.db.grant_tables import ModerationAct
from service.db.models import Action, Case, Connection, Person
from service.deps import Deps
from service.usecases.bearing import act_for, community_of, permit_act, refuse_unseen, refuse_unseen_place
from service.usecases.connections import connector_named
from service.usecases.grants import brake
from service.usecases.people import Known
from service.usecases.settling import note
from service.usecases.standing import actor_of
from service.usecases.statements import state_reasons
from service.usecases.wishing import ON_AUTHORS, ON_MESSAGES, ON_THREADS, Wish, made_of

__all__ = ["ON_AUTHORS", "ON_MESSAGES", "ON_THREADS", "Wish", "act", "act_on_several", "take_back"]

#: A grant suspends itself at so many acts in a minute, or when so many of the last acts were taken back by others.
BURST, BURST_TIME = 10, timedelta(minutes=1)
OVERTURNED, OF_LAST = 3, 20
_NOT_DONE = "Only an act that was done can be taken back."
#: How long an act waits for a second person.
WAITS = timedelta(hours=24)
#: The most acts in one request.
SEVERAL = 50


def act(deps: Deps, wish: Wish, by: Known) -> int:
    """Writes an act, held for undo, or waiting for a second person where it needs one.

    Raises BadInput, or NotAllowed, which is kept in the audit log.
    """
    return _ask(deps, [wish], by)[0]


def act_on_several(deps: Deps, wishes: Sequence[Wish], by: Known) -> list[int]:
    """One kind of act on several messages of a conversation: one request, which waits for a second person."""
    if len({(wish.kind, wish.thread_id) for wish in wishes}) != 1:
        raise BadInput("Several at once are messages of one conversation, and one act.")
    if not 2 <= len({wish.message_id for wish in wishes}) == len(wishes) <= SEVERAL:
        raise BadInput(f"Several at once are 2 to {SEVERAL} different messages.")
    return _ask(deps, wishes, by)


def take_back(deps: Deps, action_id: int, by: Known, reason: str) -> int:
    """Writes the inverse of an act that was done. Raises BadInput where there is none, NotAllowed, kept as `act`'s."""
    try:
        with deps.store.write() as session:
            return take_back_in(deps, session, action_id, by, reason)
    except NotAllowed as refused:
        note_refusal_of(deps, action_id, by, str(refused))
        raise


def act_in(deps: Deps, session: Session, wish: Wish, by: Known) -> int:
    """As `act`, in the caller's transaction; the caller keeps the refusal, once that is rolled back."""
    return _written(deps, session, wish, by, deps.now())


def take_back_in(deps: Deps, session: Session, action_id: int, by: Known, reason: str) -> int:
    """As `take_back`, in the caller's transaction; the caller keeps the refusal, once that is rolled back."""
    found = act_for(session, by, action_id, deps.now())
    if found is None:
        raise BadInput(_NOT_DONE)
    # Permitted before anything is said of the act's state; what is then refused is rolled back with it.
    number = _written(deps, session, _inverse(session, *found, reason), by, deps.now(), undoes_id=action_id)
    _refuse_again(session, found[0], number)
    _watch_overturned(deps, session, found[1], by)
    return number


def _ask(deps: Deps, wishes: Sequence[Wish], by: Known) -> list[int]:
    now = deps.now()
    try:
        with deps.store.write() as session:
            return [_written(deps, session, wish, by, now, several=len(wishes) > 1) for wish in wishes]
    except NotAllowed as refused:
        for wish in wishes:
            note_refusal(deps, wish, by, str(refused))
        raise


def _written(
    deps: Deps,
    session: Session,
    wish: Wish,
    by: Known,
    now: datetime,
    *,
    several: bool = False,
    undoes_id: int | None = None,
) -> int:
    refuse_unseen(session, by.asking, wish.thread_id, now)
    if wish.to is not None:
        refuse_unseen_place(session, by.asking, wish.thread_id, wish.to, now)
    action, row = made_of(deps, session, wish, by.id, now)
    row.undoes_id, row.waits = undoes_id, needs_two(wish.kind, several)
    if row.waits:
        action.state, action.due_at = "waiting", now + WAITS
    permit = permitted(session, action, row, now)
    write(deps, session, action, row, permit.grant)
    if not row.waits:
        plan_end(deps, session, action, row)
    _watch_speed(deps, session, row)
    return action.id


def permitted(session: Session, action: Action, row: ModerationAct, now: datetime) -> Permit:
    """The Permit of whoever asked for it. Raises NotAllowed."""
    actor = actor_of(session, session.get_one(Person, action.person_id))
    return permit_act(session, actor, action, row, now)


def write(deps: Deps, session: Session, action: Action, row: ModerationAct, grant_id: int | None) -> None:
    """An action with its act and its statement of reasons, in the caller's transaction."""
    session.add(action)
    session.flush()
    row.action_id, row.grant_id = action.id, grant_id
    session.add(row)
    session.flush()
    state_reasons(deps, session, action, row)
    note(deps, session, action, session.get_one(Person, action.person_id), "ask" if row.waits else "approve")


def plan_end(deps: Deps, session: Session, action: Action, row: ModerationAct) -> None:
    """The action that ends another at its time, where the platform does not do so by itself."""
    kind = Capability(action.kind)
    connector = connector_named(deps, session.get_one(Connection, action.connection_id).connector)
    if row.hours is None or kind not in INVERSES:
        return
    row.ends_at = action.due_at + timedelta(hours=row.hours)
    if kind in connector.timed:
        return
    end = Action(
        case_id=action.case_id,
        connection_id=action.connection_id,
        person_id=action.person_id,
        kind=str(INVERSES[kind]),
        target=action.target,
        options=dict(action.options or {}),
        state="approved",
        attempt=0,
        error="",
        text="",
        due_at=row.ends_at,
        created_at=row.at,
    )
    names = ("message_id", "author_id", "community_id", "rank", "second_id")
    same = {name: getattr(row, name) for name in names}
    ending = ModerationAct(at=row.at, undoes_id=action.id, planned=True, reason=row.reason, **same)
    write(deps, session, end, ending, row.grant_id)


def _inverse(session: Session, action: Action, row: ModerationAct, reason: str) -> Wish:
    kind = INVERSES.get(Capability(action.kind))
    if kind is None:
        raise BadInput("This act has no inverse: it cannot be taken back.")
    case = session.get_one(Case, action.case_id)
    was = str((action.options or {}).get("from", ""))
    back = community_of(session, action.connection_id, was) if kind is Capability.MOVE else None
    return Wish(kind, case.thread_id, reason, row.message_id, None, back)


def _refuse_again(session: Session, action: Action, but: int) -> None:
    """Raises BadInput when an act was not done, or another than `but` takes it back."""
    if action.state != "done":
        raise BadInput(_NOT_DONE)
    taken = select(Action.id).join(ModerationAct, ModerationAct.action_id == Action.id).where(Action.id != but)
    live = Action.state.in_(("waiting", "approved", "sending", "unknown", "done"))
    if session.scalar(taken.where(ModerationAct.undoes_id == action.id, ModerationAct.planned.is_(False), live)):
        raise BadInput("This was taken back already.")


def _watch_speed(deps: Deps, session: Session, row: ModerationAct) -> None:
    if row.grant_id is None or row.waits:
        return
    mine = (ModerationAct.grant_id == row.grant_id, ModerationAct.planned.is_(False), ModerationAct.waits.is_(False))
    recent = select(func.count()).select_from(ModerationAct).where(*mine)
    if (session.scalar(recent.where(ModerationAct.at > row.at - BURST_TIME)) or 0) >= BURST:
        brake(deps, session, row.grant_id, f"{BURST} acts in a minute: faster than anybody reads.")


def _watch_overturned(deps: Deps, session: Session, row: ModerationAct, by: Known) -> None:
    """A grant of which others take back too much suspends itself until a manager has looked."""
    holder_id = session.get_one(Action, row.action_id).person_id
    if row.grant_id is None or holder_id == by.id:
        return
    last = select(ModerationAct.action_id).where(ModerationAct.grant_id == row.grant_id)
    last = last.where(ModerationAct.undoes_id.is_(None)).order_by(ModerationAct.action_id.desc()).limit(OF_LAST)
    others = (Action.state != "cancelled", Action.person_id != holder_id)
    undone = select(func.count(ModerationAct.undoes_id.distinct())).join(Action, Action.id == ModerationAct.action_id)
    if (session.scalar(undone.where(ModerationAct.undoes_id.in_(last), *others)) or 0) >= OVERTURNED:
        brake(deps, session, row.grant_id, f"{OVERTURNED} of the last {OF_LAST} acts were taken back by others.")


def note_refusal(deps: Deps, wish: Wish, by: Known, words: str) -> None:
    after = {"kind": str(wish.kind), "thread": wish.thread_id, "message": wish.message_id}
    with deps.store.write() as session:
        entry = Entry("act:refuse", by.actor, f"thread:{wish.thread_id}", words, None, after)
        append(session, deps.vault, entry, deps.now())


def note_refusal_of(deps: Deps, action_id: int, by: Known, words: str) -> None:
    """What was refused about an act by its number, whether there is such an act or not."""
    with deps.store.write() as session:
        append(session, deps.vault, Entry("act:refuse", by.actor, f"action:{action_id}", words), deps.now())
