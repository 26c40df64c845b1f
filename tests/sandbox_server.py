"""A sandbox on a free loopback port for the length of a `with` block, over real sockets."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import httpx
from werkzeug.routing import Rule

from service.sandbox.faults import Fault
from service.sandbox.options import CLIENT_ID, CLIENT_SECRET, Options
from service.sandbox.server import create_sandbox, serving
from service.sandbox.story import Category, Conversation, Line, Member, Planted, Story
from service.sandbox.world import Clock, World
from tests.support.impatience import impatient

# Tests that are not about pacing must not be paced; those that are pass `admin_calls_per_minute=60` and the like.
UNPACED = {"admin_calls_per_minute": 100_000, "mastodon_calls_per_5_minutes": 100_000}
# Everything is plain http here, and to load the certificate authorities takes longer than most tests do.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(frozen=True)
class DiscourseAccess:
    url: str
    api_key: str
    api_username: str
    webhook_secret: str
    connect_secret: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Api-Key": self.api_key, "Api-Username": self.api_username}


@dataclass(frozen=True)
class MastodonAccess:
    url: str
    token: str
    client_id: str = CLIENT_ID
    client_secret: str = CLIENT_SECRET

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclass(frozen=True)
class Running:
    world: World
    url: str
    discourse: DiscourseAccess
    mastodon: MastodonAccess
    client: httpx.Client

    def fail(self, kind: str, **settings: Any) -> Fault:
        """The next matching requests fail; the kinds and settings are those of `service.sandbox.faults`."""
        with self.world.lock:
            return self.world.faults.add(kind, **settings)

    def heal(self) -> None:
        with self.world.lock:
            self.world.faults.clear()

    def control(self, method: str, path: str, /, **body: Any) -> Any:
        """A call of the control API: `control("POST", "/posts", username="ines", text="...")`."""
        answer = self.client.request(method, f"/_sandbox{path}", json=body or None)
        answer.raise_for_status()
        return answer.json()


@contextmanager
def unbuilt_addresses() -> Iterator[None]:
    """Routes registered here are compiled for matching at once, and for building addresses when one is built.

    A sandbox is made for almost every test and builds hardly any, while that takes most of its start.
    """
    compiled: Callable[..., Any] = Rule._compile_builder

    def later(rule: Rule, append_unknown: bool = True) -> Callable[..., Any]:
        def build(bound: Any, **values: Any) -> Any:
            return compiled(rule, append_unknown)(bound, **values)

        return build

    with patch.object(Rule, "_compile_builder", later):
        yield


@contextmanager
def running_sandbox(story: Story | None = None, *, now: Clock | None = None, **opts: Any) -> Iterator[Running]:
    options = Options(**(UNPACED | opts))
    with unbuilt_addresses():
        app = create_sandbox(story or tiny_story(), options=options, now=now)
    with serving(app) as world:
        keys = options.api_key, world.story.brand, options.webhook_secret, options.connect_secret
        discourse = DiscourseAccess(world.base_url, *keys)
        mastodon = MastodonAccess(world.base_url, options.access_token)
        with (
            impatient(world.base_url, world.faults),
            httpx.Client(base_url=world.base_url, timeout=60, trust_env=False, verify=NO_TLS) as client,
        ):
            yield Running(world, world.base_url, discourse, mastodon, client)


def tiny_story(now: datetime | None = None) -> Story:
    """Two forum topics, one of them in a closed category, and two fediverse threads."""
    start = (now or datetime.now(UTC)) - timedelta(hours=6)
    members = (
        Member("brava", "Brava", "en", "brand", 4, on_fediverse=True),
        Member("ines", "Inès", "fr", "customer", on_fediverse=True),
        Member("marc", "Marc L.", "fr", "expert", 3, on_fediverse=True),
        Member("tomoko", "Tomoko", "en", "member", 2, on_fediverse=True),
        Member("sam", "Sam", "en", "staff", 4),
    )
    categories = (
        Category(5, "help", "Help"),
        Category(6, "entraide", "Entraide"),
        Category(7, "staff", "Staff", restricted=True),
    )
    planted = (Planted("leak", "safety", "surface", by_rule=True, why="hot water near a socket"),)
    return Story(members, categories, _conversations(start), planted, hashtags=("bravahelp",))


def _conversations(start: datetime) -> tuple[Conversation, ...]:
    def at(minutes: int) -> datetime:
        return start + timedelta(minutes=minutes)

    leak = (
        Line("ines", at(0), "My machine leaks hot water onto the socket. @brava please answer!"),
        Line("marc", at(5), "Unplug it first, then check the seal of the tank.", 0, likes=3, accepted_answer=True),
        Line("tomoko", at(9), "Same here, the seal was it.", 1),
    )
    closed = (Line("sam", at(20), "Draft of the recall notice, for staff eyes only."),)
    milk = (
        Line("tomoko", at(30), "@brava the milk frother smells burnt.", language="en"),
        Line("marc", at(33), "Did you descale it?", 0),
        Line("tomoko", at(35), "Twice, with vinegar.", 1),
        Line("ines", at(40), "Chez moi aussi.", 0, language="fr"),
    )
    burn = (Line("ines", at(50), "Je me suis brûlée.", language="fr", content_warning="blessure"),)
    return (
        Conversation("leak", "forum", "Leaking machine", leak, category="help", hashtags=("leak",)),
        Conversation("recall", "forum", "Recall notice draft", closed, category="staff"),
        Conversation("milk", "fediverse", "Milk", milk, hashtags=("bravahelp",)),
        Conversation("burn", "fediverse", "Burn", burn, hashtags=("bravahelp",)),
    )
