"""Every table there is: import this where the whole schema must be known."""

from __future__ import annotations

from service.db import (
    clock_tables,
    grant_tables,
    identity_tables,
    models,
    people_tables,
    privacy_tables,
    redress_tables,
    reply_tables,
    report_tables,
    team_tables,
    thanks_tables,
    trust_tables,
    watch_tables,
)

__all__ = [
    "clock_tables",
    "grant_tables",
    "identity_tables",
    "models",
    "people_tables",
    "privacy_tables",
    "redress_tables",
    "reply_tables",
    "report_tables",
    "team_tables",
    "thanks_tables",
    "trust_tables",
    "watch_tables",
]
