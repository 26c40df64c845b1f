"""What keeping reputations up to date costs: a little change on a small, a middling and a large forum, and making all
anew, in the same run on the same rows."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import func, insert, select

from service.db import trust
from service.db.models import Author, Community, Connection, Message, Thread
from service.db.trust_tables import DeedRow, PraiseRow, StandingRow, TrustAuthor
from service.deps import Deps, utc_now
from service.selftest.place import throw_away
from service.usecases import reputation

Say = Callable[[str], None]
#: Shares of the whole at which the same change is measured.
SIZES = (1 / 16, 1 / 4, 1)
#: Threads of a change, at the full size also ten and a hundred times as many.
CHANGED = 50
A_THREAD = 6
#: Messages of one author, as many as in the whole: 2,000,000 of 100,000.
EACH = 20
COMMUNITIES = 20
DAYS = 400
SEED = 11
_BLOCK = 2_000


@dataclass(frozen=True, slots=True)
class Step:
    """A change of so many threads on a forum, and what it took: the standing of `made` authors was made anew."""

    messages: int
    authors: int
    changed: int
    made: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ReputationCost:
    """The same change at three sizes, growing changes at the full size, and all anew there.

    `growth`: the change at the full size against that at the smallest, a sixteenth of it. `per_thread_ms`: of the
    greatest change. `ratio`: all anew against the change of a few threads. Times are medians of three.
    """

    messages: int
    authors: int
    sizes: tuple[Step, ...]
    changes: tuple[Step, ...]
    full_seconds: float
    growth: float
    per_thread_ms: float
    ratio: float
    candidates_ms: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def bench_reputation(messages: int, say: Say, changed: int = CHANGED) -> ReputationCost:
    """Fills a throw-away database in three steps, changing so many threads at each."""
    with throw_away() as place:
        forum = _Forum(place.deps, Random(SEED), utc_now())
        forum.begin()
        sizes, full = [], 0.0
        for share in SIZES:
            forum.fill(int(messages * share), say)
            forum.gather_statistics()
            full = forum.make_all(say)
            sizes.append(forum.change(changed))
            say(f"  {sizes[-1].changed} threads changed: {sizes[-1].seconds:.2f} s; all anew: {full:.1f} s")
        greater = [changed * times for times in (10, 100) if changed * times < forum.threads]
        changes = [sizes[-1], *(forum.change(threads) for threads in greater)]
        started = time.perf_counter()
        reputation.rockstars(place.deps)
        listed = (time.perf_counter() - started) * 1000
    return ReputationCost(
        messages=sizes[-1].messages,
        authors=sizes[-1].authors,
        sizes=tuple(sizes),
        changes=tuple(changes),
        full_seconds=round(full, 1),
        growth=round(sizes[-1].seconds / sizes[0].seconds, 2),
        per_thread_ms=round(1000 * changes[-1].seconds / changes[-1].changed, 2),
        ratio=round(full / sizes[-1].seconds, 1),
        candidates_ms=round(listed, 1),
    )


class _Forum:
    """Threads as intake would have left them: a question, answers mostly of those who often answer, thanks."""

    def __init__(self, deps: Deps, rng: Random, now: datetime) -> None:
        self.deps, self.rng, self.now = deps, rng, now
        self.authors = self.threads = self.messages = 0

    def begin(self) -> None:
        """A connection with its communities."""
        row = Connection(id=1, name="bench", connector="archive", settings={}, created_at=self.now, state="ok")
        with self.deps.store.write() as session:
            session.add(row)
            session.flush()
            numbers = range(1, COMMUNITIES + 1)
            session.add_all(Community(id=n, connection_id=1, remote_id=f"c{n}", name=f"Area {n}") for n in numbers)

    def fill(self, messages: int, say: Say) -> None:
        """Adds threads until there are so many messages, by more authors, and notes that each is to be read."""
        say(f"filling {messages} messages …")
        self._join(messages // EACH)
        while self.messages < messages:
            first = self.threads + 1
            rows = [self._thread() for _ in range(min(_BLOCK, 1 + (messages - self.messages) // (2 * A_THREAD)))]
            with self.deps.store.write() as session:
                session.connection().execute(insert(Thread), [thread for thread, _ in rows])
                session.connection().execute(insert(Message), [m for _, said in rows for m in said])
                trust.touch(session, range(first, self.threads + 1))

    def _join(self, authors: int) -> None:
        people = [
            {"id": n, "connection_id": 1, "remote_id": f"a{n}", "handle": f"person{n}", "first_seen_at": self.now}
            for n in range(self.authors + 1, authors + 1)
        ]
        self.authors = authors
        with self.deps.store.write() as session:
            session.connection().execute(insert(Author), people)

    def gather_statistics(self) -> None:
        """PostgreSQL plans by statistics, which it would gather by itself a minute later."""
        if self.deps.store.postgres:
            with self.deps.store.write() as session:
                session.connection().exec_driver_sql("ANALYZE")

    def make_all(self, say: Say) -> float:
        """Makes every deed and standing anew, from nothing. Returns the seconds that took."""
        with self.deps.store.write() as session:
            for table in (StandingRow, DeedRow, PraiseRow, TrustAuthor):
                session.execute(table.__table__.delete())  # type: ignore[attr-defined]
            trust.touch_all(session)
        say(f"making the reputation of {self.authors} authors from {self.messages} messages …")
        started = time.perf_counter()
        reputation.sum_up_all(self.deps)
        return time.perf_counter() - started

    def change(self, threads: int) -> Step:
        """A new answer in each of so many threads, three times; the median."""
        found = sorted((self._change(threads) for _ in range(3)), key=lambda step: step.seconds)
        return found[1]

    def _change(self, threads: int) -> Step:
        chosen = self.rng.sample(range(1, self.threads + 1), threads)
        with self.deps.store.write() as session:
            rows = [
                self._message(thread, self._somebody(thread % COMMUNITIES), self.now, 0.0, None) for thread in chosen
            ]
            session.connection().execute(insert(Message), rows)
            trust.touch(session, chosen)
            before = session.scalar(select(func.max(TrustAuthor.made_at)))
        started = time.perf_counter()
        reputation.sum_up_all(self.deps)
        seconds = time.perf_counter() - started
        with self.deps.store.read() as session:
            made = select(func.count()).select_from(TrustAuthor)
            count = session.scalar(made.where(TrustAuthor.made_at > before)) or 0
        return Step(self.messages, self.authors, threads, count, round(seconds, 3))

    def _thread(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        self.threads += 1
        began = self.now - timedelta(days=DAYS * self.rng.random())
        home = self.threads % COMMUNITIES
        asker = self._anybody(home)
        rows = [self._message(self.threads, asker, began, 0.0, None)]
        at = began
        for _ in range(self.rng.randint(1, 2 * A_THREAD - 3)):
            at = min(self.now, at + timedelta(minutes=self.rng.expovariate(1 / 90)))
            rows.append(self._message(self.threads, self._somebody(home), at, 0.0, rows[0]["remote_id"]))
        answer = self.rng.choice(rows)["remote_id"] if self.rng.random() < 0.5 else ""
        if self.rng.random() < 0.4:
            rows.append(self._message(self.threads, asker, at, 0.8, rows[-1]["remote_id"]))
        thread: dict[str, Any] = {
            "id": self.threads,
            "connection_id": 1,
            "community_id": home + 1,
            "remote_id": f"t{self.threads}",
            "title": "A question",
            "accepted_answer": answer,
            "facts": {},
        }
        return thread, rows

    def _message(self, thread: int, author: int, at: datetime, sentiment: float, to: str | None) -> dict[str, Any]:
        self.messages += 1
        return {
            "id": self.messages,
            "connection_id": 1,
            "thread_id": thread,
            "author_id": author,
            "remote_id": f"m{self.messages}",
            "in_reply_to": to,
            "text": "What is said does not matter here.",
            "created_at": at,
            "toxicity": 0.9 if self.rng.random() < 0.02 else 0.05,
            "urgency": 0.1,
            "sentiment": sentiment,
            "intents": {},
        }

    def _anybody(self, home: int) -> int:
        """Four in five write in the community that is theirs."""
        author = self.rng.randrange(self.authors)
        if self.rng.random() < 0.8:
            author = min(author - author % COMMUNITIES + home, self.authors - 1)
        return author + 1

    def _somebody(self, home: int) -> int:
        """A fifth of the answers come from one author in fifty."""
        if self.rng.random() < 0.2:
            place = self.rng.randrange(max(1, self.authors // 50 // COMMUNITIES))
            return min(1 + home + COMMUNITIES * place, self.authors)
        return self._anybody(home)
