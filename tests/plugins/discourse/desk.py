"""A connection to a sandbox forum, never paced unless a test asks for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from moderation.model import Event, MessageGone, MessageSeen, ThreadChanged
from plugins.contract import Delivery, Io, Page
from plugins.discourse import DiscourseSession, connector
from plugins.discourse.settings import DiscourseSettings
from tests.sandbox_server import Running
from tests.support.pacer import MemoryPacer


@dataclass
class Clock:
    """The real time, moved on by hand."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def pass_seconds(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@dataclass
class Desk:
    """One connection to the sandbox, with what it has read so far."""

    box: Running
    settings: DiscourseSettings
    session: DiscourseSession
    pacer: MemoryPacer
    clock: Clock
    cursor: str = ""
    keys: set[str] = field(default_factory=set)

    def page(self) -> Page:
        page = self.session.poll(self.cursor)
        self.cursor = page.cursor
        return page

    def turn(self) -> list[Delivery]:
        """Everything until the connector says that it has no more for now; only what was not delivered before."""
        found: list[Delivery] = []
        more = True
        while more:
            page = self.page()
            found += [d for d in page.deliveries if d.key not in self.keys]
            self.keys |= {d.key for d in page.deliveries}
            more = page.more
        return found

    def turns(self, count: int = 6) -> list[Event]:
        """The events of some turns: enough for a small forum to be looked through again."""
        return [e for _ in range(count) for e in self.events(self.turn())]

    def events(self, deliveries: list[Delivery] | tuple[Delivery, ...]) -> list[Event]:
        return [e for d in deliveries for e in connector.parse(d, self.settings).events]


def seen(events: list[Event]) -> dict[str, MessageSeen]:
    return {e.remote_id: e for e in events if isinstance(e, MessageSeen)}


def gone(events: list[Event]) -> set[str]:
    return {e.remote_id for e in events if isinstance(e, MessageGone)}


def threads(events: list[Event]) -> dict[str, ThreadChanged]:
    return {e.thread.remote_id: e for e in events if isinstance(e, ThreadChanged)}


def connect(box: Running, **changes: Any) -> Desk:
    access, clock = box.discourse, Clock()
    given: dict[str, Any] = {
        "url": access.url,
        "api_key": access.api_key,
        "api_username": access.api_username,
        "webhook_secret": access.webhook_secret,
        "calls_per_minute": 6000,
    }
    settings = DiscourseSettings(**(given | changes))
    pacer = MemoryPacer(clock)
    io = Io(allow_private=frozenset({urlsplit(access.url).netloc}), pacer=pacer, now=clock)
    return Desk(box, settings, connector.open(settings, io), pacer, clock)
