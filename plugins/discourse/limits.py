"""What a forum allows a post: by its own settings where the key may read them, else by Discourse's defaults."""

from __future__ import annotations

from plugins.contract import Limits
from plugins.discourse.shape import Json

READ_SETTINGS = "read the forum's settings"
LEAST, MOST, PICTURE_KB = 20, 32_000, 4_096
#: Discourse has no number of its own; more would be a gallery and not an answer.
PICTURES = 10
#: Discourse has no limit of its own for a description either.
ALT = 1_500
_TYPES = {"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp"}


def limits_of(told: Json) -> Limits:
    """From the settings that a forum gives its own pages."""
    types = _types(told.get("authorized_extensions"))
    return Limits(
        most=_positive(told.get("max_post_length")) or MOST,
        least=_positive(told.get("min_post_length")) or LEAST,
        images=PICTURES if types else 0,
        image_bytes=(_positive(told.get("max_image_size_kb")) or PICTURE_KB) * 1024,
        image_types=types,
        alt=ALT,
        edits=True,
        deletes=True,
        markdown=True,
    )


def _types(value: object) -> tuple[str, ...]:
    """Names of files separated by “|”; “*” is every file. A forum may allow none."""
    named = value.lower().replace(" ", "").split("|") if isinstance(value, str) else [*_TYPES]
    return tuple(dict.fromkeys(kind for end, kind in _TYPES.items() if end in named or "*" in named))


def _positive(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31 else None
