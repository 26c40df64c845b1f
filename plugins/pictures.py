"""Pictures that go with a post: what is refused before any is sent, and how they stand below its text. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from plugins.contract import Image, Permanent

#: A type becomes part of the request: anything but a plain word could become another part of it.
_TYPE = re.compile(r"image/([a-z0-9.+-]{1,30})")


def require_pictures(images: Iterable[Image]) -> None:
    """Raises Permanent unless each is a picture and is described."""
    given = tuple(images)
    if not all(image.alt.strip() for image in given):
        raise Permanent("A picture has no description; nothing was sent.")
    if not all(_TYPE.fullmatch(image.mime) for image in given):
        raise Permanent("A file is not a picture; nothing was sent.")


def file_of(image: Image) -> tuple[str, bytes, str]:
    """Name, content and type, as a form takes a file."""
    return f"picture.{image.mime.rpartition('/')[2]}", image.body, image.mime


def with_pictures(text: str, pictures: Iterable[str]) -> str:
    """The text, and below it the markup of the pictures that it does not show itself."""
    return "\n\n".join([text, *(one for one in pictures if one not in text)])
