"""An app on a fresh SQLite database, with a forum to connect, and the forum's own way of signing."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from service.app import create_app
from service.config import load_settings
from service.db.base import Base
from service.db.grant_tables import GrantRow
from service.db.models import Author, Community, Connection, DeliveryRow, Message, Thread
from service.db.reply_tables import BrandAccount
from service.db.report_tables import ReportRow
from service.deps import Deps
from service.usecases.clients import create_client
from service.usecases.intake import process_deliveries
from service.usecases.triage import triage_due

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

    def add_account(self, connection_id: int, handle: str = "brand") -> int:
        """A brand account that may answer there."""
        row = BrandAccount(connection_id=connection_id, handle=handle, created_at=datetime.now(UTC))
        return self._add(row)

    def add_archive(self, name: str) -> int:
        return self._add(Connection(name=name, connector="archive", settings={}, created_at=datetime.now(UTC)))

    def read_posts(self, posts: list[bytes], connection: str = "forum") -> None:
        """Sends posts as webhooks, reads them, and draws the line."""
        for number, body in enumerate(posts):
            headers = signed(body, f"{connection}-{number}")
            assert self.client.post(f"/webhooks/{connection}", data=body, headers=headers).status_code == 202
        while process_deliveries(self.deps):
            pass
        triage_due(self.deps)

    def publish(self) -> dict[str, int]:
        """Names the communities as a poll would; category 3 stays restricted. Returns their ids by name."""
        with self.deps.store.write() as session:
            for row in session.scalars(select(Community)):
                row.name, row.restricted = f"category {row.remote_id}", row.remote_id == "3"
            return {row.name: row.id for row in session.scalars(select(Community))}

    def fill(self) -> dict[str, int]:
        """Sixty threads in the open categories 1 and 2 and the restricted 3, many of which need the brand."""
        texts = ("I will sue you, this is a scam!", "The battery caught fire, my hand is burnt", "Nice day")
        yesterday = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        dates = {"created_at": yesterday, "updated_at": yesterday}
        posts = [
            body_of(n, topic_id=n, topic_title=f"Topic {n}", raw=texts[n % 2 if n % 3 else 2], category_id=c, **dates)
            for n, c in ((n, n % 3 + 1) for n in range(1, 61))
        ]
        self.read_posts(posts)
        return self.publish()

    def token(self, *scopes: str, name: str = "program") -> str:
        return create_client(self.deps, name, scopes)

    def call(self, token: str, method: str, path: str, **more: Any) -> Any:
        """A request with a token to /api/v1."""
        headers = {"Authorization": f"Bearer {token}"} | more.pop("headers", {})
        return self.client.open(f"/api/v1{path}", method=method, headers=headers, **more)

    def _add(self, row: Connection | BrandAccount) -> int:
        with self.deps.store.write() as session:
            session.add(row)
            session.flush()
            return row.id


def body_of(post_id: int = 1, **changes: Any) -> bytes:
    """A new post as Discourse tells of it."""
    post = {
        "id": post_id,
        "user_id": 5,
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
        "version": 1,
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


def report(desk: Desk, remote_id: str, *, restricted: bool, role: str = "customer") -> int:
    """Somebody reports a post of a community that is open to all, or not."""
    with desk.deps.store.write() as session:
        query = select(Message).join(Thread, Thread.id == Message.thread_id).join(Community)
        message = session.scalars(query.where(Community.restricted.is_(restricted)).order_by(Message.id)).first()
        assert message is not None
        session.get_one(Author, message.author_id).role = role
        row = ReportRow(
            connection_id=message.connection_id,
            remote_id=remote_id,
            at=desk.deps.now(),
            seen_at=desk.deps.now(),
            reason="spam",
            outcome="open",
            message_id=message.id,
            message_remote=message.remote_id,
            about_id=message.author_id,
            text="Spam.",
        )
        session.add(row)
        session.flush()
        return row.id


def grant(desk: Desk, *capabilities: str) -> int:
    """A grant to a member, for the community of the first thread."""
    now = desk.deps.now()
    with desk.deps.store.write() as session:
        thread = session.scalars(select(Thread).order_by(Thread.id).limit(1)).one()
        member = Author(connection_id=thread.connection_id, remote_id="marc", handle="marc", first_seen_at=now)
        session.add(member)
        session.flush()
        row = GrantRow(
            author_id=member.id,
            connection_id=thread.connection_id,
            community_id=thread.community_id,
            state="active",
            template="keeper",
            capabilities=[*capabilities],
            days=30,
            hourly=12,
            daily=40,
            made_at=now,
            changed_at=now,
            starts_at=now,
            ends_at=now + timedelta(days=30),
        )
        session.add(row)
        session.flush()
        return row.id
