"""The Mastodon API in the contract suite: the sandbox's server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from itertools import count
from urllib.parse import urlsplit

from pydantic import SecretStr

from moderation.model import Capability
from plugins.contract import Act, Delivery, Io
from plugins.mastodon import connector
from plugins.mastodon.settings import MastodonSettings
from plugins.mastodon.staff import ON_ACCOUNTS
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
        secret = sandbox.control("POST", "/statuses", username="ines", text=f"{PRIVATE}, too", visibility="direct")
        _reported(sandbox, str(secret["id"]))
        _reported(sandbox, _asked(sandbox, next(_numbers)))
        yield Stage(
            settings=_settings(sandbox.mastodon.url, sandbox.mastodon.token),
            io=Io(frozenset({"127.0.0.1"}), MemoryPacer(), lambda: datetime.now(UTC)),
            fail=sandbox.fail,
            heal=sandbox.heal,
            jobs={
                Capability.REPLY: _reply(sandbox),
                Capability.EDIT: _on_own(sandbox, Capability.EDIT, "PUT"),
                Capability.DELETE: _on_own(sandbox, Capability.DELETE, "DELETE"),
                **{kind: _on_account(sandbox, kind) for kind in ON_ACCOUNTS},
                Capability.RESOLVE_REPORT: _on_report(sandbox),
                Capability.NOTIFY: _notice(sandbox),
            },
            shown=lambda status_id: _shown(sandbox, status_id),
            others=lambda: _asked(sandbox, next(_numbers)),
            private_texts=(PRIVATE,),
        )


def _reply(sandbox: Running) -> Callable[[], Job]:
    def make() -> Job:
        number = next(_numbers)
        text = f"We look into it, number {number}."
        act = Act(number, Capability.REPLY, _asked(sandbox, number), text, f"key-{number}")
        return Job(act, "POST", f"ines@{urlsplit(sandbox.url).netloc}")

    return make


def _asked(sandbox: Running, number: int) -> str:
    text = f"@brava my grinder {number} is broken"
    return str(sandbox.control("POST", "/statuses", username="ines", text=text)["id"])


def _on_own(sandbox: Running, kind: Capability, method: str) -> Callable[[], Job]:
    def make() -> Job:
        number = next(_numbers)
        text, parent = f"@ines We look into it, number {number}.", _asked(sandbox, number)
        made = sandbox.control("POST", "/statuses", username="brava", text=text, in_reply_to_id=parent)
        new = f"It is mended, number {number}." if kind is Capability.EDIT else ""
        return Job(Act(number, kind, str(made["id"]), new, f"key-{number}"), method)

    return make


def _on_account(sandbox: Running, kind: Capability) -> Callable[[], Job]:
    def make() -> Job:
        number = next(_numbers)
        with sandbox.world.lock:
            tomoko = sandbox.world.fedi.account_named("tomoko")
            assert tomoko is not None
            tomoko.state = {"unsilence": "silence", "unsuspend": "suspend"}.get(kind, "none")
        options = {"handle": f"tomoko@{urlsplit(sandbox.url).netloc}", "reason": "Insults", "hours": 24}
        # A warning is shown to the person alone: whether it arrived cannot be looked up.
        return Job(Act(number, kind, tomoko.id, "", f"key-{number}", options), "POST", shows=kind != Capability.WARN)

    return make


def _notice(sandbox: Running) -> Callable[[], Job]:
    def make() -> Job:
        number = next(_numbers)
        with sandbox.world.lock:
            tomoko = sandbox.world.fedi.account_named("tomoko")
            assert tomoko is not None
        words = f"Your account was limited. Why, and how to contest it: https://tenth.example/appeal/{number}"
        return Job(Act(number, Capability.NOTIFY, tomoko.id, words, f"key-{number}"), "POST")

    return make


def _on_report(sandbox: Running) -> Callable[[], Job]:
    def make() -> Job:
        number = next(_numbers)
        report = _reported(sandbox, _asked(sandbox, number))
        options = {"outcome": "upheld"}
        return Job(Act(number, Capability.RESOLVE_REPORT, report, "", f"key-{number}", options), "POST")

    return make


def _reported(sandbox: Running, status_id: str) -> str:
    """Marc reports a post of Inès; returns the report's id as we name it."""
    told = {"username": "marc", "target": "ines", "status_id": status_id, "comment": "Look at this", "category": "spam"}
    return f"{sandbox.control('POST', '/reports', **told)['id']}:{status_id}"


def _shown(sandbox: Running, status_id: str) -> tuple[str, list[tuple[bytes, str]]] | None:
    with sandbox.world.lock:
        status = sandbox.world.fedi.statuses.get(status_id)
        if status is None:
            return None
        held = [sandbox.world.fedi.shelf.held[i] for i in status.versions[-1].media]
        text = status.text
    addresses = [f"/system/media_attachments/{one.id}.{one.picture.kind}" for one in held]
    bodies = [sandbox.client.get(address).content for address in addresses]
    return text, list(zip(bodies, [one.description for one in held], strict=True))


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
