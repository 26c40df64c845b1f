"""The Lemmy API under /lemmy, reading: site, account, communities, posts, comments, people, reports, the public log.

Every path is there as /api/v3 and, like on 1.0, as /api/v4 beside it. A token that is not known is nobody's: reading
goes on without it, as on a real server.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from flask import Blueprint, current_app, g, jsonify, request
from flask.typing import ResponseReturnValue

from service.sandbox.forum import User
from service.sandbox.lemmy_rules import Lemmy, is_dead, refused
from service.sandbox.lemmy_shapes import V3_LOGS, Shapes
from service.sandbox.media import TYPES
from service.sandbox.refusal import Refusal
from service.sandbox.requests import number, params, text, truth, world

PREFIX = "/lemmy"
EXTENSION = "tenth_sandbox_lemmy"
BOTH = "/api/<any(v3, v4):version>"
#: Rows of a page, and the most that may be asked for.
ROWS, MOST_ROWS = 10, 50
Item = TypeVar("Item")

api = Blueprint("lemmy", __name__, url_prefix=PREFIX)


def lemmy() -> Lemmy:
    """The server's own memory, made with the first request."""
    found: Lemmy = current_app.extensions.setdefault(EXTENSION, Lemmy(world()))
    return found


@api.url_value_preprocessor
def take_version(_: str | None, values: dict[str, Any] | None) -> None:
    (values or {}).pop("version", None)
    g.v4 = request.path.startswith(f"{PREFIX}/api/v4/")


@api.before_request
def admit() -> None:
    if g.v4 and not world().options.lemmy_v4:
        raise refused("not_found", 404)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    g.lemmy_user = lemmy().named(token) if scheme == "Bearer" else None


@api.errorhandler(Refusal)
def refuse(refusal: Refusal) -> ResponseReturnValue:
    word = {403: "not_a_mod_or_admin", 404: "not_found"}.get(refusal.status, refusal.message)
    return jsonify(error=word), refusal.status


def me() -> User:
    """The caller; nobody in particular is refused."""
    if g.lemmy_user is None:
        raise refused("incorrect_login", 401) if g.v4 else refused("not_logged_in")
    found: User = g.lemmy_user
    return found


def shapes() -> Shapes:
    return Shapes(lemmy(), g.v4, g.lemmy_user)


def _page(items: Sequence[Item], shape: Callable[[Item], Any], name: str) -> ResponseReturnValue:
    """v3 goes by the number of the page, v4 by a word that says where the next one begins."""
    asked = params()
    limit = max(1, min(number(asked, "limit", ROWS), MOST_ROWS))
    if not g.v4:
        start = (max(number(asked, "page", 1), 1) - 1) * limit
        return jsonify({name: [shape(item) for item in items[start : start + limit]]})
    cursor = text(asked, "page_cursor")
    if cursor and not cursor.removeprefix("P").isdigit():
        raise refused("couldnt_parse_pagination_token")
    start = int(cursor.removeprefix("P") or 0)
    shown = [shape(item) for item in items[start : start + limit]]
    onward = {"next_page": f"P{start + limit}"} if start + limit < len(items) else {}
    return jsonify(items=shown, **onward)


# site and account


@api.get(f"{BOTH}/site")
def site() -> ResponseReturnValue:
    admins = [shapes().person_view(u) for u in world().forum.users.values() if u.admin]
    shape: dict[str, Any] = {
        "site_view": {"site": {"id": 1, "name": "Sandbox Lemmy"}},
        "admins": admins,
        "version": "1.0.0" if world().options.lemmy_v4 else "0.19.11",
        "all_languages": [],
        "discussion_languages": [],
    }
    if not g.v4 and g.lemmy_user is not None:
        shape["my_user"] = _account()
    return jsonify(shape)


@api.get("/api/v4/account")
def account() -> ResponseReturnValue:
    me()
    return jsonify(_account())


def _account() -> dict[str, Any]:
    user = me()
    categories = world().forum.categories.values()
    held = [c for c in categories if user.username in lemmy().moderators_of(c.id)]
    person, shown = shapes().person(user), shapes()
    local = {"id": user.id, "person_id": user.id, "admin": user.admin, "show_nsfw": True}
    moderates = [{"community": shown.community(c), "moderator": person} for c in held]
    view = {"local_user": local, "person": person}
    return {"local_user_view": view, "moderates": moderates, "follows": [], "discussion_languages": []}


@api.post("/api/v3/user/login")
@api.post("/api/v4/account/auth/login")
def login() -> ResponseReturnValue:
    asked = params()
    token = lemmy().sign_in(text(asked, "username_or_email"), text(asked, "password"))
    return jsonify(jwt=token, registration_created=False, verify_email_sent=False)


# communities and people


@api.get(f"{BOTH}/community")
def community() -> ResponseReturnValue:
    asked = params()
    if wanted := number(asked, "id"):
        found = lemmy().community(wanted, g.lemmy_user)
    else:
        found = lemmy().community_named(text(asked, "name"), g.lemmy_user)
    view, moderators = shapes().community_view(found), shapes().moderators(found)
    return jsonify(community_view=view, moderators=moderators, discussion_languages=[])


@api.get("/api/v3/user")
@api.get("/api/v4/person")
def person() -> ResponseReturnValue:
    asked = params()
    people = world().forum.users.values()
    wanted, name = number(asked, "person_id"), text(asked, "username").partition("@")[0].lower()
    found = next((u for u in people if u.id == wanted or u.username.lower() == name), None)
    if found is None:
        raise refused("not_found", 404)
    return jsonify(person_view=shapes().person_view(found), moderates=[])


# posts and comments


@api.get(f"{BOTH}/post/list")
def posts() -> ResponseReturnValue:
    """Newest first. 0.19 puts what is pinned before all others, whatever the order asked for."""
    found = sorted(_topics(), key=lambda topic: (topic.created_at, topic.id), reverse=True)
    if not g.v4:
        found.sort(key=lambda topic: not topic.pinned)
    return _page(found, shapes().post_view, "posts")


def _topics() -> list[Any]:
    asked, known = params(), world().forum.categories.values()
    if not (asked.get("community_name") or asked.get("community_id")):
        seen = [c for c in known if not c.restricted or lemmy().moderates(g.lemmy_user, c.id)]
    elif asked.get("community_id"):
        seen = [lemmy().community(number(asked, "community_id"), g.lemmy_user)]
    else:
        seen = [lemmy().community_named(text(asked, "community_name"), g.lemmy_user)]
    return [topic for category in seen for topic in lemmy().posts_in(category.id)]


@api.get(f"{BOTH}/post")
def post() -> ResponseReturnValue:
    found = lemmy().topic(number(params(), "id"), g.lemmy_user)
    view = shapes().post_view(found)
    moderators = shapes().moderators(world().forum.categories[found.category_id or 0])
    return jsonify(post_view=view, moderators=moderators, cross_posts=[])


@api.get(f"{BOTH}/comment/list")
def comments() -> ResponseReturnValue:
    """1.0 lists what was taken down, too, so that the tree has no holes; here v3 leaves it out, as some 0.19 did."""
    asked = params()
    topics = [lemmy().topic(wanted, g.lemmy_user)] if (wanted := number(asked, "post_id")) else _topics()
    found = [p for p in lemmy().comments_in(topics) if g.v4 or not is_dead(p)]
    newest = text(asked, "sort").lower() != "old"
    found.sort(key=lambda p: (p.created_at, p.id), reverse=newest)
    return _page(found, shapes().comment_view, "comments")


@api.get(f"{BOTH}/comment")
def comment() -> ResponseReturnValue:
    found = lemmy().comment(number(params(), "id"), g.lemmy_user)
    return jsonify(comment_view=shapes().comment_view(found), recipient_ids=[])


# reports and the log


@api.get("/api/v3/<any(post, comment):kind>/report/list")
def reports(kind: str) -> ResponseReturnValue:
    return _page(_open_first(kind), shapes().report_view, f"{kind}_reports")


@api.get("/api/v4/report/list")
def all_reports() -> ResponseReturnValue:
    wanted = text(params(), "type_", "all")
    found = [r for kind in ("post", "comment") if wanted in ("all", f"{kind}s") for r in _open_first(kind)]
    return _page(sorted(found, key=lambda r: r.flag.id, reverse=True), shapes().report_view, "items")


def _open_first(kind: str) -> list[Any]:
    user, asked = me(), params()
    if not any(lemmy().moderates(user, number_of) for number_of in world().forum.categories):
        raise refused("not_a_mod_or_admin")
    found = lemmy().reports(kind, user)
    return [r for r in found if not truth(asked, "unresolved_only") or not lemmy().is_closed(r)]


@api.get(f"{BOTH}/modlog")
def modlog() -> ResponseReturnValue:
    """Newest first. v3 has a list for each kind, all of them always there."""
    asked, rows = params(), [*reversed(lemmy().log)]
    if wanted := number(asked, "community_id"):
        rows = [e for e in rows if e.community == wanted]
    if wanted := number(asked, "other_person_id"):
        rows = [e for e in rows if e.person and world().forum.user(e.person).id == wanted]
    kind = text(asked, "type_", "all")
    if g.v4:
        return _page([e for e in rows if kind in ("all", e.kind)], shapes().log_row, "items")
    lists: dict[str, list[Any]] = {name: [] for name, _, _ in V3_LOGS.values()}
    for entry in rows:
        if kind.lower() in ("all", entry.kind.replace("_", "")):
            lists[V3_LOGS[entry.kind][0]].append(shapes().log_row(entry))
    return jsonify({name: found[: number(asked, "limit", ROWS)] for name, found in lists.items()})


# pictures


@api.get("/pictrs/image/<name>")
@api.get("/api/v4/image/<name>")
def picture(name: str) -> ResponseReturnValue:
    found = lemmy().pictures.get(name)
    if found is None:
        raise refused("not_found", 404)
    return found.body, 200, {"Content-Type": TYPES[found.kind]}
