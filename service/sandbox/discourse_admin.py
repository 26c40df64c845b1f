"""The Discourse API, administration: groups, categories, sanctions, webhook subscriptions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import jsonify, request
from flask.typing import ResponseReturnValue

from service.sandbox.discourse import actor, admin, api, forum
from service.sandbox.discourse_shapes import basic_user, category_shape, group_shape, user_shape
from service.sandbox.forum import Group
from service.sandbox.ids import iso
from service.sandbox.refusal import Refusal, forbidden, not_found
from service.sandbox.requests import listed, number, params, text, world

#: A group's name keeps the rules of a member's.
LONGEST_NAME = 20


@api.post("/admin/groups.json")
def create_group() -> ResponseReturnValue:
    me, asked = admin(), params()
    wanted = asked["group"] if isinstance(asked.get("group"), dict) else asked
    name = text(wanted, "name").strip()
    taken = {g.name.lower() for g in forum().groups.values()} | set(forum().users)
    if not name or name.lower() in taken:
        raise Refusal(422, "Name has already been taken" if name else "Name can't be blank")
    if len(name) > LONGEST_NAME:
        raise Refusal(422, f"Name must be no more than {LONGEST_NAME} characters")
    made = Group(max(39, *forum().groups) + 1, name, text(wanted, "full_name"), owners={me.username})
    made.members = {forum().user(n).username for n in _names(wanted)}
    forum().groups[made.id] = made
    return jsonify(basic_group=group_shape(made))


@api.delete("/admin/groups/<int:group_id>.json")
def delete_group(group_id: int) -> ResponseReturnValue:
    admin()
    if group_id < 40 or forum().groups.pop(group_id, None) is None:
        raise not_found()
    return jsonify(success="OK")


def _names(asked: dict[str, Any]) -> list[str]:
    return [name.strip() for name in text(asked, "usernames").split(",") if name.strip()]


def group_named(key: str) -> Group:
    for group in forum().groups.values():
        if key in (str(group.id), group.name):
            return group
    raise not_found()


@api.get("/groups/<key>.json")
def show_group(key: str) -> ResponseReturnValue:
    return jsonify(group=group_shape(group_named(key)))


@api.get("/groups/by-id/<int:group_id>.json")
def show_group_by_id(group_id: int) -> ResponseReturnValue:
    return jsonify(group=group_shape(group_named(str(group_id))))


@api.get("/groups/<key>/members.json")
def group_members(key: str) -> ResponseReturnValue:
    group = group_named(key)
    offset, limit = number(params(), "offset"), min(number(params(), "limit", 50), 1000)
    people = [basic_user(forum().user(n)) for n in sorted(group.members)]
    owners = [basic_user(forum().user(n)) for n in sorted(group.owners)]
    meta = {"total": len(people), "limit": limit, "offset": offset}
    return jsonify(members=people[offset : offset + limit], owners=owners, meta=meta)


@api.route("/groups/<key>/members.json", methods=["PUT", "DELETE"])
def change_members(key: str) -> ResponseReturnValue:
    group, me = group_named(key), actor()
    if not me.admin and me.username not in group.owners:
        raise forbidden()
    people = [forum().users.get(n.lower()) for n in _names(params())]
    known = [u.username for u in people if u is not None]
    if not known or len(known) != len(people):
        raise Refusal(400, "You must supply valid usernames", "invalid_parameters")
    if request.method == "DELETE":
        skipped = [n for n in known if n not in group.members]
        group.members -= set(known)
        return jsonify(success="OK", usernames=[n for n in known if n not in skipped], skipped_usernames=skipped)
    if present := [n for n in known if n in group.members]:
        raise Refusal(422, f"'{', '.join(present)}' is already a member of this group.")
    group.members |= set(known)
    return jsonify(success="OK", usernames=known, emails=[])


@api.put("/categories/<int:category_id>.json")
def update_category(category_id: int) -> ResponseReturnValue:
    """As on Discourse: `permissions` left out means everyone, so that a careless write opens a closed category."""
    admin()
    found, asked = forum().categories.get(category_id), params()
    if found is None:
        raise not_found()
    if missing := [k for k in ("name", "color", "text_color") if not text(asked, k)]:
        raise Refusal(400, f"param is missing or the value is empty: {missing[0]}", "invalid_parameters")
    found.name, found.color, found.text_color = (text(asked, k) for k in ("name", "color", "text_color"))
    permissions = asked.get("permissions")
    found.permissions = {k: int(v) for k, v in permissions.items()} if isinstance(permissions, dict) else {}
    if "moderating_group_ids" in asked and world().options.category_group_moderation:
        found.moderating_group_ids = [int(i) for i in listed(asked, "moderating_group_ids")]
    return jsonify(success="OK", category=category_shape(forum(), found, actor()))


# sanctions


@api.get("/admin/users/<int:user_id>.json")
def member(user_id: int) -> ResponseReturnValue:
    if not actor().staff:
        raise not_found()
    return jsonify(user_shape(forum(), forum().user_by_id(user_id)))


@api.put("/admin/users/<int:user_id>/<verb>")
@api.put("/admin/users/<int:user_id>/<verb>.json")
def sanction(user_id: int, verb: str) -> ResponseReturnValue:
    if not actor().staff:
        raise not_found()
    target, asked = forum().user_by_id(user_id), params()
    if target.staff:
        raise forbidden()
    now, held = forum().now(), {"silence": target.silenced_till, "suspend": target.suspended_till}.get(verb)
    if held is not None and held > now:
        return jsonify(failed="FAILED", message=f"User was already {verb}d by somebody."), 409
    if verb in ("silence", "suspend") and not text(asked, "reason"):
        raise Refusal(400, "param is missing or the value is empty: reason", "invalid_parameters")
    if verb == "silence":
        target.silenced_till = _until(asked, "silenced_till")
        return jsonify(silence={"silenced": True, **_sanction(asked, "silence", target.silenced_till)})
    if verb == "suspend":
        target.suspended_till = _until(asked, "suspend_until")
        return jsonify(suspension=_sanction(asked, "suspend", target.suspended_till))
    if verb == "unsilence":
        target.silenced_till = None
        return jsonify(unsilence={"silenced": False, "silenced_till": None, "silenced_at": None})
    if verb == "unsuspend":
        target.suspended_till = None
        return jsonify(suspension={"suspended_till": None, "suspended_at": None})
    raise not_found()


def _until(asked: dict[str, Any], key: str) -> datetime:
    try:
        until = datetime.fromisoformat(text(asked, key))
    except ValueError as error:
        raise Refusal(400, f"You supplied invalid parameters to the request: {key}", "invalid_parameters") from error
    return until if until.tzinfo else until.astimezone(forum().now().tzinfo)


def _sanction(asked: dict[str, Any], verb: str, until: datetime) -> dict[str, Any]:
    past = "silenced" if verb == "silence" else "suspended"
    return {
        f"{verb}_reason": text(asked, "reason"),
        f"full_{verb}_reason": text(asked, "reason"),
        f"{past}_till": iso(until),
        f"{past}_at": iso(forum().now()),
        f"{past}_by": basic_user(actor()),
    }


@api.post("/admin/api/web_hooks")
@api.post("/admin/api/web_hooks.json")
def subscribe() -> ResponseReturnValue:
    admin()
    asked = params()
    wanted = asked["web_hook"] if isinstance(asked.get("web_hook"), dict) else asked
    made = world().webhooks.subscribe(text(wanted, "payload_url"), text(wanted, "secret"))
    return jsonify(web_hook={"id": made.id, "payload_url": made.url, "active": True, "verify_certificate": True})
