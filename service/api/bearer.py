"""Who calls: a Bearer token, its client, and what the client may."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import structlog
from flask import Request, current_app, g, request

from moderation.errors import NotAllowed
from moderation.model import Capability
from moderation.policy import Subject, authorize
from service.api.problems import Problem
from service.deps import Deps
from service.usecases.clients import CAPABILITIES, Client, authenticate

log = structlog.get_logger(__name__)

SCHEME = "token"
_WITH_BODY = ("POST", "PUT", "PATCH")


def current_deps() -> Deps:
    """What the app was wired with."""
    deps = current_app.extensions["tenth"]
    assert isinstance(deps, Deps)
    return deps


def current_client() -> Client:
    """The client of this request; only inside a view that `needs` one."""
    client = g.tenth_client
    assert isinstance(client, Client)
    return client


def bearer_of(request: Request) -> str:
    """The Bearer token of a request; "" when it has none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def needs(scope: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Lets a request in whose client has the scope ("": any client), and only then looks at its body."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            g.tenth_client = _client_with(scope)
            if request.method in _WITH_BODY:
                _parse_json()
            return view(*args, **kwargs)

        guarded.tenth_scope = scope  # type: ignore[attr-defined]
        return guarded

    return decorate


def _client_with(scope: str) -> Client:
    client = authenticate(current_deps(), bearer_of(request))
    if client is None:
        raise Problem(401, "A valid Bearer token is needed.", {"WWW-Authenticate": 'Bearer realm="tenth"'})
    capability = CAPABILITIES[scope] if scope else Capability.VISIT
    try:
        authorize(client.asking, capability, Subject(f"api:{request.endpoint}", scope=scope), current_deps().now())
    except NotAllowed as refused:
        log.warning("api.refused", call=request.endpoint, who=client.actor, scope=scope)
        how = f'Bearer realm="tenth", error="insufficient_scope", scope="{scope}"'
        raise Problem(403, str(refused), {"WWW-Authenticate": how}) from None
    return client


def _parse_json() -> None:
    """Parses once and keeps it. The parser gives up on brackets nested too deep with an error of its own kind."""
    try:
        request.get_json()
    except RecursionError:
        raise Problem(400, "The body's JSON is nested too deep.") from None
