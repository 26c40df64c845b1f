"""A small desk to test pages on: an application on a temporary database, people of every role, a few conversations."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from service.app import create_app
from service.auth.passwords import hash_password
from service.config import load_settings
from service.db.base import Base
from service.db.facts import refresh_threads
from service.db.models import Author, Case, Community, Connection, Message, Person, Revision, ScoreRow, Thread
from service.deps import Deps, deps_of

PASSWORD = "a-long-enough-password"
ROLES = ("owner", "manager", "responder", "analyst")
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


def build(folder: Path, **settings: Any) -> Flask:
    """The application with its tables and one person of each role, named like the role."""
    app = create_app(load_settings(data_dir=folder, **settings))
    deps = deps_of(app)
    Base.metadata.create_all(deps.store.engine)
    with deps.store.write() as session:
        session.add_all(_person(role) for role in ROLES)
    return app


@cache
def _hash() -> str:
    return hash_password(PASSWORD)


def _person(role: str) -> Person:
    kept = {"username": role, "name": role, "role": role, "password_hash": _hash(), "created_at": datetime.now(UTC)}
    return Person(session_key=secrets.token_urlsafe(24), audit_salt=secrets.token_hex(16), **kept)


def token(page: TestResponse) -> str:
    """The CSRF token in a page's first form."""
    found = _TOKEN.search(page.text)
    assert found, "the page holds no form"
    return found.group(1)


def sign_in(client: FlaskClient, name: str, password: str = PASSWORD, **fields: str) -> TestResponse:
    """Signs in as a browser does: page first, then the form."""
    csrf_token = token(client.get("/sign-in"))
    return client.post("/sign-in", data={"csrf_token": csrf_token, "username": name, "password": password, **fields})


def post(client: FlaskClient, address: str, **fields: Any) -> TestResponse:
    """A form sent by somebody who is signed in."""
    csrf_token = token(client.get("/account"))
    return client.post(address, data={"csrf_token": csrf_token, **fields})


@dataclass
class Said:
    """One message to be put into a conversation."""

    text: str
    author: str = "Lena Okafor"
    handle: str = "@lena@mstdn.example"
    minutes_ago: float = 60
    role: str = "customer"
    language: str = "en"
    toxicity: float = 0.05
    urgency: float = 0.1
    sentiment: float = 0.0
    rules: str = ""
    reasons: list[list[Any]] = field(default_factory=list)
    trust: int | None = None
    content_warning: str = ""
    url: str = ""
    deleted: bool = False
    edited: bool = False
    to: int | None = None


class Seeder:
    """Puts rows straight into the database, as reading and triage would have."""

    def __init__(self, deps: Deps, now: datetime | None = None) -> None:
        self.deps = deps
        self.now = now or datetime.now(UTC)

    def connection(self, name: str = "Mastodon · @brava", **values: Any) -> int:
        kept = {"connector": "mastodon", "settings": {}, "url": "https://social.brava.example", "state": "ok"}
        row = Connection(name=name, created_at=self.now, **(kept | values))
        return self._add(row)

    def community(self, connection_id: int, name: str = "@brava", **values: Any) -> int:
        return self._add(Community(connection_id=connection_id, remote_id=name, name=name, **values))

    def thread(
        self,
        community_id: int,
        said: list[Said],
        *,
        title: str = "",
        marked: int = 0,
        case: dict[str, Any] | None = None,
        accepted: int | None = None,
        **values: Any,
    ) -> int:
        """A conversation with its case; returns the thread's id."""
        with self.deps.store.read() as session:
            connection_id = session.get_one(Community, community_id).connection_id
        key = f"t{datetime.now().timestamp()}-{id(said)}"
        kept = {"remote_id": key, "connection_id": connection_id, "community_id": community_id, "title": title}
        if accepted is not None:
            kept["accepted_answer"] = f"{key}-{accepted}"
        thread_id = self._add(Thread(**(kept | values)))
        ids = [self._message(thread_id, connection_id, key, at, one) for at, one in enumerate(said)]
        with self.deps.store.write() as session:
            refresh_threads(session, {thread_id}, self.now)
        usual = {"state": "open", "lane": "needs", "priority": 0.8, "surfaced_at": self.now, "reasons": []}
        usual["waiting_since"] = self.now - timedelta(minutes=said[marked].minutes_ago)
        facts = {"thread_id": thread_id, "community_id": community_id, "connection_id": connection_id}
        self._add(Case(**facts, marked_message_id=ids[marked], **(usual | (case or {}))))
        return thread_id

    def _message(self, thread_id: int, connection_id: int, key: str, at: int, said: Said) -> int:
        when = self.now - timedelta(minutes=said.minutes_ago)
        message_id = self._add(
            Message(
                connection_id=connection_id,
                thread_id=thread_id,
                author_id=self._author(connection_id, said),
                remote_id=f"{key}-{at}",
                in_reply_to=f"{key}-{said.to}" if said.to is not None else None,
                text="" if said.deleted else said.text,
                url=said.url,
                language=said.language,
                content_warning=said.content_warning,
                created_at=when,
                edited_at=when + timedelta(minutes=1) if said.edited else None,
                deleted_at=when + timedelta(minutes=2) if said.deleted else None,
                toxicity=said.toxicity,
                urgency=said.urgency,
                sentiment=said.sentiment,
                rules=said.rules,
            )
        )
        self._score(message_id, said, when)
        return message_id

    def _score(self, message_id: int, said: Said, when: datetime) -> None:
        for version in range(2 if said.edited else 1):
            kept = {"version": float(version), "digest": str(version), "text": said.text, "seen_at": when}
            revision_id = self._add(Revision(message_id=message_id, **kept))
            figures = {"toxicity": said.toxicity, "urgency": said.urgency, "sentiment": said.sentiment}
            self._add(
                ScoreRow(
                    revision_id=revision_id,
                    scorer="embedded@1",
                    language=said.language,
                    rules=said.rules,
                    reasons=said.reasons,
                    scored_at=when,
                    **figures,
                )
            )

    def _author(self, connection_id: int, said: Said) -> int:
        with self.deps.store.read() as session:
            found = session.query(Author.id).filter_by(connection_id=connection_id, remote_id=said.handle).scalar()
        if found:
            return int(found)
        kept = {"remote_id": said.handle, "handle": said.handle, "name": said.author, "role": said.role}
        row = Author(connection_id=connection_id, trust=said.trust, first_seen_at=self.now, **kept)
        return self._add(row)

    def _add(self, row: Any) -> int:
        with self.deps.store.write() as session:
            session.add(row)
            session.flush()
            return int(row.id)


def case_of(deps: Deps, thread_id: int) -> Case:
    """The case of a thread, as it stands."""
    with deps.store.read() as session:
        return session.query(Case).filter_by(thread_id=thread_id).one()
