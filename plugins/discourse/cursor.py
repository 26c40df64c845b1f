"""Where reading a forum stands, as the JSON text that is stored between polls."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from plugins.contract import Permanent
from plugins.discourse.shape import Category

#: Posts whose disappearance is noticed: the newest ones.
KNOWN = 5_000
#: Topics, solved topics and recovered posts that are remembered.
REMEMBERED = 1_000
_DIGEST = 6
CATEGORIES_LAST = timedelta(hours=6)
UNKNOWN_CATEGORY_AGAIN = timedelta(minutes=5)

Stage = Literal["walk", "topics", "recheck", "reports"]


@dataclass(slots=True)
class Reports:
    """Where reading the review queue stands.

    `read` entries were read from the oldest on. A round through what waits is at `at` and has met `met`; `open` are
    those that waited when they were read last. A queue that is not for us, or fails, is left alone until `again_at`.
    """

    read: int = 0
    waiting_next: bool = False
    at: int = 0
    met: set[int] = field(default_factory=set)
    open: set[int] = field(default_factory=set)
    again_at: float = 0.0

    def note(self, entry_id: int, *, waits: bool) -> None:
        if waits and len(self.open) < REMEMBERED:
            self.open.add(entry_id)
        elif not waits:
            self.open.discard(entry_id)


@dataclass(slots=True)
class Cursor:
    """One turn of reading is walk → topics → recheck → reports; each poll does one page of one stage.

    `high` is the newest post of which everything older has been read. A walk goes from the newest post down to it;
    `top` is where the walk began and `before` how far down it is, so that a stopped walk goes on where it was.
    """

    stage: Stage = "walk"
    high: int = 0
    top: int = 0
    before: int = 0
    turn: int = 0
    page: int = 0
    settled: bool = False
    recheck: int = 0
    rows: int = 1
    low: int = 0
    windowed: bool = False
    topics: dict[str, str] = field(default_factory=dict)
    known: set[int] = field(default_factory=set)
    solved: set[int] = field(default_factory=set)
    recovered: dict[str, str] = field(default_factory=dict)
    reports: Reports = field(default_factory=Reports)
    categories: dict[str, Category] = field(default_factory=dict)
    categories_at: datetime | None = None

    @classmethod
    def load(cls, text: str) -> Cursor:
        if not text:
            return cls()
        try:
            return _from_json(json.loads(text))
        except (ValueError, TypeError, KeyError) as error:
            raise Permanent("The stored reading position of this forum is damaged; reset it to read again.") from error

    def dump(self) -> str:
        found = asdict(self)
        found["known"] = _gaps(_newest(self.known, KNOWN))
        found["solved"] = _newest(self.solved, REMEMBERED)
        found["recovered"] = _last(self.recovered)
        found["reports"] |= {"met": sorted(self.reports.met), "open": sorted(self.reports.open)}
        found["topics"] = _last(self.topics)
        found["categories"] = {k: [c.name, c.slug, c.restricted] for k, c in self.categories.items()}
        found["categories_at"] = self.categories_at.isoformat() if self.categories_at else None
        return json.dumps(found, separators=(",", ":"), ensure_ascii=False)

    def stale(self, now: datetime) -> bool:
        return self.categories_at is None or now - self.categories_at > CATEGORIES_LAST

    def misses(self, category_ids: Iterable[object], now: datetime) -> bool:
        """Whether a category is new to us, and the last look at them is not just past."""
        recent = self.categories_at is not None and now - self.categories_at < UNKNOWN_CATEGORY_AGAIN
        return not recent and any(c is not None and str(c) not in self.categories for c in category_ids)

    def change_of(self, topic_id: int, state: str) -> int | None:
        """How often this topic was seen to change, None for never.

        A topic that is closed and opened again says what it said before; the count tells the two apart.
        """
        mark = hashlib.sha256(state.encode()).hexdigest()[:_DIGEST]
        before = self.topics.pop(str(topic_id), mark)
        changes = int(before[_DIGEST:] or 0) + (before[:_DIGEST] != mark)
        self.topics[str(topic_id)] = f"{mark}{changes or ''}"
        return changes or None

    def is_back(self, post_id: int) -> bool:
        """Whether a post that is shown now was not shown before, though older than what was read."""
        return min(self.known, default=post_id) < post_id <= self.high and post_id not in self.known

    def recover(self, post_id: int, now: datetime) -> None:
        self.recovered.pop(str(post_id), None)
        self.recovered[str(post_id)] = now.isoformat()

    def remember(self, ids: Iterable[int]) -> None:
        self.known.update(ids)
        if len(self.known) > KNOWN:
            self.known = set(_newest(self.known, KNOWN))


def _from_json(found: dict[str, Any]) -> Cursor:
    at = found.pop("categories_at")
    categories = {str(k): Category(*v) for k, v in found.pop("categories").items()}
    known = set(_from_gaps(found.pop("known")))
    reports = found.pop("reports", {})
    reports |= {name: set(reports.get(name, ())) for name in ("met", "open")}
    return Cursor(
        known=known,
        solved=set(found.pop("solved")),
        categories=categories,
        categories_at=datetime.fromisoformat(at) if at else None,
        reports=Reports(**reports),
        **found,
    )


def _newest(ids: Iterable[int], count: int) -> list[int]:
    return sorted(ids)[-count:]


def _last(found: dict[str, Any]) -> dict[str, Any]:
    return dict(list(found.items())[-REMEMBERED:])


def _gaps(ids: list[int]) -> list[int]:
    """Differences from one id to the next are short where ids are long."""
    return [b - a for a, b in zip([0, *ids], ids, strict=False)]


def _from_gaps(gaps: list[int]) -> list[int]:
    ids, last = [], 0
    for gap in gaps:
        last += gap
        ids.append(last)
    return ids
