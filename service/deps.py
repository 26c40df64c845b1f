"""What every use case and job is given. Built once, by bootstrap; nothing in it is global."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Flask

from moderation.scoring.contract import Scorer
from plugins.contract import Connector, Io
from service.config import Settings
from service.db.engine import Store
from service.vault import Vault


def utc_now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Deps:
    """`ring(job)` says that rows are due; losing a ring loses nothing, the sweep finds the rows."""

    settings: Settings
    store: Store
    vault: Vault
    scorer: Scorer
    connectors: Mapping[str, Connector]
    io_for: Callable[[str], Io]
    ring: Callable[[str], None]
    now: Callable[[], datetime] = utc_now


def deps_of(app: Flask) -> Deps:
    """What bootstrap wired onto an application."""
    deps = app.extensions["tenth"]
    if not isinstance(deps, Deps):
        raise TypeError("the application was not wired")
    return deps
