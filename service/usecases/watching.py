"""Watched words as managers keep them: written as a draft, tried on the past, switched on and off."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from moderation.model import Capability
from moderation.policy import Subject, authorize
from moderation.watching import Does, Mode, checked
from service.db.audit import Entry, append
from service.db.facts import refresh_threads, since_on
from service.db.models import Author, Community, Connection, Message, Person
from service.db.redress_tables import Rule
from service.db.watch_tables import Watch, WatchHit
from service.deps import Deps
from service.usecases.carrying import refuse_uncarried
from service.usecases.connections import connector_named
from service.usecases.people import Known

#: Watches that are not off: each is looked for in every message.
MOST = 100
#: How long a back-test is good for, and over how many days hits are shown.
GOOD_FOR, SHOWN_DAYS = timedelta(hours=24), 30
#: A watch that found more than this share of so many messages or more is too wide to be switched on.
WIDEST, FEW = 0.1, 50
_TOGETHER = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a manager writes. `community_id` None: in every community. `reason` is for whoever's message is hidden."""

    kind: str
    pattern: str
    does: str
    reason: str
    community_id: int | None = None
    rule_id: int | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """A message that a back-test found."""

    id: int
    thread_id: int
    handle: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Shown:
    """A watch. `place` is "" for everywhere; `person` who answers for it; `tried` as `backtest.Tried`, with its state.

    `found` and `acted` count the last 30 days: what it found, and of how much something followed. `ready`: it may be
    switched on.
    """

    id: int
    kind: str
    pattern: str
    does: str
    mode: str
    reason: str
    rule: Mapping[str, str]
    place: str
    person: str
    made_at: datetime
    mode_at: datetime
    tried: Mapping[str, Any]
    tried_at: datetime | None
    found: int
    acted: int
    ready: bool
    examples: tuple[Example, ...]


def managed(deps: Deps, by: Known, watch_id: int = 0) -> None:
    """Refuses everybody who may not keep watches. Raises NotAllowed."""
    authorize(by.asking, Capability.MANAGE, Subject(f"watch:{watch_id}" if watch_id else "watches"), deps.now())


def add(deps: Deps, wanted: Wanted, by: Known) -> int:
    """Writes a watch, as a draft. Raises BadInput, NotAllowed."""
    managed(deps, by)
    text, reason, now = checked(wanted.kind, wanted.pattern), wanted.reason.strip()[:2000], deps.now()
    if wanted.does not in tuple(Does):
        raise BadInput("Say what follows: the conversation goes above the line, or the message is hidden.")
    if not reason:
        raise BadInput("Say why: whoever reads the conversation, or whose message is hidden, will see it.")
    with deps.store.write() as session:
        _refuse_place(deps, session, wanted)
        _refuse_another(session, wanted, text)
        given = {"kind": wanted.kind, "does": wanted.does, "reason": reason, "rule_id": wanted.rule_id}
        made = {"community_id": wanted.community_id, "person_id": by.id, "made_at": now, "mode_at": now}
        watch = Watch(pattern=text, **given, **made)
        session.add(watch)
        session.flush()
        after = given | {"pattern": text, "community": wanted.community_id}
        append(session, deps.vault, Entry("watch:add", by.actor, f"watch:{watch.id}", after=after), now)
        return watch.id


def switch(deps: Deps, watch_id: int, mode: str, by: Known) -> None:
    """Sets a watch to draft, on or off; whoever switches it on answers for it. Raises BadInput, NotAllowed."""
    managed(deps, by, watch_id)
    if mode not in tuple(Mode):
        raise BadInput("A watch is a draft, on or off.")
    with deps.store.write() as session:
        watch = watch_row(session, watch_id)
        before, now = watch.mode, deps.now()
        if mode == before:
            return
        if mode == Mode.ON:
            _refuse_untried(watch, now)
            watch.person_id = by.id
        if before == Mode.OFF:
            _refuse_more(session)
        watch.mode, watch.mode_at = mode, now
        entry = Entry(f"watch:{mode}", by.actor, f"watch:{watch_id}", before=before, after=mode)
        append(session, deps.vault, entry, now)
    if before == Mode.ON:
        _place_again(deps, watch_id)


def watches(deps: Deps) -> list[Shown]:
    """Every watch: those that are on first, then drafts, then those that are off; the newest first."""
    order = case({Mode.ON: 0, Mode.DRAFT: 1}, value=Watch.mode, else_=2)
    query = (
        select(Watch, Person.name, Person.username, Connection.name, Community.name, Rule.title)
        .join(Person, Person.id == Watch.person_id)
        .outerjoin(Community, Community.id == Watch.community_id)
        .outerjoin(Connection, Connection.id == Community.connection_id)
        .outerjoin(Rule, Rule.id == Watch.rule_id)
        .order_by(order, Watch.id.desc())
    )
    now = deps.now()
    with deps.store.read() as session:
        rows = session.execute(query).all()
        counts = _counts(session, now - timedelta(days=SHOWN_DAYS))
        told = _examples(session, [id_ for r in rows for id_ in (r[0].tried or {}).get("examples", ())])
    return [_shown(r, counts.get(r[0].id, (0, 0)), told, now) for r in rows]


def why(deps: Deps, thread_id: int) -> list[tuple[str, str]]:
    """The watches that put a conversation above the line: what they look for, and why."""
    query = (
        select(Watch.pattern, Watch.reason)
        .join(WatchHit, WatchHit.watch_id == Watch.id)
        .join(Message, Message.id == WatchHit.message_id)
        .where(Message.thread_id == thread_id, Message.deleted_at.is_(None))
        .where(*since_on(), Watch.does == Does.SURFACE)
    )
    with deps.store.read() as session:
        return [(row[0], row[1]) for row in session.execute(query.distinct().order_by(Watch.pattern))]


def places(deps: Deps) -> list[tuple[int, str]]:
    """The communities that a watch may be for, by name."""
    query = select(Community.id, Connection.name, Community.name).join(Connection)
    with deps.store.read() as session:
        rows = session.execute(query.order_by(Connection.name, Community.name, Community.id))
        return [(r[0], _place(r[1], r[2])) for r in rows]


def watch(deps: Deps, watch_id: int) -> Shown:
    """One of them. Raises BadInput."""
    found = next((one for one in watches(deps) if one.id == watch_id), None)
    if found is None:
        raise BadInput("There is no such watch.")
    return found


def watch_row(session: Session, watch_id: int) -> Watch:
    """The row, locked for the caller's transaction. Raises BadInput."""
    found = session.get(Watch, watch_id, with_for_update=True)
    if found is None:
        raise BadInput("There is no such watch.")
    return found


def _refuse_place(deps: Deps, session: Session, wanted: Wanted) -> None:
    """Where it is to hold must be there, be able to do it, and have the rule."""
    community = session.get(Community, wanted.community_id) if wanted.community_id is not None else None
    if wanted.community_id is not None and community is None:
        raise BadInput("There is no such community.")
    if community is not None and wanted.does == Does.HIDE:
        connector = connector_named(deps, session.get_one(Connection, community.connection_id).connector)
        if Capability.HIDE not in connector.capabilities:
            raise BadInput(f"Nothing can be hidden on {connector.label}; have the conversation shown instead.")
        refuse_uncarried(session, Capability.HIDE, community.connection_id)
    rule = session.get(Rule, wanted.rule_id) if wanted.rule_id is not None else None
    holds = rule is not None and rule.ended_at is None and rule.community_id in (None, wanted.community_id)
    if wanted.rule_id is not None and not holds:
        raise BadInput("This rule does not hold there.")


def _refuse_another(session: Session, wanted: Wanted, text: str) -> None:
    _refuse_more(session)
    same = (Watch.kind == wanted.kind, Watch.pattern == text, Watch.mode != Mode.OFF)
    where = Watch.community_id.is_not_distinct_from(wanted.community_id)
    if session.scalar(select(Watch.id).where(*same, where, Watch.does == wanted.does)) is not None:
        raise BadInput("This is watched there already.")


def _refuse_more(session: Session) -> None:
    if (session.scalar(select(func.count()).select_from(Watch).where(Watch.mode != Mode.OFF)) or 0) >= MOST:
        raise BadInput(f"There are {MOST} watches already; switch one off that finds nothing.")


def _refuse_untried(watch: Watch, now: datetime) -> None:
    if not _tried_lately(watch, now):
        raise BadInput("Try it on the last 30 days first: a watch is switched on within 24 hours of that.")
    if _too_wide(watch.tried or {}):
        raise BadInput("It found more than one message in ten of the last 30 days. Say it more narrowly.")


def _tried_lately(watch: Watch, now: datetime) -> bool:
    done = (watch.tried or {}).get("state") == "done"
    return done and watch.tried_at is not None and watch.tried_at > now - GOOD_FOR


def _too_wide(tried: Mapping[str, Any]) -> bool:
    return bool(tried["read"] >= FEW and tried["hits"] > WIDEST * tried["read"])


def _place_again(deps: Deps, watch_id: int) -> None:
    """Conversations that it put above the line stand there for their own reasons only, a few at a time."""
    query = select(Message.thread_id).join(WatchHit, WatchHit.message_id == Message.id)
    query = query.where(WatchHit.watch_id == watch_id, WatchHit.draft.is_(False), WatchHit.action_id.is_(None))
    with deps.store.read() as session:
        threads = sorted(set(session.scalars(query)))
    for at in range(0, len(threads), _TOGETHER):
        with deps.store.write() as session:
            refresh_threads(session, set(threads[at : at + _TOGETHER]), deps.now())
    deps.ring("triage_communities")


def _counts(session: Session, since: datetime) -> dict[int, tuple[int, int]]:
    """By watch: hits, and those of which something followed."""
    followed = WatchHit.draft.is_(False) & ((Watch.does == Does.SURFACE) | WatchHit.action_id.is_not(None))
    query = select(WatchHit.watch_id, func.count(), func.sum(case((followed, 1), else_=0)))
    query = query.join(Watch, Watch.id == WatchHit.watch_id).where(WatchHit.at > since).group_by(WatchHit.watch_id)
    return {watch_id: (found, int(did)) for watch_id, found, did in session.execute(query)}


def _examples(session: Session, ids: Collection[int]) -> dict[int, Example]:
    """Those that are still there."""
    columns = (Message.id, Message.thread_id, Author.handle, Message.text, Message.created_at)
    query = select(*columns).join(Author, Author.id == Message.author_id)
    rows = session.execute(query.where(Message.id.in_(list(ids)), Message.deleted_at.is_(None))) if ids else ()
    return {r[0]: Example(r[0], r[1], r[2], r[3][:280], r[4]) for r in rows}


def _place(connection: str | None, community: str | None) -> str:
    return " · ".join(filter(None, (connection, community)))


def _shown(row: Sequence[Any], counts: tuple[int, int], told: Mapping[int, Example], now: datetime) -> Shown:
    one, name, username, connection, community, rule = row
    tried = one.tried or {}
    ready = one.mode != Mode.ON and _tried_lately(one, now) and not _too_wide(tried)
    return Shown(
        id=one.id,
        kind=one.kind,
        pattern=one.pattern,
        does=one.does,
        mode=one.mode,
        reason=one.reason,
        rule=rule or {},
        place=_place(connection, community),
        person=name or username,
        made_at=one.made_at,
        mode_at=one.mode_at,
        tried=tried,
        tried_at=one.tried_at,
        found=counts[0],
        acted=counts[1],
        ready=ready,
        examples=tuple(told[id_] for id_ in tried.get("examples", ()) if id_ in told),
    )
