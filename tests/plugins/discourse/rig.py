"""Discourse in the contract suite: the sandbox's forum."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from html import unescape
from itertools import count
from typing import Any

from pydantic import SecretStr

from moderation.model import Capability
from plugins.contract import Act, Delivery, Io
from plugins.discourse import connector
from plugins.discourse.settings import DiscourseSettings
from service.sandbox.discourse_shapes import cooked
from tests.contract.rig import Job, Rig, Stage, Webhook
from tests.sandbox_server import Running, running_sandbox
from tests.support.pacer import MemoryPacer

PRIVATE = "The parcel is for my neighbour, please keep this between us."
_numbers = count(1)
_METHODS = {Capability.REPLY: "POST", Capability.HIDE: "DELETE", Capability.DELETE: "DELETE"}
_ON_POSTS = frozenset(_METHODS) | {Capability.EDIT, Capability.RESTORE}
_PICTURE = re.compile(r'<img src="([^"]+)" alt="([^"]*)"')


def rig() -> Rig:
    return Rig(
        settings=_settings("https://forum.example", "sandbox-discourse-api-key", "sandbox-discourse-webhook-secret"),
        deliveries=_deliveries,
        stage=_stage,
        webhooks=_webhooks,
        signature_header="x-discourse-event-signature",
    )


def _settings(url: str, key: str, secret: str) -> DiscourseSettings:
    return DiscourseSettings(
        url=url, api_key=SecretStr(key), api_username="brava", webhook_secret=SecretStr(secret), calls_per_minute=6000
    )


@contextmanager
def _stage() -> Iterator[Stage]:
    with running_sandbox() as sandbox:
        access = sandbox.discourse
        sandbox.control("POST", "/posts", username="ines", text=PRIVATE, title="A private word", private=True)
        yield Stage(
            settings=_settings(access.url, access.api_key, access.webhook_secret),
            io=Io(frozenset({"127.0.0.1"}), MemoryPacer(), lambda: datetime.now(UTC)),
            fail=sandbox.fail,
            heal=sandbox.heal,
            jobs={kind: _job(sandbox, kind) for kind in connector.capabilities},
            shown=lambda post_id: _shown(sandbox, post_id),
            others=lambda: str(_new_answer(sandbox, next(_numbers))["id"]),
            private_texts=(PRIVATE,),
        )


def _job(sandbox: Running, kind: Capability) -> Callable[[], Job]:
    def make() -> Job:
        number = next(_numbers)
        post = _new_topic(sandbox, number) if kind != Capability.HIDE else _new_answer(sandbox, number)
        if kind in {Capability.EDIT, Capability.DELETE}:
            post = _new_answer(sandbox, number, "brava")
        if kind == Capability.RESTORE:
            post = _new_answer(sandbox, number)
            sandbox.control("DELETE", f"/posts/{post['id']}")
        if kind == Capability.UNLOCK:
            with sandbox.world.lock:
                sandbox.world.forum.topics[post["topic_id"]].closed = True
        target = str(post["id"] if kind in _ON_POSTS else post["topic_id"])
        speaks = kind in {Capability.REPLY, Capability.EDIT}
        text = f"We look into it, and write again tomorrow ({number})." if speaks else ""
        options = {"category": "6"} if kind == Capability.MOVE else {}
        return Job(Act(number, kind, target, text, f"key-{number}", options), _METHODS.get(kind, "PUT"))

    return make


def _new_topic(sandbox: Running, number: int) -> Any:
    text = f"My grinder number {number} does not start any more."
    title = f"Grinder number {number}"
    return sandbox.control("POST", "/posts", username="ines", text=text, title=title, category_id=5)


def _new_answer(sandbox: Running, number: int, username: str = "tomoko") -> Any:
    topic = _new_topic(sandbox, number)["topic_id"]
    text = f"Mine did not start either, number {number}."
    return sandbox.control("POST", "/posts", username=username, text=text, topic_id=topic)


def _shown(sandbox: Running, post_id: str) -> tuple[str, list[tuple[bytes, str]]] | None:
    with sandbox.world.lock:
        post = sandbox.world.forum.posts[int(post_id)]
        raw, gone = post.raw, post.deleted_at is not None or post.user_deleted
    if gone:
        return None
    pictures = _PICTURE.findall(cooked(raw))
    return raw, [(sandbox.client.get(address).content, unescape(alt)) for address, alt in pictures]


@cache
def _deliveries() -> list[Delivery]:
    with _stage() as stage:
        session = connector.open(stage.settings, stage.io)
        page = session.poll("")
        found = list(page.deliveries)
        while page.more:
            page = session.poll(page.cursor)
            found += page.deliveries
        session.close()
    pushed = [connector.receive(dict(w.headers), w.body, rig().settings) for w in _webhooks()]
    return [one for one in (*found, *pushed) if one.admitted and one.kind != "ping"]


@cache
def _webhooks() -> list[Webhook]:
    """A post that is made, edited and deleted, a private one, and the ping."""
    with running_sandbox() as sandbox:
        hooks = sandbox.world.webhooks
        hooks.mode.hold = True
        with sandbox.world.lock:
            hooks.subscribe("http://127.0.0.1:9/hook", sandbox.discourse.webhook_secret)
        post = _new_answer(sandbox, 1)
        sandbox.control("PUT", f"/posts/{post['id']}", text="Mine did not start either, it was the fuse.")
        sandbox.control("DELETE", f"/posts/{post['id']}")
        sandbox.control("POST", "/posts", username="ines", text=PRIVATE, title="A private word", private=True)
        held = list(hooks.held)
    return [Webhook(_elsewhere(one.headers()), one.body, PRIVATE.encode() not in one.body) for one in _useful(held)]


def _useful(held: list[Any]) -> list[Any]:
    return [one for one in held if one.event in {"ping", "post_created", "post_edited", "post_destroyed"}]


def _elsewhere(headers: dict[str, str]) -> dict[str, str]:
    """As if from the forum of the rig's settings: the sandbox's port changes with each start."""
    lower = {name.lower(): value for name, value in headers.items()}
    return lower | {"x-discourse-instance": "https://forum.example"}
