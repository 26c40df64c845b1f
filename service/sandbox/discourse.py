"""The Discourse API, reading: site, categories, topics, posts, search, notifications."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, g, jsonify, request
from flask.typing import ResponseReturnValue

from service.sandbox.discourse_rules import MAX_POST_LENGTH
from service.sandbox.discourse_shapes import (
    basic_user,
    category_shape,
    group_shape,
    post_shape,
    topic_row,
    topic_shape,
    user_shape,
)
from service.sandbox.forum import FLAG_TYPES, LIKE, Forum, Notice, Post, Topic, User
from service.sandbox.ids import iso, paragraphs, slug
from service.sandbox.media import EXTENSIONS, MAX_BYTES
from service.sandbox.refusal import Refusal, forbidden, not_found
from service.sandbox.requests import number, params, text, truth, world

api = Blueprint("discourse", __name__)
PUBLIC_PATHS = ("/site/basic-info.json", "/about.json")
BAD_KEY = "You are not permitted to view the requested resource. The API username or key is invalid."
PER_PAGE = 30
STREAM_CHUNK = 20


@api.before_request
def admit() -> ResponseReturnValue | None:
    """The forum is a closed one: whoever reads signs in, by an admin key or a person's own key."""
    if "Api-Key" in request.headers:
        if (refused := _count_admin_call()) is not None:
            return refused
        g.actor = _admin_actor()
    elif "User-Api-Key" in request.headers:
        g.actor = _user_key_actor(request.headers["User-Api-Key"])
    elif request.path not in PUBLIC_PATHS:
        raise Refusal(403, "You need to be logged in to do that.", "not_logged_in")
    return None


def _count_admin_call() -> ResponseReturnValue | None:
    """One window for all admin keys of the forum; the refusal is the global kind, not the JSON kind."""
    now, limit = world().now(), world().options.admin_calls_per_minute
    allowance = world().windows.take("discourse:admin", limit, timedelta(minutes=1), now)
    if allowance.allowed:
        return None
    wait = max(1, round((allowance.resets_at - now).total_seconds()))
    headers = {"Retry-After": str(wait), "Discourse-Rate-Limit-Error-Code": "admin_api_key_rate_limit"}
    body = f"Slow down, you're making too many requests.\nPlease retry again in {wait} seconds.\n"
    return body, 429, headers | {"Content-Type": "text/plain"}


def _admin_actor() -> User:
    name = request.headers.get("Api-Username", "")
    known = world().forum.users.get(name.lower())
    if request.headers["Api-Key"] != world().options.api_key or known is None:
        raise forbidden(BAD_KEY)
    return known


def _user_key_actor(key: str) -> User:
    found = world().access.user_keys.get(key)
    if found is None:
        raise forbidden(BAD_KEY)
    reads = request.method == "GET" and ("read" in found.scopes or request.path == "/session/current.json")
    if not (reads or "write" in found.scopes):
        raise forbidden()
    return world().forum.user(found.username)


@api.errorhandler(Refusal)
def refuse(refusal: Refusal) -> ResponseReturnValue:
    body: dict[str, Any] = {"errors": [refusal.message]}
    if refusal.kind:
        body["error_type"] = refusal.kind
    if request.method == "POST" and request.path == "/posts.json":
        body["action"] = "create_post"
    return jsonify(body), refusal.status


def forum() -> Forum:
    return world().forum


def actor() -> User:
    found: User = g.actor
    return found


def admin() -> User:
    """Admin paths do not exist for anybody else."""
    if not actor().admin:
        raise not_found()
    return actor()


@api.get("/site/basic-info.json")
def basic_info() -> ResponseReturnValue:
    return jsonify(title="Sandbox forum", description="A forum in a box", locale="en", login_required=True, logo_url="")


@api.get("/about.json")
def about() -> ResponseReturnValue:
    people = [u for u in forum().users.values() if u.staff]
    stats = {"topics_count": len(forum().topics), "posts_count": len(forum().posts), "users_count": len(forum().users)}
    staff = {"admins": [basic_user(u) for u in people if u.admin], "moderators": [basic_user(u) for u in people]}
    return jsonify(about={"title": "Sandbox forum", "locale": "en", "version": "2026.9.0", "stats": stats, **staff})


@api.get("/site.json")
def site() -> ResponseReturnValue:
    types = [{"id": LIKE, "name_key": "like", "is_flag": False}]
    types += [{"id": i, "name_key": name, "is_flag": True} for i, name in FLAG_TYPES.items()]
    return jsonify(
        categories=[category_shape(forum(), c) for c in _categories()],
        groups=[{"id": x.id, "name": x.name} for x in forum().groups.values()],
        post_action_types=types,
        trust_levels={"newuser": 0, "basic": 1, "member": 2, "regular": 3, "leader": 4},
        archetypes=[{"id": "regular", "name": "Regular Topic"}, {"id": "private_message", "name": "Private Message"}],
    )


@api.get("/site/settings.json")
def settings() -> ResponseReturnValue:
    """The part of the forum's settings that its own pages are given."""
    return jsonify(
        title="Sandbox forum",
        default_locale="en",
        min_post_length=world().options.min_post_length,
        max_post_length=MAX_POST_LENGTH,
        max_image_size_kb=MAX_BYTES // 1024,
        authorized_extensions="|".join(EXTENSIONS),
        unique_posts_mins=world().options.unique_post_seconds // 60,
        enable_category_group_moderation=world().options.category_group_moderation,
        solved_enabled=True,
    )


@api.get("/session/current.json")
def current() -> ResponseReturnValue:
    return jsonify(current_user=user_shape(forum(), actor()))


@api.get("/u/<username>.json")
def user(username: str) -> ResponseReturnValue:
    return jsonify(user_badges=[], user=user_shape(forum(), forum().user(username)))


@api.get("/categories.json")
def categories() -> ResponseReturnValue:
    rows = [category_shape(forum(), c) for c in _categories()]
    return jsonify(category_list={"can_create_category": actor().admin, "can_create_topic": True, "categories": rows})


def _categories() -> list[Any]:
    known = forum()
    return [c for c in known.categories.values() if not c.restricted or known.moderates(actor(), c.id)]


@api.get("/c/<int:category_id>/show.json")
def category(category_id: int) -> ResponseReturnValue:
    found = forum().categories.get(category_id)
    if found is None or found not in _categories():
        raise not_found()
    return jsonify(category=category_shape(forum(), found, actor()))


@api.get("/latest.json")
def latest() -> ResponseReturnValue:
    seen = [t for t in forum().topics.values() if _listed(t)]
    seen.sort(key=lambda t: forum().posts[t.post_ids[-1]].created_at, reverse=True)
    start = number(params(), "page") * PER_PAGE
    rows = [topic_row(forum(), t) for t in seen[start : start + PER_PAGE]]
    listing: dict[str, Any] = {"can_create_topic": True, "per_page": PER_PAGE, "topics": rows}
    if start + PER_PAGE < len(seen):
        listing["more_topics_url"] = f"/latest?page={start // PER_PAGE + 1}"
    posters = {p["user_id"] for row in rows for p in row["posters"]}
    people = [basic_user(u) for u in forum().users.values() if u.id in posters]
    return jsonify(users=people, primary_groups=[], topic_list=listing)


def _listed(topic: Topic) -> bool:
    regular = topic.archetype == "regular" and topic.visible and topic.deleted_at is None
    return regular and forum().sees_topic(actor(), topic)


@api.get("/posts.json")
def latest_posts() -> ResponseReturnValue:
    """At most 50, newest first. `before` bounds the id, and the window is 50 ids wide whatever is visible in it."""
    highest = max(forum().posts, default=0)
    asked = number(params(), "before")
    before = asked if asked > 0 else highest
    window = range(before, max(before - 50, 0), -1)
    found = [forum().posts[i] for i in window if i in forum().posts and _public(forum().posts[i])]
    return jsonify(latest_posts=[post_shape(forum(), p, actor()) for p in found])


def _public(post: Post) -> bool:
    topic = forum().topics[post.topic_id]
    return topic.archetype == "regular" and post.deleted_at is None and forum().sees(actor(), post)


@api.get("/posts/<int:post_id>.json")
def post(post_id: int) -> ResponseReturnValue:
    return jsonify(post_shape(forum(), forum().post(post_id, actor()), actor()))


@api.get("/posts/<int:post_id>/revisions/latest.json")
def latest_revision(post_id: int) -> ResponseReturnValue:
    found = forum().post(post_id, actor())
    if len(found.versions) < 2:
        raise not_found()
    (_, before), (at, after) = found.versions[-2:]
    sides = f'<div class="inline-diff"><del>{paragraphs(before)}</del><ins>{paragraphs(after)}</ins></div>'
    return jsonify(
        created_at=iso(at),
        post_id=found.id,
        current_revision=len(found.versions),
        current_version=len(found.versions),
        version_count=len(found.versions),
        username=found.username,
        edit_reason=found.edit_reason,
        body_changes={"inline": sides, "side_by_side": sides, "side_by_side_markdown": sides},
    )


@api.get("/t/<int:topic_id>.json")
def topic(topic_id: int) -> ResponseReturnValue:
    found = _open(topic_id)
    visible = [p for i in found.post_ids if forum().sees(actor(), p := forum().posts[i])]
    start = max(number(params(), "page", 1) - 1, 0) * STREAM_CHUNK
    raw = truth(params(), "include_raw")
    return jsonify(topic_shape(forum(), found, actor(), visible[start : start + STREAM_CHUNK], raw=raw))


@api.get("/t/<int:topic_id>/posts.json")
def topic_posts(topic_id: int) -> ResponseReturnValue:
    found = _open(topic_id)
    wanted = {int(i) for i in request.args.getlist("post_ids[]") if i.isdigit()}
    chosen = [p for i in found.post_ids if i in wanted and forum().sees(actor(), p := forum().posts[i])]
    raw = truth(params(), "include_raw")
    shapes = [post_shape(forum(), p, actor(), raw=raw) for p in chosen]
    return jsonify(post_stream={"posts": shapes}, id=found.id)


def _open(topic_id: int) -> Topic:
    found = forum().topic(topic_id, actor())
    if found.deleted_at is not None and not forum().moderates(actor(), found.category_id):
        raise not_found()
    return found


@api.get("/search.json")
def search() -> ResponseReturnValue:
    words = text(params(), "q").lower().split()
    if not words:
        raise Refusal(400, "param is missing or the value is empty: q", "invalid_parameters")
    hits = [p for p in forum().posts.values() if _public(p) and all(w in p.raw.lower() for w in words)][-50:]
    topics = {p.topic_id: forum().topics[p.topic_id] for p in hits}
    rows = [{**post_shape(forum(), p, actor(), raw=False), "blurb": p.raw[:200]} for p in hits]
    grouped = {"term": text(params(), "q"), "post_ids": [p.id for p in hits], "error": None, "more_posts": None}
    found = [topic_row(forum(), t) for t in topics.values()]
    return jsonify(posts=rows, topics=found, users=[], categories=[], tags=[], groups=[], grouped_search_result=grouped)


@api.get("/notifications.json")
def notifications() -> ResponseReturnValue:
    mine = [n for n in forum().notices if n.username == actor().username][::-1]
    start = number(params(), "offset")
    rows = [_notice(n) for n in mine[start : start + 60]]
    return jsonify(notifications=rows, total_rows_notifications=len(mine), seen_notification_id=0)


def _notice(notice: Notice) -> dict[str, Any]:
    said = forum().posts[notice.post_id]
    title = forum().topics[said.topic_id].title
    return {
        "id": notice.id,
        "user_id": forum().user(notice.username).id,
        "notification_type": notice.type_id,
        "read": False,
        "created_at": iso(notice.at),
        "post_number": said.number,
        "topic_id": said.topic_id,
        "slug": slug(title),
        "data": {"topic_title": title, "original_post_id": said.id, "display_username": notice.by},
    }


@api.get("/groups.json")
def groups() -> ResponseReturnValue:
    known = [group_shape(x) for x in forum().groups.values() if x.id]
    return jsonify(groups=known, total_rows_groups=len(known))
