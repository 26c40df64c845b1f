"""Tenth as servers of the Mastodon API know it: registered at need, kept sealed for a while."""

from __future__ import annotations

import json
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, delete, or_, select

from service.auth.external import mastodon
from service.auth.external.mastodon import App, Server
from service.db.identity_tables import RemoteApp
from service.deps import Deps

#: Servers throw away apps that nobody signed in with, Mastodon after a day: older ones are not relied on.
LIFE = timedelta(hours=12)


def app_for(deps: Deps, server: Server, redirect_uri: str, scope: str, website: str) -> App:
    """What the server knows us as, for this redirect address and scope. Raises Trouble."""
    kept = _kept(deps, server, redirect_uri, scope)
    if kept is not None:
        return kept
    app = mastodon.register(deps.settings.private_hosts, server, redirect_uri, scope, website)
    sealed = deps.vault.seal(json.dumps([app.client_id, app.client_secret]))
    with deps.store.write() as session:
        old = RemoteApp.made_at <= deps.now() - LIFE
        session.execute(delete(RemoteApp).where(or_(old, and_(*_named(server, redirect_uri, scope)))))
        row = {"issuer": server.origin, "redirect_uri": redirect_uri, "scope": scope}
        session.add(RemoteApp(**row, sealed=sealed, made_at=deps.now()))
    return app


def forget_app(deps: Deps, issuer: str) -> int:
    """Forgets what a server knew us as; the next sign-in registers anew. Returns how many were known."""
    with deps.store.write() as session:
        found = session.execute(delete(RemoteApp).where(RemoteApp.issuer == issuer).returning(RemoteApp.id))
        return len(found.all())


def _kept(deps: Deps, server: Server, redirect_uri: str, scope: str) -> App | None:
    with deps.store.read() as session:
        row = session.scalars(select(RemoteApp).where(*_named(server, redirect_uri, scope))).one_or_none()
    if row is None or row.made_at + LIFE <= deps.now():
        return None
    client_id, client_secret = json.loads(deps.vault.open(row.sealed))
    return App(client_id, client_secret, redirect_uri, scope)


def _named(server: Server, redirect_uri: str, scope: str) -> tuple[ColumnElement[bool], ...]:
    return RemoteApp.issuer == server.origin, RemoteApp.redirect_uri == redirect_uri, RemoteApp.scope == scope
