"""Was it done? The forum's state against what an act wanted, and the look for an answer that was not confirmed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import quote

from moderation.model import Capability
from plugins.contract import Act, Gone, MissingRight, Receipt, Temporary
from plugins.nodebb import notices
from plugins.nodebb.client import Client
from plugins.nodebb.compose import words_of
from plugins.nodebb.settings import NodebbSettings
from plugins.nodebb.shape import Json, is_on

READ_POST = "read posts"
READ_TOPICS = "read topics"
READ_ACCOUNTS = "read accounts"
READ_FLAGS = "read flags (a moderator of the category)"
READ_QUEUE = "read the own posts that wait for approval"
#: Pages looked at, from the topic's end, when looking for an earlier attempt.
LOOK_AT = 3
#: The forum's clock and ours may differ by this much.
SKEW = timedelta(seconds=30)
_ON_TOPICS = frozenset({Capability.LOCK, Capability.UNLOCK, Capability.MOVE})
_ON_PEOPLE = frozenset({Capability.SILENCE, Capability.UNSILENCE, Capability.SUSPEND, Capability.UNSUSPEND})
#: NodeBB has no third word for a report that is closed without saying which.
FLAG_STATES = {"upheld": "resolved", "closed": "resolved", "rejected": "rejected"}


def find_existing(client: Client, settings: NodebbSettings, act: Act, since: datetime) -> Receipt | None:
    """Our own earlier effect. For what is a state, not a post, the state itself is the proof."""
    if act.kind == Capability.REPLY:
        tid = str(act.options.get("thread") or post_of(client, act.target)["tid"])
        found = _own_post(client, settings, tid, act.text, since - SKEW)
        if found is not None:
            return Receipt(str(found["pid"]), f"{settings.url}/post/{segment(found['pid'])}", client.now())
        waits = _waits(client, settings, tid, act.text, since - SKEW)
        return queued_at(settings, tid, client.now()) if waits else None
    if act.kind == Capability.NOTIFY:
        return notices.find(client, settings, act, since - SKEW)
    if act.kind == Capability.EDIT:
        post = post_of(client, act.target)
        mine = str(post.get("uid")) == str(settings.uid)
        same = words_of(str(post.get("content") or "")) == words_of(act.text)
        return done(settings, act, client.now()) if mine and same else None
    return done(settings, act, client.now()) if holds(client, act, since - SKEW) else None


def holds(client: Client, act: Act, since: datetime) -> bool:
    """Whether the forum is as the act wanted it. A term counts from `since` on: a shorter one is another's doing."""
    if act.kind in {Capability.HIDE, Capability.DELETE, Capability.RESTORE}:
        return _is_hidden(client, act.target) == (act.kind != Capability.RESTORE)
    if act.kind in _ON_PEOPLE:
        return _is_sanctioned(client, act, since)
    if act.kind == Capability.RESOLVE_REPORT:
        flag = client.get(f"/api/v3/flags/{segment(act.target.partition(':')[0])}", READ_FLAGS)
        return flag.get("state") == FLAG_STATES.get(str(act.options.get("outcome")))
    if act.kind not in _ON_TOPICS:
        return False
    topic = topic_of(client, act.target)
    if act.kind == Capability.MOVE:
        return str(topic.get("cid")) == str(act.options.get("community", ""))
    return is_on(topic.get("locked")) == (act.kind == Capability.LOCK)


def _is_hidden(client: Client, pid: str) -> bool:
    try:
        return is_on(client.get(f"/api/v3/posts/{segment(pid)}", READ_POST).get("deleted"))
    except Gone:
        return True


def _is_sanctioned(client: Client, act: Act, since: datetime) -> bool:
    person = client.get(f"/api/v3/users/{segment(act.target)}", READ_ACCOUNTS)
    banned = act.kind in {Capability.SUSPEND, Capability.UNSUSPEND}
    on, until = (
        is_on(person.get("banned" if banned else "muted")),
        person.get("banned:expire" if banned else "mutedUntil"),
    )
    if act.kind in {Capability.UNSILENCE, Capability.UNSUSPEND}:
        return not on
    hours, ends = act.options.get("hours"), until if isinstance(until, int) else 0
    if banned and ends == 0:
        return on
    wanted = timedelta(days=3_650) if hours is None else timedelta(hours=float(hours))
    return on and ends >= (since + wanted).timestamp() * 1000


def _own_post(client: Client, settings: NodebbSettings, tid: str, text: str, since: datetime) -> Json | None:
    """The acting account's newest post in a topic with this text, later than `since`."""
    for seen in _newest_posts(client, tid):
        mine = str(seen.get("uid")) == str(settings.uid) and not is_on(seen.get("deleted"))
        if not mine or not _is_later(seen.get("timestamp"), since):
            continue
        # Pages show posts as HTML; only the post by itself has its source.
        post = client.get(f"/api/v3/posts/{segment(seen.get('pid'))}", READ_POST)
        if words_of(str(post.get("content") or "")) == words_of(text):
            return {"pid": seen["pid"]}
    return None


def _newest_posts(client: Client, tid: str) -> Iterator[Json]:
    first = client.page(f"/api/topic/{segment(tid)}", READ_TOPICS, page=1)
    pages = first.get("pagination")
    last = pages.get("pageCount") if isinstance(pages, dict) else None
    if isinstance(last, bool) or not isinstance(last, int):
        raise Temporary("The forum's answer has an unknown form.", detail="pagination.pageCount is not a number")
    for page in range(max(last, 1), max(last - LOOK_AT, 0), -1):
        shown = first if page == 1 else client.page(f"/api/topic/{segment(tid)}", READ_TOPICS, page=page)
        posts = shown.get("posts")
        rows = [p for p in posts if isinstance(p, dict) and p.get("pid")] if isinstance(posts, list) else []
        yield from reversed([p for p in rows if p.get("index") != -1])


def _waits(client: Client, settings: NodebbSettings, tid: str, text: str, since: datetime) -> bool:
    """Whether our answer waits for the forum's approval: everybody may see their own that do."""
    try:
        rows = client.page("/api/post-queue", READ_QUEUE).get("posts")
    except (Gone, MissingRight):
        return False
    waiting = [r.get("data") for r in rows if isinstance(r, dict)] if isinstance(rows, list) else []
    return any(
        str(one.get("uid")) == str(settings.uid)
        and str(one.get("tid")) == tid
        and words_of(str(one.get("rawContent") or "")) == words_of(text)
        and _is_later(one.get("timestamp"), since)
        for one in waiting
        if isinstance(one, dict)
    )


def _is_later(stamp: object, since: datetime) -> bool:
    if isinstance(stamp, bool) or not isinstance(stamp, int):
        raise Temporary("The forum's answer has an unknown form.", detail="timestamp is not a time")
    return stamp >= since.timestamp() * 1000


# ------------------------------------------------------------------ small parts


def post_of(client: Client, pid: str) -> Json:
    """A post with its source. Raises Gone where it was deleted: to a moderator the forum shows it all the same."""
    post = client.get(f"/api/v3/posts/{segment(pid)}", READ_POST)
    if is_on(post.get("deleted")):
        raise Gone("The post was deleted; nothing was sent.")
    if not isinstance(post.get("tid"), int | str) or not isinstance(post.get("pid"), int | str):
        raise Temporary("The forum's answer has an unknown form.", detail="the post has no tid or pid")
    return post


def topic_of(client: Client, tid: object) -> Json:
    """A topic without its posts."""
    topic = client.get(f"/api/v3/topics/{segment(tid)}", READ_TOPICS)
    if "tid" not in topic:
        raise Temporary("The forum's answer has an unknown form.", detail="the topic has no tid")
    return topic


def segment(remote_id: object) -> str:
    """An id goes into a path. Numbers, or the address of what is on another server, which becomes one part of it."""
    text = str(remote_id)
    if not re.fullmatch(r"[0-9]{1,15}|https?://[!-~]{1,240}", text):
        raise Gone(f"“{text[:60]}” is not an id of a NodeBB forum.")
    return quote(text, safe="")


def queued_at(settings: NodebbSettings, tid: str, now: datetime) -> Receipt:
    """An answer that waits for the forum's approval has no id yet."""
    return Receipt("", f"{settings.url}/topic/{segment(tid)}", now)


def done(settings: NodebbSettings, act: Act, now: datetime) -> Receipt:
    """What was acted on is the proof, and where people see it."""
    if act.kind == Capability.RESOLVE_REPORT:
        return Receipt(act.target, f"{settings.url}/flags/{segment(act.target.partition(':')[0])}", now)
    place = "topic" if act.kind in _ON_TOPICS else "uid" if act.kind in _ON_PEOPLE else "post"
    return Receipt(act.target, f"{settings.url}/{place}/{segment(act.target)}", now)
