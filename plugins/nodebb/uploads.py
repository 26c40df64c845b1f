"""Pictures, sent before the post that shows them: a failure is never in doubt about the post itself."""

from __future__ import annotations

import re

from plugins.contract import Ambiguous, Image, Temporary
from plugins.nodebb.client import Client
from plugins.nodebb.compose import picture
from plugins.pictures import file_of, require_pictures

UPLOAD = "send pictures (privilege “upload images”)"
_ADDRESS = re.compile(r"(?:https?://[^\s()/]{1,253})?/[^\s()]{0,200}assets/uploads/[^\s()]{1,400}")


def upload(client: Client, images: tuple[Image, ...]) -> list[str]:
    """The markup of each picture, in the order given. Raises Temporary or Permanent, never Ambiguous."""
    require_pictures(images)
    try:
        return [_upload(client, image) for image in images]
    except Ambiguous as error:
        words = "A picture did not arrive, or the forum did not say so; the answer was not sent."
        raise Temporary(words, detail=error.detail, status=error.status) from error


def _upload(client: Client, image: Image) -> str:
    made = client.upload("/api/post/upload", UPLOAD, file_of(image)).get("images")
    first = made[0] if isinstance(made, list) and made else None
    address = first.get("url") if isinstance(first, dict) else None
    if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
        raise Temporary("The forum took a picture and did not say where it is; the answer was not sent.")
    return picture(image.alt, address)
