"""What a server allows a post, out of what it says of itself. Pure."""

from __future__ import annotations

from typing import Any

from plugins.contract import Limits
from plugins.mastodon.deliveries import Raw
from plugins.mastodon.server import path_in, server_name

#: Where a server says nothing: the limits of Mastodon, which the others were made to resemble.
MOST, LINK, ALT, PICTURES, PICTURE_BYTES = 500, 23, 1_500, 4, 8 * 1024 * 1024
PICTURE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
#: They count a link like anything else, whatever they say of `characters_reserved_per_url`.
_COUNT_PLAINLY = frozenset({"GoToSocial", "Takahe", "Pleroma", "Akkoma"})


def limits_of(instance: Raw, *, pictures: bool) -> Limits:
    """From the second form of the instance or the first; `pictures` is whether the token may send any."""
    statuses = path_in(instance, "configuration", "statuses")
    media = path_in(instance, "configuration", "media_attachments")
    plainly = server_name(instance).split(" ")[0] in _COUNT_PLAINLY
    return Limits(
        most=_positive(path_in(statuses, "max_characters")) or _older(instance, "max_toot_chars") or MOST,
        link=None if plainly else _positive(path_in(statuses, "characters_reserved_per_url")) or LINK,
        images=(_positive(path_in(statuses, "max_media_attachments")) or PICTURES) if pictures else 0,
        image_bytes=_positive(path_in(media, "image_size_limit")) or _older(instance, "upload_limit") or PICTURE_BYTES,
        image_types=_types(path_in(media, "supported_mime_types")),
        alt=_positive(path_in(media, "description_limit")) or _older(instance, "description_limit") or ALT,
        edits=True,
        deletes=True,
        warnings=True,
    )


def _older(instance: Raw, name: str) -> int | None:
    """Pleroma and Akkoma say their limits beside everything else, in both forms."""
    return _positive(instance.get(name))


def _types(value: Any) -> tuple[str, ...]:
    """Kinds of pictures only. A list that names none is as good as no list."""
    told = tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()
    return tuple(one for one in told if one.startswith("image/")) or PICTURE_TYPES


def _positive(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31 else None
