"""A forum that tests of reputation write on, and an ordinary community on it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from moderation.model import AuthorRole, AuthorSeen, CommunitySeen, MessageSeen, ThreadSeen
from moderation.scoring.contract import Score
from service.db import trust
from service.db.incoming import Incoming
from service.db.intake import settle
from service.db.models import Author, Connection, Thread
from service.deps import Deps
from service.usecases.reputation import Found, rockstars, sum_up_all
from tests.support.office import office

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
FORUM = CommunitySeen("1", "Machines")


@dataclass
class Board:
    """A forum that tests write on; what is written is read and judged at once."""

    deps: Deps
    connection: int
    threads: int = 0
    seen: list[MessageSeen] = field(default_factory=list)
    hostile: set[str] = field(default_factory=set)

    def thread(self, asker: str, answers: list[str], days: float, best: str = "", **more: Any) -> str:
        """Somebody asks, others answer, one of them is accepted. Returns the thread's id."""
        self.threads += 1
        key = f"t{self.threads}"
        accepted = f"{key}-{answers.index(best) + 1}" if best else None
        seen = ThreadSeen(key, more.pop("community", FORUM), title=more.pop("title", "Help"), accepted_answer=accepted)
        for place, author in enumerate([asker, *answers]):
            self.say(seen, place, author, days - place / 1_000, **more)
        return key

    def say(self, thread: ThreadSeen, place: int, author: str, days: float, **more: Any) -> None:
        role = AuthorRole(more.get("roles", {}).get(author, "customer"))
        name = f"{thread.remote_id}-{place}"
        if author in more.get("hostile", ()):
            self.hostile.add(name)
        at = NOW - timedelta(days=days)
        self.seen.append(MessageSeen(name, thread, AuthorSeen(author, author, author.title(), role), "Text.", at))

    def flush(self) -> None:
        with self.deps.store.write() as session:
            incoming = Incoming(self.connection, self.deps.now())
            for event in self.seen:
                incoming.add_seen(event)
                incoming.scores[event.remote_id] = _score(0.9 if event.remote_id in self.hostile else 0.0)
            settle(session, incoming)
            names = {event.thread.remote_id for event in self.seen}
            query = select(Thread.id).where(Thread.connection_id == self.connection, Thread.remote_id.in_(names))
            trust.touch(session, list(session.scalars(query)))
        self.seen.clear()

    def found(self, area: str = "") -> Found:
        if self.seen:
            self.flush()
        sum_up_all(self.deps)
        return rockstars(self.deps, area)

    def author(self, name: str) -> int:
        with self.deps.store.read() as session:
            return session.scalars(select(Author.id).where(Author.handle == name)).one()


def _score(toxicity: float) -> Score:
    return Score(toxicity, 0.0, 0.0, "en", (), "test@1")


@contextmanager
def boarding() -> Iterator[Board]:
    """A desk with one forum, at a time that stands still."""
    desk = office()
    deps = replace(desk.deps, now=lambda: NOW)
    with deps.store.write() as session:
        row = Connection(
            name="forum", connector="discourse", settings={}, url="https://forum.example", created_at=NOW, state="ok"
        )
        session.add(row)
        session.flush()
    yield Board(deps, row.id)
    desk.close()


def crowd(board: Board, experts: int = 4, people: int = 60, threads: int = 120) -> None:
    """An ordinary community: many ask, some remark, a few experts answer well."""
    rng = random.Random(3)
    for number in range(threads):
        asker, other = (f"member{n}" for n in rng.sample(range(people), 2))
        expert = f"expert{number % experts}"
        board.thread(asker, [other, expert], days=rng.uniform(1, 90), best=expert if rng.random() < 0.7 else "")
