"""Pictures that were sent to either platform: what they are, how large, and the limits they are held to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from service.sandbox.refusal import Refusal

MAX_BYTES = 4 * 1024 * 1024
MAX_ATTACHMENTS = 4
MAX_DESCRIPTION = 1500
TYPES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
#: The endings of names that the forum takes.
EXTENSIONS = ("jpg", "jpeg", "png", "gif", "webp")
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Picture:
    """`kind` is the usual ending of its name. Width and height are in pixels."""

    body: bytes
    kind: str
    width: int
    height: int

    @property
    def sha1(self) -> str:
        return hashlib.sha1(self.body, usedforsecurity=False).hexdigest()

    @property
    def short(self) -> str:
        """Discourse's short name: the SHA-1 in base 62."""
        number, digits = int(self.sha1, 16), ""
        while number:
            number, rest = divmod(number, 62)
            digits = _BASE62[rest] + digits
        return f"{digits}.{self.kind if self.kind != 'jpg' else 'jpeg'}"


@dataclass(slots=True)
class Attachment:
    """A picture on the fediverse server. `looks` is how often it must still be asked for until it is done."""

    id: str
    account_id: str
    picture: Picture
    description: str = ""
    status_id: str | None = None
    looks: int = 0


@dataclass(slots=True)
class Shelf:
    """The fediverse server's pictures, by their id."""

    held: dict[str, Attachment] = field(default_factory=dict)

    def check(self, ids: Iterable[str], account_id: str, status_id: str | None = None) -> None:
        """Mastodon's refusals for what somebody wants to attach to a status, or to one that is there already."""
        wanted = tuple(ids)
        if len(wanted) > MAX_ATTACHMENTS:
            raise Refusal(422, f"Validation failed: Cannot attach more than {MAX_ATTACHMENTS} files")
        strange = [i for i in wanted if not self._may_have(i, account_id, status_id)]
        if strange:
            raise Refusal(422, f"Media {', '.join(strange)} not found or already attached to another post")
        if any(self.held[i].looks for i in wanted):
            raise Refusal(422, "Cannot attach files that have not finished processing. Try again in a moment!")

    def _may_have(self, media_id: str, account_id: str, status_id: str | None) -> bool:
        found = self.held.get(media_id)
        return found is not None and found.account_id == account_id and found.status_id in (None, status_id)

    def attach(self, ids: Iterable[str], status_id: str) -> None:
        for media_id in ids:
            self.held[media_id].status_id = status_id


def seen_as(body: bytes) -> Picture | None:
    """The picture that these bytes are, by what they begin with; None for anything else."""
    for kind, read in (("png", _png), ("gif", _gif), ("jpg", _jpeg), ("webp", _webp)):
        if (size := read(body)) is not None:
            return Picture(body, kind, *size)
    return None


def _png(body: bytes) -> tuple[int, int] | None:
    if not body.startswith(b"\x89PNG\r\n\x1a\n") or len(body) < 24:
        return None
    return int.from_bytes(body[16:20], "big"), int.from_bytes(body[20:24], "big")


def _gif(body: bytes) -> tuple[int, int] | None:
    if not body.startswith((b"GIF87a", b"GIF89a")) or len(body) < 10:
        return None
    return int.from_bytes(body[6:8], "little"), int.from_bytes(body[8:10], "little")


def _jpeg(body: bytes) -> tuple[int, int] | None:
    """The size is in the first frame header; segments before it are skipped by their length."""
    at = 2
    while body.startswith(b"\xff\xd8") and at + 9 <= len(body) and body[at] == 0xFF:
        marker, length = body[at + 1], int.from_bytes(body[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(body[at + 7 : at + 9], "big"), int.from_bytes(body[at + 5 : at + 7], "big")
        at += 2 + length
    return None


def _webp(body: bytes) -> tuple[int, int] | None:
    """Three kinds of first chunk: lossy, lossless and extended."""
    if body[:4] != b"RIFF" or body[8:12] != b"WEBP" or len(body) < 30:
        return None
    if body[12:16] == b"VP8X":
        return 1 + int.from_bytes(body[24:27], "little"), 1 + int.from_bytes(body[27:30], "little")
    if body[12:16] == b"VP8L":
        bits = int.from_bytes(body[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return int.from_bytes(body[26:28], "little") & 0x3FFF, int.from_bytes(body[28:30], "little") & 0x3FFF


def mastodon_limits() -> dict[str, Any]:
    """What the instance says of media."""
    return {
        "supported_mime_types": sorted(TYPES.values()),
        "image_size_limit": MAX_BYTES,
        "image_matrix_limit": 33_177_600,
        "description_limit": MAX_DESCRIPTION,
        "video_size_limit": 0,
        "video_frame_rate_limit": 0,
        "video_matrix_limit": 0,
    }
