"""Security headers on every answer, ours and the API's."""

from __future__ import annotations

from flask import Flask, Response, request

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "font-src 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()",
}
_YEAR = 31_536_000
_STATIC = "web.static"
#: A file, or that it did not change; a page saying that there is no such file is kept by nobody.
_FILE = frozenset({200, 206, 304})
#: Little of a desk may lie in a browser's cache, and none of it when its person has left.
_SIGN_OUT = "web.sign_out"


def install(app: Flask) -> None:
    """Sets them where an answer has none of its own. Nothing but our own files may be kept by a cache."""
    app.after_request(_protect)


def _protect(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", f"max-age={_YEAR}; includeSubDomains")
    if request.endpoint == _STATIC and response.status_code in _FILE:
        _cache_static(response)
    else:
        response.headers.setdefault("Cache-Control", "no-store")
    if request.endpoint == _SIGN_OUT:
        response.headers["Clear-Site-Data"] = '"cache"'
    return response


def _cache_static(response: Response) -> None:
    """Addresses carry a digest of the file, so a copy may be kept for long; without it, it is asked for again."""
    response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable" if request.args.get("v") else "no-cache"
