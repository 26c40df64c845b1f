"""What Lemmy allows a comment. It has no endpoint that tells, so these are the numbers of its source."""

from __future__ import annotations

from plugins.contract import Limits

MOST = 10_000
#: Lemmy has no number of its own; more would be a gallery and not an answer.
PICTURES = 10
#: pict-rs takes more by default, but a proxy before it often does not.
PICTURE_BYTES = 4 * 1024 * 1024
TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")

LIMITS = Limits(
    most=MOST,
    images=PICTURES,
    image_bytes=PICTURE_BYTES,
    image_types=TYPES,
    edits=True,
    deletes=True,
    markdown=True,
)
