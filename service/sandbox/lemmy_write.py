"""The Lemmy API under /lemmy, writing: comments, pictures, and what moderators and administrators do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import g, jsonify, request
from flask.typing import ResponseReturnValue

from service.sandbox import review
from service.sandbox.forum import Post, User
from service.sandbox.lemmy import BOTH, api, lemmy, me, shapes
from service.sandbox.lemmy_rules import FOR_EVER, MAX_BODY, checked, is_dead, refused
from service.sandbox.media import MAX_BYTES, seen_as
from service.sandbox.refusal import Refusal
from service.sandbox.requests import number, params, text, truth, world

#: What moderators hear of, in the forum's own numbers of flags.
TO_MODERATORS = 7


def _found(kind: str) -> Post:
    """The message that a request is about; of a post, the forum's first message in it."""
    wanted = number(params(), f"{kind}_id")
    return lemmy().comment(wanted, me()) if kind == "comment" else lemmy().first(lemmy().topic(wanted, me()))


def _shown(kind: str, post: Post) -> ResponseReturnValue:
    if kind == "comment":
        return jsonify(comment_view=shapes().comment_view(post), recipient_ids=[])
    return jsonify(post_view=shapes().post_view(world().forum.topics[post.topic_id]))


def _reason() -> str:
    """v4 wants one for whatever a moderator does."""
    said = text(params(), "reason")
    if len(said) > MAX_BODY or (g.v4 and "reason" not in params()):
        raise refused("invalid_body_field")
    return said


# our own


@api.post(f"{BOTH}/comment")
def write() -> ResponseReturnValue:
    asked, user = params(), me()
    topic = lemmy().topic(number(asked, "post_id"), user)
    parent = lemmy().comment(number(asked, "parent_id"), user) if asked.get("parent_id") else None
    if parent is not None and parent.topic_id != topic.id:
        raise refused("couldnt_create_comment")
    lemmy().may_write(user, topic)
    return _shown("comment", lemmy().write(user, topic, text(asked, "content"), parent))


@api.put(f"{BOTH}/<any(post, comment):kind>")
def edit(kind: str) -> ResponseReturnValue:
    post, user = _found(kind), me()
    if post.username != user.username:
        raise refused(f"no_{kind}_edit_allowed")
    if is_dead(post):
        raise refused("deleted")
    world().forum.edit(post, checked(text(params(), "body" if kind == "post" else "content")))
    return _shown(kind, post)


@api.post("/api/v3/<any(post, comment):kind>/delete")
def delete(kind: str) -> ResponseReturnValue:
    return _delete(kind)


@api.delete("/api/v4/<any(post, comment):kind>")
def delete_v4(kind: str) -> ResponseReturnValue:
    return _delete(kind)


def _delete(kind: str) -> ResponseReturnValue:
    post, user = _found(kind), me()
    if post.username != user.username:
        raise refused(f"no_{kind}_edit_allowed")
    lemmy().delete(post, deleted=truth(params(), "deleted"))
    return _shown(kind, post)


@api.post("/pictrs/image")
@api.post("/api/v4/image")
def upload() -> ResponseReturnValue:
    """Handed to the picture server, which takes a list under one name. v4 gives an address, v3 a file's name."""
    me()
    sent = request.files.get("images[]")
    made = seen_as(body) if sent is not None and (body := sent.read()) else None
    if made is None or len(made.body) > MAX_BYTES:
        raise refused("invalid_image_upload")
    name = f"{made.sha1[:32]}.{made.kind}"
    lemmy().pictures[name] = made
    if g.v4:
        return jsonify(image_url=f"{world().base_url}/lemmy/api/v4/image/{name}", filename=name)
    return jsonify(msg="ok", files=[{"file": name, "delete_token": "sandbox"}]), 201


# moderators


@api.post(f"{BOTH}/<any(post, comment):kind>/remove")
def remove(kind: str) -> ResponseReturnValue:
    post, user, reason = _found(kind), me(), _reason()
    place, removed = lemmy().community_of(post), truth(params(), "removed")
    lemmy().must_moderate(user, place)
    lemmy().must_be_higher(user, world().forum.user(post.username), place)
    lemmy().remove(post, removed=removed)
    about = {"community": place, "post": post.id, "person": post.username}
    lemmy().note(f"mod_remove_{kind}", user, undone=not removed, reason=reason, **about)
    return _shown(kind, post)


@api.post(f"{BOTH}/post/lock")
def lock() -> ResponseReturnValue:
    post, user, reason = _found("post"), me(), _reason()
    place, locked = lemmy().community_of(post), truth(params(), "locked")
    lemmy().must_moderate(user, place)
    world().forum.topics[post.topic_id].closed = locked
    lemmy().note("mod_lock_post", user, undone=not locked, reason=reason, community=place, post=post.id)
    return _shown("post", post)


@api.post(f"{BOTH}/community/ban_user")
def ban_from_community() -> ResponseReturnValue:
    asked, user, reason = params(), me(), _reason()
    place, target, ban = lemmy().community(number(asked, "community_id"), user).id, _target(), truth(asked, "ban")
    lemmy().must_moderate(user, place)
    lemmy().must_be_higher(user, target, place)
    until = _until(asked)
    if ban:
        lemmy().bans[place, target.username] = until or FOR_EVER
    else:
        lemmy().bans.pop((place, target.username), None)
    about = {"community": place, "person": target.username, "expires": until}
    lemmy().note("mod_ban_from_community", user, undone=not ban, reason=reason, **about)
    return jsonify(person_view=shapes().person_view(target), banned=ban)


@api.post("/api/v3/user/ban")
@api.post("/api/v4/admin/ban")
def ban_from_server() -> ResponseReturnValue:
    asked, user, reason, target = params(), me(), _reason(), _target()
    if not user.admin:
        raise refused("not_an_admin")
    if target.admin:
        raise refused("not_higher_admin")
    ban, until = truth(asked, "ban"), _until(asked)
    target.suspended_till = (until or FOR_EVER) if ban else None
    lemmy().note("admin_ban", user, undone=not ban, reason=reason, person=target.username, expires=until)
    return jsonify(person_view=shapes().person_view(target), banned=ban)


def _target() -> User:
    try:
        return world().forum.user_by_id(number(params(), "person_id"))
    except Refusal as error:
        raise refused("not_found", 404) from error


def _until(asked: dict[str, Any]) -> datetime | None:
    seconds = number(asked, "expires_at" if g.v4 else "expires")
    if not seconds:
        return None
    until = datetime.fromtimestamp(seconds, UTC)
    if until <= world().now():
        raise refused("ban_expiration_in_past")
    return until


@api.post(f"{BOTH}/community/mod")
def appoint() -> ResponseReturnValue:
    """A removal needs a higher rank, and the last moderator stays unless an administrator says so."""
    asked, user, target = params(), me(), _target()
    place, added = lemmy().community(number(asked, "community_id"), user), truth(asked, "added")
    lemmy().must_moderate(user, place.id)
    names = lemmy().moderators_of(place.id)
    if added:
        if target.username in names:
            raise refused("community_moderator_already_exists")
        names.append(target.username)
    else:
        lemmy().must_be_higher(user, target, place.id)
        if not user.admin and len(names) == 1:
            raise refused("cannot_leave_mod")
        if target.username in names:
            names.remove(target.username)
    about = {"community": place.id, "person": target.username}
    lemmy().note("mod_add_to_community", user, undone=not added, **about)
    return jsonify(moderators=shapes().moderators(place))


# reports


@api.post(f"{BOTH}/<any(post, comment):kind>/report")
def report(kind: str) -> ResponseReturnValue:
    post, user, reason = _found(kind), me(), text(params(), "reason").strip()
    if not reason:
        raise refused("report_reason_required")
    try:
        entry = review.flag(world().forum, post, user, TO_MODERATORS, reason)
    except Refusal as error:
        raise refused("couldnt_create_report") from error
    made = next(r for r in _reports(kind) if r.flag.id == entry.flags[-1].id)
    return jsonify({f"{kind}_report_view": shapes().report_view(made)})


def _reports(kind: str) -> list[Any]:
    """As the brand sees them: who reports need not moderate."""
    return lemmy().reports(kind, world().forum.user(world().story.brand))


@api.put(f"{BOTH}/<any(post, comment):kind>/report/resolve")
def resolve(kind: str) -> ResponseReturnValue:
    asked, user = params(), me()
    found = next((r for r in _reports(kind) if r.flag.id == number(asked, "report_id")), None)
    if found is None:
        raise refused("not_found", 404)
    lemmy().must_moderate(user, lemmy().community_of(found.post))
    lemmy().close(found, user, resolved=truth(asked, "resolved"))
    return jsonify({f"{kind}_report_view": shapes().report_view(found)})
