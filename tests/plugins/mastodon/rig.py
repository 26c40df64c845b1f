"""The Mastodon API in the contract suite: the sandbox's server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from itertools import count

from pydantic import SecretStr

from moderation.model import Capability
from plugins.contract import Act, Delivery, Io
from plugins.mastodon import connector
from plugins.mastodon.settings import MastodonSettings
from tests.contract.rig import Job, Rig, Stage
from tests.sandbox_server import Running, running_sandbox
from tests.support.pacer import MemoryPacer

PRIVATE = "between you and me, brava"
_numbers = count(1)


def rig() -> Rig:
    return Rig(
        settings=_settings("https://social.example", "sandbox-mastodon-access-token"),
        deliveries=_deliveries,
        stage=_stage,
    )


def _settings(url: str, token: str) -> MastodonSettings:
    return MastodonSettings(url=url, token=SecretStr(token), hashtags=("bravahelp",))


@contextmanager
def _stage() -> Iterator[Stage]:
    with running_sandbox() as sandbox:
        for visibility in ("direct", "private"):
            sandbox.control(
                "POST", "/statuses", username="ines", text=f"@brava {PRIVATE} #bravahelp", visibility=visibility
            )
        yield Stage(
            settings=_settings(sandbox.mastodon.url, sandbox.mastodon.token),
            io=Io(frozenset({"127.0.0.1"}), MemoryPacer(), lambda: datetime.now(UTC)),
            fail=sandbox.fail,
            heal=sandbox.heal,
            jobs={Capability.REPLY: _reply(sandbox)},
            private_texts=(PRIVATE,),
        )


def _reply(sandbox: Running) -> Callable[[], Job]:
    def make() -> Job:
        number = next(_numbers)
        status = sandbox.control("POST", "/statuses", username="ines", text=f"@brava my grinder {number} is broken")
        text = f"We look into it, number {number}."
        return Job(Act(number, Capability.REPLY, str(status["id"]), text, f"key-{number}"), "POST")

    return make


@cache
def _deliveries() -> list[Delivery]:
    with _stage() as stage:
        session = connector.open(stage.settings, stage.io)
        page = session.poll("")
        found = {one.key: one for one in page.deliveries}
        while page.more:
            page = session.poll(page.cursor)
            found |= {one.key: one for one in page.deliveries}
        session.close()
    gone = Delivery("gone:1", "gone", b'{"id":"1","at":"2024-05-01T12:00:00+00:00"}')
    return [*(one for one in found.values() if one.admitted), gone]
