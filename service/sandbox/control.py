"""The sandbox's own API under /_sandbox/: say something as anybody, ask for faults, look at the state."""

from __future__ import annotations

import dataclasses
import ipaddress
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from service.sandbox.discourse_shapes import webhook_post
from service.sandbox.fediverse import Account, Status, Wish
from service.sandbox.forum import Draft, Post
from service.sandbox.mastodon_shapes import Shapes
from service.sandbox.refusal import Refusal, not_found
from service.sandbox.requests import number, params, text, truth, world
from service.sandbox.webhooks import Delivery, Signature

api = Blueprint("control", __name__, url_prefix="/_sandbox")
SIGNATURES: dict[str, Signature] = {"good": "good", "bad": "bad", "none": "none"}


@api.before_request
def only_from_this_machine() -> None:
    caller = request.remote_addr
    if caller is None or not ipaddress.ip_address(caller).is_loopback:
        raise not_found()


@api.errorhandler(Refusal)
def refuse(refusal: Refusal) -> ResponseReturnValue:
    return jsonify(error=refusal.message), refusal.status


@api.get("/state")
def state() -> ResponseReturnValue:
    here = world()
    return jsonify(
        url=here.base_url,
        forum={
            "users": sorted(u.username for u in here.forum.users.values()),
            "categories": [dataclasses.asdict(c) for c in here.forum.categories.values()],
            "groups": {g.name: sorted(g.members) for g in here.forum.groups.values()},
            "topics": len(here.forum.topics),
            "posts": len(here.forum.posts),
            "reviewables": len(here.forum.reviewables),
        },
        fediverse={
            "accounts": {a.username: a.id for a in here.fedi.accounts.values()},
            "statuses": len(here.fedi.statuses),
            "notifications": len(here.fedi.notifications),
            "reports": len(here.fedi.reports),
        },
        options=dataclasses.asdict(here.options),
    )


@api.get("/answers")
def answers() -> ResponseReturnValue:
    return jsonify([dataclasses.asdict(planted) for planted in world().story.planted])


@api.get("/said/<username>")
def said(username: str) -> ResponseReturnValue:
    """All that somebody said on forum and fediverse server and that is not deleted: the books to count by."""
    here, account = world(), world().fedi.account_named(username)
    posts = [p for p in here.forum.posts.values() if p.username == username and p.deleted_at is None]
    statuses = [s for s in here.fedi.statuses.values() if account is not None and s.account_id == account.id]
    return jsonify(
        posts=[{"id": str(p.id), "text": p.raw} for p in posts],
        statuses=[{"id": s.id, "text": s.text} for s in statuses],
    )


@api.put("/options")
def change_options() -> ResponseReturnValue:
    options, changes = world().options, params()
    for name, value in changes.items():
        if not hasattr(options, name) or not isinstance(value, type(getattr(options, name))):
            raise Refusal(400, f"no such option, or of another type: {name}")
    for name, value in changes.items():
        setattr(options, name, value)
    return jsonify(dataclasses.asdict(options))


# the forum


@api.post("/posts")
def add_post() -> ResponseReturnValue:
    asked, forum = params(), world().forum
    user = forum.user(text(asked, "username"))
    draft = Draft(user.username, text(asked, "text"), number(asked, "reply_to_post_number") or None)
    if topic_id := number(asked, "topic_id"):
        return jsonify(webhook_post(forum, forum.reply(forum.topic(topic_id), draft)))
    title = text(asked, "title") or draft.raw[:60]
    if not truth(asked, "private"):
        return jsonify(webhook_post(forum, forum.create_topic(title, draft, number(asked, "category_id") or None)))
    people = {user.username, world().story.brand}
    made = forum.create_topic(title, draft, None, archetype="private_message", participants=people)
    return jsonify(webhook_post(forum, made))


@api.put("/posts/<int:post_id>")
def change_post(post_id: int) -> ResponseReturnValue:
    found, asked, forum = _post(post_id), params(), world().forum
    if "text" in asked:
        forum.edit(found, text(asked, "text"), text(asked, "reason") or None)
    if truth(asked, "private"):
        topic = forum.topics[found.topic_id]
        topic.archetype, topic.category_id = "private_message", None
        topic.participants = {topic.username, world().story.brand}
        forum.emit("topic", "topic_edited", topic)
    return jsonify(webhook_post(forum, found))


@api.delete("/posts/<int:post_id>")
def remove_post(post_id: int) -> ResponseReturnValue:
    forum = world().forum
    forum.delete(_post(post_id), forum.user(world().story.brand))
    return jsonify({})


def _post(post_id: int) -> Post:
    return world().forum.post(post_id)


# the fediverse server


@api.post("/statuses")
def add_status() -> ResponseReturnValue:
    asked, fedi = params(), world().fedi
    wish = Wish(
        _account(text(asked, "username")).id,
        text(asked, "text"),
        visibility=text(asked, "visibility") or "public",
        in_reply_to=text(asked, "in_reply_to_id") or None,
        spoiler=text(asked, "spoiler_text"),
        language=text(asked, "language") or "en",
    )
    made = fedi.post(wish)
    made.unknown = truth(asked, "unknown")
    return jsonify(Shapes(world(), None).status(made))


@api.put("/statuses/<status_id>")
def change_status(status_id: str) -> ResponseReturnValue:
    found, asked = _status(status_id), params()
    if "text" in asked:
        world().fedi.edit(found, text(asked, "text"))
    found.visibility = text(asked, "visibility") or found.visibility
    found.unknown = truth(asked, "unknown", default=found.unknown)
    return jsonify(Shapes(world(), None).status(found))


@api.delete("/statuses/<status_id>")
def remove_status(status_id: str) -> ResponseReturnValue:
    world().fedi.delete(_status(status_id))
    return jsonify({})


@api.put("/accounts/<username>")
def change_account(username: str) -> ResponseReturnValue:
    """`note` (may hold #nobot), `indexable`, `limited` (its notifications are held back), `state`, `staff`."""
    account, asked = _account(username), params()
    account.note = text(asked, "note", account.note)
    account.state = text(asked, "state", account.state)
    for name in ("indexable", "limited", "staff"):
        setattr(account, name, truth(asked, name, default=getattr(account, name)))
    return jsonify(Shapes(world(), None).account(account))


@api.post("/reports")
def add_report() -> ResponseReturnValue:
    asked = params()
    by, target = _account(text(asked, "username")), _account(text(asked, "target"))
    ids = [text(asked, "status_id")] if asked.get("status_id") else []
    made = world().fedi.report(by, target, ids, text(asked, "comment"), text(asked, "category") or "other")
    return jsonify(Shapes(world(), None).report(made))


def _status(status_id: str) -> Status:
    found = world().fedi.statuses.get(status_id)
    if found is None:
        raise not_found()
    return found


def _account(username: str) -> Account:
    found = world().fedi.account_named(username)
    if found is None:
        raise not_found()
    return found


# faults and webhooks


@api.route("/faults", methods=["GET", "POST", "DELETE"])
def faults() -> ResponseReturnValue:
    rules = world().faults
    if request.method == "POST":
        try:
            rules.add(**params())
        except (TypeError, ValueError) as error:
            raise Refusal(400, str(error)) from error
    elif request.method == "DELETE":
        rules.clear()
    return jsonify([dataclasses.asdict(rule) for rule in rules.rules])


@api.get("/webhooks")
def webhooks() -> ResponseReturnValue:
    hooks = world().webhooks
    return jsonify(
        subscriptions=[{"id": s.id, "url": s.url} for s in hooks.subscriptions],
        sent=[_delivery(d) for d in hooks.sent],
        held=[_delivery(d) for d in hooks.held],
        dropped=hooks.dropped,
        idle=hooks.idle(),
    )


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {"event_id": delivery.event_id, "event": delivery.event, "url": delivery.url, "answer": delivery.answer}


@api.post("/webhooks")
def subscribe() -> ResponseReturnValue:
    asked = params()
    secret = text(asked, "secret", world().options.webhook_secret)
    made = world().webhooks.subscribe(text(asked, "url"), secret)
    return jsonify(id=made.id, url=made.url)


@api.put("/webhooks/mode")
def webhook_mode() -> ResponseReturnValue:
    asked, mode = params(), world().webhooks.mode
    mode.copies = number(asked, "copies", mode.copies)
    mode.hold = truth(asked, "hold", default=mode.hold)
    mode.signature = _signature(asked, mode.signature)
    return jsonify(dataclasses.asdict(mode))


@api.post("/webhooks/release")
def release() -> ResponseReturnValue:
    return jsonify(sent=world().webhooks.release(reverse=truth(params(), "reverse")))


@api.post("/webhooks/replay")
def replay() -> ResponseReturnValue:
    asked = params()
    return jsonify(sent=world().webhooks.replay(number(asked, "event_id"), _signature(asked, "good")))


def _signature(asked: dict[str, Any], default: Signature) -> Signature:
    wanted = text(asked, "signature", default)
    if wanted not in SIGNATURES:
        raise Refusal(400, f"signature is one of {', '.join(SIGNATURES)}")
    return SIGNATURES[wanted]
