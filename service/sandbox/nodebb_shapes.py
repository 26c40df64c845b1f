"""People and categories as NodeBB writes them in JSON, and a post's text as its pages show it."""

from __future__ import annotations

import re
from datetime import datetime
from html import escape
from typing import Any

from service.sandbox.forum import Category, User
from service.sandbox.ids import MENTION, iso, slug
from service.sandbox.nodebb_rules import ELSEWHERE, FAR, Board

Json = dict[str, Any]
PREFIX = "/nodebb"
#: A picture in a post's source, after its text was escaped.
_PICTURE = re.compile(r"!\[([^\]]*)\]\(([^\s()]+)\)")
_PRIVILEGES = (
    "find", "read", "topics:read", "topics:create", "topics:reply", "topics:crosspost", "topics:schedule",
    "topics:tag", "posts:edit", "posts:history", "posts:delete", "posts:upvote", "posts:downvote", "topics:delete",
    "posts:view_deleted", "purge", "moderate",
)  # fmt: skip


def ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def stamp(at: datetime) -> Json:
    return {"timestamp": ms(at), "timestampISO": iso(at)}


def parsed(board: Board, raw: str) -> str:
    """The text as HTML, in the way of NodeBB's Markdown: paragraphs, quotations, mentions, pictures."""
    blocks = [block.strip("\n") for block in re.split(r"\n\s*\n", raw) if block.strip()]
    return "".join(_block(board, block) for block in blocks)


def _block(board: Board, block: str) -> str:
    lines = block.split("\n")
    if all(line.startswith(">") for line in lines):
        inner = "\n".join(line[1:].strip() for line in lines)
        return f"<blockquote>\n{_block(board, inner)}</blockquote>\n"
    shown = MENTION.sub(lambda found: _mention(board, found), escape(block, quote=False))
    shown = _PICTURE.sub(r'<img src="\2" alt="\1" class=" img-fluid img-markdown" />', shown)
    return f'<p dir="auto">{"<br />".join(shown.split(chr(10)))}</p>\n'


def _mention(board: Board, found: re.Match[str]) -> str:
    user = board.forum.users.get(found[1].lower())
    if user is None:
        return found[0]
    name = escape(user.username)
    return (
        f'<a class="plugin-mentions-user plugin-mentions-a" href="{PREFIX}/user/{name}" '
        f'aria-label="Profile: {name}">@<bdi>{name}</bdi></a>'
    )


# ------------------------------------------------------------------ people


def brief(user: User) -> Json:
    return {
        "uid": user.id,
        "username": user.username,
        "userslug": slug(user.username),
        "picture": None,
        "displayname": user.name or user.username,
        "isLocal": True,
        "icon:bgColor": "#ad1457",
        "icon:text": user.username[0].upper(),
    }


def author(user: User) -> Json:
    return brief(user) | {
        "reputation": 0,
        "signature": "",
        "banned": user.suspended_till is not None,
        "status": "offline",
        "banned_until": 0,
        "banned_until_readable": "Not Banned",
        "selectedGroups": [],
        "custom_profile_info": [],
    }


def account(board: Board, user: User) -> Json:
    """Without e-mail address and the like: nobody here has one."""
    now = board.forum.now()
    banned = user.suspended_till is not None and user.suspended_till > now
    muted = user.silenced_till is not None and user.silenced_till > now
    until = 0 if not banned or user.suspended_till in (None, FAR) else ms(user.suspended_till or now)
    return brief(user) | {
        "joindate": ms(user.created_at),
        "joindateISO": iso(user.created_at),
        "reputation": 0,
        "postcount": sum(p.username == user.username for p in board.forum.posts.values()),
        "topiccount": sum(t.username == user.username for t in board.forum.topics.values()),
        "status": "offline",
        "banned": banned,
        "banned:expire": until,
        "banned_until": until,
        "banned_until_readable": iso(user.suspended_till) if until and user.suspended_till else "Not Banned",
        "muted": muted,
        "mutedUntil": ms(user.silenced_till) if muted and user.silenced_till else 0,
        "mutedReason": board.state.reasons.get(user.id) if muted else None,
    }


def profile(board: Board, user: User) -> Json:
    """An account's page: what the one who looks at it is and may."""
    me = board.me()
    return account(board, user) | {
        "aboutme": user.bio,
        "yourid": me.id,
        "theirid": user.id,
        "isTargetAdmin": user.admin,
        "isAdmin": me.admin,
        "isGlobalModerator": me.moderator,
        "isModerator": False,
        "isAdminOrGlobalModerator": me.staff,
        "isAdminOrGlobalModeratorOrModerator": me.staff,
        "isSelfOrAdminOrGlobalModerator": me.staff or me is user,
        "canEdit": me.admin or me is user,
        "canBan": me.staff,
        "canMute": me.staff,
        "isSelf": me is user,
    }


# ------------------------------------------------------------------ categories


def category(board: Board, found: Category) -> Json:
    topics = [t for t in board.forum.topics.values() if (t.category_id or ELSEWHERE.id) == found.id]
    name = escape(found.name)
    return {
        "cid": found.id,
        "name": name,
        "handle": found.slug,
        "description": "",
        "descriptionParsed": "",
        "icon": "hidden",
        "bgColor": f"#{found.color}",
        "color": f"#{found.text_color}",
        "slug": f"{found.id}/{found.slug}",
        "parentCid": 0,
        "topic_count": len(topics),
        "post_count": sum(len(t.post_ids) for t in topics),
        "disabled": 0,
        "order": found.id,
        "link": "",
        "minTags": 0,
        "maxTags": 5,
        "postQueue": int(board.state.queueing),
        "isSection": 0,
    }


def brief_category(found: Category) -> Json:
    return {
        "cid": found.id,
        "name": escape(found.name),
        "icon": "hidden",
        "slug": f"{found.id}/{found.slug}",
        "bgColor": f"#{found.color}",
        "color": f"#{found.text_color}",
        "backgroundImage": "",
        "imageClass": "cover",
    }


def privileges_page(board: Board, found: Category) -> Json:
    """The table that is also the answer to every grant: moderators by themselves, and groups."""
    held = [board.user(uid) for uid in sorted(board.state.moderators.get(found.id, set()))]
    groups = board.state.moderating_groups.get(found.id, set())
    guest: Json = {"uid": 0, "username": "[[global:guest]]", "displayname": "[[global:guest]]", "userslug": ""}
    users = [brief(u) | {"banned": False, "privileges": dict.fromkeys(_PRIVILEGES, True)} for u in held]
    if groups:
        users.append(guest | {"privileges": dict.fromkeys(_PRIVILEGES, False)})
    return {
        "labelData": [{"label": f"[[admin/manage/privileges:{p}]]", "type": "viewing"} for p in _PRIVILEGES],
        "users": users,
        "groups": [_group_row(name, name in groups, found) for name in ("registered-users", "guests", *sorted(groups))],
        "keys": {"users": [*_PRIVILEGES], "groups": [f"groups:{p}" for p in _PRIVILEGES]},
        "columnCountUserOther": 0,
        "columnCountGroupOther": 0,
    }


def _group_row(name: str, moderates: bool, found: Category) -> Json:
    reads = not found.restricted or moderates
    may = {f"groups:{p}": reads for p in _PRIVILEGES} | {"groups:moderate": moderates, "groups:purge": moderates}
    own = name in ("registered-users", "guests")
    return {"name": name, "nameEscaped": escape(name), "privileges": may, "isPrivate": own, "isSystem": own}


def moderators(board: Board, found: Category) -> list[Json]:
    """Those by themselves and those through a group without a difference; with a group, the guest."""
    names = board.state.moderating_groups.get(found.id, set())
    people = {u.id for g in board.forum.groups.values() if g.name in names for u in _users(board, g.members)}
    uids = sorted(people | board.state.moderators.get(found.id, set()))
    guest: Json = {"uid": 0, "username": "[[global:guest]]", "displayname": "[[global:guest]]", "userslug": ""}
    return [guest] * bool(names) + [brief(board.user(uid)) for uid in uids]


def _users(board: Board, names: set[str]) -> list[User]:
    return [user for user in board.forum.users.values() if user.username in names]
