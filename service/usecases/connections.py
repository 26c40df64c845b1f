"""Connections: made, checked, opened; their credentials go into the vault and come out only to be used."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError
from sqlalchemy import select, update
from sqlalchemy.orm import Session as DbSession

from moderation.errors import BadInput
from plugins.contract import Check, ConnectionSettings, Connector, Session
from service.db.audit import Entry, append
from service.db.models import Connection
from service.db.reply_tables import BrandAccount
from service.deps import Deps


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection with its connector and its settings in the clear; never stored, never logged."""

    id: int
    name: str
    connector: Connector
    settings: ConnectionSettings
    shadow: bool

    @property
    def pace_key(self) -> str:
        return pace_key(self.connector.name, self.connector.url(self.settings))


def host_of(url: str) -> str:
    """`host` or `host:port` of an address."""
    return urlsplit(url).netloc.lower()


def pace_key(connector: str, url: str) -> str:
    """Under which name a site's call budget is shared: one for each kind of API that a host serves."""
    return f"{connector} {host_of(url)}"


def connector_named(deps: Deps, name: str) -> Connector:
    """The connector, or BadInput listing those that are installed."""
    if name not in deps.connectors:
        raise BadInput(f"There is no connector “{name}”. Installed: {', '.join(sorted(deps.connectors))}.")
    return deps.connectors[name]


def read_settings(connector: Connector, given: Mapping[str, Any]) -> ConnectionSettings:
    """Settings from a form or a command line. Raises BadInput naming each field."""
    try:
        return connector.settings(**given)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
        raise BadInput(f"These settings do not work for {connector.label}: {problems}") from None


def connect(
    deps: Deps, connector_name: str, name: str, given: Mapping[str, Any], actor: str
) -> tuple[int, Check | None]:
    """Checks credentials and rights at once, then keeps the connection, in shadow mode. Raises ConnectorError."""
    connector = connector_named(deps, connector_name)
    settings = read_settings(connector, given)
    _refuse_taken(deps, name)
    check = check_settings(deps, connector, settings)
    now = deps.now()
    row = Connection(
        name=name,
        connector=connector.name,
        url=connector.url(settings)[:500],
        account=check.account[:200] if check else "",
        server=check.server[:200] if check else "",
        shadow=True,
        state="new",
        created_at=now,
        poll_due_at=now if check else None,
        **(found_by(check) if check else {}),
        **split_settings(deps, settings),
    )
    with deps.store.write() as session:
        session.add(row)
        session.flush()
        if row.account:
            session.add(_own_account(row, check, now))
        append(session, deps.vault, Entry("connection:connect", actor, f"connection:{row.id}", after=row.settings), now)
    deps.ring("poll_connections")
    return row.id, check


def _own_account(row: Connection, check: Check | None, now: datetime) -> BrandAccount:
    """The account whose credential the connection has."""
    limits = check.limits.to_json() if check else {}
    return BrandAccount(connection_id=row.id, handle=row.account, limits=limits, created_at=now, checked_at=now)


def _refuse_taken(deps: Deps, name: str) -> None:
    if not name.strip() or len(name) > 80:
        raise BadInput("A connection needs a name of 1 to 80 characters (--name).")
    with deps.store.read() as session:
        if session.scalar(select(Connection.id).where(Connection.name == name)):
            raise BadInput(f"There is a connection named “{name}” already. Take another name.")


def check_settings(deps: Deps, connector: Connector, settings: ConnectionSettings) -> Check | None:
    """What the platform says of these credentials; None for a connector that calls nobody."""
    session = connector.open(settings, deps.io_for(pace_key(connector.name, connector.url(settings))))
    if session is None:
        return None
    with closing(session):
        return session.check()


def found_by(check: Check) -> dict[str, Any]:
    """The columns of a connection that keep what a check of its own credential found of its rights."""
    return {"may": sorted(check.may), "lacks": {str(kind): words for kind, words in check.lacks.items()}}


def keep_found(session: DbSession, account: BrandAccount, check: Check) -> None:
    """Keeps the same of a brand account's check, where its credential is the connection's own."""
    if not account.sealed:
        values = found_by(check)
        session.execute(update(Connection).where(Connection.id == account.connection_id).values(**values))


def split_settings(deps: Deps, settings: ConnectionSettings) -> dict[str, Any]:
    """Settings as they are kept: `settings` in the clear, `sealed` what is secret."""
    secret = settings.secret_names()
    plain = settings.model_dump(mode="json", exclude=set(secret))
    hidden = {n: getattr(settings, n).get_secret_value() for n in secret}
    return {"settings": plain, "sealed": deps.vault.seal(json.dumps(hidden)) if hidden else b""}


def opened(deps: Deps, session: DbSession, connection_id: int, account_id: int | None = None) -> Opened:
    """The connection ready to be used, as one of its brand accounts where one is named.

    Raises BadInput when its connector is not installed any more, or the account is closed.
    """
    row = session.get_one(Connection, connection_id)
    account = session.get_one(BrandAccount, account_id) if account_id is not None else None
    if account is not None and (account.state == "closed" or account.connection_id != connection_id):
        raise BadInput("This brand account is out of use.")
    return Opened(row.id, row.name, connector_named(deps, row.connector), settings_of(deps, row, account), row.shadow)


def settings_of(deps: Deps, row: Connection, account: BrandAccount | None = None) -> ConnectionSettings:
    """The connection's settings, with those of an account of its own over them."""
    plain, sealed = dict(row.settings), [row.sealed]
    if account is not None and account.sealed:
        plain |= account.settings
        sealed.append(account.sealed)
    hidden: dict[str, str] = {}
    for one in filter(None, sealed):
        hidden |= json.loads(deps.vault.open(one))
    return connector_named(deps, row.connector).settings(**plain, **{n: SecretStr(v) for n, v in hidden.items()})


def open_session(deps: Deps, connection: Opened) -> Session | None:
    """A live session with the platform; the caller closes it."""
    return connection.connector.open(connection.settings, deps.io_for(connection.pace_key))


def ready_session(deps: Deps, connection_id: int, account_id: int | None = None) -> Session:
    """The same of a stored connection, to act through. Nothing has left yet. Raises TenthError when it cannot be."""
    with deps.store.read() as session:
        connection = opened(deps, session, connection_id, account_id)
    platform = open_session(deps, connection)
    if platform is None:
        raise BadInput("This connection can only read.")
    return platform


def find(session: DbSession, name: str) -> Connection:
    """A connection by name. Raises BadInput listing those that exist."""
    row = session.scalars(select(Connection).where(Connection.name == name)).one_or_none()
    if row is None:
        names = ", ".join(session.scalars(select(Connection.name).order_by(Connection.name))) or "none yet"
        raise BadInput(f"There is no connection “{name}”. Connections: {names}.")
    return row


def set_shadow(deps: Deps, connection_id: int, shadow: bool, actor: str, reason: str = "") -> None:
    """Puts a connection in shadow (reads, sends nothing) or live."""
    with deps.store.write() as session:
        row = session.get_one(Connection, connection_id)
        before, row.shadow = row.shadow, shadow
        entry = Entry(
            "connection:shadow" if shadow else "connection:live", actor, f"connection:{row.id}", reason, before, shadow
        )
        append(session, deps.vault, entry, deps.now())


def poll_soon(deps: Deps, connection_id: int) -> None:
    """Makes the next poll due now: what a webhook, a stream or a person asks for."""
    now = deps.now()
    with deps.store.write() as session:
        row = session.get_one(Connection, connection_id)
        if row.poll_due_at is not None and row.poll_due_at > now + timedelta(seconds=1):
            row.poll_due_at = now
    deps.ring("poll_connections")
