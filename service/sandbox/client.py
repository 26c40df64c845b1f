"""Connecting the sandbox on a first run: through the ordinary connectors, as any forum and account would be."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
from sqlalchemy import select

from moderation.errors import TenthError
from service.db.models import Connection
from service.deps import Deps
from service.sandbox.options import ACCESS_TOKEN, API_KEY, WEBHOOK_SECRET
from service.usecases.connections import connect

FORUM = "brava-forum"
FEDIVERSE = "brava-fediverse"
HASHTAGS = ("BravaHelp", "BravaDuetto")
START_SECONDS = 120.0
#: What the sandbox forum's owner has set, as every owner can (DISCOURSE_MAX_ADMIN_API_REQS_PER_MINUTE; by default 60,
#: in which the 45 days of a first read do not fit).
FORUM_CALLS = 600


class SandboxSilent(TenthError):
    """The sandbox did not start."""


def born(data_dir: Path) -> datetime:
    """When this folder's sandbox story ends: fixed at the first run, so that a second one finds the same community."""
    kept = data_dir / "sandbox-born"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(datetime.now(UTC).isoformat())
    return datetime.fromisoformat(kept.read_text().strip())


def wait_for(url: str, alive: Callable[[], bool]) -> None:
    """Returns when the sandbox answers. Raises SandboxSilent when it ends, or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and alive():
        try:
            if httpx.get(f"{url}/api/v1/instance", timeout=2.0, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise SandboxSilent(
        f"The sandbox did not start at {url}. Is the port taken? Set TENTH_SANDBOX_PORT to another one."
    )


def connect_sandbox(deps: Deps, url: str) -> None:
    """Connects forum and account once; a second run finds them connected."""
    with deps.store.read() as session:
        taken = set(session.scalars(select(Connection.name)))
    if FORUM not in taken:
        given = {"url": url, "api_key": API_KEY, "api_username": "brava", "webhook_secret": WEBHOOK_SECRET}
        connect(deps, "discourse", FORUM, given | {"calls_per_minute": FORUM_CALLS}, "first run")
    if FEDIVERSE not in taken:
        connect(deps, "mastodon", FEDIVERSE, {"url": url, "token": ACCESS_TOKEN, "hashtags": HASHTAGS}, "first run")
