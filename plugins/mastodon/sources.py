"""Where new statuses come from, in the order they are read, and how one page of each is fetched."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from plugins.contract import CredentialsRefused, Gone, MissingRight, Permanent
from plugins.mastodon.client import Answer, Client, Position, part
from plugins.mastodon.cursor import Stream
from plugins.mastodon.deliveries import Raw, objects, status_id
from plugins.mastodon.parse import when
from plugins.mastodon.settings import MastodonSettings

PAGE = 40
NOTIFICATIONS = "notifications"
OWN = "own"
#: Mentions, and edits of what the brand took part in. Likes, boosts and follows are not messages.
_TYPES = ["mention", "update"]


@dataclass(frozen=True, slots=True)
class Batch:
    """One page, newest first. `older` and `newer` are empty where the server sent no Link."""

    statuses: tuple[Raw, ...] = ()
    older: Position = field(default_factory=dict)
    newer: Position = field(default_factory=dict)
    oldest: datetime | None = None
    ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Style:
    """A way to ask for notifications that some servers know and others do not."""

    path: str
    params: dict[str, Any]


#: Tried in this order; the first that the server answers is kept. Without `include_filtered`, mentions by strangers
#: that the account's own filter holds back would never be seen. The last form is for servers that refuse a parameter.
_STYLES = (
    _Style("/api/v2/notifications", {"types[]": _TYPES, "include_filtered": "true"}),
    _Style("/api/v1/notifications", {"types[]": _TYPES, "include_filtered": "true"}),
    _Style("/api/v1/notifications", {}),
)


def names(settings: MastodonSettings) -> list[str]:
    """Every stream of a connection, what is addressed to the brand first."""
    tags = [f"tag:{tag}" for tag in settings.hashtags]
    lists = [f"list:{one}" for one in settings.lists]
    return [NOTIFICATIONS, *tags, *lists, OWN, *(f"account:{one}" for one in settings.accounts)]


def fetch(client: Client, name: str, stream: Stream, own_id: str, position: Position) -> Batch:
    """One page of a stream at a position; {} is its newest page."""
    if name == NOTIFICATIONS:
        return _notifications(client, stream, position)
    kind, _, what = name.partition(":")
    if kind == "tag":
        return _hashtag(client, what, position)
    if not stream.target:
        stream.target = own_id if kind == OWN else find(client, kind, what)
    if not stream.target:
        return Batch()
    path = f"/api/v1/timelines/list/{part(stream.target)}"
    if kind != "list":
        path = f"/api/v1/accounts/{part(stream.target)}/statuses"
    extra = {} if kind == "list" else {"exclude_reblogs": "true"}
    return _timeline(client.get(path, {"limit": PAGE, **extra, **position}))


def find(client: Client, kind: str, what: str) -> str:
    """The server's id of a list or an account by the name a person gave; "" where there is none."""
    if kind == "list":
        lists = objects(client.get("/api/v1/lists").body)
        return next((status_id(one) for one in lists if what in (status_id(one), one.get("title"))), "")
    try:
        found = client.get("/api/v1/accounts/lookup", {"acct": what}).body
    except Gone:
        return ""
    return status_id(found) if isinstance(found, dict) else ""


def _hashtag(client: Client, tag: str, position: Position) -> Batch:
    try:
        return _timeline(client.get(f"/api/v1/timelines/tag/{part(tag)}", {"limit": PAGE, **position}))
    except Gone:
        return Batch()  # GoToSocial answers 404 for a tag that nobody has used yet


def _timeline(answer: Answer) -> Batch:
    statuses = objects(answer.body)
    return _batch(statuses, answer, statuses, oldest=when(statuses[-1].get("created_at")) if statuses else None)


def _notifications(client: Client, stream: Stream, position: Position) -> Batch:
    style = _STYLES[stream.style]
    try:
        answer = client.get(style.path, {"limit": PAGE, **style.params, **position})
    except (CredentialsRefused, MissingRight):
        raise
    except Permanent:
        if position or stream.style + 1 == len(_STYLES):
            raise
        stream.style += 1
        return _notifications(client, stream, position)
    return _grouped(answer) if isinstance(answer.body, dict) else _listed(answer)


def _listed(answer: Answer) -> Batch:
    """GoToSocial sends every type when it does not know one of those asked for, so types are looked at again here."""
    items = objects(answer.body)
    statuses = [one["status"] for one in items if one.get("type") in _TYPES and isinstance(one.get("status"), dict)]
    return _batch(statuses, answer, items, oldest=when(items[-1].get("created_at")) if items else None)


def _grouped(answer: Answer) -> Batch:
    groups = objects(answer.body.get("notification_groups"))
    wanted = {str(group.get("status_id")) for group in groups if group.get("type") in _TYPES}
    statuses = [one for one in objects(answer.body.get("statuses")) if status_id(one) in wanted]
    items = [{"id": group.get("most_recent_notification_id")} for group in groups]
    oldest = when(groups[-1].get("latest_page_notification_at")) if groups else None
    return _batch(statuses, answer, items, oldest=oldest)


def _batch(statuses: list[Raw], answer: Answer, items: list[Raw], *, oldest: datetime | None) -> Batch:
    """An empty page ends a stream and has no Link; a page without Link goes on by its own first and last id."""
    if not items:
        return Batch()
    newer = answer.newer or {"min_id": status_id(items[0])}
    ids = frozenset(status_id(item) for item in items)
    return Batch(tuple(statuses), older=answer.older, newer=newer, oldest=oldest, ids=ids)
