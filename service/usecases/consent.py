"""Connecting a brand account with the platform's own consent, and mending it when its token died.

The account's credential is asked of the platform by a manager who is signed in there as the brand; nobody sees it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.errors import TenthError
from plugins.contract import Check, ConnectionSettings
from service.auth.external import discourse, mastodon
from service.auth.external.address import host_of, key_of, server_origin
from service.auth.external.discourse import UserKey
from service.auth.external.proof import Provider, Trouble, Why
from service.db.audit import Entry, append
from service.db.models import Connection
from service.db.reply_tables import BrandAccount
from service.deps import Deps
from service.usecases import flows
from service.usecases.accounts import Account, accounts, add_account
from service.usecases.connections import (
    check_settings,
    connect,
    connector_named,
    keep_found,
    read_settings,
    settings_of,
    split_settings,
)
from service.usecases.flows import Question
from service.usecases.people import Known
from service.usecases.proving import Asked, Going, back_address, client_name, client_of, code_of, kept_client
from service.usecases.remote_apps import app_for

CONNECT, MEND = "connect", "mend"
#: What forums allow a member's own key, unless their admin raised it.
_USER_KEY_CALLS = 20


@dataclass(frozen=True, slots=True)
class Wish:
    """What shall come of the consent: a connection called `name`, a further account on one, or a mended account."""

    name: str = ""
    connection_id: int | None = None
    account_id: int | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """What came of it. `missing` are rights that the account lacks, in words."""

    handle: str
    connection: str
    mended: bool
    missing: tuple[str, ...]


def ask_mastodon(deps: Deps, asked: Asked, typed: str, wish: Wish) -> Going:
    """Sends a manager to a server of the Mastodon API to let the desk use the brand's account. Raises Trouble."""
    allow = deps.settings.private_hosts
    origin = server_origin(typed, allow)
    _refuse_wish(deps, wish, origin)
    server = mastodon.read_server(allow, origin)
    app = app_for(
        deps, server, back_address(asked.base, Provider.MASTODON, origin, "connect"), mastodon.DESK, asked.base
    )
    verifier, state = secrets.token_urlsafe(48), flows.new_state()
    url = mastodon.authorization_url(allow, server, app, state, verifier)
    _put(deps, asked, state, Provider.MASTODON, origin, wish, {"verifier": verifier, **kept_client(server, app)})
    return Going(url, host_of(origin), Provider.MASTODON, key_of(origin))


def ask_forum(deps: Deps, asked: Asked, typed: str, wish: Wish) -> Going:
    """Sends a manager to a forum to give the desk a key of the brand's member account. Raises Trouble."""
    origin = server_origin(typed, deps.settings.private_hosts)
    _refuse_wish(deps, wish, origin)
    private, nonce, client_id = discourse.new_key(), secrets.token_hex(16), client_name(asked.base, "desk")
    kept = {"private": private, "nonce": nonce, "client_id": client_id}
    _put(deps, asked, flows.new_state(), Provider.DISCOURSE, origin, wish, kept)
    back = back_address(asked.base, Provider.DISCOURSE, origin, "connect")
    urls = (discourse.key_url(origin, client_id, discourse.DESK_SCOPES, private, nonce, to) for to in (back, ""))
    return Going(next(urls), host_of(origin), Provider.DISCOURSE, key_of(origin), next(urls))


def ask_again(deps: Deps, asked: Asked, account_id: int) -> Going:
    """The same for an account that is known: a new token in the place of the one that died. Raises Trouble."""
    with deps.store.read() as session:
        account, row = _account(session, account_id)
    wish = Wish(account_id=account.id)
    if not _by_consent(row, account):
        raise Trouble(Why.NOT_BY_CONSENT, host_of(row.url))
    ask = ask_mastodon if row.connector == Provider.MASTODON else ask_forum
    return ask(deps, asked, row.url, wish)


def answered(deps: Deps, browser: str, known: Known, provider: str, key: str, args: Mapping[str, str]) -> Made:
    """Keeps what the platform gave. Raises Trouble, or what connecting raises; then the credential is given back."""
    question = flows.take(deps, browser, provider, key, args, (CONNECT, MEND))
    if question.person_id != known.id:
        raise Trouble(Why.MIXED_UP, host_of(question.issuer))
    by = _mastodon_given if question.provider is Provider.MASTODON else _forum_given
    with by(deps, question, args) as given:
        if question.purpose == MEND:
            return _mended(deps, question, given, known.actor)
        return _connected(deps, question, given, known.actor)


def mendable(deps: Deps) -> list[tuple[Account, bool]]:
    """Brand accounts in use, each with whether it can be connected again by consent."""
    with deps.store.read() as session:
        query = select(BrandAccount, Connection).join(Connection, Connection.id == BrandAccount.connection_id)
        ways = {account.id: _by_consent(row, account) for account, row in session.execute(query)}
    return [(account, ways.get(account.id, False)) for account in accounts(deps) if account.usable]


def mendable_account(deps: Deps, connection_id: int) -> int | None:
    """The account whose credential a connection reads with, when it can be connected again by consent."""
    with deps.store.read() as session:
        row = session.get(Connection, connection_id)
        query = select(BrandAccount).where(BrandAccount.connection_id == connection_id, BrandAccount.state != "closed")
        own = [account for account in session.scalars(query) if not account.sealed]
        return own[0].id if row is not None and own and _by_consent(row, own[0]) else None


@contextmanager
def _mastodon_given(deps: Deps, question: Question, args: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    allow, (server, app) = deps.settings.private_hosts, client_of(question.kept)
    code = code_of(question, args, server.issuer, must_say=server.says_issuer)
    token = mastodon.redeem(allow, server, app, code, question.kept["verifier"])
    try:
        yield {"token": token}
    except TenthError:
        with suppress(Trouble):
            mastodon.revoke(allow, server, app, token)
        raise


@contextmanager
def _forum_given(deps: Deps, question: Question, args: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    allow, origin, kept = deps.settings.private_hosts, question.issuer, question.kept
    key = discourse.key_answer(origin, kept["client_id"], kept["private"], args.get("payload", ""), kept["nonce"])
    try:
        yield _forum_settings(allow, origin, key)
    except TenthError:
        with suppress(Trouble):
            discourse.revoke(allow, origin, key)
        raise


def _forum_settings(allow: frozenset[str], origin: str, key: UserKey) -> dict[str, Any]:
    username = discourse.who(allow, origin, key).handle.rpartition("@")[0]
    given = {"api_key": key.key, "client_id": key.client_id, "api_username": username}
    return given | {"calls_per_minute": _USER_KEY_CALLS}


def _connected(deps: Deps, question: Question, given: dict[str, Any], actor: str) -> Made:
    """A new connection, or a further account on one whose server was asked."""
    connection_id = question.details["connection_id"]
    if connection_id is not None:
        account = add_account(deps, connection_id, given, actor)
        return Made(account.handle, account.connection, mended=False, missing=())
    name = question.details["name"]
    _id, check = connect(deps, question.provider, name, {"url": question.issuer, **given}, actor)
    return _made(check, name, mended=False)


def _mended(deps: Deps, question: Question, given: dict[str, Any], actor: str) -> Made:
    """The new credential where the old one lay, if it is the same account's."""
    with deps.store.read() as session:
        account, row = _account(session, question.details["account_id"])
        before = settings_of(deps, row, account)
    connector = connector_named(deps, row.connector)
    settings = read_settings(connector, before.model_dump() | given)
    check = check_settings(deps, connector, settings)
    if check is None or check.account[:200] != account.handle:
        raise Trouble(Why.OTHER_ACCOUNT, account.handle)
    _keep(deps, account.id, settings, check, actor)
    deps.ring("poll_connections")
    return _made(check, row.name, mended=True)


def _keep(deps: Deps, account_id: int, settings: ConnectionSettings, check: Check, actor: str) -> None:
    """Puts the credential in place and clears what was said of the old one; a connection reads on at once."""
    now, made = deps.now(), split_settings(deps, settings)
    with deps.store.write() as session:
        account, row = _account(session, account_id)
        if account.sealed:
            account.settings, account.sealed = made["settings"], made["sealed"]
        else:
            row.settings, row.sealed, row.poll_due_at, row.failures = made["settings"], made["sealed"], now, 0
            row.state, row.error, row.error_code, row.error_since = "ok" if row.read_at else "new", "", "", None
        account.limits = check.limits.to_json()
        keep_found(session, account, check)
        account.state, account.error, account.checked_at = "open", "", now
        append(session, deps.vault, Entry("account:mend", actor, f"account:{account_id}"), now)


def _made(check: Check | None, name: str, *, mended: bool) -> Made:
    return Made(check.account if check else "", name, mended, check.missing if check else ())


def _refuse_wish(deps: Deps, wish: Wish, origin: str) -> None:
    """What cannot come true is said before somebody consents to it."""
    with deps.store.read() as session:
        if wish.connection_id is not None:
            row = session.get(Connection, wish.connection_id)
            if row is None or server_origin(row.url, deps.settings.private_hosts) != origin:
                raise Trouble(Why.MIXED_UP, host_of(origin))
        elif wish.account_id is None:
            if not 1 <= len(wish.name) <= 80:
                raise Trouble(Why.NAME_MISSING)
            if session.scalar(select(Connection.id).where(Connection.name == wish.name)) is not None:
                raise Trouble(Why.NAME_TAKEN, wish.name)


def _put(
    deps: Deps, asked: Asked, state: str, provider: Provider, origin: str, wish: Wish, kept: Mapping[str, str]
) -> None:
    details = {"name": wish.name, "connection_id": wish.connection_id, "account_id": wish.account_id}
    purpose = MEND if wish.account_id is not None else CONNECT
    flows.put(deps, asked.browser, state, Question(purpose, provider, origin, asked.person_id, details, kept))


def _account(session: Session, account_id: int) -> tuple[BrandAccount, Connection]:
    account = session.get(BrandAccount, account_id)
    if account is None or account.state == "closed":
        raise Trouble(Why.UNKNOWN)
    return account, session.get_one(Connection, account.connection_id)


def _by_consent(row: Connection, account: BrandAccount) -> bool:
    """A forum's admin key was pasted, and a member's own key in its place could do less."""
    plain = row.settings | account.settings
    return row.connector == Provider.MASTODON or (row.connector == Provider.DISCOURSE and bool(plain.get("client_id")))
