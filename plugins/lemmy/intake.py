"""What comes in: the newest posts, comments and reports, page by page, and looks back at what was read before.

Lemmy pushes nothing. Its lists are newest first, by the time something was written, so that what arrives late from
another server stands further down; and 0.19 leaves out what was removed. Both are found by looking back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from plugins.contract import CredentialsRefused, Delivery, Gone, MissingRight, Page, Permanent
from plugins.lemmy.api import Lemmy, Rows
from plugins.lemmy.client import Json, unknown_form
from plugins.lemmy.cursor import Cursor, Lane
from plugins.lemmy.settings import LemmySettings
from plugins.lemmy.shape import (
    COMMENT,
    POST,
    REPORTS,
    delivery,
    gone,
    gone_thread,
    host_of,
    is_dead,
    is_pinned,
    moment,
    part,
    published,
    slim_comment,
    slim_post,
    slim_report,
    slim_thread,
)

#: Extra calls that one poll may spend on what it misses.
FOLLOW_UPS = 4
#: Pages of comments of one thread; a longer one is never taken for a complete list.
THREAD_PAGES = 40


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a list. `number` is its id, `at` when it was written."""

    number: str
    at: datetime
    view: Json
    record: Json

    @property
    def written(self) -> int:
        """In milliseconds since the epoch."""
        return int(self.at.timestamp() * 1000)


class Reader:
    """One poll's work, or one thread's."""

    def __init__(self, lemmy: Lemmy, settings: LemmySettings) -> None:
        self._lemmy = lemmy
        self._settings = settings

    def poll(self, text: str) -> Page:
        cursor = Cursor.load(text)
        me = self._lemmy.me()
        cursor.read_by(f"{'v4' if self._lemmy.v4 else 'v3'}:{me.id}", self._lanes())
        names = list(cursor.lanes)
        if cursor.at < len(names):
            found, done = self._walk(cursor, names[cursor.at])
            cursor.at += done
            return Page(tuple(found), cursor.dump(), more=True)
        found = self._look_back(cursor, names[cursor.turn % len(names)])
        cursor.at, cursor.turn = 0, cursor.turn + 1
        return Page(tuple(found), cursor.dump(), more=False)

    def _lanes(self) -> list[str]:
        """Posts before comments, so that a thread is known before its answers; reports where the account has any."""
        me = self._lemmy.me()
        lanes = [f"{kind}:{name}" for name in self._settings.communities for kind in (POST, COMMENT)]
        return lanes + ([f"{kind}:" for kind in REPORTS] if me.admin or me.moderates else [])

    # lists

    def _walk(self, cursor: Cursor, name: str) -> tuple[list[Delivery], bool]:
        """A page, from the newest down, and whether the walk has come to its end."""
        lane = cursor.lanes[name]
        rows = self._rows(name, lane.page)
        if rows is None:
            lane.page = ""
            return [], True
        known = set(lane.known)
        found, old = self._page(cursor, name, rows, lane.page)
        new = any(str(_record(view, name).get("id")) not in known for view in rows.views)
        if rows.next and not old and (new or not lane.settled):
            lane.page = rows.next
            return found, False
        if not lane.settled or not lane.back:
            lane.back = rows.next
        lane.settled, lane.page = True, ""
        return found, True

    def _look_back(self, cursor: Cursor, name: str) -> list[Delivery]:
        """One page further down than last time; from the second page on again after the end."""
        lane = cursor.lanes[name]
        rows = self._rows(name, lane.back) if lane.back else None
        if rows is None:
            lane.back = ""
            return []
        found, old = self._page(cursor, name, rows, lane.back)
        lane.back = "" if old else rows.next
        return found

    def _rows(self, name: str, page: str) -> Rows | None:
        """None where the community is not shown (any more), or the server no longer knows the page."""
        kind, _, place = name.partition(":")
        try:
            if kind in REPORTS:
                return self._lemmy.reports(kind, page)
            return self._lemmy.posts(place, page) if kind == POST else self._lemmy.comments(place, page)
        except Permanent as error:
            no_reports = kind in REPORTS and isinstance(error, MissingRight)
            no_page = bool(page) and error.status == 400 and not isinstance(error, CredentialsRefused)
            if isinstance(error, Gone) or no_reports or no_page:
                return None
            raise

    def _page(self, cursor: Cursor, name: str, rows: Rows, page: str) -> tuple[list[Delivery], bool]:
        """What a page says, oldest first, with what it no longer shows; and whether it goes too far back."""
        kind = name.partition(":")[0]
        lane, listed = cursor.lanes[name], [_row(view, kind) for view in rows.views]
        kept = [row for row in reversed(listed) if not self._too_old(row.at)]
        ordered = [row for row in listed if not (kind == POST and is_pinned(row.record))]
        found = [one for row in kept for one in self._deliver(cursor, kind, row)]
        if kind not in REPORTS:
            found += self._absent(cursor, kind, lane, missed(lane, listed, ordered, first=not page, last=not rows.next))
        lane.known.update((row.number, row.written) for row in kept)
        return found, bool(ordered) and self._too_old(ordered[-1].at)

    def _too_old(self, at: datetime) -> bool:
        return at < self._lemmy.client.now() - timedelta(days=self._settings.history_days)

    def _absent(self, cursor: Cursor, kind: str, lane: Lane, missing: list[str]) -> list[Delivery]:
        """Known messages that the list skips. Each is asked for by itself before it is called gone."""
        found: list[Delivery] = []
        for number in missing[:FOLLOW_UPS]:
            del lane.known[number]
            try:
                view = self._lemmy.view(kind, number)
            except Gone:
                view = {}
            if not view or is_dead(part(view, kind)):
                found.append(self._gone(cursor, kind, number))
        return found

    # records

    def _deliver(self, cursor: Cursor, kind: str, row: Row) -> list[Delivery]:
        if kind in REPORTS:
            return self._report(kind, row)
        if is_dead(row.record):
            return [self._gone(cursor, kind, row.number)]
        return [self._message(cursor, kind, row)]

    def _message(self, cursor: Cursor, kind: str, row: Row) -> Delivery:
        me = self._lemmy.me()
        record = slim_post(row.view, me) if kind == POST else slim_comment(row.view, me)
        back = cursor.there(f"{kind}-{row.number}", self._lemmy.client.now())
        if kind == COMMENT and record["author"].get("brand"):
            cursor.wrote(row.number)
        known = {"answers_ours": True} if kind == COMMENT and record.get("parent") in cursor.ours else {}
        return delivery(kind, record | ({"found_again": back} if back else {}), **known)

    def _gone(self, cursor: Cursor, kind: str, number: str) -> Delivery:
        return gone(kind, number, self._lemmy.client.now(), cursor.lost(f"{kind}-{number}"))

    def _report(self, kind: str, row: Row) -> list[Delivery]:
        """Only of the communities that are read: a moderator of others sees theirs, too."""
        if not self._wanted(part(row.view, "community")):
            return []
        return [delivery("report", slim_report(row.view, kind))]

    def _wanted(self, community: Json) -> bool:
        name, host = str(community.get("name", "")).casefold(), host_of(community)
        ours = community.get("local", True) is True and name in self._settings.communities
        return ours or f"{name}@{host}" in self._settings.communities

    # one thread

    def thread(self, thread_id: str) -> Page:
        """The post and its comments as they are now."""
        self._lemmy.me()
        at = self._lemmy.client.now()
        if not (thread_id.isascii() and thread_id.isdecimal()):
            raise Gone(f"“{thread_id}” is not a post of a Lemmy server.")
        try:
            view = self._lemmy.post(thread_id)
        except Gone:
            return Page((gone_thread(thread_id, at),), "")
        if is_dead(part(view, POST)):
            return Page((gone_thread(thread_id, at),), "")
        if not self._wanted(part(view, "community")):
            return Page((Delivery(f"thread:{thread_id}", "thread", b"", admitted=False),), "")
        views, complete = self._comments(thread_id)
        return Page(tuple(self._whole(view, views, at, complete=complete)), "")

    def _comments(self, thread_id: str) -> tuple[list[Json], bool]:
        views: dict[str, Json] = {}
        page = ""
        for _ in range(THREAD_PAGES):
            rows = self._lemmy.comments_of(thread_id, page)
            views.update((str(part(view, COMMENT).get("id")), view) for view in rows.views)
            page = rows.next
            if not page:
                break
        return list(views.values()), not page

    def _whole(self, view: Json, views: list[Json], at: datetime, *, complete: bool) -> Iterable[Delivery]:
        rows = [_row(view, POST), *sorted((_row(one, COMMENT) for one in views), key=lambda row: row.at)]
        cursor = Cursor()
        found = [self._deliver(cursor, COMMENT if index else POST, row) for index, row in enumerate(rows)]
        record = slim_thread(view) | {
            "present": [f"{COMMENT if i else POST}-{r.number}" for i, r in enumerate(rows) if not is_dead(r.record)],
        }
        listed = {"listed_at": at.isoformat()} if complete else {}
        return [*(one for some in found for one in some), delivery("thread", record, **listed)]


def missed(lane: Lane, listed: list[Row], ordered: list[Row], *, first: bool, last: bool) -> list[str]:
    """Known ids that belong on this page by their time and are not there. The ends of a page say nothing of others."""
    if not ordered and not (first and last):
        return []
    newest = float("inf") if first else ordered[0].written
    oldest = float("-inf") if last else ordered[-1].written
    shown = {row.number for row in listed}
    return [one for one, at in lane.known.items() if oldest < at < newest and one not in shown]


def _record(view: Json, name: str) -> Json:
    kind = name.partition(":")[0]
    return part(view, kind.replace("-", "_"))


def _row(view: Json, kind: str) -> Row:
    record = _record(view, kind)
    number, at = record.get("id"), moment(published(record))
    if not isinstance(number, int) or isinstance(number, bool) or at is None:
        raise unknown_form(f"a {kind} has no id or time")
    return Row(str(number), at, view, record)
