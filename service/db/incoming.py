"""What one batch says, before it is written: the newest state of each thing, whatever order it came in.

The state of a message is ordered by its own version (ties by the text's digest), never by arrival; a message that is
gone stays gone for states older than its end.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moderation.model import MessageGone, MessageSeen, ReportSeen, ThreadListed, ThreadSeen
from moderation.scoring.contract import Score


@dataclass(frozen=True, slots=True)
class State:
    """What is stored of a message: enough to tell whether a new state is newer."""

    id: int
    version: float
    digest: str
    likes: int
    shares: int
    deleted: bool
    thread_id: int


@dataclass(slots=True)
class Incoming:
    """What one batch says about one connection, newest state of each thing only."""

    connection_id: int
    now: datetime
    seen: dict[str, MessageSeen] = field(default_factory=dict)
    gone: dict[str, datetime] = field(default_factory=dict)
    threads: dict[str, ThreadSeen] = field(default_factory=dict)
    listed: list[ThreadListed] = field(default_factory=list)
    reports: list[ReportSeen] = field(default_factory=list)
    scores: dict[str, Score] = field(default_factory=dict)

    def add_seen(self, event: MessageSeen) -> None:
        kept = self.seen.get(event.remote_id)
        if kept is None or _order(event) >= _order(kept):
            self.seen[event.remote_id] = event
        self.add_thread(event.thread)

    def add_gone(self, event: MessageGone) -> None:
        self.gone[event.remote_id] = max(event.at, self.gone.get(event.remote_id, event.at))

    def add_thread(self, thread: ThreadSeen) -> None:
        kept = self.threads.get(thread.remote_id)
        self.threads[thread.remote_id] = _merged(kept, thread) if kept else thread


def text_digest(text: str) -> str:
    """Short digest that tells two texts of one message apart."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def newer(event: MessageSeen, state: State | None, end: datetime | None) -> bool:
    """Whether an event brings a text that is not stored: a new message, an edit, or a return after a deletion."""
    changed_at = event.edited_at or event.created_at
    if end is not None and changed_at <= end:
        return False
    if state is None:
        return True
    return _order(event) > (state.version, state.digest) or (state.deleted and end is not None and changed_at > end)


def _order(event: MessageSeen) -> tuple[float, str]:
    """What orders the states of a message."""
    return (event.version, text_digest(event.text))


def _merged(old: ThreadSeen, new: ThreadSeen) -> ThreadSeen:
    """The newer facts where they say something, the older ones elsewhere."""

    def newest(name: str) -> Any:
        value = getattr(new, name)
        return getattr(old, name) if value is None else value

    community = new.community if new.community.name or not old.community.name else old.community
    names = ("title", "url", "total_replies", "accepted_answer", "closed", "tags")
    return ThreadSeen(remote_id=new.remote_id, community=community, **{n: newest(n) for n in names})
