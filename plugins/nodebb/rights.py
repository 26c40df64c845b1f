"""A forum's own moderation rights, which hold in one category."""

from __future__ import annotations

from moderation.policy import Permit
from plugins.contract import Holder, Permanent, Temporary
from plugins.nodebb.client import Client
from plugins.nodebb.shape import Json, is_on
from plugins.nodebb.text import shown_name

GRANT = "make moderators of a category (an administrator's account)"
READ_PRIVILEGES = "read a category's privileges (an administrator's account)"


def give(client: Client, permit: Permit, holder: Holder, place: str) -> None:
    """Makes somebody a moderator of one category; the forum does nothing where they are one already."""
    if permit.action_id <= 0:
        raise Permanent("The permit is for no action; nothing was sent.")
    client.write("PUT", _path(holder, place), GRANT)


def take(client: Client, holder: Holder, place: str) -> None:
    """Ends it. What somebody holds through a group ends with the group only, and that is not ours to end."""
    if holder.via:
        raise Permanent(f"{holder.handle} moderates this category through “{holder.via}”; end it there.")
    try:
        client.write("DELETE", _path(holder, place), GRANT)
    except Permanent as refused:
        # An account or a category that is not there (any more) is refused, and holds nothing.
        held = {one.remote_id for one in holders(client, place) if not one.via}
        if refused.status not in {400, 404} or holder.remote_id in held:
            raise


def holders(client: Client, place: str) -> tuple[Holder, ...]:
    """Everybody who may moderate a category: by themselves, and through a group.

    The forum's list of moderators holds both without a difference, and the guest where there is a group. The forum's
    own staff moderates every category and is not listed.
    """
    cid = _number(place)
    # Of a category that is not there, and of no other, the forum says nothing at all.
    if not client.get(f"/api/v3/categories/{cid}", READ_PRIVILEGES):
        return ()
    table = client.get(f"/api/v3/categories/{cid}/privileges", READ_PRIVILEGES)
    groups = [shown_name(row.get("name")) for row in _rows(table, "groups") if _may(row, "groups:moderate")]
    listed = client.page(f"/api/categories/{cid}/moderators", READ_PRIVILEGES)
    through = [_holder(row, ", ".join(groups) or "a group") for row in _rows(listed, "moderators")]
    alone = _direct(table)
    known = {one.remote_id for one in alone}
    return (*alone, *(one for one in through if one is not None and one.remote_id not in known))


def _direct(table: Json) -> list[Holder]:
    rows = _rows(table, "users")
    return [one for row in rows if _may(row, "moderate") and (one := _holder(row))]


def _holder(row: Json, via: str = "") -> Holder | None:
    """None for the guest (uid 0), whom the forum lists where a group moderates."""
    uid = row.get("uid")
    if isinstance(uid, bool) or not isinstance(uid, int) or uid <= 0:
        return None
    return Holder(str(uid), shown_name(row.get("username")), via)


def _may(row: Json, privilege: str) -> bool:
    may = row.get("privileges")
    return isinstance(may, dict) and is_on(may.get(privilege))


def _rows(answer: Json, name: str) -> list[Json]:
    found = answer.get(name)
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise Temporary("The forum's answer has an unknown form.", detail=f"{name} is not a list")
    return found


def _path(holder: Holder, place: str) -> str:
    return f"/api/v3/categories/{_number(place)}/moderator/{_number(holder.remote_id)}"


def _number(remote_id: str) -> str:
    """Nobody and nowhere (0) is no answer: there a right would hold for guests, or everywhere."""
    if not (remote_id.isascii() and remote_id.isdecimal() and len(remote_id) <= 15 and int(remote_id) > 0):
        raise Permanent(f"“{remote_id[:60]}” is no account or category of this forum; nothing was sent.")
    return str(int(remote_id))
