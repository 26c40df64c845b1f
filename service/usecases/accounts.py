"""Brand accounts: credentials that nobody sees, and what each person may do with them.

The account belongs to the company: people get a level on it (draft, send, approve), leave, and it stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from moderation.model import Capability
from moderation.policy import PEOPLE, ROLES, TRUSTED, Level
from plugins.contract import Check, ConnectorError, CredentialsRefused
from service.db.audit import Entry, append
from service.db.models import Connection, Person
from service.db.reply_tables import AccountLevel, BrandAccount
from service.deps import Deps
from service.usecases.connections import (
    check_settings,
    connector_named,
    keep_found,
    read_settings,
    settings_of,
    split_settings,
)

log = structlog.get_logger(__name__)

#: How often a credential is tried that nobody used meanwhile, and how many at once.
CHECK_EVERY = timedelta(hours=6)
CHECKS = 10


@dataclass(frozen=True, slots=True)
class Account:
    """A brand account as it may be shown; `levels` are people's, by username."""

    id: int
    handle: str
    connection_id: int
    connection: str
    label: str
    state: str
    error: str
    checked_at: datetime | None
    levels: tuple[tuple[str, Level], ...] = ()

    @property
    def usable(self) -> bool:
        return self.state != "closed"


def add_account(deps: Deps, connection_id: int, given: Mapping[str, Any], actor: str) -> Account:
    """A further account on a connection: `given` are settings that differ from the connection's.

    The platform is asked whose they are first. Raises BadInput, ConnectorError.
    """
    with deps.store.read() as session:
        row = session.get(Connection, connection_id)
    if row is None:
        raise BadInput("There is no such connection.")
    connector = connector_named(deps, row.connector)
    base = settings_of(deps, row)
    hidden = {name: getattr(base, name) for name in base.secret_names()}
    settings = read_settings(connector, {**row.settings, **hidden, **given})
    check = check_settings(deps, connector, settings)
    if check is None or not check.account:
        raise BadInput("This connection only reads; it has no accounts that answer.")
    made = split_settings(deps, settings)
    now = deps.now()
    with deps.store.write() as session:
        account = _same(session, connection_id, check.account)
        if account is None:
            account = BrandAccount(connection_id=connection_id, handle=check.account[:200], created_at=now)
            session.add(account)
        account.settings, account.sealed = made["settings"], made["sealed"]
        account.limits = check.limits.to_json()
        account.state, account.error, account.checked_at, account.closed_at = "open", "", now, None
        session.flush()
        entry = Entry("account:add", actor, f"account:{account.id}", after={"handle": account.handle})
        append(session, deps.vault, entry, now)
        return _shown(deps, account, row, ())


def close_account(deps: Deps, account_id: int, actor: str, reason: str) -> None:
    """Takes an account out of use; its credentials are forgotten, its history stays."""
    with deps.store.write() as session:
        account = _account(session, account_id)
        if account.state == "closed":
            return
        account.state, account.closed_at, account.sealed, account.settings = "closed", deps.now(), b"", {}
        append(session, deps.vault, Entry("account:close", actor, f"account:{account_id}", reason), deps.now())


def note_check(deps: Deps, account_id: int, error: str, found: Check | None = None) -> None:
    """Keeps whether the platform still takes the account's credential ("": it does), and what it allows."""
    with deps.store.write() as session:
        account = _account(session, account_id)
        if account.state != "closed":
            account.state, account.error, account.checked_at = ("refused" if error else "open"), error, deps.now()
            if found is not None:
                account.limits = found.limits.to_json()
                keep_found(session, account, found)


def check_account(deps: Deps, account_id: int) -> Check | None:
    """Asks the platform whether the credential still holds; raises ConnectorError, which is kept, too."""
    with deps.store.read() as session:
        account = _account(session, account_id)
        if account.state == "closed":
            raise BadInput("This brand account is out of use.")
        row = session.get_one(Connection, account.connection_id)
        settings = settings_of(deps, row, account)
    try:
        found = check_settings(deps, connector_named(deps, row.connector), settings)
    except CredentialsRefused as refused:
        note_check(deps, account_id, str(refused))
        raise
    note_check(deps, account_id, "", found)
    return found


def check_due(deps: Deps) -> int:
    """Asks the platforms about accounts that were not asked about for some hours: a token that was taken away shows.

    What else goes wrong (a platform that is down) is tried again at the next time. Returns how many were asked about.
    """
    now = deps.now()
    stale = or_(BrandAccount.checked_at.is_(None), BrandAccount.checked_at <= now - CHECK_EVERY)
    with deps.store.write() as session:
        query = select(BrandAccount).where(BrandAccount.state != "closed", stale).limit(CHECKS)
        due = session.scalars(query.with_for_update(skip_locked=True)).all()
        ids = [account.id for account in due]
        for account in due:
            account.checked_at = now
    for account_id in ids:
        try:
            check_account(deps, account_id)
        except (BadInput, ConnectorError) as error:
            log.warning("account.check_failed", account=account_id, error=type(error).__name__)
    return len(ids)


def give_level(deps: Deps, account_id: int, username: str, level: Level | None, actor: str) -> None:
    """Gives a person a level on an account, or takes it away (None). Raises BadInput."""
    now = deps.now()
    with deps.store.write() as session:
        _account(session, account_id)
        person = session.scalars(select(Person).where(Person.username == username.strip().lower())).one_or_none()
        if person is None:
            raise BadInput(f"There is nobody named “{username}”.")
        mine = (AccountLevel.account_id == account_id, AccountLevel.person_id == person.id)
        before = session.scalar(select(AccountLevel.level).where(*mine))
        session.execute(delete(AccountLevel).where(*mine))
        if level is not None:
            session.add(AccountLevel(account_id=account_id, person_id=person.id, level=str(level), given_at=now))
        change = {"person": person.id, "level": before}, {"person": person.id, "level": level}
        kind = "account:give" if level is not None else "account:take"
        append(session, deps.vault, Entry(kind, actor, f"account:{account_id}", "", *change), now)


def accounts(deps: Deps, connection_id: int | None = None) -> list[Account]:
    """Every brand account with people's levels on it, by connection and name."""
    query = select(BrandAccount, Connection).join(Connection, Connection.id == BrandAccount.connection_id)
    if connection_id is not None:
        query = query.where(BrandAccount.connection_id == connection_id)
    with deps.store.read() as session:
        rows = session.execute(query.order_by(Connection.name, BrandAccount.handle)).all()
        held = select(AccountLevel.account_id, Person.username, AccountLevel.level)
        levels: dict[int, list[tuple[str, Level]]] = {}
        for account_id, username, level in session.execute(held.join(Person, Person.id == AccountLevel.person_id)):
            levels.setdefault(account_id, []).append((username, Level(level)))
        return [_shown(deps, a, c, tuple(sorted(levels.get(a.id, ())))) for a, c in rows]


def may_have_levels(deps: Deps) -> list[tuple[str, str]]:
    """(username, name) of those whom a level gives something: owners and managers may use each account anyway."""
    roles = [role for role in PEOPLE if Capability.DRAFT in ROLES[role] and role not in TRUSTED]
    query = select(Person.username, Person.name).where(Person.role.in_(roles), Person.active.is_(True))
    with deps.store.read() as session:
        return [(username, name) for username, name in session.execute(query.order_by(Person.username))]


def _account(session: Session, account_id: int) -> BrandAccount:
    account = session.get(BrandAccount, account_id)
    if account is None:
        raise BadInput("There is no such brand account.")
    return account


def _same(session: Session, connection_id: int, handle: str) -> BrandAccount | None:
    named = (BrandAccount.connection_id == connection_id, BrandAccount.handle == handle[:200])
    return session.scalars(select(BrandAccount).where(*named)).one_or_none()


def _shown(deps: Deps, account: BrandAccount, row: Connection, levels: tuple[tuple[str, Level], ...]) -> Account:
    connector = deps.connectors.get(row.connector)
    return Account(
        account.id,
        account.handle,
        row.id,
        row.name,
        connector.label if connector else row.connector,
        account.state,
        account.error,
        account.checked_at,
        levels,
    )
