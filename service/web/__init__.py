"""The pages: one blueprint, no build step, nothing loaded from elsewhere."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from service.config import Settings
from service.web import access, errors, headers, language, limits, show
from service.web.blueprint import web
from service.web.pages import (
    account,
    accounts,
    answered,
    appeals,
    approvals,
    audit,
    bulk,
    connections,
    consent,
    dead_letters,
    decide,
    door,
    external,
    factors,
    grants,
    handover,
    helped,
    keeper,
    notes,
    notices,
    people,
    presence,
    profile_proof,
    public_log,
    quality,
    queue,
    reading,
    reply,
    reports,
    rockstars,
    rules,
    saved,
    teams,
    thanks,
    watched,
)

__all__ = [
    "account",
    "accounts",
    "answered",
    "appeals",
    "approvals",
    "audit",
    "bulk",
    "connections",
    "consent",
    "dead_letters",
    "decide",
    "door",
    "external",
    "factors",
    "grants",
    "handover",
    "helped",
    "install",
    "keeper",
    "notes",
    "notices",
    "people",
    "presence",
    "profile_proof",
    "public_log",
    "quality",
    "queue",
    "reading",
    "reply",
    "reports",
    "rockstars",
    "rules",
    "saved",
    "teams",
    "thanks",
    "watched",
]


def install(app: Flask, settings: Settings) -> None:
    """Puts the pages on the application."""
    if settings.proxies:
        hops = settings.proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    prefix = "__Host-" if settings.secure_cookies else ""  # browsers take that name for one host, over https only
    app.config.update(
        COOKIE_PREFIX=prefix,
        SESSION_COOKIE_NAME=f"{prefix}tenth",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        PERMANENT_SESSION_LIFETIME=timedelta(days=14),
    )
    access.install(app)
    language.install(app)
    headers.install(app)
    errors.install(app)
    show.install(app)
    app.register_blueprint(web)
    limits.install(app, settings)
