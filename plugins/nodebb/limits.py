"""What a forum allows a post, by the settings that it gives its own pages."""

from __future__ import annotations

from plugins.contract import Limits
from plugins.nodebb.shape import Json

LEAST, MOST, PICTURE_KB = 8, 32_767, 2_048
#: NodeBB has no number of its own; more would be a gallery and not an answer.
PICTURES = 10
#: The pictures of NodeBB's default list. Which ones a forum takes, it tells its administrators only.
TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp")


def limits_of(config: Json) -> Limits:
    """From /api/config."""
    return Limits(
        most=_positive(config.get("maximumPostLength")) or MOST,
        least=_positive(config.get("minimumPostLength")) or LEAST,
        images=PICTURES,
        image_bytes=(_positive(config.get("maximumFileSize")) or PICTURE_KB) * 1024,
        image_types=TYPES,
        edits=True,
        deletes=True,
    )


def _positive(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31 else None
