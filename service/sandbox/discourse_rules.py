"""The forum's refusals for texts that come by its API; seeding and the control API skip them."""

from __future__ import annotations

from datetime import timedelta

from service.sandbox.counting import bare
from service.sandbox.forum import Forum
from service.sandbox.ids import squeezed
from service.sandbox.refusal import Refusal

MAX_POST_LENGTH = 32_000


def check_new_text(forum: Forum, username: str, raw: str) -> None:
    check_text(forum, raw)
    since = forum.now() - timedelta(seconds=forum.options.unique_post_seconds)
    mine = (p for p in forum.posts.values() if p.username == username and p.created_at >= since)
    if any(squeezed(p.versions[0][1]) == squeezed(raw) for p in mine):
        raise Refusal(422, "Body is too similar to what you recently posted")


def check_text(forum: Forum, raw: str) -> None:
    least = forum.options.min_post_length
    if len(raw) > MAX_POST_LENGTH:
        raise Refusal(422, f"Body is limited to {MAX_POST_LENGTH} characters; you entered {len(raw)}.")
    if len(bare(raw)) < least:
        raise Refusal(422, f"Body is too short (minimum is {least} characters)")
