"""The NodeBB API, reading people: accounts, groups, who moderates what, flags, and what waits for approval."""

from __future__ import annotations

from flask import jsonify
from flask.typing import ResponseReturnValue

from service.sandbox.forum import User
from service.sandbox.ids import slug
from service.sandbox.media import TYPES
from service.sandbox.nodebb import api, board, category_of, cut, ok, page
from service.sandbox.nodebb_rules import STAFF_GROUPS, ApiError
from service.sandbox.nodebb_shapes import (
    Json,
    account,
    brief,
    moderators,
    ms,
    parsed,
    privileges_page,
    profile,
)
from service.sandbox.nodebb_topics import flag_history, flag_page, flag_row, pagination
from service.sandbox.requests import world


@api.get("/api/v3/users/<int:uid>")
def user_v3(uid: int) -> ResponseReturnValue:
    board().me()
    return ok(account(board(), board().user(uid)))


@api.get("/api/user/<name>")
def user_page(name: str) -> ResponseReturnValue:
    board().me()
    found = next((u for u in world().forum.users.values() if slug(u.username) == name), None)
    if found is None:
        raise ApiError(404, "User does not exist")
    return page(profile(board(), found))


@api.get("/api/groups/<name>")
def group_page(name: str) -> ResponseReturnValue:
    members = [brief(user) for user in _members(name)]
    about = {"name": STAFF_GROUPS.get(name, name), "slug": name, "memberCount": len(members), "members": members}
    return page({"group": about, "posts": []})


def _members(name: str) -> list[User]:
    known = world().forum
    people = list(known.users.values())
    if name in STAFF_GROUPS:
        return [u for u in people if (u.admin if name == "administrators" else u.moderator)]
    group = next((x for x in known.groups.values() if slug(x.name) == name), None)
    if group is None:
        raise ApiError(404, "Group does not exist")
    return [u for u in people if u.username in group.members]


@api.get("/api/categories/<int:cid>/moderators")
def category_moderators(cid: int) -> ResponseReturnValue:
    board().me()
    found = board().category(cid)
    return jsonify(moderators=moderators(board(), found) if found is not None else [])


@api.get("/api/v3/categories/<int:cid>/privileges")
def category_privileges(cid: int) -> ResponseReturnValue:
    board().must(board().me().admin)
    return ok(privileges_page(board(), category_of(cid)))


# ------------------------------------------------------------------ flags and the queue


@api.get("/api/flags")
def flags() -> ResponseReturnValue:
    board().me()
    board().must(board().moderates_anything())
    rows, pages = cut([flag_row(board(), one) for one in board().flags()], 20)
    return page({"flags": rows, "count": len(board().flags()), "pagination": pages})


@api.get("/api/flags/<int:flag_id>")
def flag(flag_id: int) -> ResponseReturnValue:
    found = board().flag(flag_id)
    return page(flag_page(board(), found) | {"history": flag_history(board(), found)})


@api.get("/api/v3/flags/<int:flag_id>")
def flag_v3(flag_id: int) -> ResponseReturnValue:
    return ok(flag_page(board(), board().flag(flag_id)))


@api.get("/api/post-queue")
def post_queue() -> ResponseReturnValue:
    """One's own; staff sees everybody's."""
    me = board().me()
    waiting = [one for one in board().state.queue if me.staff or one.draft.username == me.username]
    rows = []
    for one in waiting:
        writer = world().forum.user(one.draft.username)
        data: Json = {
            "uid": writer.id,
            "tid": one.tid,
            "content": parsed(board(), one.draft.raw),
            "rawContent": one.draft.raw,
            "timestamp": ms(one.at),
        }
        rows.append({"id": one.id, "type": "reply", "uid": str(writer.id), "data": data, "user": brief(writer)})
    return page({"posts": rows, "isAdmin": me.admin, "canAccept": me.staff, "pagination": pagination(1, 1)})


@api.get("/assets/uploads/files/<name>")
def show_upload(name: str) -> ResponseReturnValue:
    found = board().state.uploads.get(name)
    if found is None:
        raise ApiError(404, "Not found")
    return found.body, 200, {"Content-Type": TYPES[found.kind]}
