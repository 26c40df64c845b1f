"""Discourse's records to events. Pure; a field that cannot be used is named."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from urllib.parse import quote

from moderation.errors import BadInput
from moderation.model import (
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
from plugins.discourse import reports
from plugins.discourse.fields import Json, id_in, int_in, optional_int, text_in, time_in
from plugins.discourse.people import author_of
from plugins.discourse.settings import DiscourseSettings
from plugins.discourse.shape import is_message, is_private
from plugins.discourse.text import cleaned, message_text
from plugins.payloads import loaded, object_in
from plugins.tags import tags_of

UNCATEGORISED = "uncategorised"


def parse(delivery: Delivery, settings: DiscourseSettings) -> Events:
    """Payload to events. Raises BadInput naming what is wrong."""
    if not delivery.admitted or delivery.kind not in _KINDS:
        return Events((Ignored(f"“{delivery.kind}” leaves nothing to keep."),))
    return Events(tuple(_KINDS[delivery.kind](loaded(delivery.body), settings)))


# ------------------------------------------------------------------ kinds of delivery


def _post(body: Json, settings: DiscourseSettings) -> list[Event]:
    post = object_in(body, "post")
    if is_private(post | {"archetype": post.get("topic_archetype", "regular")}) or not is_message(post):
        return [Ignored("Not a public message.")]
    if post.get("deleted_at") or post.get("user_deleted"):
        return [_gone(post)]
    return [_seen(post, body.get("category"), settings)]


def _post_destroyed(body: Json, _: DiscourseSettings) -> list[Event]:
    return [_gone(object_in(body, "post"))]


def _accepted_solution(body: Json, settings: DiscourseSettings) -> list[ThreadChanged]:
    """The post that was chosen as the answer; its text is not news."""
    post = object_in(body, "post")
    thread = ThreadSeen(
        remote_id=id_in(post, "post", "topic_id"),
        community=_community(post, body.get("category")),
        title=text_in(post, "topic_title") or None,
        url=_thread_url(settings, post.get("topic_slug"), id_in(post, "post", "topic_id")),
        accepted_answer=id_in(post, "post", "id"),
    )
    return [ThreadChanged(thread)]


def _unaccepted_solution(body: Json, settings: DiscourseSettings) -> list[Event]:
    return [ThreadChanged(replace(e.thread, accepted_answer="")) for e in _accepted_solution(body, settings)]


def _topic(body: Json, settings: DiscourseSettings) -> list[Event]:
    topic = object_in(body, "topic")
    count = optional_int(topic, "topic", "posts_count")
    thread = ThreadSeen(
        remote_id=id_in(topic, "topic", "id"),
        community=_community(topic, body.get("category")),
        title=text_in(topic, "title") or None,
        url=_thread_url(settings, topic.get("slug"), id_in(topic, "topic", "id")),
        total_replies=None if count is None else max(count - 1, 0),
        accepted_answer=_answer(body, topic),
        closed=topic.get("closed") is True if "closed" in topic else None,
        tags=tags_of(topic.get("tags")),
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
    present = tuple(id_in({"id": one}, "stream", "id") for one in ids)
    topic_id = id_in(object_in(body, "topic"), "topic", "id")
    return [*found, ThreadListed(topic_id, present, time_in(body, "stream", "listed_at"))]


def _answer(body: Json, topic: Json) -> str | None:
    """Empty when the topic is known to have no accepted answer, None when that is not said."""
    if "accepted_answer" in body:
        return id_in(body, "topic", "accepted_answer")
    return "" if topic.get("has_accepted_answer") is False else None


def _no_longer_shown(body: Json, _: DiscourseSettings) -> list[Event]:
    if "topic_id" in body:
        return [ThreadListed(id_in(body, "gone", "topic_id"), (), time_in(body, "gone", "at"))]
    return [MessageGone(id_in(body, "gone", "post_id"), time_in(body, "gone", "at"))]


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
    "reviewable": reports.events,
    "reviewable_created": reports.events,
    "reviewable_score_updated": reports.events,
    "reviewable_transitioned_to": reports.events,
}
#: Webhook events that carry a post whose text is no news.
ANSWER_EVENTS = frozenset({"accepted_solution", "unaccepted_solution"})
#: Webhook events whose content is of use; of every other one only the key is kept.
WEBHOOK_EVENTS = frozenset(_KINDS) - {"post", "topic", "stream", "gone", "reviewable"}


# ------------------------------------------------------------------ a post


def _gone(post: Json) -> MessageGone:
    field = "deleted_at" if post.get("deleted_at") else "updated_at"
    return MessageGone(id_in(post, "post", "id"), time_in(post, "post", field))


def _seen(post: Json, category: object, settings: DiscourseSettings) -> MessageSeen:
    remote_id, topic_id = id_in(post, "post", "id"), id_in(post, "post", "topic_id")
    version = int_in(post, "post", "version")
    text = message_text(post)
    parent = post.get("reply_to_id")
    url = _thread_url(settings, post.get("topic_slug"), topic_id)
    return MessageSeen(
        remote_id=remote_id,
        thread=ThreadSeen(
            remote_id=topic_id,
            community=_community(post, category),
            title=text_in(post, "topic_title") or None,
            url=url,
            accepted_answer=remote_id if post.get("accepted_answer") is True else None,
        ),
        author=author_of(post, settings),
        text=text,
        created_at=time_in(post, "post", "created_at"),
        version=float(version),
        edited_at=_edited_at(post, version),
        in_reply_to=None if parent is None else str(parent),
        url=f"{url}/{int_in(post, 'post', 'post_number')}",
        likes=optional_int(post, "post", "likes") or 0,
        addressed=_addressed(post, text, settings),
    )


def _edited_at(post: Json, version: int) -> datetime | None:
    """When the text last changed. A recovery counts: its text is news again, though its version is not."""
    times = [time_in(post, "post", "updated_at")] if version > 1 else []
    if "recovered_at" in post:
        times.append(time_in(post, "post", "recovered_at"))
    return max(times, default=None)


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
    remote_id = id_in(record, "post", "category_id")
    if not isinstance(category, dict):
        return CommunitySeen(remote_id, "", restricted=True)
    return CommunitySeen(remote_id, text_in(category, "name"), restricted=category.get("restricted") is not False)


def _thread_url(settings: DiscourseSettings, slug: object, topic_id: str) -> str:
    named = cleaned(slug) if isinstance(slug, str) else ""
    return f"{settings.url}/t/{quote(named, safe='') or '-'}/{topic_id}"
