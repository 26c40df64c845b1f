"""Whether the rights on the platforms are those of the ledger: foreign, missing, lingering. Nothing changes silently.

What is found is shown until a later look finds it gone; each has a remedy that a manager chooses.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from moderation.errors import BadInput, TenthError
from moderation.model import Capability
from moderation.policy import Subject, authorize
from plugins.contract import GivesRights, Holder
from service.db.audit import Entry, append
from service.db.deliveries import insert_new
from service.db.grant_tables import Drift, PlatformRight, RightsCheck
from service.db.models import Author, Community, Connection
from service.deps import Deps
from service.usecases.connections import open_session, opened
from service.usecases.people import Known
from service.usecases.rights import GIVING, GONE, HELD, TAKING, turn

log = structlog.get_logger(__name__)

EVERY = timedelta(hours=1)
AGAIN = timedelta(minutes=5)
BATCH = 10
FOREIGN, MISSING, LINGERING = "foreign", "missing", "lingering"


@dataclass(frozen=True, slots=True)
class Found:
    """One difference, as people see it. `via` is what a foreign right is held by; `known` that somebody said so."""

    id: int
    kind: str
    connection: str
    community: str
    community_id: int
    holder: str
    handle: str
    via: str
    seen_at: datetime
    known: bool


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at one community found, and what stood in its way."""

    community_id: int
    differences: int
    error: str = ""


def check_due(deps: Deps) -> int:
    """Compares each community that rights were ever given in, once an hour. Returns how many were looked at."""
    now = deps.now()
    with deps.store.write() as session:
        _watch(session, now)
        query = select(RightsCheck).where(RightsCheck.due_at <= now).order_by(RightsCheck.due_at).limit(BATCH)
        rows = session.scalars(query.with_for_update(skip_locked=True)).all()
        for row in rows:
            row.due_at = now + AGAIN  # another worker's turn, should this one end in the look
        ids = [row.community_id for row in rows]
    for community_id in ids:
        check(deps, community_id)
    return len(ids)


def check(deps: Deps, community_id: int) -> Look:
    """Compares one community now. What cannot be asked is told, and asked again sooner."""
    try:
        found = _ask(deps, community_id)
    except TenthError as error:
        _note_look(deps, community_id, AGAIN, str(error))
        return Look(community_id, 0, str(error))
    with deps.store.write() as session:
        differences = _compare(session, community_id, found) if found is not None else []
        _keep(session, community_id, differences, deps.now())
    _note_look(deps, community_id, EVERY, "")
    return Look(community_id, len(differences))


def check_all(deps: Deps) -> list[Look]:
    """Compares every community that rights were ever given in."""
    with deps.store.write() as session:
        _watch(session, deps.now())
        ids = session.scalars(select(RightsCheck.community_id).order_by(RightsCheck.community_id)).all()
    return [check(deps, one) for one in ids]


def differences(deps: Deps) -> list[Found]:
    """All that is known of, the newest first."""
    query = (
        select(Drift, Connection.name, Community.name)
        .join(Community, Community.id == Drift.community_id)
        .join(Connection, Connection.id == Drift.connection_id)
        .order_by(Drift.seen_at.desc(), Drift.id.desc())
    )
    with deps.store.read() as session:
        return [
            Found(d.id, d.kind, on, named, d.community_id, d.holder, d.handle, d.via, d.seen_at, bool(d.known_by))
            for d, on, named in session.execute(query)
        ]


def mend(deps: Deps, drift_id: int, by: Known) -> None:
    """The remedy: what is missing is given again, what lingers or is foreign is taken. Raises BadInput, NotAllowed."""
    now = deps.now()
    with deps.store.write() as session:
        row = _row(session, drift_id, by, now)
        if row.kind == FOREIGN and row.via:
            raise BadInput(f"This right comes by “{row.via}”; only the platform's own administrators can end it.")
        right = _right(session, row, now)
        turn(right, GIVING if row.kind == MISSING else TAKING, now)
        _note(deps, session, row, by, "mend")
        session.delete(row)


def acknowledge(deps: Deps, drift_id: int, by: Known) -> None:
    """Says of a foreign right that it is meant to be there."""
    now = deps.now()
    with deps.store.write() as session:
        row = _row(session, drift_id, by, now)
        if row.kind != FOREIGN:
            raise BadInput("Only a right that Tenth did not give can be known from elsewhere.")
        row.known_by = by.id
        _note(deps, session, row, by, "acknowledge")


# ------------------------------------------------------------------ small parts


def _watch(session: Session, now: datetime) -> None:
    """Every community that a right was given in is looked at, from now on."""
    watched = select(RightsCheck.community_id)
    fresh = session.scalars(
        select(PlatformRight.community_id).where(PlatformRight.community_id.not_in(watched)).distinct()
    ).all()
    if fresh:
        insert_new(session, RightsCheck, [{"community_id": one, "due_at": now, "error": ""} for one in fresh])


def _ask(deps: Deps, community_id: int) -> tuple[Holder, ...] | None:
    """Who holds rights there; None on a platform that has none of its own."""
    with deps.store.read() as session:
        community = session.get_one(Community, community_id)
        connection = opened(deps, session, community.connection_id)
        place = community.remote_id
    platform = open_session(deps, connection)
    if platform is None:
        return None
    with closing(platform):
        return platform.holders(place) if isinstance(platform, GivesRights) else None


def _compare(session: Session, community_id: int, found: Sequence[Holder]) -> list[tuple[str, Holder]]:
    """What is there against what should be. Rights that are on their way are neither missing nor lingering."""
    query = select(PlatformRight.state, Author.remote_id, Author.handle)
    ledger = session.execute(
        query.join(Author, Author.id == PlatformRight.author_id).where(PlatformRight.community_id == community_id)
    ).all()
    ours = {remote_id: state for state, remote_id, _ in ledger}
    there = {holder.remote_id for holder in found if not holder.via}
    missing = [(MISSING, Holder(r, h)) for state, r, h in ledger if state == HELD and r not in there]
    lingering = [(LINGERING, h) for h in found if not h.via and ours.get(h.remote_id) == GONE]
    foreign = [(FOREIGN, h) for h in found if h.via or h.remote_id not in ours]
    return missing + lingering + foreign


def _keep(session: Session, community_id: int, differences: Iterable[tuple[str, Holder]], now: datetime) -> None:
    """What was known stays as it was first seen; what is there no more is forgotten."""
    connection_id = session.get_one(Community, community_id).connection_id
    rows = session.scalars(select(Drift).where(Drift.community_id == community_id))
    kept = {(row.kind, row.holder, row.via): row for row in rows}
    for kind, holder in differences:
        via = holder.via[:120]
        row = kept.pop((kind, holder.remote_id, via), None)
        if row is not None:
            row.checked_at = now
            continue
        place = {"connection_id": connection_id, "community_id": community_id, "seen_at": now, "checked_at": now}
        who = {"holder": holder.remote_id, "handle": holder.handle[:300], "via": via}
        session.add(Drift(kind=kind, **place, **who))
    for row in kept.values():
        session.delete(row)


def _note_look(deps: Deps, community_id: int, pause: timedelta, error: str) -> None:
    now = deps.now()
    with deps.store.write() as session:
        values = {"due_at": now + pause, "error": error[:2000]} | ({} if error else {"checked_at": now})
        session.execute(update(RightsCheck).where(RightsCheck.community_id == community_id).values(**values))


def _row(session: Session, drift_id: int, by: Known, now: datetime) -> Drift:
    authorize(by.asking, Capability.GRANT, Subject(f"drift:{drift_id}"), now)
    row = session.get(Drift, drift_id, with_for_update=True)
    if row is None:
        raise BadInput("This difference is gone already.")
    return row


def _right(session: Session, row: Drift, now: datetime) -> PlatformRight:
    """The ledger's row; a foreign holder gets one, so that taking is tried until it is done."""
    author = session.scalars(
        select(Author).where(Author.connection_id == row.connection_id, Author.remote_id == row.holder)
    ).one_or_none()
    if author is None:
        author = Author(
            connection_id=row.connection_id, remote_id=row.holder, handle=row.handle, role="staff", first_seen_at=now
        )
        session.add(author)
        session.flush()
    mine = (PlatformRight.author_id == author.id, PlatformRight.community_id == row.community_id)
    right = session.scalars(select(PlatformRight).where(*mine).with_for_update()).one_or_none()
    if right is None:
        place = {"connection_id": row.connection_id, "community_id": row.community_id, "author_id": author.id}
        right = PlatformRight(state=TAKING, turn=0, tries=0, error="", decided_at=now, due_at=now, **place)
        session.add(right)
    return right


def _note(deps: Deps, session: Session, row: Drift, by: Known, verb: str) -> None:
    after = {"kind": row.kind, "community": row.community_id, "holder": row.holder}
    entry = Entry(f"drift:{verb}", by.actor, f"community:{row.community_id}", after=after)
    append(session, deps.vault, entry, deps.now())
