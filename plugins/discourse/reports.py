"""Flags of posts, as the review queue and its webhooks tell of them: what is kept of each, and the events. Pure.

One entry of the queue is about one post and holds one score for each person who flagged it: each is a report.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moderation.errors import BadInput
from moderation.model import AuthorSeen, Event, Ignored, ReportOutcome, ReportReason, ReportSeen
from plugins.discourse.fields import Json, id_in, int_in, text_in, time_in
from plugins.discourse.people import author_of
from plugins.discourse.settings import DiscourseSettings
from plugins.discourse.shape import is_private
from plugins.discourse.text import message_text
from plugins.payloads import object_in

#: Other entries of the queue wait for an approval, or are about people: nobody flagged a post there.
FLAGGED_POST = "ReviewableFlaggedPost"
PENDING = 0
#: What a state of an entry, or of one score in it, says. 4 is an entry that was deleted with its post.
OUTCOMES = {
    PENDING: ReportOutcome.OPEN,
    1: ReportOutcome.UPHELD,
    2: ReportOutcome.REJECTED,
    3: ReportOutcome.CLOSED,
    4: ReportOutcome.CLOSED,
}
_REASONS = {
    3: ReportReason.OFF_TOPIC,
    4: ReportReason.ABUSE,
    8: ReportReason.SPAM,
    10: ReportReason.LEGAL,
}
_PERSON = ("username", "name", "trust_level", "moderator", "admin")
#: The queue names people, a webhook only numbers them: of the same version, what the queue says is the fuller one.
_NAMED = 0.5


# ------------------------------------------------------------------ what is kept


def slim_report(entry: Mapping[str, Any], aside: Mapping[str, Any]) -> Json | None:
    """The entry without what we do not use; None for what is not a flag of a public post, or does not say of which.

    `aside` holds the records that an answer lists beside its entries, because Discourse writes ids in their place.
    """
    topic = _beside(aside, "topics", entry.get("topic_id"))
    post_id = entry.get("post_id") or (entry.get("target_id") if entry.get("target_type") == "Post" else None)
    private = is_private({"category_id": entry.get("category_id"), "archetype": topic.get("archetype")})
    if entry.get("type") != FLAGGED_POST or post_id is None or private:
        return None
    scores = entry.get("reviewable_scores")
    if scores is None:
        scores = [_beside(aside, "reviewable_scores", i) for i in _listed(entry.get("reviewable_score_ids"))]
    kept = {name: entry.get(name) for name in ("id", "version", "status", "category_id")}
    about = _person(aside, entry.get("target_created_by_id"))
    flags = [_flag(score, aside) for score in _listed(scores) if isinstance(score, Mapping)]
    return kept | {"post_id": post_id, "flags": flags} | ({"about": about} if about else {})


def _flag(score: Mapping[str, Any], aside: Mapping[str, Any]) -> Json:
    kind = score.get("score_type")
    kept = {
        "id": score.get("id"),
        "status": score.get("status"),
        "created_at": score.get("created_at"),
        "type": kind.get("id") if isinstance(kind, Mapping) else score.get("score_type_id"),
    }
    by, said = _person(aside, score.get("user_id")), _words(score, aside)
    return kept | ({"by": by} if by else {}) | ({"cooked": said} if said else {})


def _words(score: Mapping[str, Any], aside: Mapping[str, Any]) -> str:
    """What the person wrote with the flag: the first post of their talk with the moderators, and no further one."""
    talk = score.get("reviewable_conversation")
    if not isinstance(talk, Mapping):
        talk = _beside(aside, "reviewable_conversations", score.get("reviewable_conversation_id"))
    posts = talk.get("conversation_posts")
    if posts is None:
        posts = [_beside(aside, "conversation_posts", i) for i in _listed(talk.get("conversation_post_ids"))]
    first = next((one for one in _listed(posts) if isinstance(one, Mapping)), {})
    said = first.get("excerpt") if first.get("user_id") == score.get("user_id") else None
    return said if isinstance(said, str) else ""


def _person(aside: Mapping[str, Any], user_id: object) -> Json:
    """An account with its name, or nothing where only its number is known."""
    found = _beside(aside, "users", user_id)
    if not found.get("username"):
        return {}
    return {"user_id": user_id} | {name: found[name] for name in _PERSON if found.get(name) is not None}


def _beside(aside: Mapping[str, Any], kind: str, wanted: object) -> Mapping[str, Any]:
    rows = _listed(aside.get(kind)) if wanted is not None else []
    return next((row for row in rows if isinstance(row, Mapping) and row.get("id") == wanted), {})


def _listed(found: object) -> list[Any]:
    return found if isinstance(found, list) else []


# ------------------------------------------------------------------ what it says


def events(body: Json, settings: DiscourseSettings) -> list[Event]:
    """One report for each person who flagged the post. Raises BadInput naming the field."""
    entry = object_in(body, "reviewable")
    entry_id, about = id_in(entry, "reviewable", "id"), entry.get("about")
    version = int_in(entry, "reviewable", "version") + (_NAMED if about else 0.0)
    seen: list[Event] = [
        ReportSeen(
            remote_id=f"{entry_id}:{id_in(flag, 'flag', 'id')}",
            at=time_in(flag, "flag", "created_at"),
            reason=_REASONS.get(_number(flag.get("type")), ReportReason.OTHER),
            outcome=_outcome(flag, entry),
            message_id=id_in(entry, "reviewable", "post_id"),
            about=_author(about, settings),
            reporter=_author(flag.get("by"), settings),
            text=message_text(flag) if flag.get("cooked") else "",
            version=float(version),
        )
        for flag in _flags(entry)
    ]
    return seen or [Ignored("Nobody flagged it.")]


def _outcome(flag: Json, entry: Json) -> ReportOutcome:
    """A flag's own state; the entry's where the flag's was left as it began."""
    own = OUTCOMES.get(_number(flag.get("status")), ReportOutcome.OPEN)
    return own if own is not ReportOutcome.OPEN else OUTCOMES.get(_number(entry.get("status")), own)


def _flags(entry: Json) -> list[Json]:
    found = entry.get("flags")
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise BadInput("reviewable.flags is missing or not a list of objects.")
    return found


def _author(person: object, settings: DiscourseSettings) -> AuthorSeen | None:
    return author_of(person, settings) if isinstance(person, dict) and text_in(person, "username") else None


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else -1
