"""What is kept of a remote record: the fields `parse` needs and no other, always written the same way.

A page of a forum holds feed tokens, view counts and much of the reader's own; nothing of that is kept. A delivery made
here is equal, byte for byte, while nothing we use has changed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from plugins.contract import Delivery
from plugins.nodebb.settings import NodebbSettings
from plugins.tags import tags_of

Json = dict[str, Any]

_TOPIC_FIELDS = ("tid", "cid", "slug", "title", "titleRaw", "postcount", "locked", "solvedPid")
_POST_FIELDS = ("pid", "toPid", "content", "timestamp", "edited", "upvotes")
_USER_FIELDS = ("uid", "username", "userslug", "displayname")


def slim_topic(topic: Mapping[str, Any]) -> Json:
    """The topic without what we do not use. Bad fields pass: `parse` names them."""
    kept = _without_empty(topic, _TOPIC_FIELDS)
    tags = tags_of(topic.get("tags"))
    kept |= {} if tags is None else {"tags": list(tags)}
    # Only a forum with the question and answer plugin says it, and there "no" is news.
    return kept | ({"isSolved": is_on(topic["isSolved"])} if "isSolved" in topic else {})


def slim_post(post: Mapping[str, Any]) -> Json:
    """The post without what we do not use."""
    kept = _without_empty(post, _POST_FIELDS)
    if isinstance(user := post.get("user"), Mapping):
        kept["user"] = slim_user(user)
    return kept


def slim_user(user: Mapping[str, Any]) -> Json:
    """The account without address, picture and times."""
    return _without_empty(user, _USER_FIELDS)


def slim_flag(flag: Mapping[str, Any]) -> Json:
    """The flag, who complained of what, and when its state changed; nothing of the text that it is about."""
    kept = _without_empty(flag, ("flagId", "type", "targetId", "targetUid", "state", "datetime"))
    reports = flag.get("reports")
    kept["reports"] = [_slim_report(r) for r in reports if isinstance(r, Mapping)] if isinstance(reports, list) else []
    if isinstance(target := flag.get("target"), Mapping):
        author = target.get("user") if flag.get("type") == "post" else target
        kept["about"] = slim_user(author) if isinstance(author, Mapping) else {}
    if changed := _state_changes(flag.get("history")):
        kept["changed"] = max(changed)
    return kept


def _slim_report(report: Mapping[str, Any]) -> Json:
    reporter = report.get("reporter")
    kept = _without_empty(report, ("value", "timestamp"))
    return kept | {"reporter": slim_user(reporter) if isinstance(reporter, Mapping) else {}}


def _state_changes(history: object) -> list[int]:
    """When the state was set; the list also holds notes, and sanctions on the author."""
    rows = [row for row in history if isinstance(row, Mapping)] if isinstance(history, list) else []
    set_at = [r.get("datetime") for r in rows if isinstance(r.get("fields"), Mapping) and "state" in r["fields"]]
    return [at for at in set_at if isinstance(at, int) and not isinstance(at, bool)]


def _without_empty(record: Mapping[str, Any], fields: tuple[str, ...]) -> Json:
    """A field that is absent, null or zero says the same; forums differ in which they send."""
    return {f: record[f] for f in fields if record.get(f) not in (None, 0, "0", "", False)}


def is_on(value: object) -> bool:
    """The forum writes flags as 0 and 1, as "0" and "1", and as booleans."""
    return value in (True, 1, "1", "true")


def dump(record: Mapping[str, Any]) -> bytes:
    """The one way a body is written, so that equal records are equal bytes. Lone surrogates have none of their own."""
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:16]


class Maker:
    """Makes deliveries of one topic. `category` says the name, and whether guests may not read it."""

    def __init__(self, settings: NodebbSettings, topic: Mapping[str, Any], *, restricted: bool) -> None:
        named = topic.get("category")
        category: Mapping[str, Any] = named if isinstance(named, Mapping) else {}
        slug = category.get("slug")
        self.wanted = settings.takes(topic.get("cid"), slug if isinstance(slug, str) else "")
        self._topic = slim_topic(topic)
        self._category = {"name": category.get("name") or "", "restricted": restricted}

    def thread(self, listed_at: datetime | None = None, **extra: Any) -> Delivery:
        """Facts about the topic; with `stream`, the ids of its posts that the forum shows.

        With `listed_at` they are all that were there at that time, which is no part of the key: time is no news.
        """
        kind = "stream" if "stream" in extra else "topic"
        subject = f"{kind}:{short(self._topic.get('tid'))}"
        if not self.wanted:
            return Delivery(subject, kind, b"", admitted=False)
        said = {"topic": self._topic, "category": self._category} | {k: v for k, v in extra.items() if v is not None}
        when = {"listed_at": listed_at.isoformat()} if listed_at else {}
        return Delivery(f"{subject}:{digest(dump(said))}", kind, dump(said | when))

    def post(self, post: Mapping[str, Any], **extra: Any) -> Delivery:
        """A post at its present state; only its key when its category is not wanted."""
        subject = f"post:{short(post.get('pid'))}"
        if not self.wanted:
            return Delivery(subject, "post", b"", admitted=False)
        more = {k: v for k, v in extra.items() if v is not None}
        said = {"post": slim_post(post) | more, "topic": self._topic, "category": self._category}
        return Delivery(f"{subject}:{digest(dump(_without_count(said)))}", "post", dump(_without_count(said)))


def _without_count(said: Json) -> Json:
    """A post is no news because its topic grew, was closed, or was solved."""
    kept = {k: v for k, v in said["topic"].items() if k not in ("postcount", "locked", "isSolved", "solvedPid")}
    return said | {"topic": kept}


def short(remote_id: object) -> str:
    """An id as a part of a key: those of other servers are addresses, and a hostile one is anything."""
    text = str(remote_id)
    return text if re.fullmatch(r"[!-~]{1,40}", text) else digest(text.encode("utf-8", "replace"))


def flag_delivery(flag: Mapping[str, Any]) -> Delivery:
    """A flag at its present state."""
    body = dump({"flag": slim_flag(flag)})
    return Delivery(f"flag:{short(flag.get('flagId'))}:{digest(body)}", "flag", body)


def gone_post(pid: object, at: datetime) -> Delivery:
    """A post that the forum no longer shows."""
    body = dump({"post_id": str(pid), "at": at.isoformat()})
    return Delivery(f"gone:post:{short(pid)}:{at:%Y%m%dT%H%M%S%f}", "gone", body)


def gone_topic(tid: str, at: datetime) -> Delivery:
    """A topic that the forum no longer shows."""
    return Delivery(
        f"gone:topic:{short(tid)}:{at:%Y%m%dT%H%M%S%f}", "gone", dump({"topic_id": tid, "at": at.isoformat()})
    )
