"""Guessing at the door is slowed: failed sign-ins are counted per address and per name."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Flask, Response, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from service.config import Settings

PER_ADDRESS = "20 per 5 minutes"
PER_NAME = "10 per 15 minutes"
SIGN_IN = "web.sign_in"
CHANGE = "web.change_password"
FAILED = 401


def install(app: Flask, settings: Settings) -> None:
    """Puts the limits around the views that take a password."""
    limiter = Limiter(
        get_remote_address,
        app=app,
        storage_uri=_storage(settings.redis_url),
        strategy="moving-window",
        in_memory_fallback_enabled=bool(settings.redis_url),
        key_prefix="tenth",
    )
    for endpoint, keys in ((SIGN_IN, (_by_name, get_remote_address)), (CHANGE, (get_remote_address,))):
        view: Any = app.view_functions[endpoint]
        for key in keys:
            limit = PER_NAME if key is _by_name else PER_ADDRESS
            view = limiter.limit(limit, key_func=key, methods=["POST"], deduct_when=_failed)(view)
        app.view_functions[endpoint] = view


def _failed(response: Response) -> bool:
    return response.status_code == FAILED


def _by_name() -> str:
    """A digest, so that what people type by mistake (passwords) is not kept as a key."""
    name = request.form.get("username", "").strip().lower()
    return "name:" + hashlib.sha256(name.encode()).hexdigest()


def _storage(redis_url: str) -> str:
    return redis_url.replace("unix://", "redis+unix://", 1) if redis_url else "memory://"
