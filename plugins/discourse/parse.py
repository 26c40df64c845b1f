"""Discourse's records to events. Pure; a field that cannot be used is named."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from moderation.errors import BadInput
from moderation.model import (
    AuthorRole,
    AuthorSeen,
    CommunitySeen,
    Event,
    Events,
    Ignored,
    MessageGone,
    MessageSeen,
    ThreadChanged,
    ThreadListed,
    ThreadSeen,
)
from plugins.contract import Delivery
from plugins.discourse.settings import DiscourseSettings
from plugins.discourse.shape import is_message, is_private
from plugins.discourse.text import cleaned, message_text

Json = dict[str, Any]

UNCATEGORISED = "uncategorised"


def parse(delivery: Delivery, settings: DiscourseSettings) -> Events:
    """Payload to events. Raises BadInput naming what is wrong."""
    if not delivery.admitted or delivery.kind not in _KINDS:
        return Events((Ignored(f"“{delivery.kind}” leaves nothing to keep."),))
    return Events(tuple(_KINDS[delivery.kind](_loaded(delivery.body), settings)))


def _loaded(body: bytes) -> Json:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadInput("The delivery is not readable JSON.") from error
    if not isinstance(found, dict):
        raise BadInput("The delivery is not a JSON object.")
    return found


# ------------------------------------------------------------------ kinds of delivery


def _post(body: Json, settings: DiscourseSettings) -> list[Event]:
    post = _object(body, "post")
    if is_private(post | {"archetype": post.get("topic_archetype", "regular")}) or not is_message(post):
        return [Ignored("Not a public message.")]
    if post.get("deleted_at") or post.get("user_deleted"):
        return [_gone(post)]
    return [_seen(post, body.get("category"), settings)]


def _post_destroyed(body: Json, _: DiscourseSettings) -> list[Event]:
    return [_gone(_object(body, "post"))]


def _accepted_solution(body: Json, settings: DiscourseSettings) -> list[ThreadChanged]:
    """The post that was chosen as the answer; its text is not news."""
    post = _object(body, "post")
    thread = ThreadSeen(
        remote_id=_id(post, "post", "topic_id"),
        community=_community(post, body.get("category")),
        title=_text(post, "topic_title") or None,
        url=_thread_url(settings, post.get("topic_slug"), _id(post, "post", "topic_id")),
        accepted_answer=_id(post, "post", "id"),
    )
    return [ThreadChanged(thread)]


def _unaccepted_solution(body: Json, settings: DiscourseSettings) -> list[Event]:
    return [ThreadChanged(replace(e.thread, accepted_answer="")) for e in _accepted_solution(body, settings)]


def _topic(body: Json, settings: DiscourseSettings) -> list[Event]:
    topic = _object(body, "topic")
    count = _optional_int(topic, "topic", "posts_count")
    thread = ThreadSeen(
        remote_id=_id(topic, "topic", "id"),
        community=_community(topic, body.get("category")),
        title=_text(topic, "title") or None,
        url=_thread_url(settings, topic.get("slug"), _id(topic, "topic", "id")),
        total_replies=None if count is None else max(count - 1, 0),
        accepted_answer=_answer(body, topic),
        closed=topic.get("closed") is True if "closed" in topic else None,
    )
    return [ThreadChanged(thread)]


def _stream(body: Json, settings: DiscourseSettings) -> list[Event]:
    """A topic read as a whole. Without `listed_at` its list of posts is not known to be complete."""
    found = _topic(body, settings)
    if "listed_at" not in body:
        return found
    ids = body.get("stream")
    if not isinstance(ids, list) or not ids:
        raise BadInput("stream is missing or not a list of ids.")
    present = tuple(_id({"id": one}, "stream", "id") for one in ids)
    topic_id = _id(_object(body, "topic"), "topic", "id")
    return [*found, ThreadListed(topic_id, present, _time(body, "stream", "listed_at"))]


def _answer(body: Json, topic: Json) -> str | None:
    """Empty when the topic is known to have no accepted answer, None when that is not said."""
    if "accepted_answer" in body:
        return _id(body, "topic", "accepted_answer")
    return "" if topic.get("has_accepted_answer") is False else None


def _no_longer_shown(body: Json, _: DiscourseSettings) -> list[Event]:
    if "topic_id" in body:
        return [ThreadListed(_id(body, "gone", "topic_id"), (), _time(body, "gone", "at"))]
    return [MessageGone(_id(body, "gone", "post_id"), _time(body, "gone", "at"))]


_KINDS: Mapping[str, Callable[[Json, DiscourseSettings], Sequence[Event]]] = {
    "post": _post,
    "post_created": _post,
    "post_edited": _post,
    "post_destroyed": _post_destroyed,
    "post_recovered": _post,
    "accepted_solution": _accepted_solution,
    "unaccepted_solution": _unaccepted_solution,
    "topic": _topic,
    "stream": _stream,
    "topic_created": _topic,
    "topic_edited": _topic,
    "topic_revised": _topic,
    "topic_recovered": _topic,
    "topic_closed_status_updated": _topic,
    "gone": _no_longer_shown,
}
#: Webhook events that carry a post whose text is no news.
ANSWER_EVENTS = frozenset({"accepted_solution", "unaccepted_solution"})
#: Webhook events whose content is of use; of every other one only the key is kept.
WEBHOOK_EVENTS = frozenset(_KINDS) - {"post", "topic", "stream", "gone"}


# ------------------------------------------------------------------ a post


def _gone(post: Json) -> MessageGone:
    field = "deleted_at" if post.get("deleted_at") else "updated_at"
    return MessageGone(_id(post, "post", "id"), _time(post, "post", field))


def _seen(post: Json, category: object, settings: DiscourseSettings) -> MessageSeen:
    remote_id, topic_id = _id(post, "post", "id"), _id(post, "post", "topic_id")
    version = _int(post, "post", "version")
    text = message_text(post)
    parent = post.get("reply_to_id")
    url = _thread_url(settings, post.get("topic_slug"), topic_id)
    return MessageSeen(
        remote_id=remote_id,
        thread=ThreadSeen(
            remote_id=topic_id,
            community=_community(post, category),
            title=_text(post, "topic_title") or None,
            url=url,
            accepted_answer=remote_id if post.get("accepted_answer") is True else None,
        ),
        author=_author(post, settings),
        text=text,
        created_at=_time(post, "post", "created_at"),
        version=float(version),
        edited_at=_edited_at(post, version),
        in_reply_to=None if parent is None else str(parent),
        url=f"{url}/{_int(post, 'post', 'post_number')}",
        likes=_optional_int(post, "post", "likes") or 0,
        addressed=_addressed(post, text, settings),
    )


def _edited_at(post: Json, version: int) -> datetime | None:
    """When the text last changed. A recovery counts: its text is news again, though its version is not."""
    times = [_time(post, "post", "updated_at")] if version > 1 else []
    if "recovered_at" in post:
        times.append(_time(post, "post", "recovered_at"))
    return max(times, default=None)


def _author(post: Json, settings: DiscourseSettings) -> AuthorSeen:
    username = _text(post, "username")
    if not username:
        raise BadInput("post.username is missing or not a text.")
    user_id = _int(post, "post", "user_id")
    role = AuthorRole.CUSTOMER
    if any(post.get(flag) is True for flag in ("staff", "moderator", "admin")):
        role = AuthorRole.STAFF
    if username.casefold() == settings.api_username.casefold():
        role = AuthorRole.BRAND
    return AuthorSeen(
        remote_id=str(user_id),
        handle=username,
        name=_text(post, "name"),
        role=role,
        trust=_trust(post),
        # Discourse's own accounts, "system" and "discobot", have negative ids.
        bot=user_id < 0,
        url=f"{settings.url}/u/{quote(username, safe='')}",
    )


def _trust(post: Json) -> int | None:
    trust = _optional_int(post, "post", "trust_level")
    return trust if trust is not None and 0 <= trust <= 4 else None


def _addressed(post: Json, text: str, settings: DiscourseSettings) -> bool:
    """Whether the post names the brand's account outside a quotation, or answers it."""
    brand = settings.api_username
    if str(post.get("reply_to_username", "")).casefold() == brand.casefold():
        return True
    own = "\n".join(line for line in text.splitlines() if not line.startswith(">"))
    return re.search(rf"(?<![\w/@.]){re.escape('@' + brand)}(?![\w-])", own, re.IGNORECASE) is not None


def _community(record: Json, category: object) -> CommunitySeen:
    """Webhooks say no name and not who may read: nobody without the scope, until a poll names the category."""
    found = record.get("category_id")
    if found is None:
        return CommunitySeen(UNCATEGORISED, "Uncategorised")
    remote_id = _id(record, "post", "category_id")
    if not isinstance(category, dict):
        return CommunitySeen(remote_id, "", restricted=True)
    return CommunitySeen(remote_id, _text(category, "name"), restricted=category.get("restricted") is not False)


def _thread_url(settings: DiscourseSettings, slug: object, topic_id: str) -> str:
    named = cleaned(slug) if isinstance(slug, str) else ""
    return f"{settings.url}/t/{quote(named, safe='') or '-'}/{topic_id}"


# ------------------------------------------------------------------ fields


def _object(record: Json, name: str) -> Json:
    found = record.get(name)
    if not isinstance(found, dict):
        raise BadInput(f"{name} is missing or not an object.")
    return found


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    return cleaned(value) if isinstance(value, str) else ""


def _id(record: Json, where: str, name: str) -> str:
    value = record.get(name)
    if isinstance(value, bool) or not isinstance(value, int | str) or not re.fullmatch(r"-?\d{1,18}", str(value)):
        raise BadInput(f"{where}.{name} is missing or not an id.")
    return str(value)


def _int(record: Json, where: str, name: str) -> int:
    value = _optional_int(record, where, name)
    if value is None:
        raise BadInput(f"{where}.{name} is missing.")
    return value


def _optional_int(record: Json, where: str, name: str) -> int | None:
    value = record.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**53:
        raise BadInput(f"{where}.{name} is not a whole number.")
    return value


def _time(record: Json, where: str, name: str) -> datetime:
    value = record.get(name)
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError as error:
        raise BadInput(f"{where}.{name} is not a time.") from error
    if at is None or at.tzinfo is None:
        raise BadInput(f"{where}.{name} is missing or has no time zone.")
    return at
