"""The forum's review queue: flags make an entry, an entry lists what the caller may do, each act moves its version."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from service.sandbox.forum import (
    APPROVED,
    FLAG_TYPES,
    IGNORED,
    PENDING,
    REJECTED,
    Flag,
    Forum,
    Post,
    Reviewable,
    User,
)
from service.sandbox.refusal import Refusal, forbidden, not_found

STATUS_NAMES = ("pending", "approved", "rejected", "ignored", "deleted")
STAFF_ONLY = ("agree_and_silence", "agree_and_suspend")
OUTCOMES = {
    "agree_and_keep": APPROVED,
    "agree_and_hide": APPROVED,
    "disagree": REJECTED,
    "ignore_and_do_nothing": IGNORED,
    "delete_and_agree": APPROVED,
    "agree_and_silence": APPROVED,
    "agree_and_suspend": APPROVED,
    "agree_and_keep_hidden": APPROVED,
    "disagree_and_restore": REJECTED,
}
#: Offered for a post that is hidden already, and those that are not offered then.
FOR_HIDDEN = ("agree_and_keep_hidden", "disagree_and_restore")
FOR_SHOWN = ("agree_and_keep", "agree_and_hide", "disagree")


def flag(forum: Forum, post: Post, actor: User, type_id: int, message: str) -> Reviewable:
    if type_id not in FLAG_TYPES:
        raise Refusal(400, "You supplied invalid parameters to the request: post_action_type_id", "invalid_parameters")
    entry = next((r for r in forum.reviewables.values() if r.post_id == post.id and r.status == PENDING), None)
    event = "reviewable_score_updated"
    if entry is None:
        entry = Reviewable(len(forum.reviewables) + 1, post.id, forum.now())
        forum.reviewables[entry.id] = entry
        event = "reviewable_created"
    if any(f.username == actor.username for f in entry.flags):
        raise forbidden("You have already flagged this post.")
    number = sum(len(r.flags) for r in forum.reviewables.values()) + 1
    entry.flags.append(Flag(number, actor.username, type_id, message, forum.now()))
    forum.emit("reviewable", event, entry)
    return entry


def entry_for(forum: Forum, actor: User, entry_id: int) -> Reviewable:
    entry = forum.reviewables.get(entry_id)
    if entry is None or not forum.moderates(actor, category_of(forum, entry)):
        raise not_found()
    return entry


def category_of(forum: Forum, entry: Reviewable) -> int | None:
    return forum.topics[forum.posts[entry.post_id].topic_id].category_id


def actions_for(forum: Forum, actor: User, entry: Reviewable) -> list[str]:
    if entry.status != PENDING:
        return []
    without = FOR_SHOWN if forum.posts[entry.post_id].hidden else FOR_HIDDEN
    return [a for a in OUTCOMES if a not in without and (actor.staff or a not in STAFF_ONLY)]


def flags_in_words(forum: Forum, flag: Flag) -> dict[str, Any]:
    """What somebody wrote to the moderators: the beginning of a talk between them."""
    said = {"id": flag.id, "excerpt": flag.message, "user_id": forum.user(flag.username).id}
    return {"id": flag.id, "has_more": False, "permalink": f"/t/flag/{flag.id}", "conversation_posts": [said]}


def perform(forum: Forum, actor: User, entry: Reviewable, action: str, version: int) -> None:
    if version != entry.version:
        raise Refusal(409, "Another user has already handled this item; refresh and try again.", "conflict")
    if action not in actions_for(forum, actor, entry):
        raise forbidden()
    entry.status = OUTCOMES[action]
    _carry_out(forum, actor, forum.posts[entry.post_id], action)
    entry.version += 1
    forum.emit("reviewable", "reviewable_transitioned_to", entry)


def _carry_out(forum: Forum, actor: User, post: Post, action: str) -> None:
    author, until = forum.user(post.username), forum.now() + timedelta(days=3)
    if action in ("agree_and_hide", "disagree", "disagree_and_restore"):
        post.hidden = action == "agree_and_hide"
    elif action == "delete_and_agree":
        forum.delete(post, actor)
    elif action == "agree_and_silence":
        author.silenced_till = until
    elif action == "agree_and_suspend":
        author.suspended_till = until
