"""Rights in one category and nowhere else: a group that moderates it, and the people in that group.

A category's group is made when it is first needed, and named after the category. The group alone is listed in the
category, by reading all that the forum would otherwise reset, writing it back, and comparing. A moderator's role or
trust level 4 would hold on the whole forum, and is never given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import quote

from plugins.contract import Ambiguous, Gone, Holder, Permanent, Temporary
from plugins.discourse import categories
from plugins.discourse.categories import READ_ACCOUNT, inner
from plugins.discourse.client import Client
from plugins.discourse.shape import Json

PREFIX = "tenth-"
READ_GROUP = "read groups (scope groups: administer groups)"
MAKE_GROUP = "make a group (an administrator's account, scope groups: administer groups)"
MEMBERS = "read and change a group's members (scope groups: manage groups)"
#: A page of a group's members, and how many pages are read: who moderates a category is no crowd.
PAGE, PAGES = 200, 20
#: Ways into a group that nobody of Tenth's decides, and what a group can give beside the category.
_OPEN_DOORS = {
    "automatic": "the forum itself fills it",
    "public_admission": "anybody may join it",
    "automatic_membership_email_domains": "everybody with an e-mail address of certain domains joins it",
    "grant_trust_level": "it raises the trust level of its members on the whole forum",
}


# ------------------------------------------------------------------ the three calls


def give(client: Client, holder: Holder, place: str) -> None:
    """Makes somebody a moderator of one category. Everything that could refuse is asked before anything is changed."""
    category = categories.read(client, place)
    listed = categories.moderating_groups(client, category)
    username = _username(client, holder)
    group = _group(client, place) or _make(client, place)
    _must_be_closed(group)
    if group["id"] not in listed:
        categories.list_group(client, place, group["id"])
    if holder.remote_id not in {member.remote_id for member in _members(client, group["name"])}:
        _change(client, "PUT", group, username, Holder(holder.remote_id, username))


def take(client: Client, holder: Holder, place: str) -> None:
    """Takes somebody out of the category's group; the account is found by number, whatever it is called by then.

    Raises Permanent for somebody who moderates through another group: that is somebody else's to take.
    """
    if holder.via:
        raise Permanent(f"This right comes by the group “{holder.via}”, which only the forum's staff can change.")
    categories.must_be_category(place)
    group = _group(client, place)
    if group is not None:
        for member in [one for one in _members(client, group["name"]) if one.remote_id == holder.remote_id]:
            _change(client, "DELETE", group, member.handle, member)


def holders(client: Client, place: str) -> tuple[Holder, ...]:
    """The members of every group that moderates the category; nobody while the forum has this switched off.

    Once for each group that somebody is in, with its name unless it is the category's own. The forum's staff moderates
    every category and is not listed.
    """
    category = categories.read(client, place)
    ids = category.get("moderating_group_ids")
    if isinstance(ids, list):
        names = [_name_of(client, group_id) for group_id in ids]
    else:
        # Forums before Discourse 3.4: a single group, by its name.
        older = category.get("reviewable_by_group_name")
        names = [older] if isinstance(older, str) and older else []
    return tuple(member for name in names for member in _members(client, name, _via(name, place)))


def _via(name: str, place: str) -> str:
    """Whoever is in the category's own group holds the right by themselves."""
    return "" if name == f"{PREFIX}{place}" else name


# ------------------------------------------------------------------ the group


def _group(client: Client, place: str) -> Json | None:
    try:
        answer = client.get(f"/groups/{PREFIX}{place}.json", READ_GROUP)
    except Gone:
        return None
    return _numbered(inner(answer, "group"))


def _make(client: Client, place: str) -> Json:
    """A group that nobody can join, and that only its members and the staff see. Found again after a lost answer."""
    wanted = {
        "name": f"{PREFIX}{place}",
        "full_name": f"Moderators of category {place}, kept by Tenth",
        "visibility_level": 2,
        "members_visibility_level": 2,
        "public_admission": False,
        "public_exit": False,
        "allow_membership_requests": False,
    }
    try:
        return _numbered(
            inner(client.write("POST", "/admin/groups.json", MAKE_GROUP, {"group": wanted}), "basic_group")
        )
    except (Ambiguous, Permanent) as error:
        made = _group(client, place) if isinstance(error, Ambiguous) or error.status == 422 else None
        if made is None:
            raise
        return made


def _must_be_closed(group: Json) -> None:
    """A group of our name that somebody else made or changed could let in whom nobody chose."""
    doors = [words for name, words in _OPEN_DOORS.items() if group.get(name)]
    if doors:
        said = "; ".join(doors)
        raise Permanent(f"The group “{group['name']}” is not fit to moderate: {said}. Change that on the forum first.")


def _name_of(client: Client, group_id: object) -> str:
    group = inner(client.get(f"/groups/by-id/{int(str(group_id))}.json", READ_GROUP), "group")
    return str(_numbered(group)["name"])


def _members(client: Client, name: str, via: str = "") -> tuple[Holder, ...]:
    found: list[Holder] = []
    for page in range(PAGES):
        asked = {"limit": PAGE, "offset": page * PAGE}
        answer = client.get(f"/groups/{quote(name, safe='')}/members.json", MEMBERS, asked)
        rows = list(_people(answer, via))
        found += rows
        if len(rows) < PAGE:
            return tuple(found)
    raise Permanent(f"The group “{name}” has more than {PAGE * PAGES} members, too many to be listed one by one.")


def _people(answer: Json, via: str) -> Iterator[Holder]:
    rows = answer.get("members")
    for row in rows if isinstance(rows, list) else [None]:
        if not isinstance(row, Mapping) or not isinstance(row.get("id"), int) or not row.get("username"):
            raise Temporary("The forum's answer has an unknown form.", detail="members is not a list of accounts")
        yield Holder(str(row["id"]), str(row["username"]), via)


def _change(client: Client, method: str, group: Json, username: str, holder: Holder) -> None:
    """Adds or removes one person, and looks again unless the forum says that it is done.

    A refusal is none when it turns out to be so already.
    """
    error: Permanent | Temporary = Temporary("The forum took the change and did not make it.")
    try:
        answer = client.write(method, f"/groups/{group['id']}/members.json", MEMBERS, {"usernames": username})
    except Permanent as refused:
        answer, error = {}, refused
    if answer.get("success") == "OK":
        return
    inside = holder.remote_id in {one.remote_id for one in _members(client, group["name"])}
    if inside != (method == "PUT"):
        raise error


def _username(client: Client, holder: Holder) -> str:
    """The name of the account, which the forum wants; it must still be that of the account that is meant."""
    if not holder.handle or "," in holder.handle:
        raise Permanent(f"“{holder.handle}” is not a name of an account. Nothing was changed.")
    user = inner(client.get(f"/u/{quote(holder.handle, safe='')}.json", READ_ACCOUNT), "user")
    if str(user.get("id")) != holder.remote_id or not isinstance(user.get("username"), str):
        raise Permanent(f"“{holder.handle}” is another account by now. Nothing was changed.")
    return str(user["username"])


def _numbered(group: Json) -> Json:
    if not isinstance(group.get("id"), int) or not isinstance(group.get("name"), str):
        raise Temporary("The forum's answer has an unknown form.", detail="a group has no id or name")
    return group
