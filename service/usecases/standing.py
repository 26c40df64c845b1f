"""Who asks and what about, as `moderation.policy.authorize` wants to know it, read in the caller's transaction."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.policy import Actor, Subject
from service.db.models import Connection, Person
from service.db.reply_tables import BrandAccount
from service.usecases.carrying import lacking
from service.usecases.people import as_known, pseudonym
from service.usecases.switches import is_stopped


def actor_of(session: Session, person: Person) -> Actor:
    """A person at this moment: their role and levels as they are now, not as they were."""
    known = as_known(session, person)
    return Actor(known.actor, person.role, person.active, known.levels, grants=known.grants)


def subject_of(
    session: Session,
    name: str,
    connection_id: int,
    account_id: int | None = None,
    *,
    action_id: int = 0,
    writer: Person | None = None,
    needs_approval: bool = False,
) -> Subject:
    """An act on a connection, through a brand account where one speaks. What is not known refuses."""
    columns = (Connection.shadow, Connection.may, Connection.lacks)
    row = session.execute(select(*columns).where(Connection.id == connection_id)).one_or_none()
    account = session.get(BrandAccount, account_id) if account_id is not None else None
    own = account is not None and bool(account.sealed)
    closed = account_id is not None and (account is None or account.state == "closed")
    return Subject(
        name,
        action_id,
        stopped=is_stopped(session),
        shadow=row is None or row.shadow is not False,
        account=account_id,
        closed=closed,
        needs_approval=needs_approval,
        writer=pseudonym(writer) if writer is not None else "",
        lacks=lacking(row.may, row.lacks) if row is not None and not own else {},
    )
