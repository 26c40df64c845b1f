"""The NodeBB API, writing: posts, topics, sanctions, flags, moderators, tokens, pictures."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from flask import jsonify, request
from flask.typing import ResponseReturnValue

from service.sandbox.forum import Topic, User
from service.sandbox.media import EXTENSIONS, MAX_BYTES, seen_as
from service.sandbox.nodebb import api, board, body, category_of, ok
from service.sandbox.nodebb_rules import FAR, ApiError, Queued
from service.sandbox.nodebb_shapes import PREFIX, ms, privileges_page
from service.sandbox.nodebb_topics import flag_history, summary
from service.sandbox.requests import world


def _text(name: str) -> str:
    value = body().get(name)
    return value if isinstance(value, str) else ""


def _whole(name: str) -> int:
    value = body().get(name, 0)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


# ------------------------------------------------------------------ posts and topics


@api.post("/api/v3/topics/<int:tid>")
def reply(tid: int) -> ResponseReturnValue:
    found = board().topic(tid)
    if "content" not in body():
        raise ApiError(400, "Required parameters were missing from this API call: content")
    board().must(board().reads(found.category_id))
    made = board().reply(found, _text("content"), _whole("toPid") or None)
    if isinstance(made, Queued):
        waits = {"id": made.id, "type": "reply", "queued": True, "message": "[[success:post-queued]]"}
        return jsonify(status={"code": "accepted", "message": "Accepted"}, response=waits), 202
    # Here, and nowhere else, the answered post's number is what was sent.
    return ok(summary(board(), made, world().base_url) | {"toPid": body().get("toPid")})


@api.put("/api/v3/posts/<int:pid>")
def edit(pid: int) -> ResponseReturnValue:
    found = board().post(pid)
    board().edit(found, _text("content"))
    return ok(summary(board(), found, world().base_url))


@api.delete("/api/v3/posts/<int:pid>/state")
def delete(pid: int) -> ResponseReturnValue:
    board().delete(board().post(pid))
    return ok()


@api.put("/api/v3/posts/<int:pid>/state")
def restore(pid: int) -> ResponseReturnValue:
    board().restore(board().post(pid))
    return ok()


@api.delete("/api/v3/posts/<int:pid>")
def purge(pid: int) -> ResponseReturnValue:
    board().purge(board().post(pid))
    return ok()


@api.route("/api/v3/topics/<int:tid>/lock", methods=["PUT", "DELETE"])
def lock(tid: int) -> ResponseReturnValue:
    found = _moderated(tid)
    found.closed = request.method == "PUT"
    world().forum.emit("topic", "topic_closed_status_updated", found)
    return ok()


@api.route("/api/v3/topics/<int:tid>/state", methods=["PUT", "DELETE"])
def topic_state(tid: int) -> ResponseReturnValue:
    found = _moderated(tid)
    found.deleted_at = world().forum.now() if request.method == "DELETE" else None
    return ok()


@api.put("/api/v3/topics/<int:tid>/move")
def move(tid: int) -> ResponseReturnValue:
    board().move(board().topic(tid), _whole("cid"))
    return ok()


def _moderated(tid: int) -> Topic:
    found = board().topic(tid)
    board().must(board().moderates(found.category_id))
    return found


# ------------------------------------------------------------------ sanctions


@api.route("/api/v3/users/<int:uid>/mute", methods=["PUT", "DELETE"])
def mute(uid: int) -> ResponseReturnValue:
    """`until` 0 is no mute at all."""
    user = board().sanctionable(uid, "mute")
    user.silenced_till = _until() if request.method == "PUT" else None
    return _told(user)


@api.route("/api/v3/users/<int:uid>/ban", methods=["PUT", "DELETE"])
def ban(uid: int) -> ResponseReturnValue:
    """`until` 0 is a ban without an end."""
    user = board().sanctionable(uid, "ban")
    user.suspended_till = (_until() or FAR) if request.method == "PUT" else None
    return _told(user)


def _told(user: User) -> ResponseReturnValue:
    board().state.reasons[user.id] = _text("reason")
    return ok()


def _until() -> datetime | None:
    asked = _whole("until")
    return datetime.fromtimestamp(min(asked, ms(FAR)) / 1000, UTC) if asked > 0 else None


# ------------------------------------------------------------------ flags


@api.post("/api/v3/flags")
def complain() -> ResponseReturnValue:
    """The answer does not say which flag it became."""
    board().complain(_text("type"), _whole("id"), _text("reason"))
    return ok()


@api.put("/api/v3/flags/<int:flag_id>")
def settle(flag_id: int) -> ResponseReturnValue:
    found = board().flag(flag_id)
    board().settle(found, _text("state"))
    return ok({"history": flag_history(board(), found)})


@api.delete("/api/v3/flags/<int:flag_id>/report")
def rescind(flag_id: int) -> ResponseReturnValue:
    found, me = board().state.flags.get(flag_id), board().me()
    if found is None:
        raise ApiError(404, "Flag does not exist")
    found.reports = [one for one in found.reports if one.uid != me.id]
    return ok()


# ------------------------------------------------------------------ rights and tokens


@api.route("/api/v3/categories/<int:cid>/moderator/<int:uid>", methods=["PUT", "DELETE"])
def moderator(cid: int, uid: int) -> ResponseReturnValue:
    """Given twice or taken twice is as good as once."""
    board().must(board().me().admin)
    found = category_of(cid)
    if not any(user.id == uid for user in world().forum.users.values()):
        raise ApiError(400, "no-user-or-group")
    held = board().state.moderators.setdefault(cid, set())
    if request.method == "PUT":
        held.add(uid)
    else:
        held.discard(uid)
    return ok(privileges_page(board(), found))


@api.route("/api/v3/categories/<int:cid>/privileges/groups:moderate", methods=["PUT", "DELETE"])
def moderating_group(cid: int) -> ResponseReturnValue:
    board().must(board().me().admin)
    found = category_of(cid)
    held = board().state.moderating_groups.setdefault(cid, set())
    if request.method == "PUT":
        held.add(_text("member"))
    else:
        held.discard(_text("member"))
    return ok(privileges_page(board(), found))


@api.post("/api/v3/admin/tokens")
def make_token() -> ResponseReturnValue:
    """A token of one account; it acts as that one whatever `_uid` says."""
    board().must(board().me().admin)
    uid, now = board().user(_whole("uid")).id, world().now()
    token = secrets.token_hex(16)
    board().state.tokens[token] = uid
    return ok({"uid": str(uid), "description": _text("description"), "timestamp": str(ms(now)), "token": token})


@api.delete("/api/v3/admin/tokens/<token>")
def end_token(token: str) -> ResponseReturnValue:
    board().must(board().me().admin)
    board().state.tokens.pop(token, None)
    return ok()


# ------------------------------------------------------------------ pictures


@api.post("/api/post/upload")
def upload() -> ResponseReturnValue:
    """Each upload is a new file, an equal one too."""
    board().me()
    made = []
    for sent in request.files.getlist("files[]"):
        content, ending = sent.read(), (sent.filename or "").rpartition(".")[2].lower()
        picture = seen_as(content)
        if picture is None or ending not in EXTENSIONS or len(content) > MAX_BYTES:
            raise ApiError(400, "Invalid file type or size")
        name = f"{ms(world().now())}-{len(board().state.uploads)}.{ending}"
        board().state.uploads[name] = picture
        made.append({"url": f"{PREFIX}/assets/uploads/files/{name}"})
    if not made:
        raise ApiError(400, "Invalid File")
    return ok({"images": made})
