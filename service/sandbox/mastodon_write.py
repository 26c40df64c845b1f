"""The Mastodon API, writing: posting with its idempotency key, reports, and the staff's part."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import g, jsonify, request
from flask.typing import ResponseReturnValue

from service.sandbox.fediverse import Account, Report, Status, Wish, unknown_record
from service.sandbox.ids import iso
from service.sandbox.mastodon import api, need, shapes
from service.sandbox.mastodon_rules import check_edit, check_post
from service.sandbox.paging import page
from service.sandbox.refusal import Refusal
from service.sandbox.requests import listed, params, text, truth, world

ACTIONS = ("none", "sensitive", "disable", "silence", "suspend")
UNDOES = {"unsensitive": "sensitive", "enable": "disable", "unsilence": "silence", "unsuspend": "suspend"}


@api.post("/api/v1/statuses")
def post_status() -> ResponseReturnValue:
    viewer, fedi = need("write:statuses"), world().fedi
    if (before := _posted_with_this_key(viewer)) is not None:
        return jsonify(shapes().status(before))
    asked = params()
    wish = Wish(
        viewer.id,
        text(asked, "status"),
        visibility=text(asked, "visibility") or "public",
        in_reply_to=text(asked, "in_reply_to_id") or None,
        spoiler=text(asked, "spoiler_text"),
        language=text(asked, "language") or "en",
        sensitive=truth(asked, "sensitive"),
        media=tuple(listed(asked, "media_ids")),
    )
    check_post(fedi, wish, viewer)
    made = fedi.post(wish)
    if key := request.headers.get("Idempotency-Key"):
        world().idempotency[viewer.id, key] = (world().now(), made.id)
    return jsonify(shapes().status(made))


def _posted_with_this_key(viewer: Account) -> Status | None:
    here = world()
    key = request.headers.get("Idempotency-Key", "")
    at, status_id = here.idempotency.get((viewer.id, key), (None, ""))
    if at is None or not here.options.idempotency or request.environ.get("sandbox.ignore_idempotency"):
        return None
    if here.now() - at > timedelta(seconds=here.options.idempotency_seconds):
        return None
    return here.fedi.statuses.get(status_id)


@api.put("/api/v1/statuses/<status_id>")
def edit_status(status_id: str) -> ResponseReturnValue:
    """What is left out is taken away, the language excepted. An edit that changes nothing makes no version."""
    own, asked, fedi = _own_status(status_id), params(), world().fedi
    words, spoiler, media = text(asked, "status"), text(asked, "spoiler_text"), tuple(listed(asked, "media_ids"))
    sensitive, language = truth(asked, "sensitive") or bool(spoiler), text(asked, "language") or own.language
    check_edit(fedi, own, words, spoiler, media)
    last = own.versions[-1]
    before = (last.text, last.spoiler, last.media, own.sensitive, own.language)
    if (words, spoiler, media, sensitive, language) != before:
        own.sensitive, own.language = sensitive, language
        fedi.edit(own, words, spoiler, media)
    return jsonify(shapes().status(own))


@api.delete("/api/v1/statuses/<status_id>")
def delete_status(status_id: str) -> ResponseReturnValue:
    own = _own_status(status_id)
    shape = shapes().status(own) | {"text": own.text}
    world().fedi.delete(own)
    return jsonify(shape)


def _own_status(status_id: str) -> Status:
    """Somebody else's status is as good as unknown here, even to staff."""
    viewer = need("write:statuses")
    found = world().fedi.status(status_id, viewer)
    if found.account_id != viewer.id:
        raise unknown_record()
    return found


@api.post("/api/v1/statuses/<status_id>/<verb>")
def touch_status(status_id: str, verb: str) -> ResponseReturnValue:
    fedi = world().fedi
    viewer = need("write:favourites" if "favourite" in verb else "write:statuses")
    found = fedi.status(status_id, viewer)
    if verb == "favourite":
        fedi.favourite(found, viewer)
    elif verb == "reblog":
        fedi.reblog(found, viewer)
    elif verb == "unfavourite":
        found.favourited_by.discard(viewer.id)
    elif verb == "unreblog":
        found.reblogged_by.discard(viewer.id)
    elif verb not in ("bookmark", "unbookmark", "mute", "unmute"):
        raise Refusal(404, "Not Found")
    return jsonify(shapes().status(found))


@api.post("/api/v1/accounts/<account_id>/<verb>")
def follow(account_id: str, verb: str) -> ResponseReturnValue:
    viewer, other = need("write:follows"), world().fedi.account(account_id)
    if verb == "follow" and other.id not in viewer.following:
        viewer.following.add(other.id)
        world().fedi.notify("follow", other.id, viewer.id)
    elif verb == "unfollow":
        viewer.following.discard(other.id)
    elif verb != "follow":
        raise Refusal(404, "Not Found")
    return jsonify(id=other.id, following=other.id in viewer.following, followed_by=viewer.id in other.following)


@api.post("/api/v1/lists")
def create_list() -> ResponseReturnValue:
    viewer, fedi = need("write:lists"), world().fedi
    made = fedi.mint(world().now())
    title = text(params(), "title")
    fedi.lists[made] = (viewer.id, title, set())
    return jsonify(id=made, title=title, replies_policy="list", exclusive=False)


@api.post("/api/v1/lists/<list_id>/accounts")
def fill_list(list_id: str) -> ResponseReturnValue:
    viewer, fedi = need("write:lists"), world().fedi
    owner, _, members = fedi.lists.get(list_id, ("", "", set[str]()))
    if owner != viewer.id:
        raise unknown_record()
    members |= {fedi.account(i).id for i in listed(params(), "account_ids")}
    return jsonify({})


@api.post("/api/v1/reports")
def create_report() -> ResponseReturnValue:
    viewer, asked, fedi = need("write:reports"), params(), world().fedi
    target = fedi.account(text(asked, "account_id"))
    category = text(asked, "category") or "other"
    made = fedi.report(viewer, target, listed(asked, "status_ids"), text(asked, "comment"), category)
    return jsonify(shapes().report(made))


# staff


def staff(scope: str) -> Account:
    if not world().options.staff_api:
        raise Refusal(404, "Not Found")
    viewer = need(scope)
    if not viewer.staff:
        raise Refusal(403, "This action is not allowed")
    return viewer


@api.get("/api/v1/admin/reports")
def admin_reports() -> ResponseReturnValue:
    staff("admin:read:reports")
    resolved = request.args.get("resolved") in ("true", "1")
    wanted = [r for r in world().fedi.reports.values() if (r.action_taken_at is not None) == resolved]
    if target := request.args.get("target_account_id"):
        wanted = [r for r in wanted if r.target_id == target]
    chosen, headers = page(wanted, default=100, most=200)
    return jsonify([shapes().admin_report(r) for r in chosen]), 200, headers


@api.get("/api/v1/admin/reports/<report_id>")
def admin_report(report_id: str) -> ResponseReturnValue:
    staff("admin:read:reports")
    return jsonify(shapes().admin_report(_report(report_id)))


def _report(report_id: str) -> Report:
    found = world().fedi.reports.get(report_id)
    if found is None:
        raise unknown_record()
    return found


@api.post("/api/v1/admin/reports/<report_id>/<verb>")
def act_on_report(report_id: str, verb: str) -> ResponseReturnValue:
    viewer, report = staff("admin:write:reports"), _report(report_id)
    now = world().now()
    changes: dict[str, dict[str, Any]] = {
        "resolve": {"action_taken_at": now, "action_taken_by": viewer.id},
        "reopen": {"action_taken_at": None, "action_taken_by": None},
        "assign_to_self": {"assigned_to": viewer.id},
        "unassign": {"assigned_to": None},
    }
    if verb not in changes:
        raise Refusal(404, "Not Found")
    for name, value in changes[verb].items():
        setattr(report, name, value)
    report.updated_at = now
    return jsonify(shapes().admin_report(report))


@api.get("/api/v1/admin/accounts/<account_id>")
def admin_account(account_id: str) -> ResponseReturnValue:
    staff("admin:read:accounts")
    return jsonify(shapes().admin_account(world().fedi.account(account_id)))


@api.get("/api/v2/admin/accounts")
def admin_accounts() -> ResponseReturnValue:
    staff("admin:read:accounts")
    wanted = request.args.get("username", "").lower()
    chosen, headers = page([a for a in world().fedi.accounts.values() if wanted in a.username.lower()], 100, 200)
    return jsonify([shapes().admin_account(a) for a in chosen]), 200, headers


@api.post("/api/v1/admin/accounts/<account_id>/action")
def act_on_account(account_id: str) -> ResponseReturnValue:
    viewer, asked = staff("admin:write:accounts"), params()
    target, kind = world().fedi.account(account_id), text(asked, "type")
    if kind not in ACTIONS:
        raise Refusal(422, "Validation failed: Type is not included in the list")
    if kind != "none":
        target.state = kind
    if report_id := text(asked, "report_id"):
        report = _report(report_id)
        report.action_taken_at, report.action_taken_by = world().now(), viewer.id
    return jsonify({})


@api.post("/api/v1/admin/accounts/<account_id>/<verb>")
def undo_on_account(account_id: str, verb: str) -> ResponseReturnValue:
    staff("admin:write:accounts")
    if verb not in UNDOES:
        raise Refusal(404, "Not Found")
    target = world().fedi.account(account_id)
    if target.state == UNDOES[verb]:
        target.state = "none"
    return jsonify(shapes().admin_account(target))


@api.route("/api/v1/markers", methods=["GET", "POST"])
def markers() -> ResponseReturnValue:
    """What the caller has read, per timeline: `home[last_read_id]` and `notifications[last_read_id]`."""
    viewer, asked = need("read:statuses"), params()
    mine = world().markers.setdefault(viewer.id, {})
    if request.method == "POST":
        for timeline in ("home", "notifications"):
            if isinstance(asked.get(timeline), dict):
                version = mine.get(timeline, {}).get("version", 0) + 1
                mine[timeline] = asked[timeline] | {"version": version, "updated_at": iso(world().now())}
        return jsonify(mine)
    wanted = listed(asked, "timeline")
    return jsonify({name: marker for name, marker in mine.items() if name in wanted})


@api.get("/api/v1/preferences")
def preferences() -> ResponseReturnValue:
    assert g.viewer is not None
    return jsonify(
        {
            "posting:default:visibility": "public",
            "posting:default:sensitive": False,
            "posting:default:language": "en",
            "reading:expand:media": "default",
            "reading:expand:spoilers": False,
        }
    )
