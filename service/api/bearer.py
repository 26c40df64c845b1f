"""Who calls: a Bearer token, its client, and what the client may."""

from __future__ import annotations

from flask import Request


def bearer_of(request: Request) -> str:
    """The Bearer token of a request; "" when it has none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
