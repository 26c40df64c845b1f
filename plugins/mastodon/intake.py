"""Polling: one page a call, round after round: mentions, hashtags, lists, timelines, then reports, then threads.

A round takes at most a few pages of each stream and a few threads, so that a long history never keeps a new mention
waiting. What is new in a stream goes before what is old, and threads are read again in turn for edits and deletions.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from plugins.contract import Delivery, Gone, Page, Permanent, RateLimited, Temporary
from plugins.mastodon import reports, sources
from plugins.mastodon.client import Client, Position
from plugins.mastodon.cursor import QUEUE_FULL, Cursor, Stream
from plugins.mastodon.deliveries import Own, Raw, of_gone
from plugins.mastodon.parse import when
from plugins.mastodon.settings import MastodonSettings
from plugins.mastodon.sources import Batch
from plugins.mastodon.threads import Threads, read_context

_PAGES_A_TURN = 5
_THREADS_A_ROUND = 10
#: The newest page of a quiet stream is read again this often: a position can stop working (its status was deleted),
#: and edits of posts that are in no known thread show there.
_HEAD_AGAIN = timedelta(hours=1)
#: Answers to a position that the server cannot use. Takahe: 500.
_BAD_POSITION = frozenset({400, 404, 410, 422, 500})


def poll(client: Client, settings: MastodonSettings, own: Own, cursor: Cursor, now: datetime) -> Page:
    """The next step from `cursor`, which belongs to this account on this server."""
    reader = _Reader(client, settings, own, cursor, now)
    deliveries = {one.key: one for one in reader.step()}
    cursor.forget_oldest()
    return Page(tuple(deliveries.values()), cursor.text(), more=reader.more())


def fetch_thread(client: Client, own: Own, root: str, now: datetime) -> Page:
    """The whole thread as the server knows it now. Its replies that are gone are found by `poll`, which knows them."""
    try:
        status, above, below = read_context(client, root)
    except Gone:
        return Page((of_gone(root, now),), "")
    cursor = Cursor()
    threads = Threads(client, cursor, own, now)
    return Page(tuple(threads.whole(root, [*above, status, *below])), "")


class _Reader:
    def __init__(self, client: Client, settings: MastodonSettings, own: Own, cursor: Cursor, now: datetime) -> None:
        self._client = client
        self._own = own
        self._cursor = cursor
        self._now = now
        self._since = now - timedelta(days=settings.history_days)
        self._names = sources.names(settings)
        self._threads = Threads(client, cursor, own, now)

    def more(self) -> bool:
        """Whether there is something to do at once, in this round or in the past of a stream."""
        streams = [self._stream(name) for name in self._names]
        past = any(one.older or one.ahead for one in streams) or reports.more(self._cursor.reports, self._now)
        return self._cursor.turn > 0 or bool(self._cursor.queue) or past

    def step(self) -> list[Delivery]:
        cursor = self._cursor
        if cursor.turn == 0 and cursor.pages == 0:
            cursor.plan_rechecks(self._now)
        if cursor.turn < len(self._names):
            return self._read(self._names[cursor.turn])
        if cursor.turn == len(self._names):
            found = reports.step(self._client, cursor.reports, self._own, self._now)
        else:
            found = self._threads.next() if cursor.queue else []
        self._advance()
        return found

    def _stream(self, name: str) -> Stream:
        return self._cursor.stream(name)

    def _advance(self) -> None:
        cursor = self._cursor
        cursor.turn, cursor.pages = cursor.turn + 1, 0
        threads = len(self._names) + 1
        if cursor.turn >= threads and (not cursor.queue or cursor.turn >= threads + _THREADS_A_ROUND):
            cursor.turn = 0

    def _read(self, name: str) -> list[Delivery]:
        """What is new; where nothing is, a page of the past or, now and then, the newest page again."""
        stream = self._stream(name)
        if not stream.newer:
            self._advance()
            return self._head(name, stream)
        batch = self._fetch(name, stream, stream.newer)
        if batch.newer and batch.newer != stream.newer:
            stream.newer = batch.newer
            self._cursor.pages += 1
            stream.ahead = self._cursor.pages >= _PAGES_A_TURN
            if stream.ahead:
                self._advance()
            return self._deliver(batch, fresh=True)
        stream.ahead = False
        self._advance()
        if stream.older and len(self._cursor.queue) < QUEUE_FULL:
            return self._past(name, stream)
        if stream.newer and stream.head_at <= (self._now - _HEAD_AGAIN).timestamp():
            return self._head(name, stream)
        return []

    def _head(self, name: str, stream: Stream) -> list[Delivery]:
        batch = self._fetch(name, stream, {})
        stream.head_at = self._now.timestamp()
        if batch.ids.isdisjoint(stream.newer.values()):
            stream.older = self._further(batch, {})
        stream.newer = batch.newer or stream.newer
        return self._deliver(batch, fresh=False)

    def _past(self, name: str, stream: Stream) -> list[Delivery]:
        position = stream.older
        batch = self._fetch(name, stream, position)
        stream.older = self._further(batch, position)
        return self._deliver(batch, fresh=False)

    def _further(self, batch: Batch, position: Position) -> Position:
        """Where the past goes on; {} at its end, at the end of what we want, and where a server turns in circles."""
        too_old = batch.oldest is not None and batch.oldest < self._since
        return {} if too_old or batch.older == position else batch.older

    def _fetch(self, name: str, stream: Stream, position: Position) -> Batch:
        try:
            return sources.fetch(self._client, name, stream, self._own.id, position)
        except RateLimited:
            raise
        except (Permanent, Temporary) as error:
            if not position or error.status not in _BAD_POSITION:
                raise
            # The position is of no use any more: the stream starts again from its newest page at the next turn.
            stream.newer, stream.older = {}, {}
            return Batch()

    def _deliver(self, batch: Batch, *, fresh: bool) -> list[Delivery]:
        wanted = [status for status in batch.statuses if fresh or self._is_recent(status)]
        return [one for status in wanted for one in self._threads.take(status, fresh=fresh)]

    def _is_recent(self, status: Raw) -> bool:
        created = when(status.get("created_at"))
        return created is None or created >= self._since
