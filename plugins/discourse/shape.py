"""What is kept of a remote record: the fields `parse` needs and no other, always written the same way.

Discourse counts reads and visits into each post, so two looks at an unchanged post differ. A delivery made here is
equal, byte for byte, while nothing we use has changed; that is what keeps the table of deliveries from growing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from plugins.contract import Delivery
from plugins.discourse.settings import DiscourseSettings
from plugins.tags import tags_of

Json = dict[str, Any]

REGULAR = 1
LIKE = 2
PUBLIC_ARCHETYPES = frozenset({"regular", "banner"})

_POST_FIELDS = (
    "id",
    "topic_id",
    "topic_slug",
    "topic_title",
    "category_id",
    "post_number",
    "post_type",
    "reply_to_post_number",
    "user_id",
    "username",
    "name",
    "staff",
    "admin",
    "moderator",
    "trust_level",
    "created_at",
    "updated_at",
    "version",
    "deleted_at",
    "user_deleted",
    "accepted_answer",
)
_TOPIC_FIELDS = ("id", "title", "slug", "category_id", "posts_count", "closed", "has_accepted_answer")


@dataclass(frozen=True, slots=True)
class Category:
    """A forum category as /site.json shows it."""

    name: str
    slug: str
    restricted: bool


def slim_post(post: Mapping[str, Any]) -> Json:
    """The post without what we do not use. Bad fields pass: `parse` names them."""
    kept = _without_empty(post, _POST_FIELDS)
    text = "raw" if post.get("raw") else "cooked"
    if post.get(text):
        kept[text] = post[text]
    answered = post.get("reply_to_user")
    if isinstance(answered, Mapping) and answered.get("username"):
        kept["reply_to_username"] = answered["username"]
    if likes := likes_of(post):
        kept["likes"] = likes
    return kept


def slim_topic(topic: Mapping[str, Any]) -> Json:
    """The topic without what we do not use."""
    kept = {f: topic[f] for f in _TOPIC_FIELDS if topic.get(f) is not None}
    tags = tags_of(topic.get("tags"))
    return kept if tags is None else kept | {"tags": list(tags)}


def _without_empty(record: Mapping[str, Any], fields: tuple[str, ...]) -> Json:
    """A field that is absent, null or false says the same; forums differ in which they send."""
    return {f: record[f] for f in fields if record.get(f) is not None and record[f] is not False}


def _said(extra: Mapping[str, Any]) -> Json:
    return {k: v for k, v in extra.items() if v is not None}


def likes_of(post: Mapping[str, Any]) -> int:
    """Likes from the summary of actions, where zero is left out, or from `like_count`."""
    summary = post.get("actions_summary")
    for entry in summary if isinstance(summary, list) else ():
        if isinstance(entry, Mapping) and entry.get("id") == LIKE:
            return _count(entry.get("count"))
    return _count(post.get("like_count"))


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def is_private(record: Mapping[str, Any]) -> bool:
    """A private message. One that does not say what it is counts as private when it is in no category."""
    archetype = record.get("topic_archetype") or record.get("archetype")
    if archetype is None:
        return record.get("category_id") is None
    return archetype not in PUBLIC_ARCHETYPES


def is_message(post: Mapping[str, Any]) -> bool:
    """Neither a whisper among staff nor a line like "closed this topic"."""
    return bool(post.get("post_type", REGULAR) == REGULAR)


def dump(record: Mapping[str, Any]) -> bytes:
    """The one way a body is written, so that equal records are equal bytes. Lone surrogates have none of their own."""
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:16]


class Maker:
    """Makes deliveries of one forum: applies the category filter and adds what is known of the category."""

    def __init__(self, settings: DiscourseSettings, categories: Mapping[str, Category]) -> None:
        self._settings = settings
        self._categories = categories

    def wanted(self, category_id: object) -> bool:
        known = self._categories.get(str(category_id))
        return self._settings.takes(category_id, known.slug if known else "")

    def keeps(self, post: Mapping[str, Any]) -> bool:
        """Whether a post is public, a message, and of a category that was asked for."""
        public = post.get("topic_archetype", "regular") in PUBLIC_ARCHETYPES
        return public and is_message(post) and self.wanted(post.get("category_id"))

    def post(self, post: Mapping[str, Any], **extra: Any) -> Delivery:
        """A post at its present state; only its key when it is not ours to keep."""
        subject = f"post:{post.get('id')}"
        if not self.keeps(post):
            return Delivery(subject, "post", b"", admitted=False)
        body = dump({"post": slim_post(post) | _said(extra), "category": self._category(post.get("category_id"))})
        version = post.get("version")
        return Delivery(f"{subject}:v{version if isinstance(version, int) else '?'}:{digest(body)}", "post", body)

    def topic(self, topic: Mapping[str, Any], listed_at: datetime | None = None, **extra: Any) -> Delivery:
        """Facts about a topic; with `stream`, the ids of its posts that the server shows.

        With `listed_at` they are all that were there at that time, which is no part of the key: time is no news.
        """
        kind = "stream" if "stream" in extra else "topic"
        subject = f"{kind}:{topic.get('id')}"
        if is_private(topic) or not self.wanted(topic.get("category_id")):
            return Delivery(subject, kind, b"", admitted=False)
        category = self._category(topic.get("category_id"))
        said = {"topic": slim_topic(topic), "category": category} | _said(extra)
        when = {"listed_at": listed_at.isoformat()} if listed_at else {}
        return Delivery(f"{subject}:{digest(dump(said))}", kind, dump(said | when))

    def report(self, entry: Mapping[str, Any], slim: Mapping[str, Any] | None) -> Delivery:
        """An entry of the review queue as `slim` keeps it; only its key where that is nothing, or not ours to keep."""
        subject = f"review:{entry.get('id')}"
        if slim is None or not self.wanted(entry.get("category_id")):
            return Delivery(subject, "reviewable", b"", admitted=False)
        body = dump({"reviewable": slim})
        return Delivery(f"{subject}:{digest(body)}", "reviewable", body)

    def _category(self, category_id: object) -> Json:
        """A category that /site.json does not list is held to be restricted, until it does."""
        known = self._categories.get(str(category_id))
        if known is None:
            return {"name": "", "restricted": category_id is not None}
        return {"name": known.name, "restricted": known.restricted}


def gone_post(post_id: int | str, at: datetime) -> Delivery:
    """A post that the server no longer shows."""
    body = dump({"post_id": str(post_id), "at": at.isoformat()})
    return Delivery(f"gone:post:{post_id}:{at:%Y%m%dT%H%M%S}", "gone", body)


def gone_topic(topic_id: str, at: datetime) -> Delivery:
    """A topic that the server no longer shows."""
    return Delivery(f"gone:topic:{topic_id}", "gone", dump({"topic_id": topic_id, "at": at.isoformat()}))
