"""Programs' requests, kept apart from pages.

The hook runs before any other: sessions, CSRF checks and languages are for pages, and some of them read a form, which
would eat a webhook's raw body. Every error under these paths becomes a problem here, whatever handlers pages install.
"""

from __future__ import annotations

from flask import Flask, Response, current_app, request

from service.api import problems

PREFIXES = ("/webhooks", "/healthz", "/readyz", "/metrics", "/api")


def for_programs(path: str) -> bool:
    """Whether a path is ours."""
    return any(path == p or path.startswith(p + "/") for p in PREFIXES)


def install(app: Flask) -> None:
    """Puts the hook before all others: call it first."""
    app.before_request(_serve)


def _serve() -> Response | None:
    if not for_programs(request.path):
        return None
    try:
        return current_app.make_response(current_app.dispatch_request())
    except Exception as error:
        return problems.from_exception(error)
