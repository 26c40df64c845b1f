"""What is kept of Lemmy's records, one shape for both versions of its API, always written the same way. Pure.

0.19 (v3) has `published`, `updated`, `actor_id` and a `counts` object beside each record; 1.0 (v4) has `published_at`,
`updated_at`, `ap_id` everywhere, and its counts inside the record. Bad fields pass: `parse` names them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from plugins.contract import Delivery

Json = dict[str, Any]
POST, COMMENT = "post", "comment"
REPORTS = ("post-report", "comment-report")
#: Communities that everybody may read. Servers before 0.19.4 do not say, and know no others.
_OPEN = frozenset({"", "public", "unlisted", "local_only_public"})


@dataclass(frozen=True, slots=True)
class Me:
    """The account that the token belongs to. `moderates` holds ids of communities."""

    id: int
    name: str
    host: str
    admin: bool = False
    moderates: frozenset[int] = frozenset()


def part(view: Mapping[str, Any], name: str) -> Json:
    """An inner object, empty where there is none."""
    found = view.get(name)
    return found if isinstance(found, dict) else {}


def published(record: Mapping[str, Any]) -> object:
    return record.get("published_at", record.get("published"))


def updated(record: Mapping[str, Any]) -> object:
    return record.get("updated_at", record.get("updated"))


def is_dead(record: Mapping[str, Any]) -> bool:
    """Deleted by its author, or removed by a moderator."""
    return bool(record.get("deleted") or record.get("removed"))


def is_pinned(post: Mapping[str, Any]) -> bool:
    """0.19 lists these first, whatever their age."""
    return bool(post.get("featured_community") or post.get("featured_local"))


def moment(stamp: object) -> datetime | None:
    """A time for comparing only; `parse` is the one that complains about a bad one."""
    try:
        at = datetime.fromisoformat(stamp) if isinstance(stamp, str) else None
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def host_of(record: Mapping[str, Any]) -> str:
    """The server that a record is from: the host of its federated address."""
    address = record.get("ap_id", record.get("actor_id"))
    try:
        return (urlsplit(address).netloc if isinstance(address, str) else "").lower()
    except ValueError:
        return ""


def handle_of(person: Mapping[str, Any]) -> str:
    """`name` for somebody of the server itself, `name@host` for everybody else."""
    name, host = person.get("name"), host_of(person)
    if not isinstance(name, str):
        return ""
    return name if person.get("local", True) or not host else f"{name}@{host}"


def slim_person(person: Mapping[str, Any], view: Mapping[str, Any], me: Me | None) -> Json:
    kept: Json = {"id": person.get("id"), "handle": handle_of(person), "name": person.get("display_name")}
    kept["bot"] = person.get("bot_account") is True
    kept["staff"] = view.get("creator_is_admin") is True or view.get("creator_is_moderator") is True
    kept["brand"] = me is not None and person.get("id") == me.id
    return _said(kept)


def slim_community(community: Mapping[str, Any]) -> Json:
    open_to_all = str(community.get("visibility") or "").casefold() in _OPEN
    name = community.get("title") or community.get("name")
    return _said({"id": community.get("id"), "name": name, "restricted": not open_to_all})


def slim_post(view: Mapping[str, Any], me: Me) -> Json:
    """A post: a thread and its first message."""
    post, counts = part(view, POST), part(view, "counts")
    return _record(view, post, me) | _said(
        {
            "thread_id": post.get("id"),
            "text": post.get("body"),
            "link": post.get("url"),
            "likes": counts.get("upvotes", post.get("upvotes")),
            "replies": counts.get("comments", post.get("comments")),
            "nsfw": post.get("nsfw"),
        }
    )


def slim_thread(view: Mapping[str, Any]) -> Json:
    """What a post says of the thread below it."""
    post, counts = part(view, POST), part(view, "counts")
    return _said(
        {
            "id": post.get("id"),
            "title": post.get("name"),
            "locked": post.get("locked"),
            "replies": counts.get("comments", post.get("comments")),
            "community": slim_community(part(view, "community")),
        }
    )


def slim_comment(view: Mapping[str, Any], me: Me) -> Json:
    """A comment. `answers_brand` is said of one right below the brand's own post."""
    comment, counts, post = part(view, COMMENT), part(view, "counts"), part(view, POST)
    parent = parent_of(comment)
    return _record(view, comment, me) | _said(
        {
            "thread_id": comment.get("post_id"),
            "text": comment.get("content"),
            "likes": counts.get("upvotes", comment.get("upvotes")),
            "parent": parent,
            "answers_brand": parent is None and post.get("creator_id") == me.id,
        }
    )


def parent_of(comment: Mapping[str, Any]) -> str | None:
    """The comment above in `path`, which is "0", the ids from the top down, and its own; None: it answers the post."""
    steps = str(comment.get("path", "")).split(".")
    return steps[-2] if len(steps) > 2 else None


def _record(view: Mapping[str, Any], record: Mapping[str, Any], me: Me) -> Json:
    post = part(view, POST)
    return _said(
        {
            "id": record.get("id"),
            "at": published(record),
            "updated": updated(record),
            "title": post.get("name"),
            "locked": post.get("locked"),
            "author": slim_person(part(view, "creator"), view, me),
            "community": slim_community(part(view, "community")),
            "us": {"name": me.name, "host": me.host},
        }
    )


def slim_report(view: Mapping[str, Any], kind: str) -> Json:
    """A report on a post or comment. In its view `creator` is who reported."""
    record, on = part(view, kind.replace("-", "_")), kind.partition("-")[0]
    return _said(
        {
            "id": record.get("id"),
            "on": on,
            "subject": record.get(f"{on}_id"),
            "at": published(record),
            "updated": updated(record),
            "text": record.get("reason"),
            "resolved": record.get("resolved"),
            "server_rules": record.get("violates_instance_rules"),
            "about": slim_person(part(view, f"{on}_creator"), {}, None),
            "reporter": slim_person(part(view, "creator"), {}, None),
        }
    )


def _said(record: Mapping[str, Any]) -> Json:
    """A field that is absent, null or false says the same; versions differ in which they send."""
    return {name: value for name, value in record.items() if value is not None and value is not False}


# ------------------------------------------------------------------ deliveries


def dump(record: Mapping[str, Any]) -> bytes:
    """The one way a body is written, so that equal records are equal bytes. Lone surrogates have none of their own."""
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def delivery(kind: str, record: Json, **known: Any) -> Delivery:
    """A record at its present state. What `known` adds is learnt with time, and so is no part of the key."""
    mark = hashlib.sha256(dump(record)).hexdigest()[:16]
    return Delivery(f"{kind}:{record.get('id')}:{mark}", kind, dump({kind: record} | known))


def gone(kind: str, remote_id: object, at: datetime, since: str = "") -> Delivery:
    """Something that is no longer shown. `since` is when it was last found to be there again."""
    subject = f"{kind}-{remote_id}"
    return Delivery(f"gone:{subject}:{since}", "gone", dump({"id": subject, "at": at.isoformat()}))


def gone_thread(thread_id: str, at: datetime) -> Delivery:
    return Delivery(f"gone:thread:{thread_id}", "gone", dump({"thread_id": thread_id, "at": at.isoformat()}))
