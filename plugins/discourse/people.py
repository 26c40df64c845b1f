"""Discourse's accounts to authors. Pure."""

from __future__ import annotations

from urllib.parse import quote

from moderation.errors import BadInput
from moderation.model import AuthorRole, AuthorSeen
from plugins.discourse.fields import Json, int_in, optional_int, text_in
from plugins.discourse.settings import DiscourseSettings


def author_of(record: Json, settings: DiscourseSettings) -> AuthorSeen:
    """The account that a post, or a list of accounts, shows. Raises BadInput naming the field."""
    username = text_in(record, "username")
    if not username:
        raise BadInput("post.username is missing or not a text.")
    user_id = int_in(record, "post", "user_id")
    role = AuthorRole.CUSTOMER
    if any(record.get(flag) is True for flag in ("staff", "moderator", "admin")):
        role = AuthorRole.STAFF
    if username.casefold() == settings.api_username.casefold():
        role = AuthorRole.BRAND
    return AuthorSeen(
        remote_id=str(user_id),
        handle=username,
        name=text_in(record, "name"),
        role=role,
        trust=trust_of(record),
        # Discourse's own accounts, "system" and "discobot", have negative ids.
        bot=user_id < 0,
        url=f"{settings.url}/u/{quote(username, safe='')}",
    )


def trust_of(record: Json) -> int | None:
    trust = optional_int(record, "post", "trust_level")
    return trust if trust is not None and 0 <= trust <= 4 else None
