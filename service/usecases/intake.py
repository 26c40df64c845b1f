"""From raw deliveries to scored messages: claim, parse, one scoring batch with no transaction open, write.

Poison work never blocks the rest: a batch that cannot be written is written row by row, each in a savepoint; what
cannot be read at all goes straight to the dead-letter state with its reason.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from moderation.model import AuthorSeen, Event, MessageGone, MessageSeen, ReportSeen, ThreadChanged, ThreadListed
from moderation.scoring.contract import Score, Text
from plugins.contract import Delivery
from service.db import deliveries as inbox
from service.db.deliveries import Claimed
from service.db.erase import empty, erase_raw
from service.db.incoming import Incoming, newer
from service.db.intake import settle, thread_subject
from service.db.reports import raw_subject
from service.db.seen_messages import ended, known_states
from service.db.unread import closed_among, heard, speakers
from service.deps import Deps
from service.usecases import watched
from service.usecases.connections import Opened, opened

log = structlog.get_logger(__name__)

FATAL = "Whoever read it ended before it was done, time and again."
BACKOFF = (5, 30, 120, 600, 1800)
#: A platform's clock may be a little ahead of ours; a date further ahead is pulled back to when we read it.
CLOCK_SKEW = timedelta(minutes=10)
LONGEST_ID = 300
#: Nobody reads a complaint that is longer.
LONGEST_COMPLAINT = 10_000


@dataclass(slots=True)
class Item:
    """A claimed delivery on its way; `hushed`: somebody speaks in it who is not read."""

    claimed: Claimed
    events: list[Event] = field(default_factory=list)
    subject: str | None = None
    hushed: bool = False
    found: dict[str, tuple[watched.Found, ...]] = field(default_factory=dict)


def accept(deps: Deps, connection_id: int, source: str, found: Sequence[Delivery]) -> int:
    """Stores deliveries and rings; returns how many were new. When this returns, they are safe."""
    with deps.store.write() as session:
        new = inbox.store(session, connection_id, source, found, deps.now())
    if new:
        deps.ring("process_deliveries")
    return new


def process_deliveries(deps: Deps, connection_id: int | None = None, limit: int | None = None) -> int:
    """Reads one batch of due deliveries. Returns how many it claimed."""
    with deps.store.write() as session:
        claimed = inbox.claim(session, deps.now(), limit or deps.settings.batch_size, connection_id)
        spent = {c.id: (FATAL, None) for c in claimed if c.attempt > inbox.MAX_ATTEMPTS}
        inbox.fail(session, spent)
    if not claimed or spent:
        return len(claimed)
    by_connection: dict[int, list[Claimed]] = {}
    for one in claimed:
        by_connection.setdefault(one.connection_id, []).append(one)
    for owner, rows in by_connection.items():
        _process(deps, owner, rows)
    return len(claimed)


def _process(deps: Deps, connection_id: int, rows: list[Claimed]) -> None:
    with deps.store.read() as session:
        connection = opened(deps, session, connection_id)
    items, errors = _parse_all(connection, rows, deps.now())
    with deps.store.read() as session:
        _hush(deps, session, connection_id, items)
    scores = _score(deps, connection_id, items)
    _watch(deps, connection_id, items, scores)
    done = _write(deps, connection_id, rows, items, scores, errors)
    log.info("deliveries.processed", connection=connection.name, claimed=len(rows), done=done, failed=len(errors))


def _parse_all(
    connection: Opened, rows: list[Claimed], now: datetime
) -> tuple[list[Item], dict[int, tuple[str, datetime | None]]]:
    items: list[Item] = []
    errors: dict[int, tuple[str, datetime | None]] = {}
    for row in rows:
        try:
            delivery = Delivery(key=row.key, kind=row.kind, body=row.body)
            events = connection.connector.parse(delivery, connection.settings).events
            cleaned = [clean(e, min(now, row.received_at)) for e in events]
        except BadInput as error:
            errors[row.id] = (str(error), None)
        except Exception as error:
            log.exception("deliveries.parse_failed", delivery=row.id, connector=connection.connector.name)
            errors[row.id] = (f"The connector failed on this: {type(error).__name__}: {error}", None)
        else:
            items.append(Item(row, cleaned, _subject(events)))
    return items, errors


def _hush(deps: Deps, session: Session, connection_id: int, items: Sequence[Item]) -> None:
    """Drops what comes from authors who are not read."""
    closed = closed_among(session, deps.vault, connection_id, speakers(e for item in items for e in item.events))
    for item in items:
        kept = heard(item.events, closed)
        item.hushed, item.events = item.hushed or kept != item.events, kept


def _subject(events: Sequence[Event]) -> str | None:
    """What a raw delivery is about, for taking its words away later: a message, else a thread, else a report."""
    message = next((e.remote_id[:300] for e in events if isinstance(e, MessageSeen | MessageGone)), None)
    thread = next((e.thread.remote_id for e in events if isinstance(e, ThreadChanged)), None)
    report = next((raw_subject(e) for e in events if isinstance(e, ReportSeen)), None)
    return message or (thread_subject(thread) if thread else report)


def clean(event: Event, received_at: datetime) -> Event:
    """What every database can hold and triage can trust: no null bytes, no lone surrogates, no far-future dates.

    Raises BadInput for an id that is too long to be kept: a cut id could be somebody else's.
    """
    if isinstance(event, ThreadListed):
        return replace(event, at=min(event.at, received_at))
    if isinstance(event, ReportSeen):
        return _clean_report(event, received_at + CLOCK_SKEW)
    if not isinstance(event, MessageSeen):
        return event
    ids = (event.remote_id, event.thread.remote_id, event.author.remote_id, event.in_reply_to or "")
    _refuse_long(*ids, event.thread.community.remote_id)
    latest = received_at + CLOCK_SKEW
    return replace(
        event,
        text=storable(event.text),
        content_warning=storable(event.content_warning),
        visibility=event.visibility[:20],
        created_at=min(event.created_at, latest),
        author=_clean_author(event.author),
        thread=replace(event.thread, title=None if event.thread.title is None else storable(event.thread.title)),
        likes=min(max(event.likes, 0), 2_000_000_000),
        shares=min(max(event.shares, 0), 2_000_000_000),
    )


def _clean_report(report: ReportSeen, latest: datetime) -> ReportSeen:
    about, reporter = report.about, report.reporter
    people = [one.remote_id for one in (about, reporter) if one is not None]
    _refuse_long(report.remote_id, report.message_id or "", *people)
    return replace(
        report,
        at=min(report.at, latest),
        text=storable(report.text)[:LONGEST_COMPLAINT],
        about=_clean_author(about) if about is not None else None,
        reporter=_clean_author(reporter) if reporter is not None else None,
    )


def _clean_author(seen: AuthorSeen) -> AuthorSeen:
    return replace(seen, name=storable(seen.name), handle=storable(seen.handle))


def _refuse_long(*ids: str) -> None:
    if any(len(one) > LONGEST_ID for one in ids):
        raise BadInput(f"An id in it is longer than {LONGEST_ID} characters.")


def storable(text: str) -> str:
    """Without null bytes (PostgreSQL refuses them) and lone surrogates (no UTF-8 for them)."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _score(deps: Deps, connection_id: int, items: Sequence[Item]) -> dict[str, Score]:
    """Scores what is new, in one batch, with no transaction open."""
    incoming = _gather(deps, connection_id, items)
    with deps.store.read() as session:
        states = known_states(session, connection_id, incoming.seen)
        ends = ended(session, connection_id, incoming.seen)
    fresh = [e for r, e in incoming.seen.items() if newer(e, states.get(r), ends.get(r))]
    texts = [Text(f"{e.content_warning}\n{e.text}" if e.content_warning else e.text, e.language) for e in fresh]
    return dict(zip((e.remote_id for e in fresh), deps.scorer.score(texts), strict=True)) if texts else {}


def _watch(deps: Deps, connection_id: int, items: Sequence[Item], scores: dict[str, Score]) -> None:
    """Looks for watched words in what is new."""
    new = [[e for e in i.events if isinstance(e, MessageSeen) and e.remote_id in scores] for i in items]
    found = watched.find(deps, connection_id, [event for events in new for event in events])
    for item, events in zip(items, new, strict=True):
        item.found = {e.remote_id: found[e.remote_id] for e in events if e.remote_id in found}


def _gather(deps: Deps, connection_id: int, items: Sequence[Item]) -> Incoming:
    incoming = Incoming(connection_id, deps.now())
    for item in items:
        for event in item.events:
            if isinstance(event, MessageSeen):
                incoming.add_seen(event)
            elif isinstance(event, MessageGone):
                incoming.add_gone(event)
            elif isinstance(event, ThreadChanged):
                incoming.add_thread(event.thread)
            elif isinstance(event, ThreadListed):
                incoming.listed.append(event)
            elif isinstance(event, ReportSeen):
                incoming.reports.append(event)
    return incoming


def _write(
    deps: Deps,
    connection_id: int,
    rows: list[Claimed],
    items: list[Item],
    scores: dict[str, Score],
    errors: dict[int, tuple[str, datetime | None]],
) -> int:
    with deps.store.write() as session:
        mine = inbox.still_mine(session, rows)
        inbox.fail(session, {id_: error for id_, error in errors.items() if id_ in mine})
        good = [i for i in items if i.claimed.id in mine]
        _hush(deps, session, connection_id, good)  # somebody may have been erased while it was scored
        failed = _settle_or_split(deps, session, connection_id, good, scores)
        inbox.fail(session, failed)
        done = {i.claimed.id: i.subject for i in good if i.claimed.id not in failed}
        inbox.finish(session, done)
        erase_raw(session, connection_id, done)
        empty(session, [i.claimed.id for i in good if i.hushed and i.claimed.id in done])
    return len(good) - len(failed)


def _settle_or_split(
    deps: Deps, session: Session, connection_id: int, items: list[Item], scores: dict[str, Score]
) -> dict[int, tuple[str, datetime | None]]:
    """The whole batch in one savepoint; when that fails, each delivery in its own, so that poison is found."""
    try:
        _settle(deps, session, connection_id, items, scores)
    except (SQLAlchemyError, ValueError, KeyError, OverflowError) as error:
        if len(items) == 1:
            return {items[0].claimed.id: _again(deps, items[0].claimed, error)}
        failed: dict[int, tuple[str, datetime | None]] = {}
        for item in items:
            failed |= _settle_or_split(deps, session, connection_id, [item], scores)
        return failed
    return {}


def _settle(deps: Deps, session: Session, connection_id: int, items: list[Item], scores: dict[str, Score]) -> None:
    incoming = _gather(deps, connection_id, items)
    incoming.scores = scores
    with session.begin_nested():
        settle(session, incoming)
        watched.note(deps, session, connection_id, {r: found for i in items for r, found in i.found.items()})


def _again(deps: Deps, claimed: Claimed, error: Exception) -> tuple[str, datetime | None]:
    """When to try again: later each time, with jitter; never after the last attempt."""
    log.warning("deliveries.write_failed", delivery=claimed.id, attempt=claimed.attempt, error=type(error).__name__)
    words = f"It could not be written: {type(error).__name__}: {str(error)[:500]}"
    if claimed.attempt >= inbox.MAX_ATTEMPTS:
        return words, None
    pause = BACKOFF[min(claimed.attempt, len(BACKOFF)) - 1] * random.uniform(0.8, 1.2)
    return words, deps.now() + timedelta(seconds=pause)
