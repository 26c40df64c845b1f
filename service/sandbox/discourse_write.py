"""The Discourse API, writing: posts, topics, accepted answers."""

from __future__ import annotations

from typing import Any

from flask import jsonify
from flask.typing import ResponseReturnValue

from service.sandbox.discourse import actor, api, forum
from service.sandbox.discourse_rules import check_new_text, check_text
from service.sandbox.discourse_shapes import post_shape, topic_row
from service.sandbox.forum import Draft, Post, User
from service.sandbox.refusal import Refusal, forbidden, not_found
from service.sandbox.requests import listed, number, params, text, truth

TOPIC_SWITCHES = {"closed": "closed", "archived": "archived", "visible": "visible", "pinned": "pinned"}


def refused_if_sanctioned(user: User) -> None:
    now = forum().now()
    if any(till is not None and till > now for till in (user.silenced_till, user.suspended_till)):
        raise forbidden("You cannot post while you are silenced.")


@api.post("/posts.json")
def create_post() -> ResponseReturnValue:
    asked, me = params(), actor()
    refused_if_sanctioned(me)
    raw, topic_id = text(asked, "raw"), number(asked, "topic_id")
    topic = forum().topic(topic_id, me) if topic_id else None
    if topic is not None and topic.deleted_at is not None:
        raise not_found()
    check_new_text(forum(), me.username, raw)
    draft = Draft(me.username, raw, number(asked, "reply_to_post_number") or None)
    made = forum().reply(topic, draft) if topic else _new_topic(asked, draft)
    return jsonify(post_shape(forum(), made, me) | {"draft_sequence": 0})


def _new_topic(asked: dict[str, Any], draft: Draft) -> Post:
    title = text(asked, "title").strip()
    if len(title) < 5:
        raise Refusal(422, "Title is too short (minimum is 15 characters)")
    if text(asked, "archetype") == "private_message":
        return _new_message(asked, title, draft)
    category_id = number(asked, "category") or None
    if category_id is not None and category_id not in forum().categories:
        raise not_found()
    return forum().create_topic(title, draft, category_id, tags=listed(asked, "tags"))


def _new_message(asked: dict[str, Any], title: str, draft: Draft) -> Post:
    """Private by its archetype alone, as on Discourse: recipients without it do not make a topic private."""
    people = text(asked, "target_recipients") or text(asked, "target_usernames")
    others = {forum().user(name.strip()).username for name in people.split(",") if name.strip()}
    if not others:
        raise Refusal(422, "You must select a valid user")
    warned = asked.get("is_warning") == "true" and actor().staff and len(others) == 1
    names = others | {draft.username}
    return forum().create_topic(title, draft, None, archetype="private_message", participants=names, warning=warned)


@api.get("/topics/private-messages-sent/<username>.json")
def sent_messages(username: str) -> ResponseReturnValue:
    owner = forum().user(username)
    if owner != actor() and not actor().admin:
        raise forbidden()
    sent = [t for t in forum().topics.values() if t.archetype == "private_message" and t.username == owner.username]
    rows = [topic_row(forum(), t) for t in reversed(sent) if t.deleted_at is None]
    return jsonify(users=[], topic_list={"can_create_topic": True, "per_page": 30, "topics": rows[:30]})


@api.put("/posts/<int:post_id>.json")
def edit_post(post_id: int) -> ResponseReturnValue:
    found, me = forum().post(post_id, actor()), actor()
    if found.username != me.username and not forum().moderates(me, forum().topics[found.topic_id].category_id):
        raise forbidden()
    asked = params()
    change = asked.get("post")
    if not isinstance(change, dict) or not text(change, "raw"):
        raise Refusal(400, "param is missing or the value is empty: post", "invalid_parameters")
    raw, topic = text(change, "raw").rstrip(), forum().topics[found.topic_id]
    if topic.archived and not me.staff:
        raise forbidden()
    check_text(forum(), raw)
    if raw != found.raw:
        mine = found.username == me.username
        forum().edit(found, raw, text(change, "edit_reason") or None, quick=mine)
    return jsonify(post=post_shape(forum(), found, me))


@api.delete("/posts/<int:post_id>.json")
@api.delete("/posts/<int:post_id>")
def delete_post(post_id: int) -> ResponseReturnValue:
    forum().delete(forum().post(post_id, actor()), actor())
    return jsonify({})


@api.put("/posts/<int:post_id>/recover")
@api.put("/posts/<int:post_id>/recover.json")
def recover_post(post_id: int) -> ResponseReturnValue:
    found = forum().post(post_id, actor())
    forum().recover(found, actor())
    return jsonify(post_shape(forum(), found, actor()))


@api.put("/posts/<int:post_id>/locked.json")
@api.put("/posts/<int:post_id>/locked")
def lock_post(post_id: int) -> ResponseReturnValue:
    found = forum().post(post_id, actor())
    if not actor().staff:
        raise forbidden()
    found.locked = truth(params(), "locked")
    return jsonify(locked=found.locked)


@api.put("/t/<int:topic_id>/status.json")
@api.put("/t/<int:topic_id>/status")
def topic_status(topic_id: int) -> ResponseReturnValue:
    found, asked = forum().topic(topic_id, actor()), params()
    forum().must_moderate(actor(), found)
    name = text(asked, "status")
    if name not in TOPIC_SWITCHES:
        raise Refusal(400, "You supplied invalid parameters to the request: status", "invalid_parameters")
    setattr(found, TOPIC_SWITCHES[name], truth(asked, "enabled"))
    forum().emit("topic", f"topic_{name}_status_updated", found)
    return jsonify(success="OK", topic_status_update=None)


@api.put("/t/-/<int:topic_id>.json")
def update_topic(topic_id: int) -> ResponseReturnValue:
    found, asked = forum().topic(topic_id, actor()), params()
    forum().must_moderate(actor(), found)
    change = asked["topic"] if isinstance(asked.get("topic"), dict) else asked
    if target := number(change, "category_id"):
        if target not in forum().categories:
            raise not_found()
        if not forum().moderates(actor(), target):
            raise forbidden()
        found.category_id = target
    found.title = text(change, "title") or found.title
    forum().emit("topic", "topic_edited", found)
    row = topic_row(forum(), found)
    return jsonify(basic_topic={k: row[k] for k in ("id", "title", "fancy_title", "slug", "posts_count")})


@api.post("/solution/accept")
@api.post("/solution/accept.json")
def accept_answer() -> ResponseReturnValue:
    return _solution(accepted=True)


@api.post("/solution/unaccept")
@api.post("/solution/unaccept.json")
def unaccept_answer() -> ResponseReturnValue:
    return _solution(accepted=False)


def _solution(*, accepted: bool) -> ResponseReturnValue:
    found = forum().post(number(params(), "id"), actor())
    topic = forum().topics[found.topic_id]
    if topic.username != actor().username:
        forum().must_moderate(actor(), topic)
    topic.accepted_post_id = found.id if accepted else None
    forum().emit("solved", "accepted_solution" if accepted else "unaccepted_solution", found)
    return jsonify(success="OK")
