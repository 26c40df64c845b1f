"""Pictures, sent before the comment that shows them: nothing is public until the comment is, so that a failure is never
in doubt about the comment itself.
"""

from __future__ import annotations

import re

from plugins.contract import Ambiguous, Image, Temporary
from plugins.lemmy.api import Lemmy
from plugins.lemmy.client import Json
from plugins.lemmy.text import picture
from plugins.pictures import file_of, require_pictures

UPLOAD = "send pictures"
#: What an address may be made of, so that it does not end the markup it stands in.
_ADDRESS = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&'*+,;=%-]{1,2000}")
_FILE = re.compile(r"[A-Za-z0-9._-]{1,200}")


def upload(lemmy: Lemmy, url: str, images: tuple[Image, ...]) -> list[str]:
    """The markup of each picture, in the order given. Raises Temporary or Permanent, never Ambiguous."""
    require_pictures(images)
    try:
        return [picture(image.alt, _upload(lemmy, url, image)) for image in images]
    except Ambiguous as error:
        words = "A picture did not arrive, or the server did not say so; the answer was not sent."
        raise Temporary(words, detail=error.detail, status=error.status) from error


def _upload(lemmy: Lemmy, url: str, image: Image) -> str:
    """The picture's address. 0.19 hands uploads on to its picture server, outside of the API."""
    path = lemmy.path("image") if lemmy.v4 else "/pictrs/image"
    address = _address(lemmy.client.upload(path, UPLOAD, "images[]", file_of(image)), url)
    if not _ADDRESS.fullmatch(address):
        raise Temporary("The server took a picture and did not say where it is; the answer was not sent.")
    return address


def _address(made: Json, url: str) -> str:
    """v4 gives the address; v3 the name of the file."""
    if isinstance(made.get("image_url"), str):
        return str(made["image_url"])
    files = made.get("files")
    first = files[0] if isinstance(files, list) and files and isinstance(files[0], dict) else {}
    name = str(first.get("file") or "")
    return f"{url}/pictrs/image/{name}" if _FILE.fullmatch(name) else ""
