"""The Discourse API, pictures: equal ones are kept once, and posts show them by their short name."""

from __future__ import annotations

from typing import Any

from flask import jsonify, request
from flask.typing import ResponseReturnValue

from service.sandbox.discourse import api, forum
from service.sandbox.media import EXTENSIONS, MAX_BYTES, TYPES, Picture, seen_as
from service.sandbox.pages import api as pages
from service.sandbox.refusal import Refusal, not_found
from service.sandbox.requests import params, text, world


@api.post("/uploads.json")
def upload() -> ResponseReturnValue:
    asked, sent = params(), request.files.get("file")
    if not (text(asked, "type") or text(asked, "upload_type")):
        raise Refusal(400, "You supplied invalid parameters to the request", "invalid_parameters")
    if sent is None:
        raise Refusal(422, "Sorry, the file is missing.")
    made = _checked(sent.filename or "", sent.read())
    names = [*forum().uploads]
    forum().uploads.setdefault(made.short, made)
    number = names.index(made.short) + 1 if made.short in names else len(names) + 1
    return jsonify(_shape(made, number, sent.filename or ""))


def _checked(name: str, body: bytes) -> Picture:
    found = seen_as(body)
    if name.rpartition(".")[2].lower() not in EXTENSIONS:
        allowed = ", ".join(EXTENSIONS)
        raise Refusal(
            422, f"Sorry, the file you are trying to upload is not authorized (authorized extensions: {allowed})."
        )
    if found is None:
        raise Refusal(422, "Sorry, but we couldn't determine the size of the image. Maybe your image is corrupted?")
    if len(body) > MAX_BYTES:
        kilobytes = MAX_BYTES // 1024
        raise Refusal(422, f"Sorry, the image you are trying to upload is too big (maximum size is {kilobytes} KB).")
    return found


def _shape(made: Picture, number: int, name: str) -> dict[str, Any]:
    scale = min(1.0, 690 / max(made.width, 1), 500 / max(made.height, 1))
    return {
        "id": number,
        "url": f"{world().base_url}/uploads/default/original/1X/{made.sha1}.{made.short.rpartition('.')[2]}",
        "original_filename": name,
        "filesize": len(made.body),
        "width": made.width,
        "height": made.height,
        "thumbnail_width": int(made.width * scale),
        "thumbnail_height": int(made.height * scale),
        "extension": made.short.rpartition(".")[2],
        "short_url": f"upload://{made.short}",
        "short_path": f"/uploads/short-url/{made.short}",
        "retain_hours": None,
        "human_filesize": f"{len(made.body) / 1024:.1f} KB",
    }


@pages.get("/uploads/short-url/<name>")
def show_upload(name: str) -> ResponseReturnValue:
    found = world().forum.uploads.get(name)
    if found is None:
        raise not_found()
    return found.body, 200, {"Content-Type": TYPES[found.kind]}
