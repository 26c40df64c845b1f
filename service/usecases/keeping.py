"""What is not kept: raw deliveries after their days, words after those of their connection, what nobody needs again.

Words that somebody still works with, or may still contest, stay until that is over: of a case that waits for a person,
of a report or notice that is open, of an act whose reasons can be contested.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, delete, exists, func, select

from moderation.errors import BadInput
from moderation.model import Capability
from moderation.policy import Subject, authorize
from moderation.statements import CONTESTABLE
from service.db.audit import Entry, append
from service.db.erase import Known as KnownMessage
from service.db.erase import make_shells, not_shells
from service.db.erase_author import forget_targets
from service.db.facts import refresh_threads
from service.db.grant_tables import ModerationAct
from service.db.models import Case, Connection, DeliveryRow, Message
from service.db.privacy_tables import Retention
from service.db.redress_tables import Appeal, Notice, Statement
from service.db.report_tables import ReportRow
from service.deps import Deps
from service.usecases.notices import forget_senders
from service.usecases.people import Known

KEEP_DEAD = timedelta(days=30)
LONGEST_KEPT = 3_650
_BLOCK = 5_000
#: Messages that one transaction empties, and transactions that one run takes: more would keep others waiting.
_WORDS, _BLOCKS = 200, 100
_HELD = ("claimed", "escalated", "snoozed")


def purge(deps: Deps) -> int:
    """Deletes raw deliveries past their days, in blocks so that nobody waits long, and empties old words.

    Who gave a notice is forgotten. Returns how many deliveries, messages and notices.
    """
    now = deps.now()
    read = DeliveryRow.received_at < now - timedelta(days=deps.settings.keep_deliveries_days)
    gone = _delete(deps, (DeliveryRow.state == "done") & read)
    gone += _delete(deps, (DeliveryRow.state == "dead") & (DeliveryRow.received_at < now - KEEP_DEAD))
    with deps.store.write() as session:
        forget_targets(session)
    return gone + purge_words(deps) + forget_senders(deps)


def purge_words(deps: Deps) -> int:
    """Empties messages that are older than their connection keeps them. Returns how many."""
    return sum(_purge_connection(deps, connection_id, days) for connection_id, days in kept_days(deps).items())


def kept_days(deps: Deps) -> dict[int, int]:
    """How many days the words of a connection are kept, by its number; where there is none, as long as the desk is."""
    with deps.store.read() as session:
        return {row.connection_id: row.days for row in session.scalars(select(Retention))}


def keep_for(deps: Deps, connection_id: int, days: int | None, by: Known) -> None:
    """Sets how long a connection's words are kept, from now on. Raises BadInput, NotAllowed."""
    now = deps.now()
    authorize(by.asking, Capability.MANAGE, Subject(f"connection:{connection_id}"), now)
    _refuse(days)
    with deps.store.write() as session:
        if session.get(Connection, connection_id) is None:
            raise BadInput("There is no such connection.")
        row = session.get(Retention, connection_id)
        before = row.days if row is not None else None
        if row is not None:
            session.delete(row)
            session.flush()
        if days is not None:
            session.add(Retention(connection_id=connection_id, days=days, set_by=by.actor, set_at=now))
        entry = Entry("retention:set", by.actor, f"connection:{connection_id}", "", {"days": before}, {"days": days})
        append(session, deps.vault, entry, now)


def past_days(deps: Deps, connection_id: int, days: int | None) -> int:
    """How many messages would be emptied if words were kept so long. Raises BadInput."""
    _refuse(days)
    if days is None:
        return 0
    old = _past(connection_id, days, deps.now())
    with deps.store.read() as session:
        return session.scalar(select(func.count()).select_from(Message).where(*old)) or 0


def _refuse(days: int | None) -> None:
    if days is not None and not 1 <= days <= LONGEST_KEPT:
        raise BadInput(f"Words are kept for 1 to {LONGEST_KEPT} days, or as long as the desk is.")


def _purge_connection(deps: Deps, connection_id: int, days: int) -> int:
    now, total, last = deps.now(), 0, 0
    columns = (Message.id, Message.thread_id, Message.connection_id, Message.remote_id)
    query = select(*columns).where(*_past(connection_id, days, now)).order_by(Message.id).limit(_WORDS)
    for _ in range(_BLOCKS):
        with deps.store.write() as session:
            messages = [KnownMessage(*row) for row in session.execute(query.where(Message.id > last))]
            if messages:
                make_shells(session, messages, now)
                refresh_threads(session, {message.thread_id for message in messages}, now)
                last = messages[-1].id
        total += len(messages)
        if len(messages) < _WORDS:
            break
    return total


def _past(connection_id: int, days: int, now: datetime) -> tuple[Any, ...]:
    """The conditions for messages past their days that nobody works with and nobody can contest."""
    waits = (Case.open & Case.lane.in_(("needs", "always"))) | Case.state.in_(_HELD)
    told = (ModerationAct.message_id == Message.id, Statement.action_id == ModerationAct.action_id)
    return (
        *(Message.connection_id == connection_id, Message.created_at < now - timedelta(days=days), not_shells()),
        ~exists().where(Case.thread_id == Message.thread_id, waits),
        ~exists().where(ReportRow.message_id == Message.id, ReportRow.outcome == "open"),
        ~exists().where(Notice.message_id == Message.id, Notice.state == "open"),
        ~exists().where(*told, Statement.made_at > now - CONTESTABLE),
        ~exists().where(*told, Appeal.statement_id == Statement.id, Appeal.state == "open"),
    )


def _delete(deps: Deps, condition: object) -> int:
    total = 0
    while True:
        with deps.store.write() as session:
            ids = select(DeliveryRow.id).where(condition).limit(_BLOCK)  # type: ignore[arg-type]
            result = session.execute(
                delete(DeliveryRow).where(DeliveryRow.id.in_(ids)).execution_options(synchronize_session=False)
            )
        count = result.rowcount if isinstance(result, CursorResult) else 0
        total += count
        if count < _BLOCK:
            return total
