"""Pictures, sent before the post that shows them: nothing is public until the post is, so that a failure is never in
doubt about the post itself.
"""

from __future__ import annotations

import re
import time
from typing import Any

from plugins.contract import Ambiguous, Image, Permanent, Temporary
from plugins.mastodon.client import Client, part
from plugins.mastodon.deliveries import Raw, status_id

#: How often, and how far apart, a picture is looked at that the server still works on.
LOOKS = 10
PAUSE_SECONDS = 1.0
#: A type becomes part of the request: anything but a plain word could become another part of it.
_TYPE = re.compile(r"image/([a-z0-9.+-]{1,30})")


def upload(client: Client, images: tuple[Image, ...]) -> list[str]:
    """The ids to post with, in the order given. Raises Temporary or Permanent, never Ambiguous."""
    if not all(image.alt.strip() for image in images):
        raise Permanent("A picture has no description; nothing was sent.")
    if not all(_TYPE.fullmatch(image.mime) for image in images):
        raise Permanent("A file is not a picture; nothing was sent.")
    try:
        return [_ready(client, _sent(client, image)) for image in images]
    except Ambiguous as error:
        words = "A picture did not arrive, or the server did not say so; the answer was not sent."
        raise Temporary(words, detail=error.detail, status=error.status) from error


def _sent(client: Client, image: Image) -> Raw:
    name = f"picture.{image.mime.rpartition('/')[2]}"
    made = _known(client.upload("/api/v2/media", (name, image.body, image.mime), {"description": image.alt}))
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
