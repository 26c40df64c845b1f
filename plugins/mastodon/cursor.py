"""Where reading stands: one position for each stream, the threads still to be read, and those seen lately.

All ids in it belong to one account on one server. It starts again when either changes: some servers answer a
position of foreign form with their oldest page (mastodon#25245), Takahe with 500.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from plugins.mastodon.client import Position
from plugins.mastodon.deliveries import Own, Place

#: Bounds of what is remembered, so that the cursor stays a small text.
THREADS_KEPT = 100
IDS_KEPT = 4000
#: Threads waiting to be read above which no older pages are fetched.
QUEUE_FULL = 200
#: A thread is read again for edits, deletions and counts when its last reading is this long ago.
RECHECK_SECONDS = 600.0
RECHECKS_A_ROUND = 2


class Stream(BaseModel):
    """One stream's place. `style` is the form of asking that the server knows, `target` the id behind a name."""

    model_config = ConfigDict(extra="forbid")

    newer: Position = Field(default_factory=dict)  # goes forward from the newest status seen
    older: Position = Field(default_factory=dict)  # goes on with the past; empty when there is none left to read
    ahead: bool = False  # a turn ended before what is new did
    style: int = 0
    target: str = ""
    head_at: float = 0.0


class Thread(BaseModel):
    """A thread read lately, with the ids of what was delivered of it."""

    model_config = ConfigDict(extra="forbid")

    ids: list[str] = Field(default_factory=list)
    total: int = 0
    with_brand: bool = False
    read_at: float = 0.0


class Item(BaseModel):
    """Something to read: a thread by any of its statuses, or one status of a known thread that may be gone.

    `counted` says that the status itself was just read and what it counted as its direct replies: only its context
    is wanted then, one call instead of two.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal["thread", "status"] = "thread"
    id: str
    root: str = ""
    counted: int | None = None
    tries: int = 0


class Reports(BaseModel):
    """Where reading the reports stands, for a token of the server's staff.

    A round through the open ones is at `older` and has met `met`; `open` are those that were open when read last.
    `past` is where reading the decided ones is. Reports that are not for us, or fail, are left alone until `again_at`.
    """

    model_config = ConfigDict(extra="forbid")

    older: Position = Field(default_factory=dict)
    met: list[str] = Field(default_factory=list)
    open: list[str] = Field(default_factory=list)
    past: Position = Field(default_factory=dict)
    past_read: bool = False
    again_at: float = 0.0


class Cursor(BaseModel):
    model_config = ConfigDict(extra="forbid")

    server: str = ""
    account: str = ""
    acct: str = ""
    turn: int = 0
    pages: int = 0
    streams: dict[str, Stream] = Field(default_factory=dict)
    queue: list[Item] = Field(default_factory=list)
    threads: dict[str, Thread] = Field(default_factory=dict)
    reports: Reports = Field(default_factory=Reports)

    @classmethod
    def of(cls, text: str) -> Cursor:
        """The stored cursor; a new one where the text is empty or of an earlier form: reading again loses nothing."""
        try:
            return cls.model_validate_json(text) if text else cls()
        except ValidationError:
            return cls()

    def text(self) -> str:
        return self.model_dump_json(exclude_defaults=True)

    def own(self) -> Own:
        return Own(id=self.account, acct=self.acct)

    def stream(self, name: str) -> Stream:
        return self.streams.setdefault(name, Stream())

    def root_of(self, status_id: str) -> str:
        """The known thread that holds this status, or ""."""
        if status_id in self.threads:
            return status_id
        return next((root for root, thread in self.threads.items() if status_id in thread.ids), "")

    def place(self, root: str) -> Place:
        return Place(root, with_brand=self.threads.get(root, Thread()).with_brand)

    def thread(self, root: str) -> Thread:
        return self.threads.setdefault(root, Thread())

    def add(self, root: str, ids: Iterable[str]) -> None:
        """Remembers posts of a thread. One with something new moves to the end: the front is forgotten first."""
        thread = self.thread(root)
        known = set(thread.ids)
        new = [one for one in dict.fromkeys(ids) if one not in known]
        if new:
            thread.ids += new
            self.threads[root] = self.threads.pop(root)

    def forget_oldest(self) -> None:
        held = sum(len(thread.ids) for thread in self.threads.values())
        while len(self.threads) > 1 and (len(self.threads) > THREADS_KEPT or held > IDS_KEPT):
            held -= len(self.threads.pop(next(iter(self.threads))).ids)

    def ask_for(self, item: Item, *, first: bool = False) -> None:
        """Queues once; what is new goes before what is old."""
        if any(one.id == item.id and one.kind == item.kind for one in self.queue):
            return
        self.queue.insert(0, item) if first else self.queue.append(item)

    def plan_rechecks(self, now: datetime) -> None:
        due = [(t.read_at, root) for root, t in self.threads.items() if t.read_at <= now.timestamp() - RECHECK_SECONDS]
        for _, root in sorted(due)[:RECHECKS_A_ROUND]:
            self.ask_for(Item(id=root))
