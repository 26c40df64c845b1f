"""The Mastodon API, pictures: sent with their description, worked on for a while when large, shown with a status."""

from __future__ import annotations

from typing import Any

from flask import jsonify, request
from flask.typing import ResponseReturnValue

from service.sandbox.fediverse import unknown_record
from service.sandbox.mastodon import api, need, shapes
from service.sandbox.media import MAX_BYTES, MAX_DESCRIPTION, TYPES, Attachment, Picture, seen_as
from service.sandbox.pages import api as pages
from service.sandbox.refusal import Refusal, not_found
from service.sandbox.requests import params, text, world

#: A larger picture is not done when the answer goes out, but at the second look.
SLOW_BYTES = 1024 * 1024
LOOKS = 2


@api.post("/api/v1/media")
@api.post("/api/v2/media")
def take_media() -> ResponseReturnValue:
    viewer, fedi, sent = need("write:media"), world().fedi, request.files.get("file")
    if sent is None:
        raise Refusal(422, "Validation failed: File can't be blank")
    body = sent.read()
    made = Attachment(fedi.mint(world().now()), viewer.id, _checked(body), _description(params()))
    made.looks = LOOKS if len(body) > SLOW_BYTES and request.path == "/api/v2/media" else 0
    fedi.shelf.held[made.id] = made
    return jsonify(shapes().attachment(made)), 202 if made.looks else 200


def _checked(body: bytes) -> Picture:
    found = seen_as(body)
    if found is None:
        raise Refusal(422, "Validation failed: File content type is invalid, File is invalid")
    if len(body) > MAX_BYTES:
        raise Refusal(422, f"Validation failed: File must be less than {MAX_BYTES // 1_048_576} MB")
    return found


def _description(asked: dict[str, Any]) -> str:
    said = text(asked, "description").strip()
    if len(said) > MAX_DESCRIPTION:
        raise Refusal(422, f"Validation failed: Description is too long (maximum is {MAX_DESCRIPTION} characters)")
    return said


@api.get("/api/v1/media/<media_id>")
def show_media(media_id: str) -> ResponseReturnValue:
    found = _own(media_id)
    found.looks = max(0, found.looks - 1)
    return jsonify(shapes().attachment(found)), 206 if found.looks else 200


@api.put("/api/v1/media/<media_id>")
def change_media(media_id: str) -> ResponseReturnValue:
    found = _own(media_id)
    found.description = _description(params())
    return jsonify(shapes().attachment(found))


def _own(media_id: str) -> Attachment:
    """Ones that are not in a post yet; the others are as good as unknown here."""
    viewer, found = need("write:media"), world().fedi.shelf.held.get(media_id)
    if found is None or found.account_id != viewer.id or found.status_id is not None:
        raise unknown_record()
    return found


@pages.get("/system/media_attachments/<media_id>.<_>")
def picture(media_id: str, _: str) -> ResponseReturnValue:
    found = world().fedi.shelf.held.get(media_id)
    if found is None or found.status_id not in world().fedi.statuses:
        raise not_found()
    return found.picture.body, 200, {"Content-Type": TYPES[found.picture.kind]}
