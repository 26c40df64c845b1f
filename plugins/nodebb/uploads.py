"""Pictures, sent before the post that shows them: a failure is never in doubt about the post itself."""

from __future__ import annotations

import re

from plugins.contract import Ambiguous, Image, Permanent, Temporary
from plugins.nodebb.client import Client
from plugins.nodebb.compose import picture

UPLOAD = "send pictures (privilege “upload images”)"
#: A type becomes part of the request: anything but a plain word could become another part of it.
_TYPE = re.compile(r"image/([a-z0-9.+-]{1,30})")
_ADDRESS = re.compile(r"(?:https?://[^\s()/]{1,253})?/[^\s()]{0,200}assets/uploads/[^\s()]{1,400}")


def upload(client: Client, images: tuple[Image, ...]) -> list[str]:
    """The markup of each picture, in the order given. Raises Temporary or Permanent, never Ambiguous."""
    if not all(image.alt.strip() for image in images):
        raise Permanent("A picture has no description; nothing was sent.")
    if not all(_TYPE.fullmatch(image.mime) for image in images):
        raise Permanent("A file is not a picture; nothing was sent.")
    try:
        return [_upload(client, image) for image in images]
    except Ambiguous as error:
        words = "A picture did not arrive, or the forum did not say so; the answer was not sent."
        raise Temporary(words, detail=error.detail, status=error.status) from error


def _upload(client: Client, image: Image) -> str:
    name = f"picture.{image.mime.rpartition('/')[2]}"
    made = client.upload("/api/post/upload", UPLOAD, (name, image.body, image.mime)).get("images")
    first = made[0] if isinstance(made, list) and made else None
    address = first.get("url") if isinstance(first, dict) else None
    if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
        raise Temporary("The forum took a picture and did not say where it is; the answer was not sent.")
    return picture(image.alt, address)
