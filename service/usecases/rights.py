"""Rights on the platforms follow the grants: what is wanted is written with its cause, a job carries it out.

A row per author and community says what should be so. Each change of what is wanted is a turn; a call belongs to one
turn, and calls for one row never run side by side: a right that was being given when it was revoked is taken after.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session as DbSession

from moderation.errors import NotAllowed, TenthError
from moderation.grants import Grant, GrantState, Place
from moderation.model import MODERATING
from moderation.policy import Permit, authorize_right
from plugins.contract import Ambiguous, GivesRights, Holder, Permanent, Session, Temporary
from service.db.audit import Entry, append
from service.db.grant_tables import GrantRow, PlatformRight
from service.db.grants import grant_of
from service.db.models import Author, Community
from service.deps import Deps
from service.usecases.connections import ready_session
from service.usecases.standing import subject_of

log = structlog.get_logger(__name__)

#: Longer than a call can take; a row that is due after this belongs to a worker that died in it.
LEASE = timedelta(seconds=50)
#: How long after an unanswered call its effect may still appear.
UNSURE = timedelta(minutes=10)
LOOK_AGAIN = timedelta(seconds=45)
HOLD = timedelta(seconds=30)
#: A platform may ask for an hour; a right is asked for sooner.
LONGEST_WAIT = timedelta(minutes=10)
#: Seconds between tries; what only a person can mend is tried less often.
BACKOFF = (2, 5, 10, 20, 40)
SLOWER = 5
BATCH = 20
GIVING, HELD, TAKING, GONE = "giving", "held", "taking", "gone"
#: The right is in Tenth alone: this platform has none of its own that hold in one community.
HERE = "here"
WANTED = (GIVING, HELD, HERE)
_STILL_LOOKING = "A call that gave the right was never answered; it is looked at until it cannot appear any more."


@dataclass(frozen=True, slots=True)
class _Call:
    """One call for one row, at one turn. Without a permit it takes; `until` is its lease."""

    right_id: int
    turn: int
    permit: Permit | None
    connection_id: int
    place: str
    holder: Holder
    until: datetime


def want(deps: Deps, session: DbSession, author_id: int, community_id: int) -> None:
    """Writes what an author's grants now ask of the platform, in the caller's transaction."""
    now = deps.now()
    wanted = _asking(session, author_id, community_id, now) is not None
    mine = (PlatformRight.author_id == author_id, PlatformRight.community_id == community_id)
    row = session.scalars(select(PlatformRight).where(*mine).with_for_update()).one_or_none()
    if row is None and wanted:
        connection_id = session.get_one(Author, author_id).connection_id
        row = PlatformRight(connection_id=connection_id, community_id=community_id, author_id=author_id, turn=0)
        session.add(row)
    elif row is None or (row.state in WANTED) == wanted:
        return
    turn(row, GIVING if wanted else TAKING, now)


def turn(row: PlatformRight, state: str, now: datetime) -> None:
    """Has a right given or taken, from now on. A call that is under way ends before the next one begins."""
    row.state, row.turn, row.tries, row.error = state, row.turn + 1, 0, ""
    row.decided_at, row.due_at, row.done_at = now, now, None


def connections_with_due(deps: Deps) -> list[int]:
    """Connections on which something is to be given or taken."""
    with deps.store.read() as session:
        return list(session.scalars(select(PlatformRight.connection_id).where(*_due(deps.now())).distinct()))


def settle_due(deps: Deps, connection_id: int | None = None) -> int:
    """Gives and takes what is due, on one connection or on all. Returns how many calls were made."""
    calls = _claim(deps, connection_id)
    for call in calls:
        try:
            _carry_out(deps, call)
        except Exception:
            log.exception("right.step_failed", right=call.right_id)
    return len(calls)


def pending(deps: Deps) -> int:
    """How many rights are not yet as they should be on their platform."""
    with deps.store.read() as session:
        query = select(func.count()).select_from(PlatformRight).where(PlatformRight.state.in_((GIVING, TAKING)))
        return session.scalar(query) or 0


def _asking(session: DbSession, author_id: int, community_id: int, now: datetime) -> Grant | None:
    """The grant that wants an author to moderate a community on the platform, too.

    No platform gives rights over a tag: such a grant would give all of the community there.
    """
    active = (GrantRow.state == GrantState.ACTIVE, GrantRow.community_id == community_id, GrantRow.tag == "")
    for row in session.scalars(select(GrantRow).where(GrantRow.author_id == author_id, *active)):
        grant = grant_of(row)
        if grant.holds(now) and grant.capabilities & MODERATING:
            return grant
    return None


def _due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    free = or_(PlatformRight.busy_until.is_(None), PlatformRight.busy_until <= now)
    return PlatformRight.state.in_((GIVING, TAKING)), PlatformRight.due_at <= now, free


def _claim(deps: Deps, connection_id: int | None) -> list[_Call]:
    """Takes due rows on; while the lease lasts nobody else calls for them."""
    now = deps.now()
    due = _due(now) + ((PlatformRight.connection_id == connection_id,) if connection_id is not None else ())
    with deps.store.write() as session:
        query = select(PlatformRight).where(*due).order_by(PlatformRight.due_at).limit(BATCH)
        rows = session.scalars(query.with_for_update(skip_locked=True)).all()
        return [call for row in rows if (call := _take_on(session, row, now)) is not None]


def _take_on(session: DbSession, row: PlatformRight, now: datetime) -> _Call | None:
    """Authorizes again, and commits the lease before the call."""
    took = row.state == TAKING and row.tries > 0
    if row.busy_until is not None and not took:  # a call that never ended may have given the right, or will
        row.unsure_until = now + UNSURE
    author, community = session.get_one(Author, row.author_id), session.get_one(Community, row.community_id)
    row.tries += 1
    permit = None
    if row.state == GIVING:
        try:
            permit = _permit(session, row, community, now)
        except NotAllowed as refused:
            row.error, row.due_at, row.busy_until = str(refused), now + HOLD, None
            return None
    row.busy_until = now + LEASE
    holder = Holder(author.remote_id, author.handle)
    return _Call(row.id, row.turn, permit, row.connection_id, community.remote_id, holder, row.busy_until)


def _permit(session: DbSession, row: PlatformRight, community: Community, now: datetime) -> Permit:
    grant = _asking(session, row.author_id, row.community_id, now)
    if grant is None:
        raise NotAllowed("No active grant asks for this right.")
    about = subject_of(session, f"community:{community.id}", row.connection_id, action_id=row.id)
    return authorize_right(grant, replace(about, place=Place(row.connection_id, row.community_id)), now)


def _carry_out(deps: Deps, call: _Call) -> None:
    try:
        with closing(ready_session(deps, call.connection_id)) as platform:
            state = _ask(call, platform)
    except Ambiguous as error:
        _put_off(deps, call, str(error), unsure=call.permit is not None)
    except Permanent as error:
        _put_off(deps, call, str(error), slow=True)
    except Temporary as error:
        _put_off(deps, call, str(error), until=error.retry_at)
    except TenthError as error:
        _put_off(deps, call, str(error))
    else:
        _end(deps, call, state)


def _ask(call: _Call, platform: Session) -> str:
    """Does it, looks whether it is so, and returns the state that this leads to."""
    if not isinstance(platform, GivesRights):
        return HERE if call.permit else GONE
    if call.permit is not None:
        platform.give(call.permit, call.holder, call.place)
    else:
        platform.take(call.holder, call.place)
    return HELD if holds(platform.holders(call.place), call.holder.remote_id) else GONE


def holds(found: Iterable[Holder], remote_id: str) -> bool:
    """Whether somebody holds the right that we give; what they hold by something else is not ours."""
    return any(holder.remote_id == remote_id and not holder.via for holder in found)


def _end(deps: Deps, call: _Call, state: str) -> None:
    """Writes what was found, if nothing else is wanted by now. What is not as it should be is tried again."""
    if state == (HELD if call.permit is None else GONE):
        _put_off(deps, call, "The platform said yes, and does not show it so.")
        return
    now = deps.now()
    with deps.store.write() as session:
        row = _still(session, call)
        if row is None:
            return
        if state == GONE and row.unsure_until is not None and row.unsure_until > now:
            row.error = _STILL_LOOKING
            row.due_at, row.tries = min(now + LOOK_AGAIN, row.unsure_until), 0
            return
        # Doubt outlives a right that is held: taken a moment later, it may still come back.
        row.state, row.error, row.done_at = state, "", now
        after = {"author": row.author_id, "community": row.community_id, "state": state}
        verb = "right:take" if call.permit is None else "right:give"
        append(session, deps.vault, Entry(verb, "desk", f"right:{row.id}", after=after), now)


def _put_off(
    deps: Deps, call: _Call, error: str, *, unsure: bool = False, slow: bool = False, until: datetime | None = None
) -> None:
    """Tried again until done: a right that was revoked is never given up on. `until` is when the platform has time."""
    now = deps.now()
    with deps.store.write() as session:
        if unsure:
            session.get_one(PlatformRight, call.right_id, with_for_update=True).unsure_until = now + UNSURE
        row = _still(session, call)
        if row is None:
            return
        pause = BACKOFF[min(row.tries, len(BACKOFF)) - 1] * random.uniform(0.8, 1.2) * (SLOWER if slow else 1)
        row.error = error[:2000]
        row.due_at = now + timedelta(seconds=pause)
        if until is not None:
            row.due_at = min(until, now + LONGEST_WAIT) + timedelta(seconds=random.uniform(0, 2))
    log.warning("right.put_off", right=call.right_id, giving=call.permit is not None)


def _still(session: DbSession, call: _Call) -> PlatformRight | None:
    """The row, free for the next call; None where another turn has begun, or another worker took it on."""
    row = session.get_one(PlatformRight, call.right_id, with_for_update=True)
    if row.busy_until != call.until:
        return None
    row.busy_until = None
    return row if row.turn == call.turn else None
