"""Programs' requests, kept apart from pages.

The hook runs before any other: sessions, CSRF checks and languages are for pages, and some of them read a form, which
would eat a webhook's raw body. Every error under these paths is answered as programs expect it there, whatever
handlers pages install.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flask import Flask, Response, current_app, request

from service.api import problems

PREFIXES = ("/webhooks", "/healthz", "/readyz", "/metrics", "/api")

Answer = Callable[[Exception], Response]


def is_under(path: str, prefixes: Sequence[str]) -> bool:
    """Whether a path is one of these, or below it."""
    return any(path == p or path.startswith(p + "/") for p in prefixes)


def install(app: Flask, prefixes: Sequence[str] = PREFIXES, failed: Answer = problems.from_exception) -> None:
    """Puts the hook before all others: call it first. `failed` makes the answer that an exception is."""

    def serve() -> Response | None:
        if not is_under(request.path, prefixes):
            return None
        try:
            return current_app.make_response(current_app.dispatch_request())
        except Exception as error:
            return failed(error)

    app.before_request(serve)
