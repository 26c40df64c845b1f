"""What a person sees who follows a link to the platform: public threads as plain pages, and nothing else."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape

from flask import Blueprint
from flask.typing import ResponseReturnValue

from service.sandbox.ids import iso, paragraphs
from service.sandbox.refusal import Refusal, not_found
from service.sandbox.requests import world

api = Blueprint("pages", __name__)
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body><main><h1>{title}</h1>{messages}</main></body></html>
"""


@api.errorhandler(Refusal)
def refuse(refusal: Refusal) -> ResponseReturnValue:
    return PAGE.format(title="Not here", messages=f"<p>{escape(refusal.message)}</p>"), refusal.status


@api.get("/avatar.png")
@api.get("/letter_avatar_proxy/<path:_>")
def avatar(_: str = "") -> ResponseReturnValue:
    return PIXEL, 200, {"Content-Type": "image/png"}


@api.get("/t/<slug>/<int:topic_id>")
@api.get("/t/<slug>/<int:topic_id>/<int:number>")
def topic(slug: str, topic_id: int, number: int = 1) -> ResponseReturnValue:
    forum = world().forum
    found = forum.topic(topic_id)
    category = forum.categories.get(found.category_id or 0)
    if found.archetype != "regular" or found.deleted_at is not None or (category and category.restricted):
        raise not_found()
    posts = [p for i in found.post_ids if (p := forum.posts[i]).deleted_at is None and not p.hidden]
    return _page(found.title, ((str(p.number), p.username, iso(p.created_at), p.raw) for p in posts))


@api.get("/@<username>/<status_id>")
def status(username: str, status_id: str) -> ResponseReturnValue:
    fedi = world().fedi
    found = fedi.status(status_id, None)
    thread = [*fedi.ancestors(found, None), found, *fedi.descendants(found, None)]
    rows = ((s.id, fedi.accounts[s.account_id].username, iso(s.created_at), s.text) for s in thread)
    return _page(f"@{username}", rows)


def _page(title: str, messages: Iterable[tuple[str, str, str, str]]) -> str:
    shown = "".join(
        f'<article id="m{escape(key)}"><h2>{escape(author)}, {at}</h2>{paragraphs(text)}</article>'
        for key, author, at, text in messages
    )
    return PAGE.format(title=escape(title), messages=shown)
