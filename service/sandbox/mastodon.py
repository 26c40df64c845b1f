"""The Mastodon API, reading: accounts, timelines, statuses, notifications, search."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from flask import Blueprint, g, jsonify, request
from flask.typing import ResponseReturnValue

from service.sandbox.fediverse import Account, Notification, Status, unknown_record
from service.sandbox.ids import iso
from service.sandbox.limits import Allowance
from service.sandbox.mastodon_shapes import Shapes, group_key
from service.sandbox.paging import page
from service.sandbox.refusal import Refusal
from service.sandbox.requests import world

api = Blueprint("mastodon", __name__)


@api.before_request
def admit() -> ResponseReturnValue | None:
    """Count the request, then find whose token it carries."""
    here, options = world(), world().options
    value = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    g.token = here.access.tokens.get(value)
    limit = options.mastodon_calls_per_5_minutes
    g.allowance = here.windows.take(f"mastodon:{value or request.remote_addr}", limit, timedelta(minutes=5), here.now())
    if not g.allowance.allowed:
        return jsonify(error="Too many requests"), 429
    g.viewer = here.fedi.accounts.get(g.token.account_id) if g.token and g.token.account_id else None
    if g.token is None:
        raise Refusal(401, "The access token is invalid" if value else "This method requires an authenticated user")
    if g.viewer is None:
        raise Refusal(422, "This method requires an authenticated user")
    if g.viewer.state in ("disable", "suspend"):
        raise Refusal(403, "Your login is currently disabled")
    return None


@api.after_request
def say_what_remains(response: Any) -> Any:
    allowance: Allowance | None = g.get("allowance")
    if allowance is not None and world().options.rate_headers:
        response.headers["X-RateLimit-Limit"] = str(allowance.limit)
        response.headers["X-RateLimit-Remaining"] = str(allowance.remaining)
        response.headers["X-RateLimit-Reset"] = iso(allowance.resets_at)
    return response


@api.errorhandler(Refusal)
def refuse(refusal: Refusal) -> ResponseReturnValue:
    return jsonify(error=refusal.message), refusal.status


def need(scope: str) -> Account:
    """The account that calls, if its token holds the scope itself or a broader one."""
    held = g.token.scopes.split()
    parts = scope.split(":")
    broader = {":".join(parts[:n]) for n in range(1, len(parts) + 1)}
    if not broader & set(held):
        raise Refusal(403, "This action is outside the authorized scopes")
    viewer: Account = g.viewer
    return viewer


def shapes() -> Shapes:
    return Shapes(world(), g.get("viewer"))


def status_page(statuses: Iterable[Status]) -> ResponseReturnValue:
    chosen, headers = page(list(statuses))
    return jsonify([shapes().status(s) for s in chosen]), 200, headers


@api.get("/api/v1/accounts/verify_credentials")
def verify_credentials() -> ResponseReturnValue:
    own = "profile" if "profile" in g.token.scopes.split() else "read:accounts"
    return jsonify(shapes().own_account(need(own)))


@api.get("/api/v1/accounts/lookup")
def lookup() -> ResponseReturnValue:
    found = world().fedi.account_named(request.args.get("acct", ""))
    if found is None:
        raise unknown_record()
    return jsonify(shapes().account(found))


@api.get("/api/v1/accounts/relationships")
def relationships() -> ResponseReturnValue:
    viewer, fedi = need("read:follows"), world().fedi
    wanted = request.args.getlist("id[]") + request.args.getlist("id")
    return jsonify([_relationship(viewer, fedi.account(i)) for i in wanted])


NEVER = ("blocking", "blocked_by", "muting", "muting_notifications", "requested", "requested_by", "domain_blocking")


def _relationship(viewer: Account, other: Account) -> dict[str, Any]:
    following, followed_by = other.id in viewer.following, viewer.id in other.following
    ways = {"following": following, "showing_reblogs": following, "followed_by": followed_by, "notifying": False}
    return {"id": other.id, "note": "", "endorsed": False, **ways, **dict.fromkeys(NEVER, False)}


@api.get("/api/v1/accounts/<account_id>")
def account(account_id: str) -> ResponseReturnValue:
    return jsonify(shapes().account(world().fedi.account(account_id)))


@api.get("/api/v1/accounts/<account_id>/statuses")
def account_statuses(account_id: str) -> ResponseReturnValue:
    fedi, viewer = world().fedi, need("read:statuses")
    own = [s for s in fedi.posts_of(fedi.account(account_id)) if fedi.sees(viewer, s)]
    if request.args.get("exclude_replies") in ("true", "1"):
        own = [s for s in own if s.in_reply_to is None]
    if request.args.get("pinned") in ("true", "1"):
        own = []
    if tag := request.args.get("tagged"):
        own = [s for s in own if tag.lower() in s.tags]
    return status_page(own)


@api.get("/api/v1/timelines/home")
def home() -> ResponseReturnValue:
    fedi, viewer = world().fedi, need("read:statuses")
    close = viewer.following | {viewer.id}
    return status_page(s for s in fedi.statuses.values() if s.account_id in close and fedi.sees(viewer, s))


@api.get("/api/v1/timelines/public")
def public() -> ResponseReturnValue:
    return status_page(_listed())


@api.get("/api/v1/timelines/tag/<tag>")
def hashtag(tag: str) -> ResponseReturnValue:
    also = {t.lower() for t in request.args.getlist("any[]")} | {tag.lower()}
    return status_page(s for s in _listed() if also & set(s.tags))


def _listed() -> list[Status]:
    """Public statuses only: unlisted ones are in no public or hashtag timeline."""
    fedi, viewer = world().fedi, need("read:statuses")
    return [s for s in fedi.statuses.values() if s.visibility == "public" and fedi.sees(viewer, s)]


@api.get("/api/v1/lists")
def lists() -> ResponseReturnValue:
    viewer = need("read:lists")
    own = [(i, title) for i, (owner, title, _) in world().fedi.lists.items() if owner == viewer.id]
    return jsonify([{"id": i, "title": title, "replies_policy": "list", "exclusive": False} for i, title in own])


@api.get("/api/v1/timelines/list/<list_id>")
def list_timeline(list_id: str) -> ResponseReturnValue:
    fedi, viewer = world().fedi, need("read:lists")
    owner, _, members = fedi.lists.get(list_id, ("", "", set[str]()))
    if owner != viewer.id:
        raise unknown_record()
    return status_page(s for s in fedi.statuses.values() if s.account_id in members and fedi.sees(viewer, s))


@api.get("/api/v1/statuses")
def statuses_by_id() -> ResponseReturnValue:
    fedi, viewer = world().fedi, need("read:statuses")
    wanted = request.args.getlist("id[]") + request.args.getlist("id")
    found = [fedi.statuses[i] for i in wanted if i in fedi.statuses]
    return jsonify([shapes().status(s) for s in found if fedi.sees(viewer, s)])


@api.get("/api/v1/statuses/<status_id>")
def status(status_id: str) -> ResponseReturnValue:
    return jsonify(shapes().status(world().fedi.status(status_id, need("read:statuses"))))


@api.get("/api/v1/statuses/<status_id>/context")
def context(status_id: str) -> ResponseReturnValue:
    fedi, viewer, show = world().fedi, need("read:statuses"), shapes()
    middle = fedi.status(status_id, viewer)
    above, below = fedi.ancestors(middle, viewer), fedi.descendants(middle, viewer)
    return jsonify(ancestors=[show.status(s) for s in above], descendants=[show.status(s) for s in below[:4096]])


@api.get("/api/v1/statuses/<status_id>/source")
def source(status_id: str) -> ResponseReturnValue:
    viewer = need("read:statuses")
    found = world().fedi.status(status_id, viewer)
    if found.account_id != viewer.id:
        raise unknown_record()
    return jsonify(id=found.id, text=found.text, spoiler_text=found.spoiler)


@api.get("/api/v1/statuses/<status_id>/history")
def history(status_id: str) -> ResponseReturnValue:
    found = world().fedi.status(status_id, need("read:statuses"))
    return jsonify([shapes().version(found, version) for version in found.versions])


@api.get("/api/v1/notifications")
def notifications() -> ResponseReturnValue:
    chosen, headers = page(_notifications(), most=80)
    return jsonify([shapes().notification(n) for n in chosen]), 200, headers


def _notifications() -> list[Notification]:
    viewer, asked = need("read:notifications"), request.args
    kinds, without = set(asked.getlist("types[]")), set(asked.getlist("exclude_types[]"))
    held = asked.get("include_filtered") in ("true", "1")
    return [
        n
        for n in world().fedi.notifications
        if n.owner_id == viewer.id
        and (not kinds or n.type in kinds)
        and n.type not in without
        and (held or not n.filtered)
        and (n.status_id is None or world().fedi.sees(viewer, world().fedi.statuses[n.status_id]))
    ]


@api.get("/api/v2/notifications")
def grouped_notifications() -> ResponseReturnValue:
    if not world().options.grouped_notifications:
        raise Refusal(404, "Not Found")
    chosen, headers = page(_notifications(), default=40, most=80)
    groups: dict[str, list[Notification]] = {}
    for notice in chosen:
        groups.setdefault(group_key(notice), []).append(notice)
    people = {n.account_id: world().fedi.accounts[n.account_id] for n in chosen}
    posts = {n.status_id: world().fedi.statuses[n.status_id] for n in chosen if n.status_id}
    show = shapes()
    body = {
        "accounts": [show.account(a) for a in people.values()],
        "statuses": [show.status(s) for s in posts.values()],
        "notification_groups": [_group(key, notices) for key, notices in groups.items()],
    }
    return jsonify(body), 200, headers


def _group(key: str, notices: list[Notification]) -> dict[str, Any]:
    newest, oldest = notices[0], notices[-1]
    return {
        "group_key": key,
        "notifications_count": len(notices),
        "type": newest.type,
        "most_recent_notification_id": newest.id,
        "page_min_id": oldest.id,
        "page_max_id": newest.id,
        "latest_page_notification_at": iso(newest.created_at),
        "sample_account_ids": [n.account_id for n in notices][:8],
        "status_id": newest.status_id,
    }


@api.get("/api/v2/search")
def search() -> ResponseReturnValue:
    fedi, viewer, show = world().fedi, need("read:search"), shapes()
    query = request.args.get("q", "").strip()
    if not query:
        raise Refusal(400, "Bad Request: required parameter q was not set")
    local = query.removeprefix(world().base_url).rstrip("/") if query.startswith(world().base_url) else ""
    named = fedi.account_named(local.removeprefix("/@") if local else query)
    posts = [s for s in fedi.statuses.values() if local and local.endswith("/" + s.id) and fedi.sees(viewer, s)]
    tags = [{"name": query.lstrip("#"), "url": show.url(f"/tags/{query.lstrip('#')}")}] if query.startswith("#") else []
    found = [show.account(named)] if named and not posts else []
    return jsonify(accounts=found, statuses=[show.status(s) for s in posts], hashtags=tags)
