"""A platform in memory, for rules that must hold whatever it does: down, silent, late, or dying in a call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from moderation.model import MODERATING, Capability, Events
from moderation.policy import Permit
from plugins.contract import (
    Act,
    Ambiguous,
    Check,
    ConnectionSettings,
    Delivery,
    Holder,
    Io,
    Page,
    Receipt,
    Session,
    Temporary,
)

MODES = ("up", "down", "lost_before", "lost_after", "late", "dies_before", "dies_after", "dies_late")


class Died(BaseException):
    """The worker was killed here: nothing after it runs, and nothing may catch it."""


@dataclass
class Village:
    """Keeps plugins.contract.Connector, Session and GivesRights; `mode` is what the next calls meet."""

    now: Callable[[], datetime]
    mode: str = "up"
    late: timedelta = timedelta(seconds=90)
    moderators: dict[str, set[str]] = field(default_factory=dict)
    acts: list[tuple[datetime, Permit, Act]] = field(default_factory=list)
    pending: list[tuple[datetime, Callable[[], None]]] = field(default_factory=list)
    name: str = "discourse"
    label: str = "Village"
    settings: type[ConnectionSettings] = ConnectionSettings
    capabilities: frozenset[Capability] = MODERATING
    timed: frozenset[Capability] = frozenset()
    window: Literal["now", "newest"] = "now"
    tells_reporters: bool = False

    def url(self, settings: ConnectionSettings) -> str:
        return "http://village.example"

    def open(self, settings: ConnectionSettings, io: Io) -> Session:
        return self

    def parse(self, delivery: Delivery, settings: ConnectionSettings) -> Events:
        return Events()

    def check(self) -> Check:
        return Check("village", "1", self.capabilities)

    def poll(self, cursor: str) -> Page:
        return Page((), cursor)

    def fetch_thread(self, thread_id: str) -> Page:
        return Page((), "")

    def close(self) -> None:
        """Nothing is held."""

    # ------------------------------------------------------------------ what is watched

    def perform(self, permit: Permit, act: Act) -> Receipt:
        self._call(lambda: self.acts.append((self.now(), permit, act)))
        return Receipt(act.target, "", self.now())

    def find_existing(self, act: Act, since: datetime) -> Receipt | None:
        self._answer()
        done = any(one.action_id == act.action_id for _, _, one in self.acts)
        return Receipt(act.target, "", self.now()) if done else None

    def give(self, permit: Permit, holder: Holder, place: str) -> None:
        self._call(lambda: self.moderators.setdefault(place, set()).add(holder.remote_id))

    def take(self, holder: Holder, place: str) -> None:
        self._call(lambda: self.moderators.setdefault(place, set()).discard(holder.remote_id))

    def holders(self, place: str) -> tuple[Holder, ...]:
        self._answer()
        return tuple(Holder(one, one) for one in sorted(self.moderators.get(place, set())))

    # ------------------------------------------------------------------ how calls go

    def time_passes(self) -> None:
        """What was under way arrives."""
        due = [effect for at, effect in self.pending if at <= self.now()]
        self.pending = [(at, effect) for at, effect in self.pending if at > self.now()]
        for effect in due:
            effect()

    def _call(self, effect: Callable[[], None]) -> None:
        if self.mode == "down":
            raise Temporary("The village is asleep.")
        if self.mode == "dies_before":
            raise Died
        if self.mode in ("late", "dies_late"):
            self.pending.append((self.now() + self.late, effect))
        elif self.mode != "lost_before":
            effect()
        if self.mode in ("dies_after", "dies_late"):
            raise Died
        if self.mode in ("lost_before", "lost_after", "late"):
            raise Ambiguous("No answer came.")

    def _answer(self) -> None:
        if self.mode != "up":
            raise Temporary("The village is asleep.")
