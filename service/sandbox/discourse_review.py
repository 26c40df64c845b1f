"""The Discourse API, flags and the review queue."""

from __future__ import annotations

from flask import jsonify
from flask.typing import ResponseReturnValue

from service.sandbox.discourse import actor, api, forum
from service.sandbox.discourse_shapes import action_shape, post_shape, review_side, reviewable_shape
from service.sandbox.forum import LIKE
from service.sandbox.refusal import forbidden, not_found
from service.sandbox.requests import number, params, text
from service.sandbox.review import STATUS_NAMES, actions_for, category_of, entry_for, flag, perform

PER_PAGE = 10


@api.get("/review.json")
def review() -> ResponseReturnValue:
    asked = params()
    wanted, only = text(asked, "status") or "pending", number(asked, "category_id")
    moderated = [r for r in forum().reviewables.values() if forum().moderates(actor(), category_of(forum(), r))]
    if not moderated and not actor().staff:
        raise not_found()
    rows = [r for r in moderated if wanted == "all" or STATUS_NAMES[r.status] == wanted]
    rows = [r for r in rows if not only or category_of(forum(), r) == only]
    if text(asked, "sort_order") != "created_at_asc":
        rows.reverse()
    total, offset = len(rows), number(asked, "offset")
    rows = rows[offset : offset + PER_PAGE]
    actions = list(dict.fromkeys(a for r in rows for a in actions_for(forum(), actor(), r)))
    return jsonify(
        reviewables=[reviewable_shape(forum(), r, actor()) for r in rows],
        bundled_actions=[{"id": f"{r.id}-all", "action_ids": actions_for(forum(), actor(), r)} for r in rows],
        actions=[action_shape(a) for a in actions],
        meta={"total_rows_reviewables": total, "status": wanted},
        **review_side(forum(), rows),
    )


@api.get("/review/<int:entry_id>.json")
def review_entry(entry_id: int) -> ResponseReturnValue:
    entry = entry_for(forum(), actor(), entry_id)
    return jsonify(
        reviewable=reviewable_shape(forum(), entry, actor()),
        bundled_actions=[{"id": f"{entry.id}-all", "action_ids": actions_for(forum(), actor(), entry)}],
        actions=[action_shape(a) for a in actions_for(forum(), actor(), entry)],
        **review_side(forum(), [entry]),
    )


@api.post("/post_actions.json")
@api.post("/post_actions")
def post_action() -> ResponseReturnValue:
    asked = params()
    found, kind = forum().post(number(asked, "id"), actor()), number(asked, "post_action_type_id")
    if kind == LIKE:
        if found.username == actor().username:
            raise forbidden("You are not permitted to like your own post.")
        found.liked_by.add(actor().username)
        forum().emit("like", "post_liked", found)
    else:
        flag(forum(), found, actor(), kind, text(asked, "message"))
    return jsonify(post_shape(forum(), found, actor()))


@api.put("/review/<int:entry_id>/perform/<action>")
@api.put("/review/<int:entry_id>/perform/<action>.json")
def perform_review(entry_id: int, action: str) -> ResponseReturnValue:
    entry = entry_for(forum(), actor(), entry_id)
    perform(forum(), actor(), entry, action, number(params(), "version", -1))
    waiting = sum(r.status == 0 for r in forum().reviewables.values())
    result = {
        "success": True,
        "transition_to": STATUS_NAMES[entry.status],
        "transition_to_id": entry.status,
        "created_post_id": None,
        "created_post_topic_id": None,
        "remove_reviewable_ids": [entry.id],
        "version": entry.version,
        "reviewable_count": waiting,
    }
    return jsonify(reviewable_perform_result=result, reviewable=reviewable_shape(forum(), entry, actor()))
