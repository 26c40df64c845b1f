"""Guessing at the door is slowed by address; tries at one name are counted in the database (`usecases.lockout`)."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from service.config import Settings

PER_ADDRESS = "20 per 5 minutes"
#: Views that take something that could be guessed.
GUESSABLE = (
    *("web.sign_in", "web.second_factor", "web.enter_by_passkey", "web.use_link"),
    *("web.change_password", "web.prove", "web.prove_by_passkey"),
)
#: Views that take words from anybody.
OPEN_TO_ALL = ("web.contest", "web.send_notice", "web.prove_profile")
FAILED = 401
LOCKED = 429


def install(app: Flask, settings: Settings) -> None:
    """Puts one limit around all views that take something that could be guessed, one around those open to all."""
    limiter = Limiter(
        get_remote_address,
        app=app,
        storage_uri=_storage(settings.redis_url),
        strategy="moving-window",
        in_memory_fallback_enabled=bool(settings.redis_url),
        key_prefix="tenth",
    )
    limited = limiter.shared_limit(PER_ADDRESS, scope="guessing", methods=["POST"], deduct_when=_failed)
    for endpoint in GUESSABLE:
        view: Any = app.view_functions[endpoint]
        app.view_functions[endpoint] = limited(view)
    written = limiter.shared_limit(PER_ADDRESS, scope="writing", methods=["POST"])
    for endpoint in OPEN_TO_ALL:
        given: Any = app.view_functions[endpoint]
        app.view_functions[endpoint] = written(given)


def _failed(response: Response) -> bool:
    return response.status_code in (FAILED, LOCKED)


def _storage(redis_url: str) -> str:
    return redis_url.replace("unix://", "redis+unix://", 1) if redis_url else "memory://"
