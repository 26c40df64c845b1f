"""What Tenth does on a forum: one function per capability, and the look for an effect that was not confirmed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from moderation.model import Capability
from moderation.policy import Permit
from plugins.contract import Act, Ambiguous, Gone, MissingRight, Permanent, Receipt, Temporary
from plugins.discourse import messages, review, sanctions
from plugins.discourse.client import Client, number
from plugins.discourse.compose import pictures_in, words_of
from plugins.discourse.reader import READ_POST, READ_TOPICS
from plugins.discourse.settings import DiscourseSettings
from plugins.discourse.shape import PUBLIC_ARCHETYPES, Json, is_message
from plugins.discourse.uploads import upload
from plugins.pictures import with_pictures

WRITE = "write posts (scope topics: write)"
EDIT = "edit own posts (scope posts: edit)"
DELETE_OWN = "delete own posts (scope posts: delete)"
DELETE = "delete posts (scope posts: delete, and a moderator's account)"
RECOVER = "recover posts (scope posts: recover, and a moderator's account)"
STATUS = "close and open topics (scope topics: status, and a moderator's account)"
UPDATE = "move topics (scope topics: update, and a moderator's account)"
ACCEPT = "mark answers (scope solved: answer, the plugin “Solved”, and a moderator's account)"
_ON_TOPICS = frozenset({Capability.LOCK, Capability.UNLOCK, Capability.MOVE})
_ON_PEOPLE = frozenset({Capability.SILENCE, Capability.UNSILENCE, Capability.SUSPEND, Capability.UNSUSPEND})
_IN_PRIVATE = frozenset({Capability.WARN, Capability.NOTIFY})
#: Own posts looked at, from the topic's end, when looking for an earlier attempt.
LOOK_AT = 50
#: The forum's clock and ours may differ by this much.
SKEW = timedelta(seconds=30)
#: How far back a refusal as "too similar" may be our own first attempt.
SIMILAR = timedelta(days=1)


def perform(client: Client, settings: DiscourseSettings, permit: Permit, act: Act) -> Receipt:
    """Carries out one permitted act."""
    if permit.action_id != act.action_id or permit.capability != act.kind:
        raise Permanent("The permit is for another act; nothing was sent.")
    action = ACTIONS.get(act.kind)
    if action is None:
        raise Permanent(f"“{act.kind}” is not something Tenth can do on a Discourse forum.")
    return action(client, settings, act)


def _reply(client: Client, settings: DiscourseSettings, act: Act) -> Receipt:
    _must_have_text(act)
    post = _post(client, act.target)
    _must_be_open(client, post)
    body = {"topic_id": post["topic_id"], "raw": with_pictures(act.text, upload(client, act.images))}
    # Discourse shows an answer to a topic's first post as an answer to the topic.
    if post.get("post_number", 1) > 1:
        body["reply_to_post_number"] = post["post_number"]
    try:
        made = client.write("POST", "/posts.json", WRITE, body)
    except Permanent as refused:
        if refused.status == 422 and _own_post(client, settings, post["topic_id"], act.text, client.now() - SIMILAR):
            words = "The forum says that this was just posted; an earlier attempt may have succeeded."
            raise Ambiguous(words, detail=refused.detail, status=422) from refused
        raise
    return _receipt(settings, made, str(post["topic_id"]), client.now())


def _edit(client: Client, settings: DiscourseSettings, act: Act) -> Receipt:
    """Other words for our own post; its pictures stay. With a reason every edit makes a version, a quick one too."""
    _must_have_text(act)
    post = _own(client, settings, act)
    raw = with_pictures(act.text, pictures_in(str(post.get("raw") or "")))
    change = {"raw": raw, "edit_reason": f"Correction, {client.now():%H:%M:%S} UTC"}
    client.write("PUT", f"/posts/{number(act.target)}.json", EDIT, {"post": change})
    return _done(client, settings, act)


def _delete(client: Client, settings: DiscourseSettings, act: Act) -> Receipt:
    """Takes down our own post; never a topic's first, which would take everybody's posts down with it."""
    if _own(client, settings, act).get("post_number", 1) <= 1:
        raise Permanent("This post opens a topic; deleting it would delete every answer in it. Nothing was sent.")
    client.write("DELETE", f"/posts/{number(act.target)}.json", DELETE_OWN)
    return _done(client, settings, act)


def _hide(client: Client, settings: DiscourseSettings, act: Act) -> Receipt:
    client.write("DELETE", f"/posts/{number(act.target)}.json", DELETE)
    return _done(client, settings, act)


def _restore(client: Client, settings: DiscourseSettings, act: Act) -> Receipt:
    client.write("PUT", f"/posts/{number(act.target)}/recover.json", RECOVER)
    return _done(client, settings, act)


def _lock(client: Client, settings: DiscourseSettings, act: Act) -> Receipt:
    return _close(client, settings, act, closed=True)


def _unlock(client: Client, settings: DiscourseSettings, act: Act) -> Receipt:
    return _close(client, settings, act, closed=False)


def _close(client: Client, settings: DiscourseSettings, act: Act, *, closed: bool) -> Receipt:
    body = {"status": "closed", "enabled": "true" if closed else "false"}
    client.write("PUT", f"/t/{number(act.target)}/status.json", STATUS, body)
    return _done(client, settings, act)


def _move(client: Client, settings: DiscourseSettings, act: Act) -> Receipt:
    client.write("PUT", f"/t/-/{number(act.target)}.json", UPDATE, {"category_id": _category(act)})
    return _done(client, settings, act)


def _mark_answer(client: Client, settings: DiscourseSettings, act: Act) -> Receipt:
    """Marks a post as its topic's answer, which the forum's plugin “Solved” knows and the forum itself does not."""
    post = _post(client, act.target)
    if post.get("post_number", 1) <= 1:
        raise Permanent("This post asks; it cannot be the answer to itself. Nothing was sent.")
    try:
        client.write("POST", "/solution/accept.json", ACCEPT, {"id": post["id"]})
    except Gone as error:
        words = "The forum has no plugin “Solved”, so nothing can be marked as an answer there."
        raise MissingRight(words, missing=ACCEPT, detail=error.detail, status=error.status) from error
    return _done(client, settings, act)


ACTIONS: Mapping[Capability, Callable[[Client, DiscourseSettings, Act], Receipt]] = {
    Capability.REPLY: _reply,
    Capability.EDIT: _edit,
    Capability.DELETE: _delete,
    Capability.HIDE: _hide,
    Capability.RESTORE: _restore,
    Capability.LOCK: _lock,
    Capability.UNLOCK: _unlock,
    Capability.MOVE: _move,
    Capability.MARK_ANSWER: _mark_answer,
    Capability.SILENCE: sanctions.impose,
    Capability.UNSILENCE: sanctions.lift,
    Capability.SUSPEND: sanctions.impose,
    Capability.UNSUSPEND: sanctions.lift,
    Capability.RESOLVE_REPORT: review.resolve,
    Capability.WARN: messages.send,
    Capability.NOTIFY: messages.send,
}


# ------------------------------------------------------------------ was it done?


def find_existing(client: Client, settings: DiscourseSettings, act: Act, since: datetime) -> Receipt | None:
    """Our own earlier effect. For what is a state, not a post, the state itself is the proof."""
    if act.kind == Capability.REPLY:
        topic_id = act.options.get("thread") or _post(client, act.target)["topic_id"]
        found = _own_post(client, settings, topic_id, act.text, since - SKEW)
        return _receipt(settings, found, str(topic_id), client.now()) if found else None
    if act.kind in _IN_PRIVATE:
        return messages.find(client, settings, act, since - SKEW)
    if act.kind not in ACTIONS:
        return None
    if act.kind == Capability.EDIT:
        held = words_of(str(_own(client, settings, act).get("raw") or "")) == words_of(act.text)
        return _done(client, settings, act) if held else None
    return _done(client, settings, act) if _holds(client, act, since) else None


def _holds(client: Client, act: Act, since: datetime) -> bool:
    """Whether the forum is now as the act wanted it."""
    if act.kind in _ON_PEOPLE:
        return sanctions.holds(client, act, since)
    if act.kind == Capability.RESOLVE_REPORT:
        return review.is_resolved(client, act)
    if act.kind == Capability.MARK_ANSWER:
        return client.get(f"/posts/{number(act.target)}.json", READ_POST).get("accepted_answer") is True
    if act.kind in {Capability.HIDE, Capability.DELETE, Capability.RESTORE}:
        return _is_hidden(client, act.target) == (act.kind != Capability.RESTORE)
    topic = client.get(f"/t/{number(act.target)}.json", READ_TOPICS)
    if act.kind == Capability.MOVE:
        return str(topic.get("category_id")) == str(_category(act))
    return topic.get("closed") is (act.kind == Capability.LOCK)


def _is_hidden(client: Client, post_id: str) -> bool:
    try:
        post = client.get(f"/posts/{number(post_id)}.json", READ_POST)
    except Gone:
        return True
    return bool(post.get("deleted_at") or post.get("user_deleted"))


def _own_post(client: Client, settings: DiscourseSettings, topic_id: object, text: str, since: datetime) -> Json | None:
    """The acting account's newest post in a topic with this text, later than `since`."""
    topic = client.get(f"/t/{number(str(topic_id))}.json", READ_TOPICS)
    stream = (topic.get("post_stream") or {}).get("stream") or []
    params = {"post_ids[]": stream[-LOOK_AT:], "include_raw": "true"}
    answer = client.get(f"/t/{number(str(topic_id))}/posts.json", READ_TOPICS, params)
    for post in reversed((answer.get("post_stream") or {}).get("posts") or []):
        mine = str(post.get("username", "")).casefold() == settings.api_username.casefold()
        if mine and words_of(str(post.get("raw") or "")) == words_of(text) and _is_later(post.get("created_at"), since):
            return dict(post)
    return None


def _is_later(stamp: object, since: datetime) -> bool:
    try:
        return isinstance(stamp, str) and datetime.fromisoformat(stamp) >= since
    except (ValueError, TypeError) as error:
        raise Temporary("The forum's answer has an unknown form.", detail="created_at is not a time") from error


# ------------------------------------------------------------------ small parts


def _post(client: Client, post_id: str) -> Json:
    post = client.get(f"/posts/{number(post_id)}.json", READ_POST)
    if post.get("deleted_at") or post.get("user_deleted"):
        raise Gone("The post was deleted; nothing was sent.")
    if not isinstance(post.get("topic_id"), int) or not isinstance(post.get("post_number", 1), int):
        raise Temporary("The forum's answer has an unknown form.", detail="the post has no topic_id or post_number")
    return post


def _own(client: Client, settings: DiscourseSettings, act: Act) -> Json:
    """Our own post. A moderator's key could change anybody's, so whose it is is looked at first."""
    post = _post(client, act.target)
    if str(post.get("username", "")).casefold() != settings.api_username.casefold():
        raise Permanent("This post is somebody else's; nothing was sent.")
    return post


def _must_have_text(act: Act) -> None:
    if not act.text.strip():
        raise Permanent("The reply has no text; nothing was sent.")


def _must_be_open(client: Client, post: Json) -> None:
    """A moderator's account may write where nobody else can answer; an answer in public does not."""
    topic = client.get(f"/t/{post['topic_id']}.json", READ_TOPICS)
    if topic.get("archetype", "regular") not in PUBLIC_ARCHETYPES or post.get("hidden") or not is_message(post):
        raise Gone("The post to answer is not public (any more); nothing was sent.")
    if topic.get("deleted_at"):
        raise Gone("The topic was deleted; nothing was sent.")
    if topic.get("archived"):
        raise Gone("The topic is archived, so nobody can answer in it; nothing was sent.")
    if topic.get("closed"):
        raise Gone("The topic is closed, so nobody can answer in it; nothing was sent.")


def _category(act: Act) -> int:
    wanted = str(act.options.get("community", ""))
    if not (wanted.isascii() and wanted.isdecimal()):
        raise Permanent("A move needs the option “community”: the id of the category to move to.")
    return int(wanted)


def _receipt(settings: DiscourseSettings, post: Json, topic_id: str, now: datetime) -> Receipt:
    """A post that waits for the forum's approval has no id yet."""
    where = f"{settings.url}/t/-/{topic_id}"
    if not isinstance(post.get("id"), int):
        if post.get("action") == "enqueued":
            return Receipt("", where, now)
        raise Ambiguous("The forum took the reply and did not say which post it became.")
    return Receipt(str(post["id"]), f"{where}/{post.get('post_number', '')}".rstrip("/"), now)


def _done(client: Client, settings: DiscourseSettings, act: Act) -> Receipt:
    if act.kind in _ON_PEOPLE:
        return sanctions.receipt(client, settings, act)
    if act.kind == Capability.RESOLVE_REPORT:
        return review.receipt(client, settings, act)
    path = "t/-" if act.kind in _ON_TOPICS else "p"
    return Receipt(act.target, f"{settings.url}/{path}/{act.target}", client.now())
