"""Pictures, sent before the post that shows them: nothing is public until the post is, so that a failure is never in
doubt about the post itself.
"""

from __future__ import annotations

import re

from plugins.contract import Ambiguous, Image, Permanent, Temporary
from plugins.discourse.client import Client
from plugins.discourse.compose import picture

UPLOAD = "send pictures (scope uploads: create)"
#: A type becomes part of the request: anything but a plain word could become another part of it.
_TYPE = re.compile(r"image/([a-z0-9.+-]{1,30})")


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
    """The forum keeps one copy of equal pictures, so that sending one again is harmless."""
    name = f"picture.{image.mime.rpartition('/')[2]}"
    form = {"type": "composer", "synchronous": "true"}
    made = client.upload("/uploads.json", UPLOAD, form, (name, image.body, image.mime))
    address = made.get("short_url")
    if not isinstance(address, str) or not address.startswith("upload://"):
        raise Temporary("The forum took a picture and did not say where it is; the answer was not sent.")
    sizes = [made.get(f"thumbnail_{side}") or made.get(side) for side in ("width", "height")]
    width, height = (size if isinstance(size, int) else 0 for size in sizes)
    return picture(image.alt, address, width, height)
