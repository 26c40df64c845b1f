"""What a watch would have found in the last 30 days: read before it is switched on.

The messages are read in batches, each in a session of its own, with no transaction open while they are looked at; only
figures and the ids of a few examples are kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from moderation.model import Capability
from moderation.watching import Watched
from service.db.audit import Entry, append
from service.db.grant_tables import ModerationAct
from service.db.models import Action, Author, DecisionRow, Message, Thread
from service.db.watch_tables import Watch
from service.deps import Deps
from service.usecases.people import Known
from service.usecases.watched import OURS, as_read, watcher_of
from service.usecases.watching import managed, watch_row

DAYS = 30
BATCH, EXAMPLES = 500, 5
#: Messages that are read at most, the newest ones.
MOST = 100_000
#: A trial that was not heard of for so long is begun again by whoever sees it.
LEASE = timedelta(minutes=2)

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Tried:
    """A back-test of `of` messages, the newest of its time. `days` counts what it found on each day, from `start` on.

    `authors` wrote what it found; of that, people had hidden, handled or left to the community so much anyhow.
    `examples` are message ids.
    """

    start: str
    end: str
    of: int
    read: int = 0
    hits: int = 0
    authors: int = 0
    hidden: int = 0
    handled: int = 0
    left: int = 0
    days: list[int] = field(default_factory=lambda: [0] * DAYS)
    examples: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Hit:
    id: int
    thread_id: int
    created_at: datetime


def ask(deps: Deps, watch_id: int, by: Known) -> None:
    """Leaves a back-test to a worker. Raises BadInput, NotAllowed."""
    managed(deps, by, watch_id)
    with deps.store.write() as session:
        watch = watch_row(session, watch_id)
        watch.tried, watch.tried_at = {"state": "asked", "by": by.actor}, None
    deps.ring("try_watches")


def try_now(deps: Deps, watch_id: int, by: Known, progress: Progress) -> Tried:
    """A back-test while somebody waits; `progress(done, total)` hears of each batch. Raises BadInput, NotAllowed."""
    managed(deps, by, watch_id)
    with deps.store.write() as session:
        watch = watch_row(session, watch_id)
        watch.tried, watch.tried_at = _running(deps, 0, 0, by.actor), None
    return _run(deps, watch_id, by.actor, progress)


def run_asked(deps: Deps) -> int:
    """Runs the back-tests that were asked for on the page, one after the other. Returns how many."""
    done = 0
    with deps.store.read() as session:
        waiting = [w.id for w in session.scalars(select(Watch).where(Watch.tried_at.is_(None))) if _waits(deps, w)]
    for watch_id in waiting:
        with deps.store.write() as session:
            watch = session.get_one(Watch, watch_id, with_for_update=True)
            actor = str((watch.tried or {}).get("by", "")) if _waits(deps, watch) else None
            if actor is not None:
                watch.tried = _running(deps, 0, 0, actor)
        if actor is not None:
            _run(deps, watch_id, actor, _unheard)
            done += 1
    return done


def _unheard(_done: int, _total: int) -> None:
    """The page reads how far it is from the row."""


def _waits(deps: Deps, watch: Watch) -> bool:
    tried = watch.tried or {}
    stale = tried.get("state") == "running" and datetime.fromisoformat(tried["heard"]) < deps.now() - LEASE
    return watch.tried_at is None and (tried.get("state") == "asked" or stale)


def _running(deps: Deps, read: int, of: int, actor: str) -> dict[str, Any]:
    return {"state": "running", "heard": deps.now().isoformat(), "read": read, "of": of, "by": actor}


def _run(deps: Deps, watch_id: int, actor: str, progress: Progress) -> Tried:
    """From the newest message back."""
    with deps.store.read() as session:
        watch = session.get_one(Watch, watch_id)
        end = min(session.scalar(_scope(watch, select(func.max(Message.created_at)))) or deps.now(), deps.now())
        span = (end - timedelta(days=DAYS), end)
        of = session.scalar(_between(watch, select(func.count(Message.id)), span)) or 0
    tried, authors = Tried(span[0].isoformat(), end.isoformat(), min(of, MOST)), set[int]()
    watcher = watcher_of((Watched(watch.id, watch.kind, watch.pattern),))
    for rows in _batches(deps, watch, span):
        found = [(hit, author_id) for hit, author_id, text in rows if watcher.find(text)]
        authors |= {author_id for _, author_id in found}
        _count(deps, tried, [hit for hit, _ in found], span[0])
        tried.read, tried.authors = tried.read + len(rows), len(authors)
        _heard(deps, watch_id, tried, actor)
        progress(tried.read, tried.of)
    _keep(deps, watch_id, tried, actor)
    return tried


def _scope(watch: Watch, query: Any) -> Any:
    """Messages that are there, of the watch's community, by anybody but the brand and the platform's staff."""
    query = query.select_from(Message).join(Author, Author.id == Message.author_id)
    query = query.where(Message.deleted_at.is_(None), Author.role.not_in(OURS))
    if watch.community_id is None:
        return query
    return query.join(Thread, Thread.id == Message.thread_id).where(Thread.community_id == watch.community_id)


def _between(watch: Watch, query: Any, span: tuple[datetime, datetime]) -> Any:
    return _scope(watch, query).where(Message.created_at > span[0], Message.created_at <= span[1])


def _batches(deps: Deps, watch: Watch, span: tuple[datetime, datetime]) -> Iterator[list[tuple[_Hit, int, str]]]:
    """The messages, the newest ids first: (where it is, its author, its text)."""
    columns = (Message.id, Message.thread_id, Message.created_at, Message.author_id)
    query = _between(watch, select(*columns, Message.text, Message.content_warning), span).order_by(Message.id.desc())
    read, rows = 0, _rows(deps, query.limit(BATCH))
    while rows and read < MOST:
        yield rows
        read += len(rows)
        rows = _rows(deps, query.where(Message.id < rows[-1][0].id).limit(BATCH))


def _rows(deps: Deps, query: Any) -> list[tuple[_Hit, int, str]]:
    with deps.store.read() as session:
        return [(_Hit(r[0], r[1], r[2]), r[3], as_read(r[4], r[5])) for r in session.execute(query)]


def _count(deps: Deps, tried: Tried, hits: Sequence[_Hit], start: datetime) -> None:
    if not hits:
        return
    with deps.store.read() as session:
        hidden, judged = _hidden(session, hits), _judged(session, hits)
    tried.hits += len(hits)
    tried.examples += [hit.id for hit in hits[: EXAMPLES - len(tried.examples)]]
    tried.hidden += len(hidden)
    rest = [needs for hit in hits if hit.id not in hidden and (needs := _said(hit, judged)) is not None]
    tried.handled += sum(rest)
    tried.left += len(rest) - sum(rest)
    for day, count in Counter(min((hit.created_at - start).days, DAYS - 1) for hit in hits).items():
        tried.days[day] += count


def _hidden(session: Session, hits: Sequence[_Hit]) -> set[int]:
    query = select(ModerationAct.message_id).join(Action, Action.id == ModerationAct.action_id)
    query = query.where(Action.kind == str(Capability.HIDE), Action.state == "done")
    return {id_ for id_ in session.scalars(query.where(ModerationAct.message_id.in_([h.id for h in hits]))) if id_}


def _judged(session: Session, hits: Sequence[_Hit]) -> dict[int, list[tuple[datetime, bool]]]:
    """What people said of the conversations, oldest first: when, and whether the brand was needed."""
    query = select(DecisionRow.thread_id, DecisionRow.at, DecisionRow.needs).where(DecisionRow.person_id.is_not(None))
    query = query.where(DecisionRow.thread_id.in_({h.thread_id for h in hits}))
    found: dict[int, list[tuple[datetime, bool]]] = {}
    for thread_id, at, needs in session.execute(query.order_by(DecisionRow.at, DecisionRow.id)):
        found.setdefault(thread_id, []).append((at, needs))
    return found


def _said(hit: _Hit, judged: dict[int, list[tuple[datetime, bool]]]) -> bool | None:
    """The last word on a conversation since the message: the brand was needed, or it was left to the community."""
    return next((needs for at, needs in reversed(judged.get(hit.thread_id, [])) if at >= hit.created_at), None)


def _heard(deps: Deps, watch_id: int, tried: Tried, actor: str) -> None:
    """Shows how far it is, one short write a batch."""
    with deps.store.write() as session:
        session.get_one(Watch, watch_id).tried = _running(deps, tried.read, tried.of, actor)


def _keep(deps: Deps, watch_id: int, tried: Tried, actor: str) -> None:
    with deps.store.write() as session:
        watch = session.get_one(Watch, watch_id)
        watch.tried, watch.tried_at = asdict(tried) | {"state": "done"}, deps.now()
        after = {"read": tried.read, "hits": tried.hits}
        append(session, deps.vault, Entry("watch:try", actor, f"watch:{watch_id}", after=after), deps.now())
