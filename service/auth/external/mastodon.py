"""OAuth with servers of the Mastodon API: the app is registered on each at need; PKCE (RFC 7636) where it is offered.

Servers since Mastodon 4.3 describe themselves (RFC 8414); older ones, GoToSocial and Takahe have the same addresses
without saying so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from service.auth.external.address import host_of, same_origin
from service.auth.external.http import client, json_object, text_of
from service.auth.external.proof import Proof, Provider, Trouble, Why

#: What proves who somebody is and gives nothing else, and what stands for it where that is unknown.
WHO, WHO_BEFORE = "profile", "read:accounts"
#: What the desk does with a brand account: reads what concerns it, answers, corrects its own answers.
DESK = "read:accounts read:statuses read:notifications read:search read:lists write:statuses write:media"
_DOCUMENT = "/.well-known/oauth-authorization-server"
_NO_DOCUMENT = (400, 401, 403, 404, 405, 406, 410, 501)


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server takes which question. `issuer` is "" when it does not describe itself."""

    origin: str
    authorize: str
    token: str
    revoke: str
    pkce: bool = False
    issuer: str = ""
    says_issuer: bool = False
    scopes: frozenset[str] = frozenset()

    @property
    def who_scope(self) -> str:
        return WHO if WHO in self.scopes else WHO_BEFORE


@dataclass(frozen=True, slots=True)
class App:
    """What a server knows Tenth as."""

    client_id: str
    client_secret: str
    redirect_uri: str
    scope: str


def read_server(allow: frozenset[str], origin: str) -> Server:
    """Asks a server where its doors are. Raises Trouble; doors on another host are refused."""
    with client(allow, host_of(origin)) as session:
        response = session.get(origin + _DOCUMENT, withhold_token=True, allow_redirects=False)
        if response.status_code in _NO_DOCUMENT:
            return Server(origin, origin + "/oauth/authorize", origin + "/oauth/token", origin + "/oauth/revoke")
        return _described(origin, json_object(response))


def _described(origin: str, body: dict[str, Any]) -> Server:
    """Mastodon's issuer ends with a slash."""
    issuer = text_of(body, "issuer")
    authorize, token = text_of(body, "authorization_endpoint"), text_of(body, "token_endpoint")
    revoke = text_of(body, "revocation_endpoint") or origin + "/oauth/revoke"
    if issuer.rstrip("/") != origin or not all(same_origin(door, origin) for door in (authorize, token, revoke)):
        raise Trouble(Why.MIXED_UP, host_of(origin), "the server names another one as itself")
    methods, scopes = body.get("code_challenge_methods_supported"), body.get("scopes_supported")
    return Server(
        origin,
        authorize,
        token,
        revoke,
        pkce=isinstance(methods, list) and "S256" in methods,
        issuer=issuer,
        says_issuer=body.get("authorization_response_iss_parameter_supported") is True,
        scopes=frozenset(s for s in scopes if isinstance(s, str)) if isinstance(scopes, list) else frozenset(),
    )


def register(allow: frozenset[str], server: Server, redirect_uri: str, scope: str, website: str) -> App:
    """Introduces Tenth to a server. Raises Trouble."""
    form = {"client_name": "Tenth", "redirect_uris": redirect_uri, "scopes": scope, "website": website}
    with client(allow, host_of(server.origin)) as session:
        url = server.origin + "/api/v1/apps"
        body = json_object(session.post(url, data=form, withhold_token=True, allow_redirects=False))
        app = App(text_of(body, "client_id"), text_of(body, "client_secret"), redirect_uri, scope)
    if not app.client_id or not app.client_secret:
        raise Trouble(Why.REFUSED, host_of(server.origin), "no client came back")
    return app


def authorization_url(allow: frozenset[str], server: Server, app: App, state: str, verifier: str) -> str:
    """Where the person goes to say yes or no."""
    with _client(allow, server, app) as session:
        url, _state = session.create_authorization_url(
            server.authorize, state=state, code_verifier=verifier if server.pkce else None
        )
    return str(url)


def redeem(allow: frozenset[str], server: Server, app: App, code: str, verifier: str) -> str:
    """The token for a code. Raises Trouble."""
    extra = {"code_verifier": verifier} if server.pkce else {}
    with _client(allow, server, app) as session:
        answer = session.fetch_token(
            server.token, grant_type="authorization_code", code=code, allow_redirects=False, **extra
        )
        token = text_of(answer, "access_token", 4096)
    if not token:
        raise Trouble(Why.REFUSED, host_of(server.origin), "no token came back")
    return token


def who(allow: frozenset[str], server: Server, token: str) -> Proof:
    """Whose token it is. Raises Trouble. Whatever domain the server puts into the name, it speaks for itself only."""
    host = host_of(server.origin)
    held = {"access_token": token, "token_type": "Bearer"}
    with client(allow, host, token=held) as session:
        url = server.origin + "/api/v1/accounts/verify_credentials"
        body = json_object(session.get(url, allow_redirects=False))
    subject, name = (
        text_of(body, "id"),
        (text_of(body, "username", 100) or text_of(body, "acct", 100)).partition("@")[0],
    )
    if not subject or not name:
        raise Trouble(Why.UNPROVEN, host)
    return Proof(Provider.MASTODON, server.origin, subject, f"@{name}@{host}", text_of(body, "display_name", 200))


def revoke(allow: frozenset[str], server: Server, app: App, token: str) -> None:
    """Gives a token back (RFC 7009). Raises Trouble."""
    with _client(allow, server, app) as session:
        # Old servers read the client from the form only.
        form = {"client_id": app.client_id, "client_secret": app.client_secret, "token": token}
        session.post(server.revoke, data=form, withhold_token=True, allow_redirects=False).raise_for_status()


def _client(allow: frozenset[str], server: Server, app: App) -> Any:
    return client(
        allow,
        host_of(server.origin),
        client_id=app.client_id,
        client_secret=app.client_secret,
        token_endpoint_auth_method="client_secret_post",  # noqa: S106 (the name of a method)
        redirect_uri=app.redirect_uri,
        scope=app.scope,
        code_challenge_method="S256",
    )
