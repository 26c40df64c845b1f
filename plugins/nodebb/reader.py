"""Reading a forum: the topics that moved, their posts, the flags, and a look back at what is known.

/api/recent tells which topics moved; a topic's pages show its posts, with edits, votes and deletions. An edit or a
deletion moves no topic, so that known ones are looked at again in turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from plugins.contract import Delivery, Gone, MissingRight, Page, Temporary
from plugins.nodebb.client import Client
from plugins.nodebb.cursor import Cursor
from plugins.nodebb.flags import read_flags
from plugins.nodebb.knowledge import READ_TOPICS, Knowledge
from plugins.nodebb.settings import NodebbSettings
from plugins.nodebb.shape import Json, gone_post, gone_topic, is_on, short

#: Topics that one poll reads, and pages that it reads of one topic.
TOPICS, PAGES = 4, 10
#: Pages of a topic that is fetched as a whole; a longer one is read at its beginning and at its end.
MOST_PAGES = 50
#: Topics that are looked at again more often than the others.
NEWEST = 20


@dataclass
class Found:
    """Pages of a topic. `next_page` is 0 at its end; `whole` is whether nothing before or between was left out."""

    topic: Json
    posts: list[Json] = field(default_factory=list)
    last_page: int = 1
    next_page: int = 0
    whole: bool = False

    def add(self, posts: Iterable[Json]) -> None:
        """An accepted answer is repeated after the question, with the index -1: once is enough."""
        have = {str(p["pid"]) for p in self.posts}
        self.posts += [p for p in posts if p.get("index") != -1 and str(p["pid"]) not in have]


class Reader:
    """One poll's work, or one thread's."""

    def __init__(self, client: Client, settings: NodebbSettings) -> None:
        self._client = client
        self._settings = settings
        self._known = Knowledge(client, settings)
        # Only what is known of accounts and categories is used, by threads that are fetched apart from polling.
        self._bare = Cursor()

    def poll(self, text: str) -> Page:
        cursor = Cursor.load(text)
        if cursor.stale(self._client.now()):
            self._known.learn(cursor)
        if cursor.queue:
            deliveries = self._queued(cursor)
        else:
            deliveries = {"recent": self._recent, "flags": self._flags, "recheck": self._recheck}[cursor.stage](cursor)
        # A turn ends where the next list of topics has not begun.
        more = bool(cursor.queue) or cursor.stage != "recent" or cursor.page > 1
        return Page(tuple(deliveries), cursor.dump(), more=more)

    # topics that moved

    def _recent(self, cursor: Cursor) -> list[Delivery]:
        """Page by page down to where the last turn began; at the first time, until they are too old."""
        answer = self._client.page("/api/recent", READ_TOPICS, page=cursor.page)
        rows = _records(answer.get("topics"), "topics", "tid")
        kept = [r for r in rows if self._takes(r) and not self._too_old(r.get("lastposttime"))]
        found = [one for row in kept for one in self._row(cursor, row)]
        moved_at = [at for r in rows if isinstance(at := r.get("lastposttime"), int)]
        cursor.top = max([cursor.top, *moved_at])
        old = any(self._too_old(at) or at <= cursor.high for at in moved_at)
        if old or cursor.page >= _page_count(answer):
            cursor.high, cursor.top, cursor.page, cursor.stage = max(cursor.high, cursor.top), 0, 1, "flags"
        else:
            cursor.page += 1
        return found

    def _row(self, cursor: Cursor, row: Json) -> list[Delivery]:
        """A topic of the list: its facts where it is known, and a place in the queue where it moved."""
        tid, now = str(row["tid"]), self._client.now()
        if is_on(row.get("deleted")):
            return self._topic_gone(cursor, tid, now)
        cursor.returned(f"t{tid}", now)
        known = cursor.topics.get(tid)
        change = cursor.change_of(tid, _facts(row))
        if known is None or known[2] != _reach(row):
            # Fewer posts than before: some were removed for good, and only a look at all tells which.
            fewer = known is not None and _count(row) < int(known[2].partition(".")[0] or 0)
            cursor.queue.append((tid, 1 if known is None or fewer else known[3]))
            return []
        changed = cursor.topics[tid][1] != known[1]
        return [self._known.maker(cursor, row).thread(change=change)] if changed else []

    def _queued(self, cursor: Cursor) -> list[Delivery]:
        taken, cursor.queue = cursor.queue[:TOPICS], cursor.queue[TOPICS:]
        return [one for tid, page in taken for one in self._topic(cursor, tid, page)]

    def _topic(self, cursor: Cursor, tid: str, first: int) -> list[Delivery]:
        try:
            found = self._pages(tid, first, PAGES)
        except (Gone, MissingRight) as error:
            self._known.must_be_there(error)
            return self._topic_gone(cursor, tid, self._client.now())
        if is_on(found.topic.get("deleted")):
            return self._topic_gone(cursor, tid, self._client.now())
        made = self._deliver(cursor, found)
        cursor.reached(tid, _reach(found.topic), found.next_page or found.last_page)
        if found.next_page:
            cursor.queue.insert(0, (tid, found.next_page))
        return made

    def _topic_gone(self, cursor: Cursor, tid: str, now: datetime) -> list[Delivery]:
        cursor.topics.pop(tid, None)
        return [gone_topic(tid, now)] if cursor.went(f"t{tid}", now) else []

    # what is known already

    def _recheck(self, cursor: Cursor) -> list[Delivery]:
        """In turn: one of the newest topics, and one of the others."""
        cursor.turn += 1
        cursor.stage = "recent"
        order = cursor.newest_first()
        chosen = [part[cursor.turn % len(part)] for part in (order[:NEWEST], order[NEWEST:]) if part]
        return [one for tid in chosen for one in self._topic(cursor, tid, 1)]

    def _flags(self, cursor: Cursor) -> list[Delivery]:
        found, done = read_flags(self._client, self._settings, cursor)
        if done:
            cursor.stage = "recheck"
        return found

    # one thread

    def thread(self, thread_id: str) -> Page:
        cursor = self._bare
        if cursor.stale(self._client.now()):
            self._known.learn(cursor)
        if not (thread_id.isascii() and thread_id.isdecimal()):
            raise Gone(f"“{thread_id}” is not a topic of a NodeBB forum.")
        at = self._client.now()
        try:
            found = self._pages(thread_id, 1, MOST_PAGES)
        except (Gone, MissingRight) as error:
            self._known.must_be_there(error)
            return Page((gone_topic(thread_id, at),), "")
        if is_on(found.topic.get("deleted")):
            return Page((gone_topic(thread_id, at),), "")
        if found.next_page:
            newest = self._pages(thread_id, max(found.last_page - MOST_PAGES, found.next_page), MOST_PAGES)
            found.add(newest.posts)
        return Page(tuple(self._deliver(cursor, found)), "")

    def _pages(self, tid: str, first: int, most: int) -> Found:
        """Pages of a topic from `first` on. A page after the last one is empty, and then the topic begins again."""
        answer = self._client.page(f"/api/topic/{tid}", READ_TOPICS, page=first)
        _records([answer], "the topic", "tid")
        last = _page_count(answer)
        if first > last:
            return self._pages(tid, 1, most)
        found = Found(answer, last_page=last)
        found.add(_records(answer.get("posts"), "posts", "pid"))
        end = min(last, first + most - 1)
        for page in range(first + 1, end + 1):
            more = self._client.page(f"/api/topic/{tid}", READ_TOPICS, page=page)
            found.add(_records(more.get("posts"), "posts", "pid"))
        found.next_page = end + 1 if end < last else 0
        found.whole = first == 1 and end == last
        return found

    def _deliver(self, cursor: Cursor, found: Found) -> list[Delivery]:
        """The topic, and its posts in the order of the pages."""
        tid, now = str(found.topic["tid"]), self._client.now()
        read_before = cursor.topics.get(tid, ("", 0, "", 1))[2] != ""
        maker, made = self._known.maker(cursor, found.topic), []
        alive = []
        for post in found.posts:
            pid = short(post["pid"])
            if is_on(post.get("deleted")):
                new = cursor.went(pid, now)
                made += [gone_post(post["pid"], now)] if new and read_before else []
                continue
            cursor.returned(pid, now)
            alive.append(post["pid"])
            made.append(maker.post(post, recovered=cursor.recovered(tid, pid), **_context(cursor, post, found)))
        change = cursor.change_of(tid, _facts(found.topic))
        listed_at = now if found.whole and alive else None
        return [maker.thread(listed_at, stream=alive if listed_at else [], change=change), *made]

    def _takes(self, row: Json) -> bool:
        """Topics of other servers are in no category of the forum (-1)."""
        cid, category = row.get("cid"), row.get("category")
        slug = category.get("slug") if isinstance(category, Mapping) else ""
        ours = isinstance(row.get("tid"), int) and isinstance(cid, int) and cid > 0
        return ours and self._settings.takes(cid, slug if isinstance(slug, str) else "")

    def _too_old(self, stamp: object) -> bool:
        if isinstance(stamp, bool) or not isinstance(stamp, int):
            return False
        since = self._client.now() - timedelta(days=self._settings.history_days)
        return stamp < since.timestamp() * 1000


def _context(cursor: Cursor, post: Json, found: Found) -> Json:
    """What a post's own record leaves out: is its author staff, whom does it answer, how is the brand called."""
    answered = _author_of(post.get("parent")) or next(
        (_author_of(p) for p in found.posts if str(p["pid"]) == str(post.get("toPid"))), None
    )
    content = post.get("content")
    return {
        "staff": True if _author_of(post) in cursor.staff else None,
        "answers_uid": answered,
        "brand": cursor.names if isinstance(content, str) and "@" in content else None,
    }


def _author_of(post: object) -> str | None:
    user = post.get("user") if isinstance(post, Mapping) else None
    uid = user.get("uid") if isinstance(user, Mapping) else None
    return str(uid) if isinstance(uid, int | str) and uid else None


def _facts(row: Json) -> list[Any]:
    """What of a topic can change and change back."""
    return [row.get(name) for name in ("titleRaw", "cid", "solvedPid")] + [
        is_on(row.get(name)) for name in ("locked", "isSolved")
    ]


def _count(row: Json) -> int:
    count = row.get("postcount")
    return count if isinstance(count, int) and abs(count) < 2**31 else 0


def _reach(row: Json) -> str:
    """How far a topic's posts go; another one whenever a post comes or is removed for good."""
    at = row.get("lastposttime")
    return f"{_count(row)}.{at if isinstance(at, int) and at < 2**53 else 0}"


def _page_count(answer: Json) -> int:
    pages = answer.get("pagination")
    count = pages.get("pageCount") if isinstance(pages, Mapping) else None
    if isinstance(count, bool) or not isinstance(count, int):
        raise Temporary("The forum's answer has an unknown form.", detail="pagination.pageCount is not a number")
    return max(count, 1)


def _records(found: object, name: str, key: str) -> list[Json]:
    """A list of objects with an id, or Temporary: an answer of another form is no answer."""
    rows: Iterable[object] = found if isinstance(found, list) else ()
    kept = [r for r in rows if isinstance(r, dict) and isinstance(r.get(key), int | str)]
    if not isinstance(found, list) or len(kept) != len(found):
        raise Temporary("The forum's answer has an unknown form.", detail=f"{name} is not a list of objects with an id")
    return kept
