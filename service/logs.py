"""Logs: one JSON object a line on standard error, without secrets and without what people wrote."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import structlog

_SECRET_WORDS = ("token", "key", "secret", "password", "authorization", "cookie")
_MASK = "•••"


def mask(_logger: object, _name: str, event: Any) -> Any:
    """Masks values whose names speak of credentials, in case one is ever passed to a log call."""
    for name in event:
        if any(word in name.lower() for word in _SECRET_WORDS) and isinstance(event[name], str | bytes):
            event[name] = _MASK
    return event


def configure() -> None:
    """Level from TENTH_LOG_LEVEL; readable on a terminal, JSON elsewhere."""
    level = getattr(logging, os.environ.get("TENTH_LOG_LEVEL", "WARNING").upper(), logging.INFO)
    renderer: Any = structlog.processors.JSONRenderer()
    if sys.stderr.isatty():
        renderer = structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            mask,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
