"""Browsers that go elsewhere and come back, a clock, a real OpenID provider and one that lies."""

from __future__ import annotations

import html
import logging
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
from flask import Flask, jsonify, redirect, request
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from service.db.identity_tables import Identity
from service.deps import Deps, deps_of
from tests.support.office import free_port
from tests.web.desk import token

CLIENT = {"oidc_client_id": "tenth", "oidc_client_secret": "a-secret-of-the-provider"}
_ON = re.compile(r'class="btn main" href="([^"]+)"')
_BY_HAND = re.compile(r'<a href="([^"]+)" rel="noreferrer" target="_blank"')


@dataclass
class Clock:
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.at

    def pass_(self, **length: float) -> None:
        self.at += timedelta(**length)


def clocked(app: Flask) -> Clock:
    """The application with a clock that tests move."""
    clock = Clock()
    app.extensions["tenth"] = replace(deps_of(app), now=clock)
    return clock


def going(answer: TestResponse) -> str:
    """Where a page sends somebody."""
    found = _ON.search(answer.text)
    assert found, answer.text[:3000]
    return html.unescape(found[1])


def by_hand(answer: TestResponse) -> str:
    """Where the forum shows its answer instead of sending it."""
    found = _BY_HAND.search(answer.text)
    assert found
    return html.unescape(found[1])


def asked(url: str) -> dict[str, str]:
    """The parameters of an address."""
    return dict(parse_qsl(urlsplit(url).query))


def local(url: str) -> str:
    """An address of ours as a path for a test client."""
    parts = urlsplit(url)
    assert parts.netloc == "localhost", url
    return f"{parts.path}?{parts.query}"


def start(client: FlaskClient, provider: str, server: str = "", **fields: str) -> TestResponse:
    """Asks at the door to sign in from elsewhere."""
    form = {"csrf_token": token(client.get("/sign-in")), "provider": provider, "server": server, **fields}
    return client.post("/external", data=form)


def send(client: FlaskClient, address: str, **fields: Any) -> TestResponse:
    """A form of somebody who is signed in."""
    return client.post(address, data={"csrf_token": token(client.get("/account")), **fields})


def who(client: FlaskClient) -> str:
    """The name that a page shows of whoever is signed in; "" for nobody."""
    found = re.search(r'<bdi class="clip">([^<]*)</bdi>', client.get("/account").text)
    return html.unescape(found[1]) if found else ""


def identities(deps: Deps) -> list[tuple[int, str, str, str]]:
    with deps.store.read() as session:
        return [(i.person_id, i.provider, i.issuer, i.subject) for i in session.query(Identity).order_by(Identity.id)]


# ------------------------------------------------------------------ OpenID providers


@contextmanager
def real_provider() -> Iterator[str]:
    """oidc-provider-mock in a process of its own; gives its issuer. Nonces are required."""
    port = free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    issuer = f"http://127.0.0.1:{port}"
    try:
        _wait(issuer, process)
        yield issuer
    finally:
        process.terminate()
        process.wait(timeout=60)


def _wait(issuer: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"{issuer}/.well-known/openid-configuration", trust_env=False, timeout=60).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise AssertionError("the provider did not start")


def known_there(issuer: str, sub: str, **claims: Any) -> None:
    """Gives the real provider a user."""
    httpx.put(f"{issuer}/users/{sub}", json=claims, trust_env=False, timeout=60).raise_for_status()


def agree(url: str, sub: str = "", **form: str) -> str:
    """Says yes at the real provider as `sub` (or `action="deny"`); gives the address that it sends the browser to."""
    answer = httpx.post(url, data={"sub": sub, **form}, trust_env=False, follow_redirects=False, timeout=60)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


@cache
def _key() -> RSAKey:
    """Found once: finding one takes long, and no test changes it."""
    return RSAKey.generate_key(2048, {"kid": "k"})


@dataclass
class Liar:
    """A provider of our own that says whatever a test wants it to."""

    issuer: str = ""
    key: Any = field(default_factory=_key)
    document: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    sign: Callable[[Liar, dict[str, Any]], str | None] = lambda liar, claims: liar.signed(claims)
    userinfo: dict[str, Any] = field(default_factory=dict)
    nonce: str = ""
    tokens_asked: list[dict[str, str]] = field(default_factory=list)
    elsewhere: str = ""
    padding: str = ""

    def signed(self, claims: dict[str, Any], key: Any = None) -> str:
        return jwt.encode({"alg": "RS256", "kid": "k"}, claims, key or self.key)

    def id_token(self) -> str | None:
        now = int(time.time())
        claims = {"iss": self.issuer, "sub": "s-1", "aud": "tenth", "exp": now + 300, "iat": now, "nonce": self.nonce}
        claims |= {"email": "ada@brava.example", "email_verified": True, "name": "Ada"} | self.claims
        return self.sign(self, {k: v for k, v in claims.items() if k not in self.without})


def by_secret(liar: Liar, claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(CLIENT["oidc_client_secret"]), algorithms=["HS256"])


def unsigned(liar: Liar, claims: dict[str, Any]) -> str:
    signed = liar.signed(claims).split(".")
    return f"eyJhbGciOiJub25lIn0.{signed[1]}."


def by_another(liar: Liar, claims: dict[str, Any]) -> str:
    return liar.signed(claims, RSAKey.generate_key(2048, {"kid": "k"}))


@contextmanager
def lying_provider() -> Iterator[Liar]:
    app, liar = Flask("liar"), Liar()

    @app.get("/.well-known/openid-configuration")
    def document() -> Any:
        doors = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/jwks"}
        usual = {name: liar.issuer + path for name, path in doors.items()}
        return jsonify({"issuer": liar.issuer, "padding": liar.padding, **usual, **liar.document})

    @app.get("/jwks")
    def keys() -> Any:
        return jsonify(keys=[liar.key.as_dict(private=False)])

    @app.post("/token")
    def tokens() -> Any:
        if liar.elsewhere:
            return redirect(liar.elsewhere, 307)
        liar.tokens_asked.append(request.form.to_dict())
        given = {"access_token": "at", "token_type": "Bearer", "id_token": liar.id_token()}
        return jsonify({k: v for k, v in given.items() if v is not None})

    @app.get("/userinfo")
    def userinfo() -> Any:
        return jsonify(liar.userinfo)

    with served(app) as liar.issuer:
        yield liar


@contextmanager
def served(app: Any) -> Iterator[str]:
    """A WSGI application on a free port of this computer."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(timeout=60)
        server.server_close()


# ------------------------------------------------------------------ the sandbox


def allow(url: str, username: str, **form: str) -> str:
    """Says yes on the sandbox as `username`; gives the address that it sends the browser to."""
    parts = urlsplit(url)
    paths = {"/user-api-key/new": "/user-api-key"}
    path = paths.get(parts.path, parts.path)
    data = {k: v[0] for k, v in parse_qs(parts.query).items()} | {"username": username, **form}
    answer = httpx.post(
        f"{parts.scheme}://{parts.netloc}{path}", data=data, trust_env=False, follow_redirects=False, timeout=60
    )
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]
