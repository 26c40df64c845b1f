"""Ids, times and texts in the forms the two platforms use."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import escape
from threading import Lock

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
MENTION = re.compile(r"(?<![\w/@.])@([\w-]+)")
HASHTAG = re.compile(r"(?<![\w/&#])#(\w+)")


class UlidMint:
    """Ids in the form of ULIDs: their text order is the order they were made in, whatever the clock did."""

    def __init__(self) -> None:
        self._last = 0
        self._count = 0
        self._lock = Lock()

    def mint(self, at: datetime) -> str:
        with self._lock:
            self._last = max(self._last, int(at.timestamp() * 1000))
            self._count += 1
            return _base32(self._last, 10) + _base32(self._count, 16)


def _base32(number: int, width: int) -> str:
    digits: list[str] = []
    while len(digits) < width:
        number, rest = divmod(number, 32)
        digits.append(_CROCKFORD[rest])
    return "".join(reversed(digits))


def iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def iso_or_none(at: datetime | None) -> str | None:
    return None if at is None else iso(at)


def slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "topic"


def paragraphs(text: str) -> str:
    parts = [escape(part.strip()).replace("\n", "<br>") for part in re.split(r"\n\s*\n", text)]
    return "".join(f"<p>{part}</p>" for part in parts if part)


def squeezed(text: str) -> str:
    """What Discourse compares to tell a repeated post: the text without case, spaces and punctuation."""
    return re.sub(r"\W+", "", text.lower())
