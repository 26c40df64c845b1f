"""Reading a forum within its budget of calls: new posts, then topics, then a look back at what is known, then flags.

New posts come from /posts.json, 50 a call with their source text; the same list read again, a page a turn, shows
edits, likes, deletions and recoveries. /latest.json tells of topics: title, closed, solved, count.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from plugins.contract import Delivery, Gone, MissingRight, Page, Temporary
from plugins.discourse import review
from plugins.discourse.client import Client
from plugins.discourse.cursor import Cursor
from plugins.discourse.settings import DiscourseSettings
from plugins.discourse.shape import (
    Category,
    Json,
    Maker,
    gone_post,
    gone_topic,
    is_private,
)

READ_POSTS = "read posts (scope posts: list)"
READ_POST = "read a post (scope posts: read)"
READ_TOPICS = "read topics (scopes topics: read, read_lists)"
READ_SITE = "read the list of categories (scope site: read)"
#: How far down a page of /posts.json looks on forums that count ids instead of posts.
WINDOW = 50
#: Posts asked for at once beyond those that come with a topic.
CHUNK = 50
#: A longer topic is read at its beginning and at its end.
NEWEST = 1_000
#: The first id there is.
OLDEST = 1
#: Extra calls that one poll may spend on what it found.
FOLLOW_UPS = 4
#: What the forum writes into a topic when posts of it are moved to another one.
MOVED = "split_topic"


class Reader:
    """One poll's work, or one thread's."""

    def __init__(self, client: Client, settings: DiscourseSettings) -> None:
        self._client = client
        self._settings = settings
        # Only its categories are used, by threads that are fetched apart from polling.
        self._bare = Cursor()

    def poll(self, text: str) -> Page:
        cursor = Cursor.load(text)
        if cursor.stale(self._client.now()):
            self._learn_categories(cursor)
        steps = {"walk": self._walk, "topics": self._topics, "recheck": self._recheck, "reports": self._reports}
        step = steps[cursor.stage]
        deliveries = step(cursor)
        # A turn ends where the next walk has not begun.
        more = cursor.stage != "walk" or cursor.before > 0
        return Page(tuple(deliveries), cursor.dump(), more=more)

    # new posts

    def _walk(self, cursor: Cursor) -> list[Delivery]:
        found, low, old = self._read(cursor, cursor.before)
        cursor.before = cursor.low = low
        if low <= max(cursor.high, OLDEST) or old:
            cursor.high, cursor.top, cursor.before, cursor.stage = max(cursor.high, cursor.top), 0, 0, "topics"
        return found

    def _read(self, cursor: Cursor, before: int) -> tuple[list[Delivery], int, bool]:
        """A page of posts: what it says and what it no longer shows, where the next begins, whether it is too old."""
        posts, low = self._posts_below(cursor, before)
        cursor.top = max([cursor.top, *(p["id"] for p in posts)])
        shown = {p["id"] for p in posts}
        absent = sorted(i for i in cursor.known - shown if low <= i and (i < before or not before))
        found = self._deliver(cursor, posts) + self._absent(cursor, absent)
        return found, low, bool(posts) and self._too_old(posts[-1].get("created_at"))

    def _too_old(self, stamp: object) -> bool:
        at = _time(stamp)
        return at is not None and at < self._client.now() - timedelta(days=self._settings.history_days)

    def _posts_below(self, cursor: Cursor, before: int) -> tuple[list[Json], int]:
        """A page of posts under `before`, newest first, and where the next one begins (0: there is none).

        New forums give the next 50 posts and leave `before` out. Older ones include it and look at 50 ids only, so
        that there an empty page can have posts under it.
        """
        answer = self._client.get("/posts.json", READ_POSTS, {"before": before} if before else None)
        posts = sorted(_records(answer.get("latest_posts"), "latest_posts"), key=lambda p: -p["id"])
        if posts and posts[0]["id"] - posts[-1]["id"] >= WINDOW:
            cursor.windowed = False
        elif any(p["id"] == before for p in posts):
            cursor.windowed = True
        below = [p for p in posts if not before or p["id"] < before]
        if below:
            return below, below[-1]["id"]
        return [], max(before - WINDOW, 0) if cursor.windowed else 0

    def _deliver(self, cursor: Cursor, posts: list[Json]) -> list[Delivery]:
        """Posts as deliveries, oldest first, and what is learnt from them on the way."""
        kept = [p for p in reversed(posts) if not self._too_old(p.get("created_at"))]
        if cursor.misses({p.get("category_id") for p in kept}, self._client.now()):
            self._learn_categories(cursor)
        maker = Maker(self._settings, cursor.categories)
        for post in kept:
            if cursor.is_back(post["id"]) and not _is_dead(post):
                cursor.recover(post["id"], self._client.now())
            if post.get("accepted_answer"):
                cursor.solved.add(post["topic_id"])
        cursor.remember(p["id"] for p in kept if not _is_dead(p))
        cursor.known.difference_update(p["id"] for p in kept if _is_dead(p))
        return [maker.post(p, recovered_at=cursor.recovered.get(str(p["id"]))) for p in kept]

    # topics

    def _topics(self, cursor: Cursor) -> list[Delivery]:
        """Every page the first time, then the first page in each turn."""
        found, last = self._topic_page(cursor, cursor.page)
        if last or cursor.settled:
            cursor.rows = cursor.rows if cursor.settled else cursor.page + 1
            cursor.settled, cursor.page, cursor.stage = True, 0, "recheck"
        else:
            cursor.page += 1
        return found

    def _topic_page(self, cursor: Cursor, page: int) -> tuple[list[Delivery], bool]:
        answer = self._client.get("/latest.json", READ_TOPICS, {"page": page, "no_definitions": "true"})
        listing = answer.get("topic_list")
        if not isinstance(listing, dict):
            raise Temporary("The forum's list of topics has an unknown form.", detail="topic_list is missing")
        listed = _records(listing.get("topics"), "topics")
        rows = [r for r in listed if not is_private(r) and not self._too_old(r.get("bumped_at"))]
        if cursor.misses({r.get("category_id") for r in rows}, self._client.now()):
            self._learn_categories(cursor)
        maker = Maker(self._settings, cursor.categories)
        found = [maker.topic(r, change=cursor.change_of(r["id"], _state(r))) for r in rows]
        found += self._newly_solved(cursor, rows)
        # Pinned topics are first whatever their age, so one that is too old does not end the list.
        old = all(self._too_old(r.get("bumped_at")) for r in listed if not r.get("pinned"))
        return found, old or not listing.get("more_topics_url")

    def _newly_solved(self, cursor: Cursor, rows: list[Json]) -> list[Delivery]:
        """The list says that a topic is solved; only the topic itself says by which post."""
        new = [r["id"] for r in rows if r.get("has_accepted_answer") and r["id"] not in cursor.solved]
        cursor.solved -= {r["id"] for r in rows if r.get("has_accepted_answer") is False}
        found: list[Delivery] = []
        for topic_id in new[:FOLLOW_UPS]:
            found += self._thread(cursor, str(topic_id))
            cursor.solved.add(topic_id)
        return found

    # what is known already

    def _recheck(self, cursor: Cursor) -> list[Delivery]:
        """In turn: a page of known posts, and a page of older topics."""
        cursor.turn += 1
        cursor.stage = "reports"
        if cursor.turn % 2 == 0 and cursor.rows > 1:
            return self._topic_page(cursor, 1 + (cursor.turn // 2) % (cursor.rows - 1))[0]
        return self._look_back(cursor)

    def _reports(self, cursor: Cursor) -> list[Delivery]:
        """A page of the review queue, and more of them until what is past has been read."""
        found, more = review.step(self._client, cursor.reports, Maker(self._settings, cursor.categories))
        cursor.stage = "reports" if more else "walk"
        return found

    def _look_back(self, cursor: Cursor) -> list[Delivery]:
        start = cursor.recheck or cursor.low
        if start <= OLDEST:
            return []
        found, low, old = self._read(cursor, start)
        cursor.recheck = 0 if old else low
        return found

    def _absent(self, cursor: Cursor, ids: list[int]) -> list[Delivery]:
        """Known posts that the list skips. Each is asked for by itself before it is called gone."""
        found: list[Delivery] = []
        for post_id in ids[:FOLLOW_UPS]:
            if post_id not in cursor.known:
                continue
            post = self._post(post_id)
            cursor.known.discard(post_id)
            if post is None or _is_dead(post):
                found.append(gone_post(post_id, self._client.now()))
            else:
                thread = self._thread(cursor, str(post.get("topic_id")))
                cursor.known.difference_update(set(ids) & _ids(thread))
                found += thread
        return found

    def _post(self, post_id: int) -> Json | None:
        """None when it is not shown; a right that is missing altogether would show elsewhere first."""
        try:
            return self._client.get(f"/posts/{post_id}.json", READ_POST)
        except (Gone, MissingRight):
            return None

    # one thread

    def thread(self, thread_id: str) -> Page:
        cursor = self._bare
        if cursor.stale(self._client.now()):
            self._learn_categories(cursor)
        return Page(tuple(self._thread(cursor, thread_id)), "")

    def _thread(self, cursor: Cursor, thread_id: str) -> list[Delivery]:
        """The whole topic as it is now; deleted posts too, where the account may see them."""
        if not thread_id.isdecimal():
            raise Gone(f"“{thread_id}” is not a topic of a Discourse forum.")
        at = self._client.now()
        try:
            asked = {"include_raw": "true", "show_deleted": "true"}
            topic = self._client.get(f"/t/{thread_id}.json", READ_TOPICS, asked)
        except Gone:
            return [gone_topic(thread_id, at)]
        stream = _stream(topic)
        if topic.get("deleted_at") or is_private(topic):
            cursor.known.difference_update(stream)
            return [*(gone_post(i, at) for i in stream), gone_topic(thread_id, at)]
        return self._whole(cursor, topic, self._all_posts(thread_id, topic, stream), at)

    def _all_posts(self, thread_id: str, topic: Json, stream: list[int]) -> list[Json]:
        first = _records(topic["post_stream"].get("posts"), "post_stream.posts")
        # Some forums leave the source text out of a topic's first posts: those are asked for with the rest.
        posts = {p["id"]: p for p in first if p.get("raw")}
        rest = [i for i in stream if i not in posts]
        rest = rest[:OLDEST] + rest[OLDEST:][-NEWEST:]
        for start in range(0, len(rest), CHUNK):
            params = {"post_ids[]": rest[start : start + CHUNK], "include_raw": "true"}
            answer = self._client.get(f"/t/{thread_id}/posts.json", READ_TOPICS, params)
            more = (answer.get("post_stream") or {}).get("posts")
            posts.update((p["id"], p) for p in _records(more, "post_stream.posts"))
        return [posts[i] for i in sorted(posts)]

    def _whole(self, cursor: Cursor, topic: Json, posts: list[Json], at: datetime) -> list[Delivery]:
        by_number = {p.get("post_number"): p["id"] for p in posts}
        shared = {"topic_id": topic["id"], "topic_slug": topic.get("slug"), "topic_title": topic.get("title")}
        shared["category_id"] = topic.get("category_id")
        answer = next((p["id"] for p in posts if p.get("accepted_answer")), None) or _accepted(topic, by_number)
        maker = Maker(self._settings, cursor.categories)
        dead = {p["id"] for p in posts if _is_dead(p)}
        alive = [i for i in _stream(topic) if i not in dead]
        listed_at = at if is_complete(alive, posts) else None
        found = [maker.topic(topic, listed_at, stream=alive, accepted_answer=answer)]
        for post in posts:
            parent = by_number.get(post.get("reply_to_post_number"))
            back = cursor.recovered.get(str(post["id"]))
            found.append(maker.post(post | shared, recovered_at=back, reply_to_id=parent))
        return found

    def _learn_categories(self, cursor: Cursor) -> None:
        answer = self._client.get("/site.json", READ_SITE)
        rows = _records(answer.get("categories"), "categories")
        cursor.categories = {
            str(r["id"]): Category(str(r.get("name", "")), str(r.get("slug", "")), bool(r.get("read_restricted", True)))
            for r in rows
        }
        cursor.categories_at = self._client.now()


def _is_dead(post: Json) -> bool:
    return bool(post.get("deleted_at") or post.get("user_deleted"))


def is_complete(alive: list[int], posts: list[Json]) -> bool:
    """Whether posts that are not listed are gone: each listed one was read, and none was moved elsewhere."""
    read = {p["id"] for p in posts}
    return bool(alive) and read.issuperset(alive) and all(p.get("action_code") != MOVED for p in posts)


def _ids(deliveries: Iterable[Delivery]) -> set[int]:
    """The posts among deliveries; their keys begin "post:<id>"."""
    return {int(d.key.split(":")[1]) for d in deliveries if d.kind == "post"}


def _state(row: Json) -> str:
    """What of a topic can change and change back."""
    return "\n".join(str(row.get(name)) for name in ("title", "category_id", "closed", "has_accepted_answer", "tags"))


def _records(found: object, name: str) -> list[Json]:
    """A list of objects with an id, or Temporary: an answer of another form is no answer."""
    rows: Iterable[object] = found if isinstance(found, list) else ()
    kept = [r for r in rows if isinstance(r, dict) and isinstance(r.get("id"), int)]
    if not isinstance(found, list) or len(kept) != len(found):
        raise Temporary("The forum's answer has an unknown form.", detail=f"{name} is not a list of objects with an id")
    return kept


def _stream(topic: Json) -> list[int]:
    stream = topic.get("post_stream")
    ids = stream.get("stream") if isinstance(stream, dict) else None
    if not isinstance(ids, list) or not all(isinstance(i, int) for i in ids):
        raise Temporary("The forum's answer has an unknown form.", detail="post_stream.stream is not a list of ids")
    return ids


def _accepted(topic: Json, by_number: dict[Any, int]) -> int | None:
    answer = topic.get("accepted_answer")
    return by_number.get(answer.get("post_number")) if isinstance(answer, dict) else None


def _time(stamp: object) -> datetime | None:
    """A time for comparing only; `parse` is the one that complains about a bad one."""
    if not isinstance(stamp, str):
        return None
    try:
        at = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
