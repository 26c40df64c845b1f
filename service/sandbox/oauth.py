"""The fediverse server's face to strangers: instance, nodeinfo, apps, and OAuth with PKCE."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, jsonify, redirect, request
from flask.typing import ResponseReturnValue

from service.sandbox.consent import page
from service.sandbox.counting import LINK
from service.sandbox.ids import iso
from service.sandbox.media import MAX_ATTACHMENTS, mastodon_limits
from service.sandbox.options import ALL_SCOPES
from service.sandbox.refusal import Refusal
from service.sandbox.requests import listed, params, text, world
from service.sandbox.world import App, Code, Token

api = Blueprint("oauth", __name__)
OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
CODE_LIFE = timedelta(minutes=10)
DENIED = "The resource owner or authorization server denied the request."
BAD_GRANT = "The provided authorization grant is invalid, expired, revoked, or does not match the redirection URI."


@api.errorhandler(Refusal)
def refuse(refusal: Refusal) -> ResponseReturnValue:
    body = {"error": refusal.kind or refusal.message}
    if refusal.kind:
        body["error_description"] = refusal.message
    return jsonify(body), refusal.status


# who this server is


@api.get("/.well-known/nodeinfo")
def nodeinfo_links() -> ResponseReturnValue:
    rel = "http://nodeinfo.diaspora.software/ns/schema/2.0"
    return jsonify(links=[{"rel": rel, "href": world().base_url + "/nodeinfo/2.0"}])


@api.get("/nodeinfo/2.0")
def nodeinfo() -> ResponseReturnValue:
    return jsonify(
        version="2.0",
        software={"name": "mastodon", "version": world().options.version},
        protocols=["activitypub"],
        services={"inbound": [], "outbound": []},
        openRegistrations=False,
        usage={"users": {"total": len(world().fedi.accounts)}, "localPosts": len(world().fedi.statuses)},
        metadata={},
    )


@api.get("/.well-known/oauth-authorization-server")
def metadata() -> ResponseReturnValue:
    if not world().options.oauth_metadata:
        raise Refusal(404, "Not Found")
    base = world().base_url
    return jsonify(
        issuer=base + "/",
        authorization_endpoint=base + "/oauth/authorize",
        token_endpoint=base + "/oauth/token",
        revocation_endpoint=base + "/oauth/revoke",
        app_registration_endpoint=base + "/api/v1/apps",
        scopes_supported=ALL_SCOPES.split(),
        response_types_supported=["code"],
        grant_types_supported=["authorization_code", "client_credentials"],
        code_challenge_methods_supported=["S256"],
        token_endpoint_auth_methods_supported=["client_secret_basic", "client_secret_post"],
    )


def _configuration() -> dict[str, Any]:
    statuses = {
        "max_characters": world().options.max_characters,
        "max_media_attachments": MAX_ATTACHMENTS,
        "characters_reserved_per_url": LINK,
    }
    urls = {"streaming": world().base_url.replace("http", "ws", 1)}
    polls = {"max_options": 4, "max_characters_per_option": 50, "min_expiration": 300, "max_expiration": 2629746}
    media = mastodon_limits()
    return {
        "urls": urls,
        "statuses": statuses,
        "media_attachments": media,
        "polls": polls,
        "translation": {"enabled": False},
    }


@api.get("/api/v1/instance")
def instance_v1() -> ResponseReturnValue:
    here = world()
    host = here.base_url.split("://")[1]
    counts = {"user_count": len(here.fedi.accounts), "status_count": len(here.fedi.statuses), "domain_count": 0}
    return jsonify(
        uri=host,
        title="Sandbox social",
        short_description="A fediverse server in a box",
        description="",
        email="",
        version=here.options.version,
        languages=["en", "fr"],
        registrations=False,
        approval_required=False,
        invites_enabled=False,
        configuration=_configuration(),
        urls={"streaming_api": here.base_url.replace("http", "ws", 1)},
        stats=counts,
        rules=[],
    )


@api.get("/api/v2/instance")
def instance_v2() -> ResponseReturnValue:
    here = world()
    return jsonify(
        domain=here.base_url.split("://")[1],
        title="Sandbox social",
        version=here.options.version,
        source_url="",
        description="A fediverse server in a box",
        usage={"users": {"active_month": len(here.fedi.accounts)}},
        languages=["en", "fr"],
        configuration=_configuration(),
        registrations={"enabled": False, "approval_required": False, "message": None},
        contact={"email": "", "account": None},
        rules=[],
        api_versions={"mastodon": 2},
    )


# apps and tokens


@api.post("/api/v1/apps")
def register_app() -> ResponseReturnValue:
    asked = params()
    if not text(asked, "client_name"):
        raise Refusal(422, "Validation failed: Application name can't be blank")
    uris = tuple(u for part in listed(asked, "redirect_uris") for u in part.split())
    if not uris:
        raise Refusal(422, "Validation failed: Redirect URI must be an absolute URI.")
    scopes = text(asked, "scopes") or "read"
    if not all(_known(scope) for scope in scopes.split()):
        raise Refusal(422, "Validation failed: Scopes doesn't match configured on the server.")
    made = App(secrets.token_urlsafe(24), secrets.token_urlsafe(24), text(asked, "client_name"), uris, scopes)
    world().access.apps[made.client_id] = made
    return jsonify(
        id=world().fedi.mint(world().now()),
        created_at=iso(world().now()),
        name=made.name,
        website=text(asked, "website") or None,
        redirect_uri="\n".join(uris),
        redirect_uris=list(uris),
        client_id=made.client_id,
        client_secret=made.client_secret,
        client_secret_expires_at=0,
        vapid_key="",
        scopes=scopes.split(),
    )


def _known(scope: str) -> bool:
    """`profile` came with the server's description of itself."""
    known = set(ALL_SCOPES.split()) - (set() if world().options.oauth_metadata else {"profile"})
    parts = scope.split(":")
    return any(":".join(parts[:n]) in known for n in range(1, len(parts) + 1))


@api.get("/oauth/authorize")
def ask_who() -> ResponseReturnValue:
    asked = {k: text(params(), k) for k in params()}
    app, _ = _authorization(asked)
    people = [account.username for account in world().fedi.accounts.values()]
    question = f"{app.name} asks for access."
    return page("Sandbox social", question, "/oauth/authorize", asked.items(), people, refusable=True)


@api.post("/oauth/authorize")
def say_who() -> ResponseReturnValue:
    asked = {k: text(params(), k) for k in params()}
    app, scopes = _authorization(asked)
    if asked.get("deny"):
        return _back(asked, {"error": "access_denied", "error_description": DENIED})
    account = world().fedi.account_named(asked.get("username", ""))
    if account is None:
        raise Refusal(403, DENIED, "access_denied")
    target, challenge = asked["redirect_uri"], asked.get("code_challenge", "")
    made = Code(secrets.token_urlsafe(24), app, account.id, target, scopes, challenge, world().now())
    world().access.codes[made.value] = made
    if target == OUT_OF_BAND:
        return jsonify(code=made.value)
    return _back(asked, {"code": made.value})


def _back(asked: dict[str, str], answer: dict[str, str]) -> ResponseReturnValue:
    target = asked["redirect_uri"]
    answer |= {"state": asked["state"]} if asked.get("state") else {}
    return redirect(f"{target}{'&' if '?' in target else '?'}{urlencode(answer)}")


def _authorization(asked: dict[str, str]) -> tuple[App, str]:
    app = world().access.apps.get(asked.get("client_id", ""))
    if app is None:
        raise Refusal(401, "Client authentication failed due to unknown client.", "invalid_client")
    if asked.get("redirect_uri") not in app.redirect_uris:
        raise Refusal(400, "The requested redirect uri is malformed or doesn't match.", "invalid_redirect_uri")
    if asked.get("response_type") != "code":
        raise Refusal(400, "This response type is not supported.", "unsupported_response_type")
    if asked.get("code_challenge") and asked.get("code_challenge_method") != "S256":
        raise Refusal(400, "The code_challenge_method must be S256.", "invalid_code_challenge_method")
    return app, _scopes(app, asked.get("scope", ""))


def _scopes(app: App, wanted: str) -> str:
    """What is asked for must have been registered, by itself or by a broader scope."""
    scopes = wanted or "read"
    held = set(app.scopes.split())
    for scope in scopes.split():
        parts = scope.split(":")
        if not {":".join(parts[:n]) for n in range(1, len(parts) + 1)} & held:
            raise Refusal(400, "The requested scope is invalid, unknown, or malformed.", "invalid_scope")
    return scopes


@api.post("/oauth/token")
def give_token() -> ResponseReturnValue:
    asked = {k: text(params(), k) for k in params()}
    app = _client(asked)
    grant = asked.get("grant_type", "")
    if grant == "client_credentials":
        made = world().issue(app, None, _scopes(app, asked.get("scope", "")))
    elif grant == "authorization_code":
        made = _redeem(app, asked)
    else:
        raise Refusal(400, "The authorization grant type is not supported.", "unsupported_grant_type")
    return jsonify(_token_shape(made))


def _client(asked: dict[str, str]) -> App:
    basic = request.authorization
    given_id = basic.username if basic and basic.type == "basic" else asked.get("client_id")
    given_secret = basic.password if basic and basic.type == "basic" else asked.get("client_secret")
    app = world().access.apps.get(given_id or "")
    if app is None or not hmac.compare_digest(app.client_secret, given_secret or ""):
        raise Refusal(401, "Client authentication failed.", "invalid_client")
    return app


def _redeem(app: App, asked: dict[str, str]) -> Token:
    code = world().access.codes.pop(asked.get("code", ""), None)
    if code is None or code.app.client_id != app.client_id or code.redirect_uri != asked.get("redirect_uri"):
        raise Refusal(400, BAD_GRANT, "invalid_grant")
    late = world().now() - code.at > CODE_LIFE
    if late or (code.challenge and code.challenge != _challenge(asked.get("code_verifier", ""))):
        raise Refusal(400, BAD_GRANT, "invalid_grant")
    return world().issue(app, code.account_id, code.scopes)


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def _token_shape(token: Token) -> dict[str, Any]:
    at = int(token.at.timestamp())
    return {"access_token": token.value, "token_type": "Bearer", "scope": token.scopes, "created_at": at}


@api.post("/oauth/revoke")
def revoke() -> ResponseReturnValue:
    asked = {k: text(params(), k) for k in params()}
    app = _client(asked)
    token = world().access.tokens.get(asked.get("token", ""))
    if token is not None and token.client_id != app.client_id:
        raise Refusal(403, "You are not authorized to revoke this token", "unauthorized_client")
    world().access.tokens.pop(asked.get("token", ""), None)
    return jsonify({})
