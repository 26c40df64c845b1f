"""Reports as they come in, and what became of each reporter's. Everything here runs in the caller's transaction.

The states of a report are ordered by their version, never by arrival (`moderation.reports.merged`). What the desk has
decided stands, whatever the platform says later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from moderation.model import AuthorSeen, ReportOutcome, ReportReason, ReportSeen
from moderation.reports import State, merged, version_of
from moderation.trust import Reports
from service.db.deliveries import insert_new
from service.db.models import Message
from service.db.report_tables import ReportRow
from service.db.seen_authors import strangers
from service.db.trust import chunks, touch_authors

#: What says whether a reporter was right.
DECIDED = (ReportOutcome.UPHELD, ReportOutcome.REJECTED)


def raw_subject(report: ReportSeen) -> str:
    """Under which the raw delivery of a report is found again: the message it is about, else the report itself."""
    return (report.message_id or f"report {report.remote_id}")[:300]


def keep(session: Session, connection_id: int, seen: Sequence[ReportSeen], now: datetime) -> None:
    """Writes reports as they stand by all that is known of each."""
    if not seen:
        return
    people = {one.remote_id: one for report in seen for one in (report.about, report.reporter) if one is not None}
    states = _states(seen, strangers(session, connection_id, people, now))
    before = {row.remote_id: _state(row) for row in _rows(session, connection_id, states)}
    fresh = [
        _values(state) | _key(connection_id, key, now) for key, state in sorted(states.items()) if key not in before
    ]
    insert_new(session, ReportRow, fresh)
    right_or_wrong = set()
    for row in _rows(session, connection_id, states):
        _settle(row, merged(_state(row), states[row.remote_id]))
        if row.outcome in DECIDED and before.get(row.remote_id) != _state(row) and row.reporter_id is not None:
            right_or_wrong.add(row.reporter_id)
    session.flush()
    touch_authors(session, right_or_wrong)


def link(session: Session, connection_id: int, messages: Collection[str]) -> None:
    """Ties reports that came before what they are about: of these messages, and whatever is open and still waits."""
    waiting = (ReportRow.connection_id == connection_id, ReportRow.message_id.is_(None), ReportRow.message_remote != "")
    for which in (ReportRow.message_remote.in_(list(messages)), ReportRow.outcome == ReportOutcome.OPEN):
        found = session.execute(
            select(ReportRow.id, Message.id, func.coalesce(ReportRow.about_id, Message.author_id))
            .join(
                Message,
                (Message.connection_id == ReportRow.connection_id) & (Message.remote_id == ReportRow.message_remote),
            )
            .where(*waiting, which)
            .order_by(ReportRow.id)
        ).all()
        for report, message, author in found:
            tied = update(ReportRow).where(ReportRow.id == report).values(message_id=message, about_id=author)
            session.execute(tied.execution_options(synchronize_session=False))


def tally(session: Session, authors: Collection[int], same: Mapping[int, int]) -> dict[int, Reports]:
    """What became of the reports of these people, by the account that stands for each (see usecases.same_person)."""
    people = {same.get(author, author) for author in authors}
    accounts = people | {account for account, person in same.items() if person in people}
    counts: defaultdict[int, dict[str, int]] = defaultdict(lambda: {str(one): 0 for one in DECIDED})
    query = select(ReportRow.reporter_id, ReportRow.outcome, func.count()).where(ReportRow.outcome.in_(DECIDED))
    for some in chunks(accounts):
        grouped = query.where(ReportRow.reporter_id.in_(some)).group_by(ReportRow.reporter_id, ReportRow.outcome)
        for reporter, outcome, count in session.execute(grouped):
            if reporter is not None:
                counts[same.get(reporter, reporter)][outcome] += count
    return {person: Reports(found[DECIDED[0]], found[DECIDED[1]]) for person, found in counts.items()}


def _states(seen: Sequence[ReportSeen], authors: Mapping[str, int]) -> dict[str, State]:
    found: dict[str, State] = {}
    for report in seen:
        state = State(
            version_of(report.version),
            report.at,
            report.reason,
            report.outcome,
            report.message_id or None,
            _known(report.about, authors),
            _known(report.reporter, authors),
            report.text,
        )
        kept = found.get(report.remote_id)
        found[report.remote_id] = merged(kept, state) if kept else state
    return found


def _known(seen: AuthorSeen | None, authors: Mapping[str, int]) -> int | None:
    return authors[seen.remote_id] if seen is not None else None


def _rows(session: Session, connection_id: int, keys: Collection[str]) -> list[ReportRow]:
    query = select(ReportRow).where(ReportRow.connection_id == connection_id, ReportRow.remote_id.in_(list(keys)))
    locked = query.order_by(ReportRow.remote_id).with_for_update().execution_options(populate_existing=True)
    return list(session.scalars(locked))


def _state(row: ReportRow) -> State:
    return State(
        row.version,
        row.at,
        ReportReason(row.reason),
        ReportOutcome(row.outcome),
        row.message_remote or None,
        row.about_id,
        row.reporter_id,
        row.text,
    )


def _values(state: State) -> dict[str, Any]:
    return {
        "version": state.version,
        "at": state.at,
        "reason": str(state.reason),
        "outcome": str(state.outcome),
        "message_remote": state.message or "",
        "about_id": state.about,
        "reporter_id": state.reporter,
        "text": state.text,
    }


def _key(connection_id: int, remote_id: str, now: datetime) -> dict[str, Any]:
    return {"connection_id": connection_id, "remote_id": remote_id, "seen_at": now}


def _settle(row: ReportRow, state: State) -> None:
    values = _values(state)
    if row.decision_id is not None:
        del values["outcome"]
    for name, value in values.items():
        if getattr(row, name) != value:
            setattr(row, name, value)
