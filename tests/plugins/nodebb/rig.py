"""NodeBB in the contract suite: the sandbox's forum once more, under /nodebb."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from html import unescape
from itertools import count
from typing import Any

from pydantic import SecretStr

from moderation.model import Capability
from plugins.contract import Act, Delivery, Holder, Io
from plugins.nodebb import connector
from plugins.nodebb.settings import NodebbSettings
from service.sandbox.nodebb_rules import state_of
from tests.contract.rig import Job, Rig, Stage
from tests.sandbox_server import Running, running_sandbox
from tests.support.pacer import MemoryPacer

PRIVATE = "The parcel is for my neighbour, please keep this between us."
_numbers = count(1)
_METHODS = {
    Capability.REPLY: "POST",
    Capability.NOTIFY: "POST",
    Capability.HIDE: "DELETE",
    Capability.DELETE: "DELETE",
    Capability.UNLOCK: "DELETE",
    Capability.UNSILENCE: "DELETE",
    Capability.UNSUSPEND: "DELETE",
}
_ON_TOPICS = frozenset({Capability.LOCK, Capability.UNLOCK, Capability.MOVE})
_PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")


def rig() -> Rig:
    return Rig(settings=settings_for("https://forum.example", "sandbox-nodebb-master-token"), deliveries=_deliveries,
               stage=_stage)  # fmt: skip


def settings_for(url: str, token: str, uid: int = 1, **more: Any) -> NodebbSettings:
    return NodebbSettings(url=url, token=SecretStr(token), uid=uid, calls_per_minute=6000, **more)


@contextmanager
def _stage() -> Iterator[Stage]:
    with running_sandbox() as sandbox:
        sandbox.control("POST", "/posts", username="ines", text=PRIVATE, title="A private word", private=True)
        yield Stage(
            settings=settings_for(f"{sandbox.url}/nodebb", sandbox.world.options.nodebb_token),
            io=Io(frozenset({"127.0.0.1"}), MemoryPacer(), lambda: datetime.now(UTC)),
            fail=sandbox.fail,
            heal=sandbox.heal,
            jobs={kind: _job(sandbox, kind) for kind in connector.capabilities},
            shown=lambda pid: _shown(sandbox, pid),
            others=lambda: str(_new_answer(sandbox, next(_numbers))["id"]),
            right=(Holder(str(sandbox.world.forum.user("marc").id), "marc"), "5"),
            private_texts=(PRIVATE, "sandbox-nodebb-feed-token"),
        )


def _job(sandbox: Running, kind: Capability) -> Callable[[], Job]:
    def make() -> Job:
        number = next(_numbers)
        act = Act(number, kind, _target(sandbox, kind, number), _text(kind, number), f"key-{number}", _options(kind))
        return Job(act, _METHODS.get(kind, "PUT"))

    return make


def _text(kind: Capability, number: int) -> str:
    speaks = kind in {Capability.REPLY, Capability.EDIT, Capability.NOTIFY}
    return f"We look into it, and write again tomorrow ({number})." if speaks else ""


def _options(kind: Capability) -> dict[str, Any]:
    sanction = {"hours": 24, "reason": "Insults"}
    return {
        Capability.MOVE: {"community": "6"},
        Capability.SILENCE: sanction,
        Capability.SUSPEND: sanction,
        Capability.RESOLVE_REPORT: {"outcome": "upheld"},
    }.get(kind, {})


def _target(sandbox: Running, kind: Capability, number: int) -> str:
    if kind in {Capability.EDIT, Capability.DELETE}:
        return str(_new_answer(sandbox, number, "brava")["id"])
    if kind in {Capability.SILENCE, Capability.SUSPEND, Capability.UNSILENCE, Capability.UNSUSPEND}:
        return str(_new_member(sandbox, kind, number))
    if kind == Capability.NOTIFY:
        return str(chat_with(sandbox, "tomoko"))
    post = _new_answer(sandbox, number)
    if kind == Capability.RESTORE:
        sandbox.control("DELETE", f"/posts/{post['id']}")
    if kind == Capability.UNLOCK:
        with sandbox.world.lock:
            sandbox.world.forum.topics[post["topic_id"]].closed = True
    if kind == Capability.RESOLVE_REPORT:
        return f"{flag(sandbox, post['id'])}:2"
    return str(post["topic_id"] if kind in _ON_TOPICS else post["id"])


def _new_member(sandbox: Running, kind: Capability, number: int) -> int:
    with sandbox.world.lock:
        now = sandbox.world.now()
        user = sandbox.world.forum.add_user(f"member{number}", "", now)
        if kind == Capability.UNSILENCE:
            user.silenced_till = now + timedelta(days=2)
        if kind == Capability.UNSUSPEND:
            user.suspended_till = now + timedelta(days=2)
        return user.id


def chat_with(sandbox: Running, username: str) -> int:
    """Somebody with whom the brand has a room already; their number."""
    uid = sandbox.world.forum.user(username).id
    call(sandbox, "POST", "/api/v3/chats/", 1, uids=[uid])
    return uid


def flag(sandbox: Running, pid: int, reason: str = "Spam", by: int = 2) -> int:
    """A flag on a post, by its number."""
    call(sandbox, "POST", "/api/v3/flags", by, type="post", id=pid, reason=reason)
    return max(state_of(sandbox.world).flags)


def call(sandbox: Running, method: str, path: str, by: int, *, token: str = "", **body: Any) -> Any:
    """A call of the NodeBB API as somebody, with the master token or with one of their own."""
    headers = {"Authorization": f"Bearer {token or sandbox.world.options.nodebb_token}"}
    where = f"{sandbox.url}/nodebb{path}"
    if method == "GET":
        return sandbox.client.get(where, headers=headers, params={**body, "_uid": by})
    return sandbox.client.request(method, where, headers=headers, json={**body, "_uid": by})


def _new_answer(sandbox: Running, number: int, username: str = "tomoko") -> Any:
    text = f"My grinder number {number} does not start any more."
    title = f"Grinder number {number}"
    topic = sandbox.control("POST", "/posts", username="ines", text=text, title=title, category_id=5)["topic_id"]
    text = f"Mine did not start either, number {number}."
    return sandbox.control("POST", "/posts", username=username, text=text, topic_id=topic)


def _shown(sandbox: Running, pid: str) -> tuple[str, list[tuple[bytes, str]]] | None:
    with sandbox.world.lock:
        post = sandbox.world.forum.posts[int(pid)]
        raw, gone = post.raw, post.deleted_at is not None
    if gone:
        return None
    pictures = _PICTURE.findall(raw)
    return raw, [(sandbox.client.get(f"{sandbox.url}{where}").content, unescape(alt)) for alt, where in pictures]


@cache
def _deliveries() -> list[Delivery]:
    with running_sandbox() as sandbox:
        flag(sandbox, 1)
        flag(sandbox, 2, "Off-topic, and rude", by=4)
        io = Io(frozenset({"127.0.0.1"}), MemoryPacer(), lambda: datetime.now(UTC))
        settings = settings_for(f"{sandbox.url}/nodebb", sandbox.world.options.nodebb_token)
        session = connector.open(settings, io)
        page = session.poll("")
        found = list(page.deliveries)
        while page.more:
            page = session.poll(page.cursor)
            found += page.deliveries
        call(sandbox, "DELETE", "/api/v3/topics/1/state", 1)
        found += session.fetch_thread("1").deliveries
        session.close()
    return [one for one in found if one.admitted]
