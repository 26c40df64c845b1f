"""A badge on a forum, given and taken by hand. It shows, and does nothing else.

A badge of that name that the forum's own rules give, or that people may wear as a title, is somebody else's: not ours
to give out.
"""

from __future__ import annotations

from urllib.parse import quote

from plugins.contract import Ambiguous, Gone, Holder, Permanent, Temporary
from plugins.discourse.client import Client
from plugins.discourse.messages import username_of
from plugins.discourse.shape import Json

READ_BADGES = "read the forum's badges (an administrator's account)"
MAKE_BADGE = "make a badge (an administrator's account)"
GIVE_BADGE = "give and take badges (a moderator's account)"
READ_HELD = "read who has which badge"
#: Discourse's own kinds: gold 1, silver 2, bronze 3.
SILVER = 2


def give(client: Client, holder: Holder, name: str) -> None:
    """Gives it, and makes it first where there is none. Given already, the forum changes nothing."""
    username = username_of(client, holder.remote_id)
    badge = _badge(client, name) or _make(client, name)
    if _held(client, username, badge) is None:
        client.write("POST", "/user_badges.json", GIVE_BADGE, {"username": username, "badge_id": badge})


def take(client: Client, holder: Holder, name: str) -> None:
    """Takes it back; an account that is gone has none."""
    try:
        held = _found(client, holder, name)
    except Gone:
        return
    if held is not None:
        try:
            client.write("DELETE", f"/user_badges/{held}.json", GIVE_BADGE)
        except Gone:
            return


def has(client: Client, holder: Holder, name: str) -> bool:
    try:
        return _found(client, holder, name) is not None
    except Gone:
        return False


def _found(client: Client, holder: Holder, name: str) -> int | None:
    """The number under which somebody holds the badge."""
    badge = _badge(client, name)
    return None if badge is None else _held(client, username_of(client, holder.remote_id), badge)


def _badge(client: Client, name: str) -> int | None:
    for row in _rows(client.get("/admin/badges.json", READ_BADGES), "badges"):
        if str(row.get("name", "")).casefold() == name.casefold():
            _must_be_plain(row)
            return _number(row)
    return None


def _must_be_plain(badge: Json) -> None:
    name = badge.get("name")
    if badge.get("system") is True or badge.get("query") or badge.get("allow_title") is True:
        raise Permanent(f"The forum has a badge “{name}” of its own, or one that is a title. Rename it there first.")
    if badge.get("enabled") is False:
        raise Permanent(f"The forum's badge “{name}” is switched off.")


def _make(client: Client, name: str) -> int:
    """Found again after a lost answer."""
    wanted = {
        "name": name,
        "badge_type_id": SILVER,
        "description": "Helps others, and looks after a part of this community.",
        "icon": "star",
        "allow_title": False,
        "multiple_grant": False,
        "listable": True,
        "enabled": True,
        "show_posts": False,
        "auto_revoke": False,
    }
    try:
        made = client.write("POST", "/admin/badges.json", MAKE_BADGE, wanted).get("badge")
    except (Ambiguous, Permanent) as error:
        again = _badge(client, name) if isinstance(error, Ambiguous) or error.status == 422 else None
        if again is None:
            raise
        return again
    return _number(made if isinstance(made, dict) else {})


def _held(client: Client, username: str, badge: int) -> int | None:
    answer = client.get(f"/user-badges/{quote(username, safe='')}.json", READ_HELD)
    rows = _rows(answer, "user_badges")
    return next((_number(row) for row in rows if row.get("badge_id") == badge), None)


def _rows(answer: Json, name: str) -> list[Json]:
    found = answer.get(name)
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise Temporary("The forum's answer has an unknown form.", detail=f"{name} is not a list")
    return found


def _number(row: Json) -> int:
    value = row.get("id")
    if isinstance(value, bool) or not isinstance(value, int):
        raise Temporary("The forum's answer has an unknown form.", detail="a badge has no id")
    return value
