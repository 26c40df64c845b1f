"""The NodeBB API under /nodebb: the sandbox's forum once more. Here: who calls, and reading."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from service.sandbox.forum import Category, Topic, User
from service.sandbox.media import MAX_BYTES
from service.sandbox.nodebb_rules import ELSEWHERE, LEAST, MOST, NO_RIGHT, ApiError, Board, state_of
from service.sandbox.nodebb_shapes import PREFIX, Json, account, category
from service.sandbox.nodebb_topics import list_row, pagination, post, source_post, topic_row
from service.sandbox.requests import world

api = Blueprint("nodebb", __name__, url_prefix=PREFIX)
CODES = {400: "bad-request", 401: "not-authorised", 403: "forbidden", 404: "not-found"}
MASTER_WITHOUT_UID = "A master token was received without a corresponding `_uid` in the request body"
#: A feed's address holds the reader's own token; nothing of it may be kept.
FEED_TOKEN = "sandbox-nodebb-feed-token"


# ------------------------------------------------------------------ who calls


@api.before_request
def admit() -> ResponseReturnValue | None:
    """A token that is not known reads on as a guest does; a write without one is taken for a forged form."""
    header = request.headers.get("Authorization", "")
    if not header and request.method != "GET":
        return "Forbidden", 403, {"Content-Type": "text/plain; charset=utf-8"}
    known = state_of(world())
    token = header.removeprefix("Bearer ")
    uid = known.tokens.get(token)
    if token == world().options.nodebb_token:
        asked = body().get("_uid", request.args.get("_uid"))
        if asked is None:
            raise ApiError(400, MASTER_WITHOUT_UID)
        uid = _number(asked)
    g.board = Board(world().forum, known, _member(uid) if uid is not None else None)
    return None


def _member(uid: int) -> User:
    for user in world().forum.users.values():
        if user.id == uid:
            return user
    raise ApiError(400, "invalid-ip")


def board() -> Board:
    found: Board = g.board
    return found


def body() -> Json:
    found = request.get_json(silent=True) if request.is_json else None
    return found if isinstance(found, dict) else {}


def _number(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return -1


@api.errorhandler(ApiError)
def refuse(error: ApiError) -> ResponseReturnValue:
    """The read API says 403 and 404 as a page, without a `status`."""
    reads = not request.path.startswith(f"{PREFIX}/api/v3/")
    if reads and error.status in (403, 404):
        logged_in = {"loggedIn": True} if error.status == 403 else {}
        return jsonify(path=_place(), title=f"[[global:{error.status}.title]]", bodyClass="", **logged_in), error.status
    return jsonify(status={"code": CODES[error.status], "message": error.message}, response={}), error.status


def unknown_path(error: HTTPException) -> ResponseReturnValue:
    """What no view answers."""
    return refuse(ApiError(404 if error.code in (404, 405) else 400, "Invalid API call"))


def _place() -> str:
    return request.path.removeprefix(f"{PREFIX}/api")


def ok(found: Json | None = None) -> ResponseReturnValue:
    return jsonify(status={"code": "ok", "message": "OK"}, response=found or {})


def page(found: Json) -> ResponseReturnValue:
    """A page of the read API, with what surrounds each of them."""
    me = board().actor
    around: Json = {
        "loggedIn": me is not None,
        "relative_path": PREFIX,
        "url": _place(),
        "bodyClass": "",
        "widgets": {},
    }
    if me is not None:
        around["loggedInUser"] = account(board(), me)
    return jsonify(found | around)


def _asked_page() -> int:
    return max(_number(request.args.get("page", 1)), 1)


def cut(rows: list[Any], size: int) -> tuple[list[Any], Json]:
    start = (_asked_page() - 1) * size
    return rows[start : start + size], pagination(_asked_page(), max(-(-len(rows) // size), 1))


# ------------------------------------------------------------------ the forum


@api.get("/api/config")
def config() -> ResponseReturnValue:
    me = board().actor
    return jsonify(
        relative_path=PREFIX,
        siteTitle="Sandbox forum",
        postQueue=int(board().state.queueing),
        minimumPostLength=LEAST,
        maximumPostLength=MOST,
        maximumChatMessageLength=1_000,
        disableChat=False,
        maximumFileSize=MAX_BYTES // 1024,
        topicsPerPage=20,
        postsPerPage=board().state.per_page,
        defaultLang="en-GB",
        loggedIn=me is not None,
        uid=me.id if me else 0,
    )


@api.get("/api/recent")
def recent() -> ResponseReturnValue:
    def moved(topic: Topic) -> tuple[int, int]:
        return int(topic_row(board(), topic)["lastposttime"]), topic.id

    rows, pages = cut(sorted(board().topics(), key=moved, reverse=True), 20)
    topics = [list_row(board(), topic, i) for i, topic in enumerate(rows)]
    feed = f"{world().base_url}{PREFIX}/recent.rss?uid=1&token={FEED_TOKEN}"
    return page({"topics": topics, "topicCount": len(topics), "pagination": pages, "rssFeedUrl": feed})


@api.get("/api/topic/<int:tid>")
def topic(tid: int) -> ResponseReturnValue:
    found = board().topic(tid)
    if not board().shows_topic(found):
        board().me()
        raise ApiError(403, NO_RIGHT)
    numbered = list(enumerate(board().posts(found)))
    shown, pages = cut(numbered, board().state.per_page)
    posts = [post(board(), one, index) for index, one in shown]
    answer = next(((i, p) for i, p in numbered if p.id == found.accepted_post_id), None)
    if answer is not None and _asked_page() == 1:
        posts.insert(1, post(board(), answer[1], -1))
    named = board().category(found.category_id) or ELSEWHERE
    feed = f"{world().base_url}{PREFIX}/topic/{tid}.rss?uid=1&token={FEED_TOKEN}"
    about = {"posts": posts, "category": category(board(), named), "pagination": pages, "rssFeedUrl": feed}
    return page(topic_row(board(), found) | about)


@api.get("/api/v3/topics/<int:tid>")
def topic_v3(tid: int) -> ResponseReturnValue:
    found = board().topic(tid)
    if not board().shows_topic(found):
        raise ApiError(404, "Topic does not exist")
    return ok(topic_row(board(), found))


@api.get("/api/v3/posts/<int:pid>")
def post_v3(pid: int) -> ResponseReturnValue:
    return ok(source_post(board(), board().post(pid)))


@api.get("/api/category/<int:cid>")
def category_page(cid: int) -> ResponseReturnValue:
    found = category_of(cid)
    if not board().reads(cid):
        board().me()
        raise ApiError(403, NO_RIGHT)
    me = board().actor
    may = {"topics:read": True, "read": True, "cid": str(cid), "uid": me.id if me else 0}
    feed = f"{world().base_url}{PREFIX}/category/{cid}.rss?uid=1&token={FEED_TOKEN}"
    about = {"topics": [], "privileges": may, "pagination": pagination(1, 1), "rssFeedUrl": feed}
    return page(category(board(), found) | about)


@api.get("/api/v3/categories/<int:cid>")
def category_v3(cid: int) -> ResponseReturnValue:
    """One that is not there is 200, and empty."""
    found = board().category(cid)
    return ok(category(board(), found) if found is not None and board().reads(cid) else {})


def category_of(cid: int) -> Category:
    found = board().category(cid)
    if found is None:
        raise ApiError(404, "Category does not exist")
    return found
