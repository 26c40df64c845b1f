"""Pictures, sent before the post that shows them: nothing is public until the post is, so that a failure is never in
doubt about the post itself.
"""

from __future__ import annotations

import time
from typing import Any

from plugins.contract import Ambiguous, Image, Permanent, Temporary
from plugins.mastodon.client import Client, part
from plugins.mastodon.deliveries import Raw, status_id
from plugins.pictures import file_of, require_pictures

#: How often, and how far apart, a picture is looked at that the server still works on.
LOOKS = 10
PAUSE_SECONDS = 1.0


def upload(client: Client, images: tuple[Image, ...]) -> list[str]:
    """The ids to post with, in the order given. Raises Temporary or Permanent, never Ambiguous."""
    require_pictures(images)
    try:
        return [_ready(client, _sent(client, image)) for image in images]
    except Ambiguous as error:
        words = "A picture did not arrive, or the server did not say so; the answer was not sent."
        raise Temporary(words, detail=error.detail, status=error.status) from error


def _sent(client: Client, image: Image) -> Raw:
    made = _known(client.upload("/api/v2/media", file_of(image), {"description": image.alt}))
    if str(made.get("description") or "").split() != image.alt.split():
        raise Permanent("The server cut or changed a picture's description; the answer was not sent. Write it shorter.")
    return made


def _ready(client: Client, made: Raw) -> str:
    """A picture has its address once the server is done with it; a post that names it earlier is refused."""
    named = status_id(made)
    for _ in range(LOOKS):
        if made.get("url"):
            return named
        time.sleep(PAUSE_SECONDS)
        made = _known(client.get(f"/api/v1/media/{part(named)}").body)
    raise Temporary("The server still works on a picture; the answer was not sent.")


def _known(body: Any) -> Raw:
    if not isinstance(body, dict) or not status_id(body):
        raise Temporary("The server took a picture and did not say under which name; the answer was not sent.")
    return body
