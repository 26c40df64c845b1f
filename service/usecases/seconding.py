"""The second yes: acts that wait for another person, and proposals by programs, which a person makes their own.

All that was asked for in one request is decided at once. Who says yes needs the right themselves, at this moment and
when the job runs. What nobody answers ends by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Session

from moderation.errors import BadInput, NotAllowed
from moderation.model import Capability
from moderation.policy import RANKS, Subject, authorize, needs_two
from service.db.audit import Entry, append
from service.db.grant_tables import ModerationAct
from service.db.models import Action, Author, Case, Community, Person, Thread
from service.deps import Deps
from service.usecases.acting import UNDO
from service.usecases.bearing import act_for, permit_act
from service.usecases.carrying import refuse_uncarried
from service.usecases.clients import Client
from service.usecases.drafts import PROGRAM, as_person
from service.usecases.moderating import WAITS, note_refusal_of, permitted, plan_end
from service.usecases.people import Known
from service.usecases.settling import note, settle_act
from service.usecases.standing import actor_of
from service.usecases.statements import state_reasons
from service.usecases.wishing import Wish, made_of

#: What programs ask for an act with.
SCOPE = "actions:write"
#: The most proposals of one program that may wait.
PROPOSALS = 100


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that waits for somebody's yes. `acts` are the ids of all that it asks for, `id` the first."""

    id: int
    acts: tuple[int, ...]
    kind: Capability
    thread_id: int
    title: str
    community: str
    handles: tuple[str, ...]
    reason: str
    law: str
    hours: int | None
    person: str
    program: bool
    mine: bool
    asked_at: datetime
    ends_at: datetime


def propose(deps: Deps, wish: Wish, client: Client) -> int:
    """A program asks for an act, which waits until a person makes it their own. Raises BadInput, NotAllowed."""
    now = deps.now()
    authorize(client.asking, Capability.DRAFT, Subject(f"thread:{wish.thread_id}", scope=SCOPE), now)
    with deps.store.write() as session:
        program = as_person(deps, session, client)
        waiting = (Action.person_id == program.id, Action.state == "waiting")
        if (session.scalar(select(func.count()).select_from(Action).where(*waiting)) or 0) >= PROPOSALS:
            raise BadInput(f"{PROPOSALS} proposals of this program wait already; let a person look first.")
        action, row = made_of(deps, session, wish, program.id, now)
        refuse_uncarried(session, wish.kind, action.connection_id)
        action.state, action.due_at, row.waits = "waiting", now + WAITS, True
        session.add(action)
        session.flush()
        row.action_id = action.id
        session.add(row)
        after = {"kind": action.kind, "target": action.target}
        append(
            session, deps.vault, Entry("act:propose", client.actor, f"action:{action.id}", row.reason, None, after), now
        )
        return action.id


def waiting(deps: Deps, by: Known) -> list[Waiting]:
    """What waits and this person may say yes to, or asked for themselves, the oldest first."""
    now = deps.now()
    with deps.store.read() as session:
        requests: dict[tuple[int, datetime], list[Row[Action, ModerationAct]]] = {}
        for found in session.execute(_waiting().where(Action.due_at > now)):
            requests.setdefault((found[0].person_id, found[0].created_at), []).append(found)
        return [_shown(session, rows, by) for rows in requests.values() if _concerns(session, rows, by, now)]


def second(deps: Deps, action_id: int, by: Known) -> list[int]:
    """Says yes to the whole request that an act belongs to: held for undo, then done. Returns the acts that go.

    Raises BadInput when nothing waits, NotAllowed, kept in the audit log. What a program asked for becomes this
    person's own act; one that needs two people goes on waiting for another.
    """
    try:
        with deps.store.write() as session:
            rows = _request(session, action_id, by, deps.now())
            return [action.id for action, row in rows if _say_yes(deps, session, action, row, by)]
    except NotAllowed as refused:
        note_refusal_of(deps, action_id, by, str(refused))
        raise


def refuse_second(deps: Deps, action_id: int, by: Known, reason: str = "") -> None:
    """Says no to the whole request; whoever asked for it takes it back so. Raises BadInput, NotAllowed."""
    try:
        with deps.store.write() as session:
            for action, row in _request(session, action_id, by, deps.now()):
                if action.person_id != by.id:
                    _may_second(session, action, row, by, deps.now())
                _end(
                    deps,
                    session,
                    action,
                    reason.strip()[:500] or str(NotAllowed("Another person said no.")),
                    by.actor,
                    "refuse",
                )
    except NotAllowed as refused:
        note_refusal_of(deps, action_id, by, str(refused))
        raise


def expire_waiting(deps: Deps) -> int:
    """Ends what nobody said yes to in time. Returns how many acts."""
    over = _waiting().where(Action.due_at <= deps.now()).limit(100).with_for_update(skip_locked=True)
    with deps.store.write() as session:
        rows = session.execute(over).all()
        for action, _row in rows:
            _end(deps, session, action, str(NotAllowed("Nobody said yes within a day.")), "clock", "expire")
    return len(rows)


def _waiting() -> Select[Action, ModerationAct]:
    query = select(Action, ModerationAct).join(ModerationAct, ModerationAct.action_id == Action.id)
    return query.where(Action.state == "waiting").order_by(Action.id)


def _request(session: Session, action_id: int, by: Known, now: datetime) -> list[tuple[Action, ModerationAct]]:
    """Every act of the request that this one belongs to, locked."""
    asked = act_for(session, by, action_id, now)
    if asked is None:
        raise BadInput("There is no act that waits for a second person.")
    one = asked[0]
    same = (Action.person_id == one.person_id, Action.created_at == one.created_at, Action.kind == one.kind)
    query = _waiting().where(*same, Action.case_id == one.case_id, Action.due_at > now).with_for_update()
    found = [(action, row) for action, row in session.execute(query)]
    if action_id not in {action.id for action, _ in found}:
        raise BadInput("There is no act that waits for a second person.")
    return found


def _say_yes(deps: Deps, session: Session, action: Action, row: ModerationAct, by: Known) -> bool:
    """Whether it goes now."""
    now = deps.now()
    if session.get_one(Person, action.person_id).role == PROGRAM:
        _make_own(deps, session, action, row, by, now)
    else:
        row.second_id, action.state = by.id, "approved"
        permitted(session, action, row, now)
    if action.state == "approved":
        action.due_at = now + UNDO
        plan_end(deps, session, action, row)
    session.flush()
    note(deps, session, action, session.get_one(Person, by.id), "second")
    return action.state == "approved"


def _make_own(deps: Deps, session: Session, action: Action, row: ModerationAct, by: Known, now: datetime) -> None:
    """A program has no right on a platform: whoever says yes does it by their own, and answers for it."""
    action.person_id, row.rank = by.id, RANKS.get(by.role, 0)
    row.waits = needs_two(Capability(action.kind), several=False)
    action.state, action.due_at = ("waiting", now + WAITS) if row.waits else ("approved", now)
    row.grant_id = permitted(session, action, row, now).grant
    state_reasons(deps, session, action, row)


def _may_second(session: Session, action: Action, row: ModerationAct, by: Known, now: datetime) -> None:
    """Raises NotAllowed, without changing anything."""
    with session.no_autoflush:
        looked = ModerationAct(**{c.key: getattr(row, c.key) for c in ModerationAct.__mapper__.column_attrs})
        asked = Action(**{c.key: getattr(action, c.key) for c in Action.__mapper__.column_attrs})
        asked.state = "approved"
        if session.get_one(Person, action.person_id).role == PROGRAM:
            asked.person_id, looked.waits, asked.state = by.id, needs_two(Capability(action.kind), False), "waiting"
        else:
            looked.second_id = by.id
        permit_act(session, actor_of(session, session.get_one(Person, asked.person_id)), asked, looked, now)


def _end(deps: Deps, session: Session, action: Action, why: str, actor: str, verb: str) -> None:
    action.state, action.error = "cancelled", why
    settle_act(session, action, "cancelled")
    after = {"kind": action.kind, "target": action.target, "state": action.state}
    append(session, deps.vault, Entry(f"action:{verb}", actor, f"action:{action.id}", why, None, after), deps.now())


def _concerns(session: Session, rows: list[Row[Action, ModerationAct]], by: Known, now: datetime) -> bool:
    if rows[0][0].person_id == by.id:
        return True
    try:
        for action, row in rows:
            _may_second(session, action, row, by, now)
    except NotAllowed:
        return False
    return True


def _shown(session: Session, rows: list[Row[Action, ModerationAct]], by: Known) -> Waiting:
    action, row = rows[0]
    person = session.get_one(Person, action.person_id)
    thread = session.get_one(Thread, session.get_one(Case, action.case_id).thread_id)
    authors = {act.author_id for _, act in rows if act.author_id is not None}
    handles = session.scalars(select(Author.handle).where(Author.id.in_(authors)).order_by(Author.handle))
    return Waiting(
        id=action.id,
        acts=tuple(one.id for one, _ in rows),
        kind=Capability(action.kind),
        thread_id=thread.id,
        title=thread.title or "",
        community=session.get_one(Community, thread.community_id).name,
        handles=tuple(handles),
        reason=row.reason,
        law=row.law,
        hours=row.hours,
        person=person.name or person.username,
        program=person.role == PROGRAM,
        mine=person.id == by.id,
        asked_at=action.created_at,
        ends_at=action.due_at,
    )
