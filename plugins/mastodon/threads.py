"""Reading a thread: its posts, what became of those that were there before, and the same for a single post."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from plugins.contract import CredentialsRefused, Delivery, Gone, MissingRight, Permanent, RateLimited, Temporary
from plugins.mastodon.client import Client, part
from plugins.mastodon.cursor import Cursor, Item, Thread
from plugins.mastodon.deliveries import (
    Own,
    Place,
    Raw,
    is_addressed,
    is_own,
    is_reblog,
    may_keep,
    objects,
    of_gone,
    of_status,
    of_thread,
    parent_of,
    replies_of,
    status_id,
)

#: Posts of a thread that its context no longer shows, looked at one by one after a reading.
_MISSING_AT_ONCE = 20
#: A thread whose root is gone costs a call for each post that is left: it is looked at this seldom.
_LOST = timedelta(hours=6)
_TRIES = 3


def read_context(client: Client, root_id: str) -> tuple[Raw, list[Raw], list[Raw]]:
    """A status, what it answers (the root first), and what answers it. Raises Gone."""
    path = f"/api/v1/statuses/{part(root_id)}"
    status = client.get(path).body
    context = client.get(f"{path}/context").body
    return _dict(status), objects(_dict(context).get("ancestors")), objects(_dict(context).get("descendants"))


def read_below(client: Client, root_id: str) -> list[Raw]:
    """What answers a root. Raises Gone."""
    return objects(_dict(client.get(f"/api/v1/statuses/{part(root_id)}/context").body).get("descendants"))


class Threads:
    """What the cursor knows of threads, kept true while they are read."""

    def __init__(self, client: Client, cursor: Cursor, own: Own, now: datetime) -> None:
        self._client = client
        self._cursor = cursor
        self._own = own
        self._now = now

    def next(self) -> list[Delivery]:
        """Reads the first item of the queue."""
        item = self._cursor.queue.pop(0)
        try:
            return self._read(item)
        except Gone:
            return self._lost(item)
        except (CredentialsRefused, MissingRight, RateLimited):
            raise
        except (Permanent, Temporary) as error:
            if isinstance(error, Temporary) and error.status != 500:
                raise
            # The server stumbles over this one post (Takahe: 500). It goes to the back, and after some tries it is
            # left to the next recheck, because it must not keep the others from being read.
            if item.tries + 1 < _TRIES:
                self._cursor.ask_for(item.model_copy(update={"tries": item.tries + 1}))
            return []

    def take(self, status: Raw, *, fresh: bool) -> list[Delivery]:
        """A status from a timeline. Where its thread is not known yet, that is found out first."""
        if is_reblog(status):
            return []
        found = status_id(status)
        parent = parent_of(status)
        root = self._cursor.root_of(found) or (self._cursor.root_of(parent) if parent else found)
        if not may_keep(status, self._own, self._cursor.place(root).with_brand):
            return self._refuse(status, root)
        if not root:
            self._cursor.ask_for(Item(id=found), first=fresh)
            return []
        thread = self._cursor.thread(root)
        if self._says_more(status, thread, is_root=found == root):
            self._cursor.ask_for(Item(id=root, counted=replies_of(status) if found == root else None), first=fresh)
        self._note(root, [status])
        if found == root:
            thread.total = max(thread.total, replies_of(status))
        delivery = of_status(status, self._own, self._cursor.place(root))
        if thread.total or thread.read_at or thread.ids != [root]:
            return [delivery]
        thread.read_at = self._now.timestamp()  # a post without replies is a thread that was read
        return [delivery, of_thread(self._own, root, 0, thread.ids)]

    def _says_more(self, status: Raw, thread: Thread, *, is_root: bool) -> bool:
        """Whether this status shows that its thread has posts that were not read."""
        if is_root:
            return replies_of(status) > max(thread.total, len(thread.ids) - 1)
        return status_id(status) not in thread.ids

    def _read(self, item: Item) -> list[Delivery]:
        if item.kind == "status":
            return self._reread(item)
        if item.counted is not None:
            return self.whole(item.id, read_below(self._client, item.id), counted=item.counted)
        status, above, below = read_context(self._client, item.id)
        root = status_id(above[0]) if above else item.id
        if root == item.id:
            return self.whole(root, [status, *below])
        self._cursor.ask_for(Item(id=root), first=True)
        return self._some(root, [*above[1:], status, *below])

    def whole(self, root: str, statuses: list[Raw], *, counted: int | None = None) -> list[Delivery]:
        """All of a thread. With `counted`, its root was delivered already and `statuses` are the others."""
        thread = self._cursor.thread(root)
        here = {status_id(one) for one in statuses} | ({root} if counted is not None else set())
        missing = [one for one in thread.ids if one not in here]
        thread.read_at = self._now.timestamp()
        deliveries = self._some(root, statuses)
        known = here.intersection(thread.ids)
        # A server counts only direct replies, those that it does not show included: at least so many there are.
        thread.total = max(sum(map(replies_of, statuses), counted or 0), len(known - {root}))
        if root in self._cursor.threads:
            deliveries.append(of_thread(self._own, root, thread.total, known))
        for one in missing[:_MISSING_AT_ONCE]:
            self._cursor.ask_for(Item(kind="status", id=one, root=root))
        return deliveries

    def _some(self, root: str, statuses: list[Raw]) -> list[Delivery]:
        self._note(root, statuses)
        place = self._cursor.place(root)
        deliveries = [one for status in statuses for one in self._deliver(status, place)]
        self._drop_empty(root)
        return deliveries

    def _deliver(self, status: Raw, place: Place) -> list[Delivery]:
        if may_keep(status, self._own, place.with_brand):
            return [of_status(status, self._own, place)]
        return self._refuse(status, place.root)

    def _note(self, root: str, statuses: list[Raw]) -> None:
        """Whether the brand is part of the thread decides what may be kept of it, so that comes first."""
        thread = self._cursor.thread(root)
        if any(is_own(one, self._own) or is_addressed(one, self._own) for one in statuses):
            thread.with_brand = True
        self._cursor.add(root, [status_id(one) for one in statuses if may_keep(one, self._own, thread.with_brand)])

    def _refuse(self, status: Raw, root: str) -> list[Delivery]:
        """Not ours to keep. What was delivered while it was public is taken back."""
        found = status_id(status)
        if is_reblog(status):
            return []
        if self._forget(found, root):
            return [of_gone(found, self._now)]
        return [of_status(status, self._own, Place(root))]

    def _reread(self, item: Item) -> list[Delivery]:
        """A post that its thread no longer shows: deleted, or cut off from it by a deletion above."""
        status = _dict(self._client.get(f"/api/v1/statuses/{part(item.id)}").body)
        thread = self._cursor.threads.get(item.root)
        if thread is not None and item.id in thread.ids:
            thread.ids.remove(item.id)
            thread.ids.append(item.id)  # the others have their turn at the next reading
        return self._deliver(status, self._cursor.place(item.root))

    def _lost(self, item: Item) -> list[Delivery]:
        root = item.root or self._cursor.root_of(item.id)
        thread = self._cursor.threads.get(root)
        deliveries = [of_gone(item.id, self._now)] if self._forget(item.id, root) else []
        if thread is not None and item.id == root:
            thread.read_at = (self._now + _LOST).timestamp()
            for left in thread.ids:
                self._cursor.ask_for(Item(kind="status", id=left, root=root))
        return deliveries

    def _forget(self, gone_id: str, root: str) -> bool:
        thread = self._cursor.threads.get(root)
        if thread is None or gone_id not in thread.ids:
            return False
        thread.ids.remove(gone_id)
        self._drop_empty(root)
        return True

    def _drop_empty(self, root: str) -> None:
        thread = self._cursor.threads.get(root)
        if thread is not None and not thread.ids:
            del self._cursor.threads[root]


def _dict(body: Any) -> Raw:
    return body if isinstance(body, dict) else {}
