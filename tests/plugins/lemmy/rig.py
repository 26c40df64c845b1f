"""Lemmy in the contract suite: the sandbox's server, as 1.0 (v4). `test_lemmy_v3_contract.py` runs the suite on v3."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from moderation.model import Capability
from plugins.contract import Act, Delivery, Holder, Io
from plugins.lemmy import connector
from plugins.lemmy.settings import LemmySettings
from service.sandbox.options import LEMMY_TOKEN
from tests.contract.rig import Job, Rig, Stage
from tests.plugins.lemmy.box import Box
from tests.sandbox_server import running_sandbox
from tests.support.pacer import MemoryPacer

PRIVATE = "The parcel is for my neighbour, please keep this between us."
_numbers = count(1)
_PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")
_PUT = frozenset({Capability.EDIT, Capability.RESOLVE_REPORT})
_ON_PEOPLE = frozenset({Capability.SILENCE, Capability.UNSILENCE, Capability.SUSPEND, Capability.UNSUSPEND})


def rig() -> Rig:
    return rig_for(v4=True)


def rig_for(*, v4: bool) -> Rig:
    return Rig(
        settings=_settings("https://lemmy.example"),
        deliveries=lambda: _deliveries(v4),
        stage=lambda: _stage(v4),
    )


def _settings(url: str) -> LemmySettings:
    return LemmySettings(url=url, token=SecretStr(LEMMY_TOKEN), communities=("help", "entraide"), calls_per_minute=6000)


@contextmanager
def _stage(v4: bool) -> Iterator[Stage]:
    with running_sandbox(lemmy_v4=v4) as sandbox:
        box = Box(sandbox)
        sandbox.control("POST", "/posts", username="ines", text=PRIVATE, title="A private word", private=True)
        yield Stage(
            settings=_settings(box.url),
            io=Io(frozenset({"127.0.0.1"}), MemoryPacer(), lambda: datetime.now(UTC)),
            fail=sandbox.fail,
            heal=sandbox.heal,
            jobs={kind: _job(box, kind, v4=v4) for kind in connector.capabilities},
            shown=lambda message_id: _shown(box, message_id),
            others=lambda: box.comment("tomoko", box.post("ines")),
            private_texts=(PRIVATE,),
            right=(Holder(str(sandbox.world.forum.user("marc").id), "marc"), "5"),
        )


def _job(box: Box, kind: Capability, *, v4: bool) -> Callable[[], Job]:
    def make() -> Job:
        number = next(_numbers)
        speaks = kind in {Capability.REPLY, Capability.EDIT, Capability.NOTIFY}
        text = f"We look into it, and write again tomorrow ({number})." if speaks else ""
        options: dict[str, Any] = {"reason": "Off the topic of this community."}
        if kind in _ON_PEOPLE:
            options |= {"community": "5", "handle": "ines", "hours": 24}
        method = "PUT" if kind in _PUT else "DELETE" if v4 and kind == Capability.DELETE else "POST"
        act = Act(number, kind, _target(box, kind), text, f"key-{number}", options)
        # 1.0 does not list what an account sent: whether a message arrived cannot be looked up.
        shows = not (v4 and kind == Capability.NOTIFY)
        return Job(act, method, f"ines@{urlsplit(box.url).netloc}", shows)

    return make


def _target(box: Box, kind: Capability) -> str:
    if kind == Capability.NOTIFY:
        return str(box.person("ines"))
    post = box.post("ines")
    if kind == Capability.REPLY:
        return post
    if kind in {Capability.LOCK, Capability.UNLOCK}:
        box.lock(post, kind == Capability.UNLOCK)
        return post.removeprefix("post-")
    if kind in _ON_PEOPLE:
        box.sentence("ines", kind)
        return str(box.person("ines"))
    message = box.comment("brava" if kind in {Capability.EDIT, Capability.DELETE} else "tomoko", post)
    if kind == Capability.RESTORE:
        box.remove(message)
    return box.report("marc", message) if kind == Capability.RESOLVE_REPORT else message


def _shown(box: Box, message_id: str) -> tuple[str, Sequence[tuple[bytes, str]]] | None:
    found = box.message(message_id)
    if found.deleted_at is not None or found.user_deleted:
        return None
    pictures = _PICTURE.findall(found.raw)
    return found.raw, [(box.sandbox.client.get(address).content, alt) for alt, address in pictures]


@cache
def _deliveries(v4: bool) -> list[Delivery]:
    """Some of everything: a thread, a comment on a comment, one that was removed, and reports."""
    with _stage(v4) as stage:
        for kind in (Capability.RESOLVE_REPORT, Capability.RESTORE):
            stage.jobs[kind]()
        session = connector.open(stage.settings, stage.io)
        page = session.poll("")
        found = list(page.deliveries)
        while page.more:
            page = session.poll(page.cursor)
            found += page.deliveries
        found += session.fetch_thread("1").deliveries
        found += session.fetch_thread("99999").deliveries
        session.close()
    unseen = Delivery("gone:comment-1", "gone", b'{"id":"comment-1","at":"2024-05-01T12:00:00+00:00"}')
    return [*{one.key: one for one in (*found, unseen)}.values()]
