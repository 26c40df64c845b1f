"""Webhooks as a forum sends them, and as nobody should: doubled, wrongly signed, or no use."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, Literal

from service.selftest.storm import Call

Kind = Literal["good", "forged", "malformed"]
#: Far above the ids of the sandbox forum's own posts.
FIRST_ID = 10_000_000
FORGED_SHARE = 0.05
MALFORMED_SHARE = 0.01
DOUBLE_SHARE = 0.05
POSTS_A_TOPIC = 6
_AUTHORS = 400
_CATEGORIES = ((7, "help"), (8, "machines"), (9, "app"))
_BROKEN = (b"{", b"[]", b'{"post":5}', b"\xff\xfe", b"")


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook; `remote_id` is the message a good one brings."""

    kind: Kind
    remote_id: str
    call: Call


@dataclass(frozen=True, slots=True)
class Forum:
    """Who signs, and where to."""

    address: str
    secret: str
    path: str


def mixed(forum: Forum, texts: Sequence[str], now: datetime, rng: Random, count: int, first: int) -> list[Webhook]:
    """`count` webhooks and some doubles in random order: mostly good, some forged, some malformed."""
    made: list[Webhook] = []
    for number in range(first, first + count):
        draw = rng.random()
        if draw < FORGED_SHARE:
            made.append(forged(forum, texts, now, rng, number))
        elif draw < FORGED_SHARE + MALFORMED_SHARE:
            made.append(malformed(forum, rng, number))
        else:
            made.append(new_post(forum, texts, now, number))
            if draw > 1.0 - DOUBLE_SHARE:
                made.append(made[-1])
    rng.shuffle(made)
    return made


def new_post(forum: Forum, texts: Sequence[str], now: datetime, number: int) -> Webhook:
    """A good webhook that tells of a new post."""
    remote_id = FIRST_ID + number
    body = json.dumps({"post": _post(remote_id, texts[number % len(texts)], now)}, ensure_ascii=False).encode()
    return Webhook("good", str(remote_id), _call(forum, body, f"good-{number}", sign(forum.secret, body)))


def forged(forum: Forum, texts: Sequence[str], now: datetime, rng: Random, number: int) -> Webhook:
    """Not signed, signed with another secret, or changed after it was signed."""
    body = new_post(forum, texts, now, number).call.body
    signatures = ("", sign(forum.secret + "-wrong", body), sign(forum.secret, body + b" "))
    return Webhook("forged", "", _call(forum, body, f"forged-{number}", rng.choice(signatures)))


def malformed(forum: Forum, rng: Random, number: int) -> Webhook:
    """Rightly signed, but not a post."""
    body = rng.choice(_BROKEN)
    return Webhook("malformed", "", _call(forum, body, f"malformed-{number}", sign(forum.secret, body)))


def sign(secret: str, body: bytes) -> str:
    """As Discourse does it."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _call(forum: Forum, body: bytes, event_id: str, signature: str) -> Call:
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Discourse/2026.9.0",
        "X-Discourse-Instance": forum.address,
        "X-Discourse-Event-Id": event_id,
        "X-Discourse-Event-Type": "post",
        "X-Discourse-Event": "post_created",
    }
    if signature:
        headers["X-Discourse-Event-Signature"] = signature
    return Call("POST", forum.path, body, headers)


def _post(remote_id: int, text: str, now: datetime) -> dict[str, Any]:
    topic, place = divmod(remote_id, POSTS_A_TOPIC)
    category, slug = _CATEGORIES[topic % len(_CATEGORIES)]
    author = (remote_id * 7) % _AUTHORS
    at = (now - timedelta(seconds=600 - remote_id % 600)).isoformat(timespec="milliseconds")
    return {
        "id": remote_id,
        "username": f"person{author}",
        "name": f"Person {author}",
        "created_at": at,
        "updated_at": at,
        "cooked": f"<p>{text}</p>",
        "raw": text,
        "post_number": place + 1,
        "post_type": 1,
        "reply_to_post_number": place or None,
        "topic_id": topic,
        "topic_slug": f"topic-{topic}",
        "topic_title": f"Topic {topic}",
        "topic_archetype": "regular",
        "category_id": category,
        "category_slug": slug,
        "version": 1,
        "user_id": 1000 + author,
        "trust_level": author % 4,
        "staff": False,
        "deleted_at": None,
        "user_deleted": False,
    }
