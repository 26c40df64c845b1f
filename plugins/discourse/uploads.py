"""Pictures, sent before the post that shows them: nothing is public until the post is, so that a failure is never in
doubt about the post itself.
"""

from __future__ import annotations

from plugins.contract import Ambiguous, Image, Temporary
from plugins.discourse.client import Client
from plugins.discourse.compose import picture
from plugins.pictures import file_of, require_pictures

UPLOAD = "send pictures (scope uploads: create)"


def upload(client: Client, images: tuple[Image, ...]) -> list[str]:
    """The markup of each picture, in the order given. Raises Temporary or Permanent, never Ambiguous."""
    require_pictures(images)
    try:
        return [_upload(client, image) for image in images]
    except Ambiguous as error:
        words = "A picture did not arrive, or the forum did not say so; the answer was not sent."
        raise Temporary(words, detail=error.detail, status=error.status) from error


def _upload(client: Client, image: Image) -> str:
    """The forum keeps one copy of equal pictures, so that sending one again is harmless."""
    form = {"type": "composer", "synchronous": "true"}
    made = client.upload("/uploads.json", UPLOAD, form, file_of(image))
    address = made.get("short_url")
    if not isinstance(address, str) or not address.startswith("upload://"):
        raise Temporary("The forum took a picture and did not say where it is; the answer was not sent.")
    sizes = [made.get(f"thumbnail_{side}") or made.get(side) for side in ("width", "height")]
    width, height = (size if isinstance(size, int) else 0 for size in sizes)
    return picture(image.alt, address, width, height)
