"""What Tenth does on a forum: one function per capability, and the look for an effect that was not confirmed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from moderation.model import Capability
from moderation.policy import Permit
from plugins.contract import Act, Ambiguous, Gone, Permanent, Receipt, Temporary
from plugins.discourse.client import Client
from plugins.discourse.reader import READ_POST, READ_TOPICS
from plugins.discourse.settings import DiscourseSettings
from plugins.discourse.shape import Json

WRITE = "write posts (scope topics: write)"
DELETE = "delete posts (scope posts: delete, and a moderator's account)"
RECOVER = "recover posts (scope posts: recover, and a moderator's account)"
STATUS = "close and open topics (scope topics: status, and a moderator's account)"
UPDATE = "move topics (scope topics: update, and a moderator's account)"
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
    if not act.text.strip():
        raise Permanent("The reply has no text; nothing was sent.")
    post = _post(client, act.target)
    body = {"topic_id": post["topic_id"], "raw": act.text}
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


def _hide(client: Client, settings: DiscourseSettings, act: Act) -> Receipt:
    client.write("DELETE", f"/posts/{_number(act.target)}.json", DELETE)
    return _done(client, settings, act)


def _restore(client: Client, settings: DiscourseSettings, act: Act) -> Receipt:
    client.write("PUT", f"/posts/{_number(act.target)}/recover.json", RECOVER)
    return _done(client, settings, act)


def _lock(client: Client, settings: DiscourseSettings, act: Act) -> Receipt:
    return _close(client, settings, act, closed=True)


def _unlock(client: Client, settings: DiscourseSettings, act: Act) -> Receipt:
    return _close(client, settings, act, closed=False)


def _close(client: Client, settings: DiscourseSettings, act: Act, *, closed: bool) -> Receipt:
    body = {"status": "closed", "enabled": "true" if closed else "false"}
    client.write("PUT", f"/t/{_number(act.target)}/status.json", STATUS, body)
    return _done(client, settings, act)


def _move(client: Client, settings: DiscourseSettings, act: Act) -> Receipt:
    client.write("PUT", f"/t/-/{_number(act.target)}.json", UPDATE, {"category_id": _category(act)})
    return _done(client, settings, act)


ACTIONS: Mapping[Capability, Callable[[Client, DiscourseSettings, Act], Receipt]] = {
    Capability.REPLY: _reply,
    Capability.HIDE: _hide,
    Capability.RESTORE: _restore,
    Capability.LOCK: _lock,
    Capability.UNLOCK: _unlock,
    Capability.MOVE: _move,
}


# ------------------------------------------------------------------ was it done?


def find_existing(client: Client, settings: DiscourseSettings, act: Act, since: datetime) -> Receipt | None:
    """Our own earlier effect. For what is a state, not a post, the state itself is the proof."""
    if act.kind == Capability.REPLY:
        topic_id = act.options.get("thread") or _post(client, act.target)["topic_id"]
        found = _own_post(client, settings, topic_id, act.text, since - SKEW)
        return _receipt(settings, found, str(topic_id), client.now()) if found else None
    if act.kind not in ACTIONS:
        return None
    return _done(client, settings, act) if _holds(client, act) else None


def _holds(client: Client, act: Act) -> bool:
    """Whether the forum is now as the act wanted it."""
    if act.kind in {Capability.HIDE, Capability.RESTORE}:
        return _is_hidden(client, act.target) == (act.kind == Capability.HIDE)
    topic = client.get(f"/t/{_number(act.target)}.json", READ_TOPICS)
    if act.kind == Capability.MOVE:
        return str(topic.get("category_id")) == str(_category(act))
    return topic.get("closed") is (act.kind == Capability.LOCK)


def _is_hidden(client: Client, post_id: str) -> bool:
    try:
        post = client.get(f"/posts/{_number(post_id)}.json", READ_POST)
    except Gone:
        return True
    return bool(post.get("deleted_at") or post.get("user_deleted"))


def _own_post(client: Client, settings: DiscourseSettings, topic_id: object, text: str, since: datetime) -> Json | None:
    """The acting account's newest post in a topic with this text, later than `since`."""
    topic = client.get(f"/t/{_number(str(topic_id))}.json", READ_TOPICS)
    stream = (topic.get("post_stream") or {}).get("stream") or []
    params = {"post_ids[]": stream[-LOOK_AT:], "include_raw": "true"}
    answer = client.get(f"/t/{_number(str(topic_id))}/posts.json", READ_TOPICS, params)
    for post in reversed((answer.get("post_stream") or {}).get("posts") or []):
        mine = str(post.get("username", "")).casefold() == settings.api_username.casefold()
        if mine and _same(post.get("raw"), text) and _is_later(post.get("created_at"), since):
            return dict(post)
    return None


def _same(raw: object, text: str) -> bool:
    """Discourse trims texts and changes line ends before it keeps them."""
    return isinstance(raw, str) and raw.split() == text.split()


def _is_later(stamp: object, since: datetime) -> bool:
    try:
        return isinstance(stamp, str) and datetime.fromisoformat(stamp) >= since
    except (ValueError, TypeError) as error:
        raise Temporary("The forum's answer has an unknown form.", detail="created_at is not a time") from error


# ------------------------------------------------------------------ small parts


def _post(client: Client, post_id: str) -> Json:
    post = client.get(f"/posts/{_number(post_id)}.json", READ_POST)
    if post.get("deleted_at"):
        raise Gone("The post was deleted; nothing was sent.")
    if not isinstance(post.get("topic_id"), int) or not isinstance(post.get("post_number", 1), int):
        raise Temporary("The forum's answer has an unknown form.", detail="the post has no topic_id or post_number")
    return post


def _number(remote_id: str) -> str:
    """An id goes into a path: anything but digits would be another path."""
    if not (remote_id.isascii() and remote_id.isdecimal()):
        raise Gone(f"“{remote_id}” is not an id of a Discourse forum.")
    return remote_id


def _category(act: Act) -> int:
    wanted = str(act.options.get("category", ""))
    if not (wanted.isascii() and wanted.isdecimal()):
        raise Permanent("A move needs the option “category”: the id of the category to move to.")
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
    path = "p" if act.kind in {Capability.HIDE, Capability.RESTORE} else "t/-"
    return Receipt(act.target, f"{settings.url}/{path}/{act.target}", client.now())
