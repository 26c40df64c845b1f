"""What Tenth does on a forum: one function per capability."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from moderation.model import Capability
from moderation.policy import Permit
from plugins.contract import Act, Ambiguous, Gone, Permanent, Receipt
from plugins.nodebb import notices
from plugins.nodebb.client import Client
from plugins.nodebb.compose import pictures_in
from plugins.nodebb.holding import FLAG_STATES, done, holds, post_of, queued_at, segment, topic_of
from plugins.nodebb.settings import NodebbSettings
from plugins.nodebb.shape import Json, is_on
from plugins.nodebb.uploads import upload
from plugins.pictures import with_pictures

WRITE = "answer topics"
EDIT = "edit own posts"
DELETE_OWN = "delete own posts"
DELETE = "delete and restore posts (a moderator of the category)"
LOCK = "lock and unlock topics (a moderator of the category)"
MOVE = "move topics (a moderator of both categories)"
MUTE = "mute accounts (global privilege “mute”)"
BAN = "ban accounts (global privilege “ban”)"
FLAGS = "settle flags (a moderator of the category)"
#: A ban without an end has the time 0; a mute with it would be none, so it ends in a century.
FOR_EVER = timedelta(days=36_500)


def perform(client: Client, settings: NodebbSettings, permit: Permit, act: Act) -> Receipt:
    """Carries out one permitted act."""
    if permit.action_id != act.action_id or permit.capability != act.kind:
        raise Permanent("The permit is for another act; nothing was sent.")
    action = ACTIONS.get(act.kind)
    if action is None:
        raise Permanent(f"“{act.kind}” is not something Tenth can do on a NodeBB forum.")
    return action(client, settings, act)


# ------------------------------------------------------------------ our own posts


def _reply(client: Client, settings: NodebbSettings, act: Act) -> Receipt:
    """NodeBB takes the same answer twice, so nothing here may be sent again without a look."""
    _must_have_text(act)
    post = post_of(client, act.target)
    _must_be_open(client, post)
    body = {"content": with_pictures(act.text, upload(client, act.images)), "toPid": post["pid"]}
    made = client.write("POST", f"/api/v3/topics/{segment(post['tid'])}", WRITE, body)
    pid = made.get("pid")
    if made.get("queued") is True:
        return queued_at(settings, str(post["tid"]), client.now())
    if not isinstance(pid, int | str):
        raise Ambiguous("The forum took the reply and did not say which post it became.")
    return Receipt(str(pid), f"{settings.url}/post/{segment(pid)}", client.now())


def _edit(client: Client, settings: NodebbSettings, act: Act) -> Receipt:
    """Other words for our own post; its pictures stay."""
    _must_have_text(act)
    post = _own(client, settings, act)
    content = with_pictures(act.text, pictures_in(str(post.get("content") or "")))
    client.write("PUT", f"/api/v3/posts/{segment(act.target)}", EDIT, {"content": content})
    return done(settings, act, client.now())


def _delete(client: Client, settings: NodebbSettings, act: Act) -> Receipt:
    """Takes down our own post; never a topic's first, which can take the topic down with it."""
    post = _own(client, settings, act)
    if str(topic_of(client, post["tid"]).get("mainPid")) == str(act.target):
        raise Permanent("This post opens a topic; deleting it could delete every answer in it. Nothing was sent.")
    return _change(client, settings, act, "DELETE", f"/api/v3/posts/{segment(act.target)}/state", DELETE_OWN)


def _must_have_text(act: Act) -> None:
    if not act.text.strip():
        raise Permanent("The reply has no text; nothing was sent.")


def _must_be_open(client: Client, post: Json) -> None:
    """A moderator's account may write where nobody else can answer; an answer in public does not."""
    topic = topic_of(client, post["tid"])
    if is_on(topic.get("deleted")):
        raise Gone("The topic was deleted; nothing was sent.")
    if is_on(topic.get("locked")):
        raise Gone("The topic is locked, so nobody can answer in it; nothing was sent.")


def _own(client: Client, settings: NodebbSettings, act: Act) -> Json:
    """Our own post. A moderator's token could change anybody's, so whose it is is looked at first."""
    post = post_of(client, act.target)
    if str(post.get("uid")) != str(settings.uid):
        raise Permanent("This post is somebody else's; nothing was sent.")
    return post


# ------------------------------------------------------------------ moderating


def _hide(client: Client, settings: NodebbSettings, act: Act) -> Receipt:
    return _change(client, settings, act, "DELETE", f"/api/v3/posts/{segment(act.target)}/state", DELETE)


def _restore(client: Client, settings: NodebbSettings, act: Act) -> Receipt:
    return _change(client, settings, act, "PUT", f"/api/v3/posts/{segment(act.target)}/state", DELETE)


def _lock(client: Client, settings: NodebbSettings, act: Act) -> Receipt:
    return _change(client, settings, act, "PUT", f"/api/v3/topics/{segment(act.target)}/lock", LOCK)


def _unlock(client: Client, settings: NodebbSettings, act: Act) -> Receipt:
    return _change(client, settings, act, "DELETE", f"/api/v3/topics/{segment(act.target)}/lock", LOCK)


def _move(client: Client, settings: NodebbSettings, act: Act) -> Receipt:
    wanted = str(act.options.get("community", ""))
    if not (wanted.isascii() and wanted.isdecimal()):
        raise Permanent("A move needs the option “community”: the number of the category to move to.")
    path = f"/api/v3/topics/{segment(act.target)}/move"
    return _change(client, settings, act, "PUT", path, MOVE, {"cid": int(wanted)})


def _silence(client: Client, settings: NodebbSettings, act: Act) -> Receipt:
    hours = act.options.get("hours")
    until = client.now() + (FOR_EVER if hours is None else timedelta(hours=float(hours)))
    body = {"until": int(until.timestamp() * 1000), "reason": _reason(act)}
    return _change(client, settings, act, "PUT", f"/api/v3/users/{segment(act.target)}/mute", MUTE, body)


def _unsilence(client: Client, settings: NodebbSettings, act: Act) -> Receipt:
    return _change(client, settings, act, "DELETE", f"/api/v3/users/{segment(act.target)}/mute", MUTE)


def _suspend(client: Client, settings: NodebbSettings, act: Act) -> Receipt:
    hours = act.options.get("hours")
    until = 0 if hours is None else int((client.now() + timedelta(hours=float(hours))).timestamp() * 1000)
    body = {"until": until, "reason": _reason(act)}
    return _change(client, settings, act, "PUT", f"/api/v3/users/{segment(act.target)}/ban", BAN, body)


def _unsuspend(client: Client, settings: NodebbSettings, act: Act) -> Receipt:
    return _change(client, settings, act, "DELETE", f"/api/v3/users/{segment(act.target)}/ban", BAN)


def _resolve_report(client: Client, settings: NodebbSettings, act: Act) -> Receipt:
    """A flag gathers the reports of many; they are settled together."""
    state = FLAG_STATES.get(str(act.options.get("outcome")))
    if state is None:
        raise Permanent("A report is settled with the option “outcome”: upheld, rejected or closed.")
    path = f"/api/v3/flags/{segment(act.target.partition(':')[0])}"
    return _change(client, settings, act, "PUT", path, FLAGS, {"state": state})


def _change(
    client: Client, settings: NodebbSettings, act: Act, method: str, path: str, right: str, body: Json | None = None
) -> Receipt:
    """A change of state. The forum refuses one that holds already (400), and that is as good as done."""
    try:
        client.write(method, path, right, body)
    except Permanent as refused:
        if refused.status != 400 or not holds(client, act, client.now()):
            raise
    return done(settings, act, client.now())


def _reason(act: Act) -> str:
    return " ".join(str(act.options.get("reason") or "").split())[:255]


ACTIONS: Mapping[Capability, Callable[[Client, NodebbSettings, Act], Receipt]] = {
    Capability.REPLY: _reply,
    Capability.EDIT: _edit,
    Capability.DELETE: _delete,
    Capability.HIDE: _hide,
    Capability.RESTORE: _restore,
    Capability.LOCK: _lock,
    Capability.UNLOCK: _unlock,
    Capability.MOVE: _move,
    Capability.SILENCE: _silence,
    Capability.UNSILENCE: _unsilence,
    Capability.SUSPEND: _suspend,
    Capability.UNSUSPEND: _unsuspend,
    Capability.RESOLVE_REPORT: _resolve_report,
    Capability.NOTIFY: notices.send,
}
