"""Discourse in the contract suite: the sandbox's forum."""

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
from plugins.discourse import connector
from plugins.discourse.settings import DiscourseSettings
from service.sandbox import review
from service.sandbox.discourse_shapes import cooked
from tests.contract.rig import Job, Rig, Stage, Webhook
from tests.sandbox_server import Running, running_sandbox
from tests.support.pacer import MemoryPacer

PRIVATE = "The parcel is for my neighbour, please keep this between us."
_numbers = count(1)
_METHODS = {
    Capability.REPLY: "POST",
    Capability.WARN: "POST",
    Capability.NOTIFY: "POST",
    Capability.MARK_ANSWER: "POST",
    Capability.HIDE: "DELETE",
    Capability.DELETE: "DELETE",
}
_IN_PRIVATE = frozenset({Capability.WARN, Capability.NOTIFY})
_ON_POSTS = frozenset(_METHODS) - _IN_PRIVATE | {Capability.EDIT, Capability.RESTORE}
_ON_PEOPLE = frozenset({Capability.SILENCE, Capability.UNSILENCE, Capability.SUSPEND, Capability.UNSUSPEND})
_KEPT = frozenset({"ping", "post_created", "post_edited", "post_destroyed", "reviewable_created"})
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
        secret = sandbox.control("POST", "/posts", username="ines", text=PRIVATE, title="A private word", private=True)
        flagged(sandbox, secret["id"], by="brava", kind=7, words=PRIVATE)
        flagged(sandbox, 2, kind=7, words="Not a word of it is true.")
        yield Stage(
            settings=_settings(access.url, access.api_key, access.webhook_secret),
            io=Io(frozenset({"127.0.0.1"}), MemoryPacer(), lambda: datetime.now(UTC)),
            fail=sandbox.fail,
            heal=sandbox.heal,
            jobs={kind: _job(sandbox, kind) for kind in connector.capabilities},
            shown=lambda post_id: _shown(sandbox, post_id),
            others=lambda: str(_new_answer(sandbox, next(_numbers))["id"]),
            private_texts=(PRIVATE,),
            right=(Holder(str(sandbox.world.forum.user("marc").id), "marc"), "5"),
        )


def _job(sandbox: Running, kind: Capability) -> Callable[[], Job]:
    def make() -> Job:
        number = next(_numbers)
        if kind in _ON_PEOPLE:
            return Job(_on_somebody(sandbox, kind, number), "PUT")
        if kind in _IN_PRIVATE:
            person = sandbox.world.forum.user("tomoko").id
            words = f"Your post was hidden. Why, and how to contest it: https://tenth.example/{number}"
            return Job(Act(number, kind, str(person), words, f"key-{number}", {"handle": "tomoko"}), "POST")
        if kind == Capability.RESOLVE_REPORT:
            report = flagged(sandbox, _new_answer(sandbox, number)["id"])
            return Job(Act(number, kind, report, "", f"key-{number}", {"outcome": "upheld"}), "PUT")
        first = kind not in {Capability.HIDE, Capability.MARK_ANSWER}
        post = _new_topic(sandbox, number) if first else _new_answer(sandbox, number)
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
        options = {"community": "6"} if kind == Capability.MOVE else {}
        return Job(Act(number, kind, target, text, f"key-{number}", options), _METHODS.get(kind, "PUT"))

    return make


def _on_somebody(sandbox: Running, kind: Capability, number: int) -> Act:
    forum = sandbox.world.forum
    with sandbox.world.lock:
        person = forum.user("tomoko")
        till = forum.now() + timedelta(days=1)
        person.silenced_till = till if kind == Capability.UNSILENCE else None
        person.suspended_till = till if kind == Capability.UNSUSPEND else None
    imposed = kind in {Capability.SILENCE, Capability.SUSPEND}
    options = {"handle": "tomoko", "hours": 24, "reason": "Insults"} if imposed else {"handle": "tomoko"}
    return Act(number, kind, str(person.id), "", f"key-{number}", options)


def flagged(sandbox: Running, post_id: int, by: str = "ines", kind: int = 8, words: str = "") -> str:
    """Flags a post; returns the report's id."""
    forum = sandbox.world.forum
    with sandbox.world.lock:
        entry = review.flag(forum, forum.posts[post_id], forum.user(by), kind, words)
        return f"{entry.id}:{entry.flags[-1].id}"


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
    """A post that is made, flagged, edited and deleted, a private one that is flagged, and the ping."""
    with running_sandbox() as sandbox:
        hooks = sandbox.world.webhooks
        hooks.mode.hold = True
        with sandbox.world.lock:
            hooks.subscribe("http://127.0.0.1:9/hook", sandbox.discourse.webhook_secret)
        post = _new_answer(sandbox, 1)
        flagged(sandbox, post["id"])
        sandbox.control("PUT", f"/posts/{post['id']}", text="Mine did not start either, it was the fuse.")
        sandbox.control("DELETE", f"/posts/{post['id']}")
        secret = sandbox.control("POST", "/posts", username="ines", text=PRIVATE, title="A private word", private=True)
        flagged(sandbox, secret["id"], by="brava")
        held = list(hooks.held)
    return [Webhook(_elsewhere(one.headers()), one.body, PRIVATE.encode() not in one.body) for one in _useful(held)]


def _useful(held: list[Any]) -> list[Any]:
    return [one for one in held if one.event in _KEPT]


def _elsewhere(headers: dict[str, str]) -> dict[str, str]:
    """As if from the forum of the rig's settings: the sandbox's port changes with each start."""
    lower = {name.lower(): value for name, value in headers.items()}
    return lower | {"x-discourse-instance": "https://forum.example"}
