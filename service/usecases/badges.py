"""Badges on the platforms follow thanks: who is named in public and holds a grant for a while wears one.

What should be so is compared with what is written, every time; a job carries it out, and tries until it is done. A
badge is no right: nothing depends on it.
"""

from __future__ import annotations

import random
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Select, select
from sqlalchemy.orm import Session as DbSession

from moderation.errors import NotAllowed, TenthError
from moderation.grants import GrantState, Place
from moderation.policy import Permit, authorize_right
from plugins.contract import GivesBadges, Holder, Permanent, Temporary
from service.db.audit import Entry, append
from service.db.grant_tables import GrantRow
from service.db.grants import grant_of
from service.db.models import Author
from service.db.thanks_tables import Badge, Listing
from service.deps import Deps
from service.usecases.connections import ready_session
from service.usecases.standing import subject_of

log = structlog.get_logger(__name__)

NAME = "Rock star"
#: A grant that is shorter than this is not worth a badge that comes and goes.
LEAST_DAYS = 30
#: Longer than a call can take; a row that is due after this belongs to a worker that died in it.
LEASE = timedelta(seconds=50)
HOLD = timedelta(minutes=5)
#: Seconds between tries; what only a person can mend is tried far less often.
BACKOFF = (5, 30, 120, 600, 1800)
SLOWER = 12
BATCH = 20
GIVING, GIVEN, TAKING, GONE, FAILED = "giving", "given", "taking", "gone", "failed"
NONE_THERE = "This platform shows no badges."


@dataclass(frozen=True, slots=True)
class _Call:
    """One call for one row; `until` is its lease. Without a permit it takes."""

    badge_id: int
    permit: Permit | None
    connection_id: int
    name: str
    holder: Holder
    until: datetime


@dataclass(frozen=True, slots=True)
class Moving:
    """A badge that is not yet as it should be on its platform, and what stands in the way."""

    handle: str
    name: str
    state: str
    error: str
    decided_at: datetime


def moving(deps: Deps) -> list[Moving]:
    """Badges on their way, and those that cannot be given, the longest first."""
    query = select(Author.handle, Badge).join(Author, Author.id == Badge.author_id)
    with deps.store.read() as session:
        rows = session.execute(query.where(Badge.state.in_((GIVING, TAKING, FAILED))).order_by(Badge.decided_at))
        return [Moving(handle, row.name, row.state, row.error, row.decided_at) for handle, row in rows]


# ------------------------------------------------------------------ what should be so


def follow(deps: Deps) -> int:
    """Writes which badges are to be given or taken by now. Returns how many changed."""
    now = deps.now()
    with deps.store.write() as session:
        wanted = {author.id: author for author in session.scalars(_wearers(now))}
        rows = {row.author_id: row for row in session.scalars(select(Badge).where(Badge.name == NAME))}
        new = [author for number, author in wanted.items() if number not in rows]
        for author in new:
            session.add(_row(author, now))
        changed = [row for row in rows.values() if (row.state in (GIVING, GIVEN, FAILED)) != (row.author_id in wanted)]
        for row in changed:
            _turn(row, GIVING if row.author_id in wanted else TAKING, now)
    return len(new) + len(changed)


def _wearers(now: datetime) -> Select[Author]:
    """Authors who are named in public and hold a grant that lasts a while."""
    return (
        select(Author)
        .join(GrantRow, GrantRow.author_id == Author.id)
        .join(Listing, (Listing.author_id == Author.id) & (Listing.person_id == GrantRow.person_id))
        .where(Listing.shown.is_(True), GrantRow.state == GrantState.ACTIVE)
        .where(GrantRow.days >= LEAST_DAYS, GrantRow.starts_at <= now, GrantRow.ends_at > now)
        .distinct()
    )


def _row(author: Author, now: datetime) -> Badge:
    return Badge(
        connection_id=author.connection_id, author_id=author.id, name=NAME, state=GIVING, decided_at=now, due_at=now
    )


def _turn(row: Badge, state: str, now: datetime) -> None:
    """The other way round. A call that may be under way ends before the next one begins."""
    if row.state == FAILED and state == TAKING:
        row.state, row.decided_at, row.done_at = GONE, now, now
        return
    under_way = row.state in (GIVING, TAKING) and row.due_at > now
    row.state, row.tries, row.error, row.decided_at, row.done_at = state, 0, "", now, None
    row.due_at = min(row.due_at, now + LEASE) if under_way else now


# ------------------------------------------------------------------ carrying it out


def connections_with_due(deps: Deps) -> list[int]:
    """Connections on which a badge is to be given or taken."""
    with deps.store.read() as session:
        due = (Badge.state.in_((GIVING, TAKING)), Badge.due_at <= deps.now())
        return list(session.scalars(select(Badge.connection_id).where(*due).distinct()))


def settle_due(deps: Deps, connection_id: int | None = None) -> int:
    """Gives and takes what is due, on one connection or on all. Returns how many calls were made."""
    calls = _claim(deps, connection_id)
    for call in calls:
        try:
            _carry_out(deps, call)
        except Exception:
            log.exception("badge.step_failed", badge=call.badge_id)
    return len(calls)


def _claim(deps: Deps, connection_id: int | None) -> list[_Call]:
    now = deps.now()
    due = [Badge.state.in_((GIVING, TAKING)), Badge.due_at <= now]
    due += [Badge.connection_id == connection_id] if connection_id is not None else []
    with deps.store.write() as session:
        query = select(Badge).where(*due).order_by(Badge.due_at).limit(BATCH).with_for_update(skip_locked=True)
        return [call for row in session.scalars(query).all() if (call := _take_on(session, row, now)) is not None]


def _take_on(session: DbSession, row: Badge, now: datetime) -> _Call | None:
    """Authorizes, and commits the lease before the call."""
    author = session.get_one(Author, row.author_id)
    permit = None
    if row.state == GIVING:
        try:
            permit = _permit(session, row, now)
        except NotAllowed as refused:
            row.error, row.due_at = str(refused), now + HOLD
            return None
    row.tries, row.due_at = row.tries + 1, now + LEASE
    return _Call(row.id, permit, row.connection_id, row.name, Holder(author.remote_id, author.handle), row.due_at)


def _permit(session: DbSession, row: Badge, now: datetime) -> Permit:
    """By one of the grants that the badge stands for."""
    about = subject_of(session, f"badge:{row.id}", row.connection_id, action_id=row.id)
    held = (GrantRow.author_id == row.author_id, GrantRow.state == GrantState.ACTIVE, GrantRow.days >= LEAST_DAYS)
    refused = NotAllowed("No active grant asks for this badge.")
    for grant_row in session.scalars(select(GrantRow).where(*held)):
        tags = frozenset({grant_row.tag} if grant_row.tag else ())
        place = Place(row.connection_id, grant_row.community_id, tags)
        try:
            return authorize_right(grant_of(grant_row), replace(about, place=place), now)
        except NotAllowed as error:
            refused = error
    raise refused


def _carry_out(deps: Deps, call: _Call) -> None:
    try:
        with closing(ready_session(deps, call.connection_id)) as platform:
            if not isinstance(platform, GivesBadges):
                return _end(deps, call, GONE if call.permit is None else FAILED, NONE_THERE)
            if call.permit is not None:
                platform.give_badge(call.permit, call.holder, call.name)
            else:
                platform.take_badge(call.holder, call.name)
            worn = platform.has_badge(call.holder, call.name)
    except Permanent as error:
        return _put_off(deps, call, str(error), slow=True)
    except Temporary as error:
        return _put_off(deps, call, str(error), until=error.retry_at)
    except TenthError as error:
        return _put_off(deps, call, str(error))
    if worn is (call.permit is None):
        return _put_off(deps, call, "The platform said yes, and does not show it so.")
    return _end(deps, call, GIVEN if worn else GONE)


def _end(deps: Deps, call: _Call, state: str, error: str = "") -> None:
    """Writes what was found, if nothing else is wanted by now."""
    now = deps.now()
    with deps.store.write() as session:
        row = _still(session, call)
        if row is None:
            return
        row.state, row.error, row.done_at = state, error, now
        after = {"author": row.author_id, "badge": row.name, "state": state}
        verb = "badge:take" if call.permit is None else "badge:give"
        append(session, deps.vault, Entry(verb, "desk", f"badge:{row.id}", after=after), now)


def _put_off(deps: Deps, call: _Call, error: str, *, slow: bool = False, until: datetime | None = None) -> None:
    now = deps.now()
    with deps.store.write() as session:
        row = _still(session, call)
        if row is None:
            return
        pause = BACKOFF[min(row.tries, len(BACKOFF)) - 1] * random.uniform(0.8, 1.2) * (SLOWER if slow else 1)
        row.error, row.due_at = error[:2000], max(now + timedelta(seconds=pause), until or now)
    log.warning("badge.put_off", badge=call.badge_id, giving=call.permit is not None)


def _still(session: DbSession, call: _Call) -> Badge | None:
    """The row, while this call has it: not where the other way is wanted by now, or another worker took it on."""
    row = session.get(Badge, call.badge_id, with_for_update=True)
    wanted = TAKING if call.permit is None else GIVING
    return row if row is not None and row.state == wanted and row.due_at == call.until else None
