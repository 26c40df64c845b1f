"""Carrying out actions: authorized again when the job runs, written down before the call, never sent twice blindly.

An action is `approved` (held until its time has come by the database's clock), `sending` (an outbox row with its
attempt number is committed before the call), then `done`, `failed` or `unknown`. What is unknown is looked for on the
platform (see searching).
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session as DbSession

from moderation.errors import NotAllowed, TenthError
from moderation.guards.contract import Finding
from moderation.model import Capability
from moderation.policy import Actor, Permit, Subject, authorize
from plugins.contract import Act, Ambiguous, CredentialsRefused, Permanent, Receipt, Session, Temporary
from service.db.grant_tables import ModerationAct
from service.db.models import Action, Case, Outbox, Person
from service.db.reply_tables import Reply
from service.deps import Deps
from service.usecases import searching
from service.usecases.accounts import note_check
from service.usecases.bearing import permit_act
from service.usecases.connections import ready_session
from service.usecases.due_actions import due_actions
from service.usecases.links import broken_links
from service.usecases.settling import act_of, note, refuse_guarded, settle, settle_act, settle_reply
from service.usecases.standing import actor_of, subject_of

log = structlog.get_logger(__name__)

UNDO = timedelta(seconds=10)
#: Longer than a call can take; a `sending` row older than this belongs to a worker that died in it.
LEASE = timedelta(minutes=2)
BACKOFF = (10, 60, 300, 900)
#: What did not get through is given up after so many tries and so long: waiting for call budget is no failure.
MAX_ATTEMPTS = 5
PATIENCE = timedelta(minutes=30)
HELD = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class _Job:
    """An action taken on, with all that the call needs."""

    act: Act
    permit: Permit
    attempt: int
    first_at: datetime
    connection_id: int
    account_id: int | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """An effect that somebody wants on a platform. `not_before` is for what is planned; undo time is added anyway."""

    case_id: int
    connection_id: int
    kind: Capability
    target: str
    text: str = ""
    reply_id: int | None = None
    account_id: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    not_before: datetime | None = None


def approve(deps: Deps, case_id: int, kind: Capability, target: str, text: str, person_id: int) -> int:
    """Writes an approved action, held for undo. Raises NotAllowed; what is refused is not written."""
    with deps.store.write() as session:
        case, person = session.get_one(Case, case_id), session.get_one(Person, person_id)
        return write_action(deps, session, Wanted(case.id, case.connection_id, kind, target, text), person).id


def write_action(deps: Deps, session: DbSession, wanted: Wanted, person: Person) -> Action:
    """The same in the caller's transaction."""
    now = deps.now()
    action = Action(
        case_id=wanted.case_id,
        connection_id=wanted.connection_id,
        person_id=person.id,
        kind=str(wanted.kind),
        target=wanted.target,
        text=wanted.text,
        reply_id=wanted.reply_id,
        account_id=wanted.account_id,
        options=dict(wanted.options),
        due_at=max(now + UNDO, wanted.not_before or now),
        created_at=now,
    )
    authorize(actor_of(session, person), wanted.kind, _subject(session, action), now)
    session.add(action)
    session.flush()
    note(deps, session, action, person, "approve")
    return action


def cancel(deps: Deps, action_id: int) -> bool:
    """Undo: takes an action back while it is held. False when it is too late."""
    with deps.store.write() as session:
        return cancel_in(deps, session, action_id)


def cancel_in(deps: Deps, session: DbSession, action_id: int) -> bool:
    """As `cancel`, in the caller's transaction."""
    held = (Action.id == action_id, Action.state == "approved")
    row = session.execute(update(Action).where(*held).values(state="cancelled").returning(Action.id)).one_or_none()
    if row is None:
        return False
    action = session.get_one(Action, action_id)
    settle_reply(deps, session, action, "cancelled")
    settle_act(session, action, "cancelled")
    note(deps, session, action, session.get_one(Person, action.person_id), "cancel")
    return True


def perform_due(deps: Deps, connection_id: int | None = None) -> int:
    """Performs, or looks for, every action whose time has come (None: of all connections). Returns how many."""
    ids = due_actions(deps, connection_id)
    for action_id in ids:
        _safely(deps, action_id)
    return len(ids)


def _safely(deps: Deps, action_id: int) -> None:
    """One that cannot be carried out is put off, and holds up none of those behind it."""
    try:
        perform_action(deps, action_id)
    except Exception:
        log.exception("action.step_failed", action=action_id)
        later = deps.now() + HELD
        with deps.store.write() as session:
            due = (Action.id == action_id, Action.state == "approved", Action.due_at < later)
            session.execute(update(Action).where(*due).values(due_at=later))


def perform_action(deps: Deps, action_id: int) -> str:
    """One step of one action. Returns its state afterwards."""
    job: _Job | None = None
    links = _broken_links(deps, action_id)
    with deps.store.write() as session:
        # Locked: what is read here must still hold at the commit, or an undo, or another worker's outcome, is lost.
        action = session.get_one(Action, action_id, with_for_update=True)
        lost = _lost(deps, session, action)
        if not lost:
            job = _begin(deps, session, action, links)
    if lost:
        searching.find(deps, action_id)
    elif job is not None:
        _carry_out(deps, job)
    return _state(deps, action_id)


def _lost(deps: Deps, session: DbSession, action: Action) -> bool:
    """Whether it is this action's turn to be looked for. The next turn is set first: two workers never look at once."""
    now = deps.now()
    if action.state not in ("sending", "unknown") or action.due_at > now:
        return False
    if action.state == "sending":
        action.error = "The worker that sent this ended in the call; it is not known whether it was sent."
        action.state = "unknown"
        settle_reply(deps, session, action, "unknown")
    sent = session.scalar(select(func.max(Outbox.sending_at)).where(Outbox.action_id == action.id))
    action.due_at = now + searching.next_look(now - (sent or now))
    return True


def _begin(deps: Deps, session: DbSession, action: Action, links: Sequence[Finding]) -> _Job | None:
    """Authorizes and guards again, and commits the attempt, before anything leaves."""
    now = deps.now()
    if action.state != "approved" or action.due_at > now:
        return None
    subject = _subject(session, action)
    actor = actor_of(session, session.get_one(Person, action.person_id))
    try:
        permit = _permitted(session, action, actor, subject, now)
        refuse_guarded(deps, session, action, actor, links)
    except NotAllowed as refused:
        _refuse(deps, session, action, subject, str(refused))
        return None
    first = session.scalar(select(func.min(Outbox.sending_at)).where(Outbox.action_id == action.id))
    action.state, action.attempt, action.due_at = "sending", action.attempt + 1, now + LEASE
    key = f"tenth-{action.id}-{action.created_at.timestamp():.0f}"
    sending = Outbox(
        action_id=action.id,
        connection_id=action.connection_id,
        attempt=action.attempt,
        idempotency_key=key,
        sending_at=now,
    )
    session.add(sending)
    act = act_of(session, action, key)
    return _Job(act, permit, action.attempt, first or now, action.connection_id, action.account_id)


def _permitted(session: DbSession, action: Action, actor: Actor, subject: Subject, now: datetime) -> Permit:
    """Asked again, by what holds at this moment; an act of moderation by all that is known of it."""
    act = session.get(ModerationAct, action.id)
    if act is not None:
        return permit_act(session, actor, action, act, now)
    return authorize(actor, Capability(action.kind), subject, now)


def _refuse(deps: Deps, session: DbSession, action: Action, subject: Subject, words: str) -> None:
    """The stop and shadow mode hold an action back and lose nothing; a right that is gone, or a guard, ends it."""
    action.error = words
    if subject.stopped or subject.shadow:
        action.due_at = deps.now() + HELD
        return
    action.state = "failed"
    settle(deps, session, action.id, action.attempt, "failed", None)


def _carry_out(deps: Deps, job: _Job) -> None:
    try:
        platform = ready_session(deps, job.connection_id, job.account_id)
    except TenthError as error:
        _end(deps, job, "failed", error=str(error))
        return
    with closing(platform):
        _call(deps, job, platform)


def _call(deps: Deps, job: _Job, platform: Session) -> None:
    try:
        receipt = platform.perform(job.permit, job.act)
    except Ambiguous as error:
        _end(deps, job, "unknown", error=str(error), due_at=deps.now() + timedelta(seconds=2))
    except Temporary as error:
        _retry(deps, job, error)
    except Permanent as error:
        _end(deps, job, "failed", error=str(error))
        if isinstance(error, CredentialsRefused) and job.account_id is not None:
            note_check(deps, job.account_id, str(error))
    except Exception as error:
        log.exception("action.failed", action=job.act.action_id)
        words = f"The connector failed ({type(error).__name__}); it is not known whether this was sent."
        _end(deps, job, "unknown", error=words, due_at=deps.now())
    else:
        _end(deps, job, "done", receipt=receipt)


def _retry(deps: Deps, job: _Job, error: Temporary) -> None:
    """Nothing happened, so it may go again: at the platform's time, or after a pause that grows."""
    if job.attempt >= MAX_ATTEMPTS and deps.now() - job.first_at > PATIENCE:
        _end(deps, job, "failed", error=str(error))
        return
    pause = timedelta(seconds=BACKOFF[min(job.attempt, len(BACKOFF)) - 1] * random.uniform(0.8, 1.2))
    _end(deps, job, "approved", error=str(error), due_at=error.retry_at or deps.now() + pause)


def _end(
    deps: Deps,
    job: _Job,
    state: str,
    *,
    receipt: Receipt | None = None,
    error: str = "",
    due_at: datetime | None = None,
) -> None:
    """Writes the outcome. A database that refuses, as PostgreSQL ends a deadlock, is asked again: it is known now."""
    values: dict[str, Any] = {"state": state, "error": error} | ({"due_at": due_at} if due_at else {})
    for left in reversed(range(MAX_ATTEMPTS)):
        try:
            _write_end(deps, job, values, receipt)
        except OperationalError:
            if not left:
                raise
            time.sleep(random.uniform(0.05, 0.3))
        else:
            return


def _write_end(deps: Deps, job: _Job, values: Mapping[str, Any], receipt: Receipt | None) -> None:
    """If this attempt is still the one that counts. A proof counts even past the lease."""
    live = ("sending", "unknown") if receipt is not None else ("sending",)
    with deps.store.write() as session:
        mine = (Action.id == job.act.action_id, Action.attempt == job.attempt, Action.state.in_(live))
        row = session.execute(update(Action).where(*mine).values(**values).returning(Action.id)).one_or_none()
        if row is None:
            log.warning("action.superseded", action=job.act.action_id, outcome=values["state"])
            return
        settle(deps, session, job.act.action_id, job.attempt, values["state"], receipt)


def _subject(session: DbSession, action: Action) -> Subject:
    reply = session.get(Reply, action.reply_id) if action.reply_id is not None else None
    return subject_of(
        session,
        action.target,
        action.connection_id,
        action.account_id,
        action_id=action.id or 0,
        writer=session.get(Person, reply.writer_id) if reply is not None else None,
        needs_approval=reply is not None and action.kind == Capability.REPLY and bool(reply.wants),
    )


def _broken_links(deps: Deps, action_id: int) -> tuple[Finding, ...]:
    """Links of an answer that is about to leave; looked at before any transaction is open."""
    with deps.store.read() as session:
        action = session.get_one(Action, action_id)
    due = action.state == "approved" and action.due_at <= deps.now()
    return broken_links(deps, action.text) if due and action.kind == Capability.REPLY else ()


def _state(deps: Deps, action_id: int) -> str:
    with deps.store.read() as session:
        return session.get_one(Action, action_id).state
