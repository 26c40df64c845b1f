"""The Lemmy API under /lemmy, private messages. The forum's private topics once more: one message each."""

from __future__ import annotations

from typing import Any

from flask import jsonify
from flask.typing import ResponseReturnValue

from service.sandbox.forum import Draft, Post, Topic, User
from service.sandbox.lemmy import BOTH, api, me, shapes
from service.sandbox.lemmy_rules import checked, refused
from service.sandbox.requests import number, params, text, world

ROWS, MOST_ROWS = 10, 50


@api.post(f"{BOTH}/private_message")
def send() -> ResponseReturnValue:
    asked, user = params(), me()
    other = world().forum.user_by_id(number(asked, "recipient_id"))
    draft, people = Draft(user.username, checked(text(asked, "content"))), {user.username, other.username}
    made = world().forum.create_topic("Message", draft, None, archetype="private_message", participants=people)
    return jsonify(private_message_view=_view(made, user, other))


@api.get("/api/v3/private_message/list")
def listed() -> ResponseReturnValue:
    """Sent and received, newest first. 1.0 has no such list."""
    asked, user = params(), me()
    limit = max(1, min(number(asked, "limit", ROWS), MOST_ROWS))
    start = (max(number(asked, "page", 1), 1) - 1) * limit
    found = [view for topic in reversed(world().forum.topics.values()) if (view := _seen_by(user, topic))]
    return jsonify(private_messages=found[start : start + limit])


def _seen_by(user: User, topic: Topic) -> dict[str, Any] | None:
    others = topic.participants - {topic.username}
    if topic.archetype != "private_message" or user.username not in topic.participants or len(others) != 1:
        return None
    known = world().forum
    return _view(known.posts[topic.post_ids[0]], known.user(topic.username), known.user(next(iter(others))))


def _view(post: Post, creator: User, recipient: User) -> dict[str, Any]:
    if creator == recipient:
        raise refused("invalid_body_field")
    message = {
        "id": post.id,
        "creator_id": creator.id,
        "recipient_id": recipient.id,
        "content": post.raw,
        "deleted": False,
        "read": False,
        "local": True,
    } | shapes().times(post.created_at)
    return {
        "private_message": message,
        "creator": shapes().person(creator),
        "recipient": shapes().person(recipient),
    }
