"""A connection to a sandbox as a Lemmy server, never paced unless a test asks for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar
from urllib.parse import urlsplit

from moderation.model import Capability, Event, MessageGone, MessageSeen
from moderation.policy import Permit
from plugins.contract import Act, Delivery, Holder, Io, Receipt
from plugins.lemmy import LemmySession, connector
from plugins.lemmy.settings import LemmySettings
from service.sandbox.options import LEMMY_TOKEN
from tests.plugins.lemmy.box import Box
from tests.support.pacer import MemoryPacer

_numbers = count(1)
Kind = TypeVar("Kind", bound=Event)


@dataclass
class Clock:
    """The real time, moved on by hand."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Desk:
    """One connection to the sandbox, with what it has read so far."""

    box: Box
    settings: LemmySettings
    session: LemmySession
    pacer: MemoryPacer
    clock: Clock
    cursor: str = ""
    keys: set[str] = field(default_factory=set)

    def turn(self) -> list[Delivery]:
        """One turn of reading; only what was not delivered before."""
        found: list[Delivery] = []
        more = True
        while more:
            page = self.session.poll(self.cursor)
            self.cursor, more = page.cursor, page.more
            found += [d for d in page.deliveries if d.key not in self.keys]
            self.keys |= {d.key for d in page.deliveries}
        return found

    def turns(self, count: int = 8) -> list[Event]:
        """The events of some turns: enough for every list to be looked back into."""
        return [e for _ in range(count) for e in self.events(self.turn())]

    def events(self, deliveries: list[Delivery] | tuple[Delivery, ...]) -> list[Event]:
        return [e for d in deliveries for e in connector.parse(d, self.settings).events]

    def act(self, kind: Capability, target: str, text: str = "", **options: Any) -> Receipt:
        act = Act(next(_numbers), kind, target, text, options=options)
        return self.session.perform(Permit(act.action_id, "somebody", kind, target, self.clock()), act)

    def found(self, kind: Capability, target: str, text: str = "", **options: Any) -> Receipt | None:
        since = self.clock() - timedelta(minutes=1)
        return self.session.find_existing(Act(1, kind, target, text, options=options), since)

    def give(self, username: str, place: int, capability: Capability = Capability.GRANT) -> None:
        permit = Permit(0, "grant", capability, "grant 1", self.clock())
        self.session.give(permit, self.holder(username), str(place))

    def take(self, username: str, place: int) -> None:
        self.session.take(self.holder(username), str(place))

    def holder(self, username: str) -> Holder:
        return Holder(str(self.box.person(username)), username)

    def moderators(self, place: int) -> list[str]:
        return [one.handle for one in self.session.holders(str(place)) if not one.via]


def of(kind: type[Kind], events: list[Event]) -> list[Kind]:
    return [e for e in events if isinstance(e, kind)]


def seen(events: list[Event]) -> dict[str, MessageSeen]:
    return {e.remote_id: e for e in of(MessageSeen, events)}


def gone(events: list[Event]) -> set[str]:
    return {e.remote_id for e in of(MessageGone, events)}


def connect(box: Box, **changes: Any) -> Desk:
    clock = Clock()
    given: dict[str, Any] = {
        "url": box.url,
        "token": LEMMY_TOKEN,
        "communities": ("help", "entraide"),
        "calls_per_minute": 6000,
    }
    settings = LemmySettings(**(given | changes))
    pacer = MemoryPacer(clock)
    io = Io(allow_private=frozenset({urlsplit(box.url).netloc}), pacer=pacer, now=clock)
    return Desk(box, settings, connector.open(settings, io), pacer, clock)
