"""Topics, posts and flags as NodeBB writes them in JSON."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

from service.sandbox.forum import Post, Topic
from service.sandbox.ids import iso, slug
from service.sandbox.nodebb_rules import ELSEWHERE, Board, Flag, is_deleted
from service.sandbox.nodebb_shapes import PREFIX, Json, author, brief, brief_category, ms, parsed, stamp

HIDDEN = "[[topic:post-is-deleted]]"


def topic_row(board: Board, topic: Topic) -> Json:
    """A topic as lists and /api/v3/topics show it."""
    posts = board.posts(topic)
    alive = [p for p in posts if not is_deleted(p)] or posts
    owner = board.forum.user(topic.username)
    row: Json = {
        "tid": topic.id,
        "uid": owner.id,
        "cid": topic.category_id or ELSEWHERE.id,
        "mainPid": topic.post_ids[0],
        "title": escape(topic.title),
        "titleRaw": topic.title,
        "slug": f"{topic.id}/{slug(topic.title)}",
        **stamp(topic.created_at),
        "lastposttime": ms(alive[-1].created_at),
        "lastposttimeISO": iso(alive[-1].created_at),
        "postcount": len(posts),
        "viewcount": len(posts) * 7,
        "postercount": len({p.username for p in posts}),
        "deleted": int(topic.deleted_at is not None),
        "locked": int(topic.closed),
        "pinned": int(topic.pinned),
        "pinExpiry": 0,
        "upvotes": 0,
        "downvotes": 0,
        "deleterUid": 0,
        "generatedTitle": 0,
        "scheduled": False,
        "votes": 0,
        "tags": [{"value": t, "valueEscaped": t, "valueEncoded": quote(t), "class": t} for t in topic.tags],
        "thumbs": [],
    }
    solved = topic.accepted_post_id
    return row | ({"isQuestion": "1", "isSolved": "1", "solvedPid": str(solved)} if solved is not None else {})


def list_row(board: Board, topic: Topic, index: int) -> Json:
    """A topic as /api/recent shows it."""
    found = board.category(topic.category_id) or ELSEWHERE
    owner = author(board.forum.user(topic.username))
    for name in ("selectedGroups", "custom_profile_info"):
        owner.pop(name)
    return topic_row(board, topic) | {
        "category": brief_category(found) | {"disabled": 0},
        "user": owner,
        "isOwner": False,
        "unread": True,
        "unreplied": len(topic.post_ids) == 1,
        "icons": [],
        "index": index,
    }


def post(board: Board, found: Post, index: int) -> Json:
    """A post as a topic's page shows it: HTML, its author, what it answers."""
    parent = _parent(board, found)
    hidden = is_deleted(found) and not board.moderates_post(found)
    shape = _post_facts(board, found) | {
        "content": HIDDEN if hidden else parsed(board, _source(found)),
        "index": index,
        "replies": {"hasMore": False, "hasSingleImmediateReply": False, "users": [], "text": "", "count": 0},
        "user": author(board.forum.user(found.username)),
        "editor": None,
        "selfPost": board.actor is not None and board.actor.username == found.username,
        "events": [],
        "topicOwnerPost": board.forum.topics[found.topic_id].username == found.username,
    }
    if parent is not None:
        shape["toPid"] = str(parent.id)
        shape["parent"] = {
            "uid": board.forum.user(parent.username).id,
            "pid": parent.id,
            "content": parsed(board, _source(parent)),
            "user": brief(board.forum.user(parent.username)),
            **stamp(parent.created_at),
        }
    return shape


def source_post(board: Board, found: Post) -> Json:
    """A post as /api/v3/posts shows it: its source, and its author by number only."""
    parent = _parent(board, found)
    mine = board.actor is not None and board.actor.username == found.username
    hidden = is_deleted(found) and not (mine or board.moderates_post(found))
    shape = _post_facts(board, found) | {"content": HIDDEN if hidden else _source(found), "replies": 0}
    return shape | ({"toPid": str(parent.id)} if parent is not None else {})


def summary(board: Board, found: Post, base_url: str) -> Json:
    """A post as the answer to changing one shows it."""
    topic = board.forum.topics[found.topic_id]
    row, facts = topic_row(board, topic), _post_facts(board, found)
    kept = ("pid", "tid", "uid", "timestamp", "timestampISO", "upvotes", "downvotes", "votes")
    names = ("uid", "tid", "title", "generatedTitle", "cid", "tags", "slug", "deleted", "scheduled", "postcount",
             "mainPid", "timestamp", "titleRaw", "timestampISO")  # fmt: skip
    parent = _parent(board, found)
    return {k: facts[k] for k in kept} | {
        "toPid": str(parent.id) if parent is not None else None,
        "url": f"{base_url}{PREFIX}/post/{found.id}",
        "content": parsed(board, _source(found)),
        "sourceContent": None,
        "deleted": is_deleted(found),
        "replies": 0,
        "user": brief(board.forum.user(found.username)),
        "topic": {k: row[k] for k in names},
        "category": brief_category(board.category(topic.category_id) or ELSEWHERE),
        "isMainPost": found.id == topic.post_ids[0],
    }


def _post_facts(board: Board, found: Post) -> Json:
    edited = found.updated_at if len(found.versions) > 1 else None
    return {
        "pid": found.id,
        "tid": found.topic_id,
        "uid": board.forum.user(found.username).id,
        **stamp(found.created_at),
        "deleted": int(is_deleted(found)),
        "deleterUid": board.state.deleters.get(found.id, 0),
        "edited": ms(edited) if edited else 0,
        "editedISO": iso(edited) if edited else "",
        "upvotes": found.likes,
        "downvotes": 0,
        "votes": found.likes,
        "bookmarks": 0,
        "announces": 0,
        "attachments": [],
        "uploads": [],
    }


def _source(found: Post) -> str:
    """Discourse puts a note in the place of what its author deleted; NodeBB keeps the text."""
    return found.versions[-1][1] if found.user_deleted else found.raw


def _parent(board: Board, found: Post) -> Post | None:
    ids = board.forum.topics[found.topic_id].post_ids
    number = found.reply_to
    return board.forum.posts[ids[number - 1]] if number is not None and 0 < number <= len(ids) else None


def pagination(page: int, count: int) -> Json:
    def step(to: int) -> Json:
        return {"page": to, "active": 1 <= to <= count and to != page}

    ends = {"prev": step(page - 1), "next": step(page + 1), "first": step(1), "last": step(count)}
    return ends | {"rel": [], "pages": [], "currentPage": page, "pageCount": count}


# ------------------------------------------------------------------ flags


def flag_row(board: Board, flag: Flag) -> Json:
    owner = board.forum.posts[flag.target].username if flag.type == "post" else board.user(flag.target).username
    return {
        "state": flag.state,
        "assignee": None,
        "heat": len(flag.reports),
        "flagId": str(flag.id),
        "type": flag.type,
        "targetId": str(flag.target),
        "targetUid": str(board.forum.user(owner).id),
        "datetime": str(ms(flag.at)),
        "datetimeISO": iso(flag.at),
        "labelClass": "danger" if flag.state == "open" else "success",
        "target_readable": f"{flag.type.capitalize()} {flag.target}",
    }


def flag_page(board: Board, flag: Flag) -> Json:
    row = {k: v for k, v in flag_row(board, flag).items() if k not in ("heat", "labelClass")}
    target = _flagged(board, flag.target) if flag.type == "post" else brief(board.user(flag.target))
    reports = [
        {"value": one.reason, **stamp(one.at), "reporter": brief(board.user(one.uid)) | {"reputation": 0}}
        for one in flag.reports
    ]
    return row | {"target": target, "notes": [], "reports": reports}


def _flagged(board: Board, pid: int) -> Json:
    shape = post(board, board.forum.posts[pid], 0)
    return {k: v for k, v in shape.items() if k not in ("index", "events", "topicOwnerPost", "toPid", "parent")}


def flag_history(board: Board, flag: Flag) -> list[Json]:
    return [
        {
            "uid": uid,
            "fields": {"state": f"[[flags:state-{state}]]"},
            "datetime": ms(at),
            "datetimeISO": iso(at),
            "user": brief(board.user(uid)),
        }
        for uid, state, at in flag.changes
    ]
