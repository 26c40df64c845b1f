"""Fills a database with plausible threads, in bulk: what intake would have left there, without the reading."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import func, insert, literal, select, update
from sqlalchemy.orm import Session

from moderation.triage import MessageFact, digest
from service.db.models import Author, Community, Connection, Message, Revision, ScoreRow, Thread
from service.deps import Deps, utc_now
from service.selftest.texts import texts
from service.usecases.triage import triage_community

COMMUNITIES = 20
AUTHORS = 5_000
A_THREAD = 6
#: Threads of this many days, of which triage looks at the last 28.
DAYS = 90
SEED = 10
_BLOCK = 1_000
_ROLES = ("customer", "customer", "customer", "member", "brand", "staff")
_RULES = ("safety", "legal", "threat")


@dataclass(frozen=True, slots=True)
class Filled:
    """What was put in, and how long that and the triage took."""

    messages: int
    seconds: float
    triage_seconds: float


def fill(deps: Deps, messages: int, say: Callable[[str], None]) -> Filled:
    """Puts at least `messages` messages into an empty database and triages every community."""
    now, started = utc_now(), time.perf_counter()
    say(f"filling {messages} messages …")
    filler = _begin(deps, now)
    filler.fill(messages, say)
    _gather_statistics(deps)
    filled = time.perf_counter()
    _triage(deps, now)
    return Filled(filler.messages, filled - started, time.perf_counter() - filled)


@dataclass(slots=True)
class Filler:
    """Writes threads with ids that it counts itself."""

    deps: Deps
    now: datetime
    rng: Random
    texts: list[str]
    threads: int = 0
    messages: int = 0

    def fill(self, messages: int, say: Callable[[str], None]) -> None:
        """Adds threads until there are `messages` messages."""
        while self.messages < messages:
            first = self.messages + 1
            count = min(_BLOCK, -(-(messages - self.messages) // A_THREAD))
            blocks = [self._thread() for _ in range(count)]
            with self.deps.store.write() as session:
                session.connection().execute(insert(Thread), [thread for thread, _ in blocks])
                session.connection().execute(insert(Message), [m for _, messages_ in blocks for m in messages_])
                _revisions_and_scores(session, first)
            if self.threads // _BLOCK % 20 == 0:
                say(f"  {self.messages}")

    def _thread(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        self.threads += 1
        number = self.threads
        began = self.now - timedelta(days=DAYS * self.rng.random())
        rows = list(self._messages(number, began))
        facts = digest([_fact(row) for row in rows], self.now + timedelta(days=1))
        thread = {
            "id": number,
            "connection_id": 1,
            "community_id": number % COMMUNITIES + 1,
            "remote_id": f"thread-{number}",
            "title": self.texts[number % len(self.texts)][:80],
            "url": f"https://forum.example/t/{number}",
            "messages": len(rows),
            "first_message_at": rows[0]["created_at"],
            "last_message_at": rows[-1]["created_at"],
            "facts": facts.to_json(),
        }
        return thread, rows

    def _messages(self, thread: int, began: datetime) -> Iterator[dict[str, Any]]:
        at = began
        for place in range(self.rng.randint(2, 2 * A_THREAD - 2)):
            self.messages += 1
            author = self.rng.randrange(AUTHORS)
            at = min(self.now, at + timedelta(minutes=self.rng.expovariate(1 / 90)))
            yield {
                "id": self.messages,
                "connection_id": 1,
                "thread_id": thread,
                "author_id": author + 1,
                "remote_id": f"message-{self.messages}",
                "in_reply_to": f"message-{self.messages - 1}" if place else None,
                "text": self.texts[self.messages % len(self.texts)],
                "language": "en",
                "created_at": at,
                "likes": int(self.rng.expovariate(1.5)),
                "addressed": self.rng.random() < 0.05,
                "toxicity": round(self.rng.betavariate(0.4, 6.0), 3),
                "urgency": round(self.rng.betavariate(0.5, 4.0), 3),
                "sentiment": round(self.rng.uniform(-1.0, 1.0), 3),
                "rules": self.rng.choice(_RULES) if self.rng.random() < 0.0005 else "",
            }


def _fact(row: dict[str, Any]) -> MessageFact:
    return MessageFact(
        id=row["id"],
        at=row["created_at"].timestamp(),
        author=row["author_id"],
        role=_role(row["author_id"]),
        toxicity=row["toxicity"],
        urgency=row["urgency"],
        sentiment=row["sentiment"],
        rules=(row["rules"],) if row["rules"] else (),
        addressed=row["addressed"],
        likes=row["likes"],
    )


def _role(author_id: int) -> str:
    """The same role for the same author, whenever asked."""
    return _ROLES[author_id % len(_ROLES)]


def _revisions_and_scores(session: Session, first: int) -> None:
    """One of each for every message from `first` on, made by the database itself."""
    new = Message.id >= first
    digest_of = func.substr(Message.remote_id, 1, 16)
    revision = select(Message.id, Message.id, Message.version, digest_of, Message.text, Message.created_at).where(new)
    names = ("id", "message_id", "version", "digest", "text", "seen_at")
    session.connection().execute(insert(Revision).from_select(names, revision))
    columns = (Message.id, Message.id, literal("bench"), Message.toxicity, Message.urgency, Message.sentiment)
    reasons = literal([["help", "no answer", 0.4]], ScoreRow.reasons.type)
    nothing = literal({}, ScoreRow.classes.type)
    score = select(*columns, literal("en"), Message.rules, reasons, nothing, nothing, Message.created_at).where(new)
    scored = (
        "id",
        "revision_id",
        "scorer",
        "toxicity",
        "urgency",
        "sentiment",
        "language",
        "rules",
        "reasons",
        "classes",
        "intents",
        "scored_at",
    )
    session.connection().execute(insert(ScoreRow).from_select(scored, score))


def _begin(deps: Deps, now: datetime) -> Filler:
    """Connection, communities and authors; threads come by `fill`."""
    with deps.store.write() as session:
        session.add(Connection(id=1, name="bench", connector="archive", settings={}, created_at=now, state="ok"))
        session.flush()
        numbers = range(1, COMMUNITIES + 1)
        session.add_all(Community(id=n, connection_id=1, remote_id=f"c{n}", name=f"Community {n}") for n in numbers)
        session.flush()
        people = [
            {"id": n, "connection_id": 1, "remote_id": f"a{n}", "handle": f"person{n}", "role": _role(n)}
            for n in range(1, AUTHORS + 1)
        ]
        session.connection().execute(insert(Author), [p | {"first_seen_at": now} for p in people])
    return Filler(deps, now, Random(SEED), texts(SEED, now))


def _triage(deps: Deps, now: datetime) -> None:
    """The real triage, once for each community, as of `now`."""
    with deps.store.write() as session:
        session.execute(update(Community).values(newest_at=now))
    for number in range(1, COMMUNITIES + 1):
        triage_community(deps, number)


def _gather_statistics(deps: Deps) -> None:
    """PostgreSQL plans by statistics, which it would gather by itself a minute later."""
    if deps.store.postgres:
        with deps.store.write() as session:
            session.connection().exec_driver_sql("ANALYZE")
