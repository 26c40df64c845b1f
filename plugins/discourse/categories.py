"""A category and the groups that moderate it: read, and one group more listed without a change to anything else."""

from __future__ import annotations

from typing import Any

from plugins.contract import Ambiguous, Gone, MissingRight, Permanent, Temporary
from plugins.discourse.client import Client
from plugins.discourse.shape import Json

READ_CATEGORY = "read categories (scope categories: show)"
CHANGE_CATEGORY = "change a category (an administrator's account and a key without scopes)"
READ_ACCOUNT = "read accounts (scope users: show)"
SETTING = "enable_category_group_moderation"
_EVERYONE = "everyone"
#: What a forum resets, on one version or another, when a change of a category leaves it out.
_SENT = ("name", "color", "text_color", "email_in", "minimum_required_tags", "allowed_tags", "allowed_tag_groups")
#: What must be the same after a change.
_COMPARED = (
    *_SENT, "slug", "read_restricted", "parent_category_id", "email_in_allow_strangers", "required_tag_groups",
    "allow_global_tags", "auto_close_hours", "topic_template", "mailinglist_mirror", "all_topics_wiki", "allow_badges",
    "custom_fields", "search_priority", "sort_order", "default_view", "default_slow_mode_seconds",
)  # fmt: skip
_REQUIRED = ("name", "color", "text_color")


def must_be_category(place: str) -> None:
    """A place goes into a path: anything but digits would be another path."""
    if not (place.isascii() and place.isdecimal()):
        raise Permanent(f"“{place}” is not a category of a Discourse forum, so nobody can be its moderator.")


def read(client: Client, place: str) -> Json:
    must_be_category(place)
    return inner(client.get(f"/c/{place}/show.json", READ_CATEGORY), "category")


def moderating_groups(client: Client, category: Json) -> list[int]:
    """The groups that moderate a category. Raises MissingRight or Permanent with what the forum's admin can do."""
    ids = category.get("moderating_group_ids")
    if isinstance(ids, list) and all(isinstance(one, int) and not isinstance(one, bool) for one in ids):
        return ids
    if not is_on(client):
        words = (
            f"The forum lets no group moderate a category: its setting “{SETTING}” is off. "
            "An administrator switches it on under Admin > Settings; Tenth never does."
        )
        raise MissingRight(words, missing=f"the forum's setting {SETTING}: switch it on under Admin > Settings")
    raise Permanent(
        "This forum knows a single group for each category (reviewable_by_group_id), as Discourse did before 3.4. "
        "Update the forum, and rights in a category can be given."
    )


def is_on(client: Client) -> bool:
    """Off where it cannot be read: that is the more frequent case, and the remedy is the same look at it."""
    try:
        return client.get("/site/settings.json", READ_CATEGORY).get(SETTING) is True
    except (Gone, MissingRight):
        return False


def list_group(client: Client, place: str, group_id: int) -> None:
    """Lists a group in a category: read, change, write, read again and compare."""
    _must_be_admin(client)
    before = read(client, place)
    try:
        client.write("PUT", f"/categories/{place}.json", CHANGE_CATEGORY, with_group(before, group_id))
    except Ambiguous as doubt:
        _must_be_kept(before, read(client, place), group_id, doubt)
    else:
        _must_be_kept(before, read(client, place), group_id)


def _must_be_admin(client: Client) -> None:
    """Anybody else may be shown a part of a category's permissions, and writing a part back takes the rest away."""
    try:
        account = client.get("/session/current.json", READ_ACCOUNT).get("current_user")
    except MissingRight:
        account = None
    if not isinstance(account, dict) or account.get("admin") is not True:
        words = (
            "Only an administrator's account with a key without scopes is shown all permissions of a category, and so "
            "only that may change it. Use such a key, or list the group in the category's moderation settings by hand."
        )
        raise MissingRight(words, missing=CHANGE_CATEGORY)


def with_group(category: Json, group_id: int) -> Json:
    """The change that lists one more group in a category and leaves all else as it was read. Pure.

    Raises Permanent when the reading does not show all that must be written back: a category that is written without
    its permissions may be opened to everybody.
    """
    permissions = permissions_of(category)
    if not permissions or any(not isinstance(category.get(name), str) or not category[name] for name in _REQUIRED):
        raise Permanent("The forum does not show this category's name, colours and permissions. Nothing was changed.")
    if not isinstance(category.get("read_restricted"), bool):
        raise Permanent("The forum does not say whether this category is closed. Nothing was changed.")
    if category["read_restricted"] and _EVERYONE in permissions:
        raise Permanent("The forum's own words on who may read this category disagree. Nothing was changed.")
    kept = {name: category[name] for name in _SENT if _is_plain(category.get(name))}
    listed = [*category.get("moderating_group_ids", ()), group_id]
    return kept | {"permissions": permissions, "moderating_group_ids": list(dict.fromkeys(listed))}


def permissions_of(category: Json) -> dict[str, int]:
    """Who may do how much, by group; {} when that is not shown, or not all of it can be read."""
    rows = category.get("group_permissions")
    found: dict[str, int] = {}
    for row in rows if isinstance(rows, list) else ():
        name, level = (row.get("group_name"), row.get("permission_type")) if isinstance(row, dict) else (None, None)
        if not isinstance(name, str) or not name or name in found or level not in (1, 2, 3) or level is True:
            return {}
        found[name] = level
    return found


def _is_plain(value: object) -> bool:
    """What can be written as it was read. Newer forums show tags as objects, and keep those that are left out."""
    return isinstance(value, str | int) or (isinstance(value, list) and all(isinstance(one, str) for one in value))


def _must_be_kept(before: Json, after: Json, group_id: int, doubt: Ambiguous | None = None) -> None:
    """Raises Permanent when more changed than was asked; `doubt`, where there is one, or Temporary when nothing did."""
    listed = after.get("moderating_group_ids")
    there = listed if isinstance(listed, list) else []
    changed = [name for name in _COMPARED if _steady(before.get(name)) != _steady(after.get(name))]
    if permissions_of(before) != permissions_of(after):
        changed.append("permissions")
    if not set(before.get("moderating_group_ids", ())) <= set(there):
        changed.append("moderating_group_ids")
    if changed:
        names = ", ".join(changed)
        raise Permanent(f"Look at this category on the forum at once: while a group was listed in it, {names} changed.")
    if group_id not in there:
        raise doubt or Temporary("The forum took the change and did not list the group in the category.")


def _steady(value: Any) -> Any:
    """The same whatever the order of a list, and whether nothing is null, "" or left out."""
    if isinstance(value, list):
        return sorted(map(str, value))
    return value or None


def inner(answer: Json, name: str) -> Json:
    found = answer.get(name)
    if not isinstance(found, dict):
        raise Temporary("The forum's answer has an unknown form.", detail=f"{name} is missing")
    return found
