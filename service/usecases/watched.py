"""What watched words find in new messages, and what follows: a conversation above the line, or a message hidden.

What is found is written in the transaction that writes the message. An act is asked for by the person who switched the
watch on, by the same door as theirs; it is asked for once a message, whatever else finds something in it. Only what is
less than a day old and was written after the switch is acted on: the past is read by `usecases.backtest`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from moderation.errors import BadInput, NotAllowed
from moderation.model import AuthorRole, Capability, MessageSeen
from moderation.policy import Subject, authorize
from moderation.watching import Does, Mode, Watched, Watcher
from service.db.audit import Entry, append
from service.db.deliveries import insert_new
from service.db.facts import refresh_threads, since_on
from service.db.grant_tables import ModerationAct
from service.db.models import Action, Case, Community, Connection, Message, Thread
from service.db.watch_tables import Watch, WatchHit
from service.deps import Deps
from service.usecases.moderating import Wish, act
from service.usecases.people import Known, known_person
from service.usecases.switches import is_stopped

#: Whose words are never looked at.
OURS = (AuthorRole.BRAND, AuthorRole.STAFF)
#: What is older when it is read is the past.
FRESH = timedelta(days=1)
#: How long one worker has for one act.
LEASE = timedelta(minutes=2)
BATCH = 50
#: A watch that acts so often in an hour, on so much of what was written, is a draft again until somebody has looked.
BURST, BURST_TIME, TOO_MUCH = 30, timedelta(hours=1), 0.2
SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Found:
    """A watch found something; `draft`: it is only counted. `shows`: the conversation goes above the line."""

    watch_id: int
    draft: bool
    shows: bool


def find(deps: Deps, connection_id: int, seen: Sequence[MessageSeen]) -> dict[str, tuple[Found, ...]]:
    """What watches find in messages that have just come, by remote id. No transaction is open while they are read."""
    now = deps.now()
    new = [one for one in seen if one.author.role not in OURS and _written(one) > now - FRESH]
    if not new:
        return {}
    with deps.store.read() as session:
        watches = {w.id: w for w in session.scalars(select(Watch).where(Watch.mode.in_((Mode.DRAFT, Mode.ON))))}
        places = _places(session, connection_id) if watches else {}
    watcher = watcher_of(tuple(Watched(w.id, w.kind, w.pattern) for w in watches.values()))
    found: dict[str, tuple[Found, ...]] = {}
    for one in new if watches else ():
        here = (None, places.get(one.thread.community.remote_id))
        hits = [watches[id_] for id_ in watcher.find(as_read(one.text, one.content_warning))]
        if kept := tuple(_found(watch, one) for watch in hits if watch.community_id in here):
            found[one.remote_id] = kept
    return found


def note(deps: Deps, session: Session, connection_id: int, found: Mapping[str, Sequence[Found]]) -> None:
    """Keeps what was found in messages that the caller's transaction has written, and places their conversations."""
    if not found:
        return
    query = select(Message.remote_id, Message.id, Message.thread_id)
    query = query.where(Message.connection_id == connection_id, Message.remote_id.in_(list(found)))
    rows, shown = [], set()
    for remote_id, message_id, thread_id in session.execute(query.where(Message.deleted_at.is_(None))):
        for one in found[remote_id]:
            rows.append({"watch_id": one.watch_id, "message_id": message_id, "at": deps.now(), "draft": one.draft})
            shown |= {thread_id} if one.shows and not one.draft else set()
    insert_new(session, WatchHit, rows)
    refresh_threads(session, shown, deps.now())


def act_due(deps: Deps) -> int:
    """Asks for the acts that are due of what was found. Returns how many hits it dealt with."""
    with deps.store.read() as session:
        due = _due(session, deps.now())
    return sum(_act(deps, watch_id, message_id) for watch_id, message_id in due)


def as_read(text: str, content_warning: str) -> str:
    """What of a message is looked at."""
    return f"{content_warning}\n{text}" if content_warning else text


@lru_cache(maxsize=4)
def watcher_of(watches: tuple[Watched, ...]) -> Watcher:
    """Made once for the same watches."""
    return Watcher(watches)


def to_draft(deps: Deps, session: Session, watch: Watch, words: str) -> None:
    """Takes a watch back to counting, in the caller's transaction, because something is wrong with it."""
    watch.mode, watch.mode_at = Mode.DRAFT, deps.now()
    append(session, deps.vault, Entry("watch:draft", SYSTEM, f"watch:{watch.id}", words), deps.now())


def _written(one: MessageSeen) -> datetime:
    return one.edited_at or one.created_at


def _found(watch: Watch, one: MessageSeen) -> Found:
    acts = watch.mode == Mode.ON and _written(one) > watch.mode_at
    return Found(watch.id, not acts, watch.does == Does.SURFACE)


def _places(session: Session, connection_id: int) -> dict[str, int]:
    query = select(Community.remote_id, Community.id).where(Community.connection_id == connection_id)
    return {row[0]: row[1] for row in session.execute(query)}


def _due(session: Session, now: datetime) -> list[tuple[int, int]]:
    """Hits that wait for an act where acts may be asked for now, the oldest first."""
    if is_stopped(session):
        return []
    query = (
        select(WatchHit.watch_id, WatchHit.message_id)
        .join(Watch, Watch.id == WatchHit.watch_id)
        .join(Message, Message.id == WatchHit.message_id)
        .join(Case, Case.thread_id == Message.thread_id)
        .join(Connection, Connection.id == Message.connection_id)
        .where(*since_on(), Watch.does == Does.HIDE, WatchHit.action_id.is_(None))
        .where(Message.deleted_at.is_(None), Connection.shadow.is_(False))
        .where(WatchHit.at <= now, WatchHit.at > now - FRESH)
    )
    return [(r[0], r[1]) for r in session.execute(query.order_by(WatchHit.at, WatchHit.message_id).limit(BATCH))]


def _act(deps: Deps, watch_id: int, message_id: int) -> bool:
    """One act, unless another worker is at it, it was done before, or nobody may ask for it any more."""
    with deps.store.write() as session:
        watch = session.get_one(Watch, watch_id, with_for_update=True)
        if not _claim(deps, session, watch, message_id) or _braked(deps, session, watch):
            return False
        before = _hidden_before(session, message_id)
        if before is not None:
            _keep(deps, session, watch_id, message_id, before)
            return True
        thread_id = session.get_one(Message, message_id).thread_id
    by = _who(deps, watch)
    if by is None:
        return False
    wish = Wish(Capability.HIDE, thread_id, watch.reason, message_id, rule_id=watch.rule_id, automated=True)
    try:
        action_id = act(deps, wish, by)
    except (BadInput, NotAllowed):
        return _only_count(deps, watch_id, message_id)
    with deps.store.write() as session:
        _keep(deps, session, watch_id, message_id, action_id)
    return True


def _claim(deps: Deps, session: Session, watch: Watch, message_id: int) -> bool:
    """Takes a hit for a while: a worker that dies leaves it to the next, who finds what was done meanwhile."""
    now = deps.now()
    mine = (WatchHit.watch_id == watch.id, WatchHit.message_id == message_id, WatchHit.draft.is_(False))
    free = (WatchHit.action_id.is_(None), WatchHit.at <= now)
    taken = update(WatchHit).where(*mine, *free).values(at=now + LEASE).returning(WatchHit.message_id)
    return watch.mode == Mode.ON and session.execute(taken).one_or_none() is not None


def _hidden_before(session: Session, message_id: int) -> int | None:
    """An act that hid this message, whoever asked and whatever became of it: what a person took back stays so."""
    query = select(Action.id).join(ModerationAct, ModerationAct.action_id == Action.id)
    query = query.where(ModerationAct.message_id == message_id, Action.kind == str(Capability.HIDE))
    return session.scalar(query.order_by(Action.id).limit(1))


def _keep(deps: Deps, session: Session, watch_id: int, message_id: int, action_id: int) -> None:
    hit = session.get_one(WatchHit, (watch_id, message_id))
    hit.action_id, hit.at = action_id, deps.now()
    after = {"message": message_id, "action": action_id}
    append(session, deps.vault, Entry("watch:act", SYSTEM, f"watch:{watch_id}", after=after), deps.now())


def _only_count(deps: Deps, watch_id: int, message_id: int) -> bool:
    """What was refused is kept in the audit log by the door that refused it."""
    with deps.store.write() as session:
        hit = session.get_one(WatchHit, (watch_id, message_id))
        hit.draft, hit.at = True, deps.now()
    return False


def _who(deps: Deps, watch: Watch) -> Known | None:
    """Who switched it on, as long as they may keep watches; when they may not, it is a draft until somebody who may."""
    by = known_person(deps, watch.person_id)
    try:
        if by is None:
            raise NotAllowed("Whoever switched it on has left.")
        authorize(by.asking, Capability.MANAGE, Subject(f"watch:{watch.id}"), deps.now())
    except NotAllowed as refused:
        with deps.store.write() as session:
            to_draft(deps, session, session.get_one(Watch, watch.id), str(refused))
        return None
    return by


def _braked(deps: Deps, session: Session, watch: Watch) -> bool:
    """Whether it acts on so much that it must be mistaken; then it is a draft again."""
    since = deps.now() - BURST_TIME
    acted = select(func.count()).select_from(WatchHit).where(WatchHit.watch_id == watch.id, WatchHit.at > since)
    acts = session.scalar(acted.where(WatchHit.action_id.is_not(None))) or 0
    if acts < BURST:
        return False
    written = select(func.count()).select_from(Message).join(Thread, Thread.id == Message.thread_id)
    written = written.where(Thread.last_message_at > since, Message.created_at > since)
    if watch.community_id is not None:
        written = written.where(Thread.community_id == watch.community_id)
    if acts <= TOO_MUCH * (session.scalar(written) or 0):
        return False
    to_draft(deps, session, watch, f"{acts} acts in an hour, on more than one message in five.")
    return True
