"""A desk with a forum, a clock that is set by hand, and a store that breaks at a chosen commit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from moderation.scoring import registry
from moderation.scoring.contract import Score, Scorer, Text
from plugins.contract import Delivery
from service.app import create_app
from service.config import load_settings
from service.db.engine import Store
from service.db.models import Author, Base, Connection, DeliveryRow, Message, Revision, ScoreRow, Thread, Tombstone
from service.deps import Deps, deps_of
from service.usecases import intake

START = datetime(2026, 11, 2, 12, tzinfo=UTC)
FORUM = {"url": "https://forum.example", "api_username": "brava", "api_key": "k"}


class Crash(BaseException):
    """The process ends here: nothing after it runs, not even what catches errors."""


class BreakingStore(Store):
    """Crashes at its `at`-th commit: just before it, or just after."""

    def __init__(self, engine: Engine, at: int, *, after: bool) -> None:
        super().__init__(engine)
        self._at, self._after, self._count = at, after, 0

    @contextmanager
    def write(self) -> Iterator[Session]:
        self._count += 1
        mine = self._count == self._at
        with super().write() as session:
            yield session
            if mine and not self._after:
                raise Crash
        if mine:
            raise Crash


@cache
def embedded() -> Scorer:
    return registry.build("embedded", {})


class Interrupted:
    """A scorer during whose work something else happens, once."""

    name, version = "interrupted", "1"

    def __init__(self, meanwhile: Callable[[], Any]) -> None:
        self._meanwhile: Callable[[], Any] | None = meanwhile

    def score(self, texts: Sequence[Text]) -> list[Score]:
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return embedded().score(texts)


@dataclass
class Clock:
    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def pass_time(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class Desk:
    deps: Deps
    clock: Clock
    forum: int = 0
    event: int = field(default=0)

    def tell(self, *deliveries: Delivery) -> int:
        return intake.accept(self.deps, self.forum, "webhook", deliveries)

    def read(self, limit: int | None = None) -> int:
        """Reads until nothing is due."""
        done = 0
        while claimed := intake.process_deliveries(self.deps, limit=limit):
            done += claimed
        return done

    def breaking(self, at: int, *, after: bool) -> Deps:
        return replace(self.deps, store=BreakingStore(self.deps.store.engine, at, after=after))

    def rows(self, *columns: Any) -> list[tuple[Any, ...]]:
        with self.deps.store.read() as session:
            return [tuple(row) for row in session.execute(select(*columns))]

    def deliveries(self) -> dict[str, tuple[str, int, bytes, str]]:
        row = DeliveryRow
        return {k: (s, n, b, e) for k, s, n, b, e in self.rows(row.key, row.state, row.attempt, row.body, row.error)}

    def texts(self) -> dict[str, str]:
        return dict(self.rows(Message.remote_id, Message.text))  # type: ignore[arg-type]


def new_desk() -> Desk:
    """On the database that the test was given, with its tables."""
    deps = deps_of(create_app(load_settings(), web=False))
    Base.metadata.create_all(deps.store.engine)
    clock = Clock()
    desk = Desk(replace(deps, now=clock, scorer=embedded()), clock)
    desk.forum = add_forum(desk.deps)
    return desk


def add_forum(deps: Deps) -> int:
    hidden = deps.vault.seal(json.dumps({"api_key": "k"}))
    plain = {n: v for n, v in FORUM.items() if n != "api_key"}
    row = Connection(
        name="forum", connector="discourse", settings=plain, sealed=hidden, created_at=START, url=FORUM["url"]
    )
    with deps.store.write() as session:
        session.add(row)
        session.flush()
        return row.id


def post(
    number: int, text: str = "The pump leaks, please help.", kind: str = "post_created", **changes: Any
) -> Delivery:
    """A delivery about a post. Its key is the same for the same state of the same post."""
    at = START - timedelta(hours=3) + timedelta(seconds=number)
    record = {
        "id": number,
        "username": f"ann{number % 3}",
        "user_id": 10 + number % 3,
        "name": "Ann",
        "raw": text,
        "cooked": f"<p>{text}</p>",
        "post_number": number,
        "post_type": 1,
        "topic_id": 700 + number // 4,
        "topic_slug": "pump",
        "topic_title": f"Pump {number // 4}",
        "topic_archetype": "regular",
        "category_id": 3,
        "category_slug": "help",
        "created_at": at.isoformat(),
        "updated_at": at.isoformat(),
        "version": 1,
    } | changes
    body = json.dumps({"post": record}, sort_keys=True).encode()
    return Delivery(key=f"{kind}-{number}-{record['version']}", kind=kind, body=body)


def edit(number: int, version: int, text: str) -> Delivery:
    changed = (START - timedelta(hours=1) + timedelta(minutes=version)).isoformat()
    return post(number, text, "post_edited", version=version, updated_at=changed)


def deletion(number: int) -> Delivery:
    return post(number, "", "post_destroyed", deleted_at=(START - timedelta(minutes=30)).isoformat())


def recovery(number: int, text: str) -> Delivery:
    return post(number, text, "post_recovered", recovered_at=(START - timedelta(minutes=10)).isoformat())


def snapshot(deps: Deps) -> dict[str, list[tuple[Any, ...]]]:
    """All that reading leaves, without numbers of ours and without the time of arrival."""
    queries = {
        "messages": select(
            Message.remote_id,
            Message.version,
            Message.text,
            Message.likes,
            Message.deleted_at,
            Message.urgency,
            Message.toxicity,
        ),
        "authors": select(Author.remote_id, Author.handle, Author.role),
        "threads": select(
            Thread.remote_id, Thread.title, Thread.messages, Thread.first_message_at, Thread.last_message_at
        ),
        "revisions": select(Message.remote_id, Revision.version, Revision.text).join(
            Revision, Revision.message_id == Message.id
        ),
        "scores": select(Message.remote_id, Revision.version, ScoreRow.toxicity)
        .join(Revision, Revision.message_id == Message.id)
        .join(ScoreRow, ScoreRow.revision_id == Revision.id),
        "tombstones": select(Tombstone.remote_id, Tombstone.at),
        "deliveries": select(DeliveryRow.key, DeliveryRow.state, DeliveryRow.body),
    }
    with deps.store.read() as session:
        return {name: sorted((tuple(r) for r in session.execute(q)), key=repr) for name, q in queries.items()}
