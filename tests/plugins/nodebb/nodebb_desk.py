"""A connection to the sandbox's NodeBB, never paced, with what it has read so far."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from moderation.model import (
    Capability,
    Event,
    MessageGone,
    MessageSeen,
    ReportSeen,
    ThreadChanged,
    ThreadListed,
)
from moderation.policy import Permit
from plugins.contract import Act, Delivery, Io, Receipt
from plugins.nodebb import NodebbSession, connector
from plugins.nodebb.settings import NodebbSettings
from service.sandbox.nodebb_rules import State, state_of
from tests.plugins.nodebb.rig import call, settings_for
from tests.sandbox_server import Running, running_sandbox
from tests.support.pacer import MemoryPacer


@dataclass
class Desk:
    box: Running
    settings: NodebbSettings
    session: NodebbSession
    ahead: list[timedelta]
    cursor: str = ""
    keys: set[str] = field(default_factory=set)

    @property
    def state(self) -> State:
        return state_of(self.box.world)

    def turn(self) -> list[Event]:
        """Everything until the connector says that it has no more for now; only what was not delivered before."""
        found: list[Delivery] = []
        for _ in range(200):
            page = self.session.poll(self.cursor)
            self.cursor = page.cursor
            found += [d for d in page.deliveries if d.key not in self.keys]
            self.keys |= {d.key for d in page.deliveries}
            if not page.more:
                return self.events(found)
        raise AssertionError("no end")

    def turns(self, count: int = 6) -> list[Event]:
        """Enough for a small forum to be looked through again."""
        return [event for _ in range(count) for event in self.turn()]

    def events(self, deliveries: list[Delivery] | tuple[Delivery, ...]) -> list[Event]:
        return [event for one in deliveries for event in connector.parse(one, self.settings).events]

    def thread(self, tid: int) -> list[Event]:
        return self.events(self.session.fetch_thread(str(tid)).deliveries)

    def call(self, method: str, path: str, by: int = 1, **body: Any) -> Any:
        answer = call(self.box, method, path, by, **body)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def post(self, username: str, text: str, **more: Any) -> Any:
        return self.box.control("POST", "/posts", username=username, text=text, **more)

    def uid(self, username: str) -> int:
        return self.box.world.forum.users[username].id

    def act(self, kind: Capability, target: object, text: str = "", **options: Any) -> Act:
        return Act(1, kind, str(target), text, options=options)

    def do(self, act: Act) -> Receipt:
        return self.session.perform(Permit(act.action_id, "p", act.kind, act.target, datetime.now(UTC)), act)

    def found(self, act: Act) -> Receipt | None:
        return self.session.find_existing(act, datetime.now(UTC) - timedelta(minutes=1))


@contextmanager
def desk(box: Running, uid: int = 1, token: str = "", **more: Any) -> Iterator[Desk]:
    ahead = [timedelta()]
    io = Io(frozenset({"127.0.0.1"}), MemoryPacer(), lambda: datetime.now(UTC) + ahead[0])
    settings = settings_for(f"{box.url}/nodebb", token or box.world.options.nodebb_token, uid, **more)
    session = connector.open(settings, io)
    try:
        yield Desk(box, settings, session, ahead)
    finally:
        session.close()


@contextmanager
def forum_desk(**more: Any) -> Iterator[Desk]:
    with running_sandbox() as box, desk(box, **more) as made:
        yield made


def seen(events: list[Event]) -> dict[str, MessageSeen]:
    return {e.remote_id: e for e in events if isinstance(e, MessageSeen)}


def gone(events: list[Event]) -> set[str]:
    return {e.remote_id for e in events if isinstance(e, MessageGone)}


def threads(events: list[Event]) -> dict[str, ThreadChanged]:
    return {e.thread.remote_id: e for e in events if isinstance(e, ThreadChanged)}


def listed(events: list[Event]) -> dict[str, tuple[str, ...]]:
    return {e.thread_id: e.present for e in events if isinstance(e, ThreadListed)}


def reports(events: list[Event]) -> list[ReportSeen]:
    return [e for e in events if isinstance(e, ReportSeen)]
