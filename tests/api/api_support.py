"""An app on a fresh SQLite database, with a forum to connect, and the forum's own way of signing."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from service.app import create_app
from service.config import load_settings
from service.db.models import Base, Connection, DeliveryRow
from service.deps import Deps

SECRET = "a webhook secret of the forum"
FORUM = "https://forum.example.org"


@dataclass(frozen=True)
class Desk:
    """One app, with shortcuts that tests need."""

    app: Flask
    deps: Deps

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    def stored(self) -> int:
        with self.deps.store.read() as session:
            return session.scalar(select(func.count()).select_from(DeliveryRow)) or 0

    def add_forum(self, name: str = "forum", state: str = "ok", sealed: bytes = b"") -> int:
        hidden = json.dumps({"api_key": "key", "webhook_secret": SECRET})
        return self._add(
            Connection(
                name=name,
                connector="discourse",
                url=FORUM,
                state=state,
                settings={"url": FORUM, "api_username": "brand"},
                sealed=sealed or self.deps.vault.seal(hidden),
                created_at=datetime.now(UTC),
            )
        )

    def add_archive(self, name: str) -> int:
        return self._add(Connection(name=name, connector="archive", settings={}, created_at=datetime.now(UTC)))

    def _add(self, row: Connection) -> int:
        with self.deps.store.write() as session:
            session.add(row)
            session.flush()
            return row.id


def body_of(post_id: int = 1, **changes: Any) -> bytes:
    """A new post as Discourse tells of it."""
    post = {
        "id": post_id,
        "username": "ann",
        "name": "Ann",
        "cooked": "<p>The pump leaks.</p>",
        "raw": "The pump leaks.",
        "post_number": 2,
        "post_type": 1,
        "topic_id": 7,
        "topic_slug": "pump",
        "topic_title": "Pump",
        "category_id": 3,
        "category_slug": "help",
        "created_at": "2026-09-01T10:00:00.000Z",
        "updated_at": "2026-09-01T10:00:00.000Z",
        "topic_archetype": "regular",
    }
    return json.dumps({"post": post | changes}).encode()


def signed(body: bytes, event_id: str = "1", secret: str = SECRET, **more: str) -> dict[str, str]:
    """Headers as Discourse sends them."""
    return {
        "Content-Type": "application/json",
        "X-Discourse-Instance": FORUM,
        "X-Discourse-Event-Id": event_id,
        "X-Discourse-Event-Type": "post",
        "X-Discourse-Event": "post_created",
        "X-Discourse-Event-Signature": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
        **more,
    }


def assert_problem(response: Any, status: int) -> dict[str, Any]:
    """It is a problem of this status, whole and telling."""
    assert response.status_code == status, response.text
    assert response.content_type == "application/problem+json"
    found = response.get_json()
    assert {"type", "title", "status", "detail", "instance"} <= set(found)
    assert found["status"] == status
    return dict(found)


def make_desk(folder: Path, tables: bool = True, **settings: Any) -> Desk:
    """An app of its own; without tables, one whose database was never migrated."""
    app = create_app(load_settings(data_dir=folder, **settings))
    deps = app.extensions["tenth"]
    if tables:
        Base.metadata.create_all(deps.store.engine)
    return Desk(app, deps)
