"""Where reading a forum stands, as the JSON text that is stored between polls."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from plugins.contract import Permanent

#: Topics, flags, and posts that went or came back, that are remembered.
REMEMBERED = 1_000
FACTS_LAST = timedelta(hours=6)

Stage = Literal["recent", "flags", "recheck"]


@dataclass(slots=True)
class Cursor:
    """One turn of reading is recent → flags → recheck; what the stages find to read waits in `queue`.

    `high` is the time, in milliseconds, up to which every topic that moved was listed; `top` that of this turn.
    `topics` has, by topic id: a digest of its facts, how often they changed, how far its posts go (their number and
    the newest one's time, joined by a point), and the page to go on reading at. `dead` and `back` date, in
    milliseconds, what was seen to go and to return; topics among them have a "t" before their id.
    """

    stage: Stage = "recent"
    turn: int = 0
    page: int = 1
    high: int = 0
    top: int = 0
    queue: list[tuple[str, int]] = field(default_factory=list)
    topics: dict[str, tuple[str, int, str, int]] = field(default_factory=dict)
    dead: dict[str, int] = field(default_factory=dict)
    back: dict[str, int] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)
    flag_page: int = 1
    flag_pages: int = 0
    staff: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    guests: dict[str, bool] = field(default_factory=dict)
    learnt_at: datetime | None = None

    @classmethod
    def load(cls, text: str) -> Cursor:
        if not text:
            return cls()
        try:
            return _from_json(json.loads(text))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise Permanent("The stored reading position of this forum is damaged; reset it to read again.") from error

    def dump(self) -> str:
        found = asdict(self)
        found["topics"] = {tid: self.topics[tid] for tid in self.newest_first()[:REMEMBERED]}
        for name in ("dead", "back", "flags"):
            found[name] = dict(list(found[name].items())[-REMEMBERED:])
        found["learnt_at"] = self.learnt_at.isoformat() if self.learnt_at else None
        return json.dumps(found, separators=(",", ":"), ensure_ascii=False)

    def stale(self, now: datetime) -> bool:
        return self.learnt_at is None or now - self.learnt_at > FACTS_LAST

    def newest_first(self) -> list[str]:
        """Topics by their newest post."""
        return sorted(self.topics, key=lambda tid: int(self.topics[tid][2].rpartition(".")[2] or 0), reverse=True)

    def change_of(self, tid: str, facts: Iterable[object]) -> int | None:
        """How often this topic's facts were seen to change, None for never.

        A topic that is locked and unlocked again says what it said before; the count tells the two apart.
        """
        mark = hashlib.sha256("\n".join(map(str, facts)).encode("utf-8", "replace")).hexdigest()[:6]
        before, changes, reach, page = self.topics.get(tid, (mark, 0, "", 1))
        self.topics[tid] = (mark, changes + (before != mark), reach, page)
        return self.topics[tid][1] or None

    def reached(self, tid: str, reach: str, page: int) -> None:
        """Keeps how far a topic was read."""
        mark, changes, *_ = self.topics.get(tid, ("", 0))
        self.topics[tid] = (mark, changes, reach, page)

    def went(self, name: str, now: datetime) -> bool:
        """Whether this is news."""
        if name in self.dead:
            return False
        self.dead[name] = _milliseconds(now)
        return True

    def returned(self, name: str, now: datetime) -> None:
        """What was gone is there again: that makes it news, whenever it was written."""
        if self.dead.pop(name, None) is not None:
            self.back.pop(name, None)
            self.back[name] = _milliseconds(now)

    def recovered(self, tid: str, pid: str) -> int | None:
        """When a post was seen to return, by itself or with its topic."""
        return max(self.back.get(pid, 0), self.back.get(f"t{tid}", 0)) or None


def _milliseconds(at: datetime) -> int:
    """Rounded up: what returns is later than what went, however soon."""
    return int(at.timestamp() * 1000) + 1


def _from_json(found: dict[str, Any]) -> Cursor:
    at = found.pop("learnt_at")
    queue = [(str(tid), int(page)) for tid, page in found.pop("queue")]
    topics = {str(k): (str(m), int(c), str(r), int(p)) for k, (m, c, r, p) in found.pop("topics").items()}
    return Cursor(queue=queue, topics=topics, learnt_at=datetime.fromisoformat(at) if at else None, **found)
