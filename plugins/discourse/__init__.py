"""Discourse forums: read by polling, told by webhooks, answered and moderated with an API key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from moderation.errors import BadInput
from moderation.model import Capability, Events
from moderation.policy import Permit
from plugins.contract import Act, Check, Composed, ConnectionSettings, Delivery, Holder, Io, Limits, Page, Receipt
from plugins.discourse import actions, badges, compose, intake, rights
from plugins.discourse.checks import check
from plugins.discourse.client import Client
from plugins.discourse.parse import parse
from plugins.discourse.reader import Reader
from plugins.discourse.settings import DiscourseSettings


class DiscourseSession:
    """One forum, with its sockets. Keeps `plugins.contract.Session`, `GivesRights` and `GivesBadges`."""

    def __init__(self, settings: DiscourseSettings, io: Io) -> None:
        self._settings = settings
        self._client = Client(settings, io)
        self._reader = Reader(self._client, settings)

    def check(self) -> Check:
        return check(self._client, self._settings)

    def poll(self, cursor: str) -> Page:
        return self._reader.poll(cursor)

    def fetch_thread(self, thread_id: str) -> Page:
        return self._reader.thread(thread_id)

    def perform(self, permit: Permit, act: Act) -> Receipt:
        return actions.perform(self._client, self._settings, permit, act)

    def find_existing(self, act: Act, since: datetime) -> Receipt | None:
        return actions.find_existing(self._client, self._settings, act, since)

    def give(self, permit: Permit, holder: Holder, place: str) -> None:
        rights.give(self._client, holder, place)

    def take(self, holder: Holder, place: str) -> None:
        rights.take(self._client, holder, place)

    def holders(self, place: str) -> tuple[Holder, ...]:
        return rights.holders(self._client, place)

    def give_badge(self, permit: Permit, holder: Holder, name: str) -> None:
        badges.give(self._client, holder, name)

    def take_badge(self, holder: Holder, name: str) -> None:
        badges.take(self._client, holder, name)

    def has_badge(self, holder: Holder, name: str) -> bool:
        return badges.has(self._client, holder, name)

    def close(self) -> None:
        self._client.close()


class DiscourseConnector:
    """Keeps `plugins.contract.Connector`, `Composes` and `TakesWebhooks`."""

    name = "discourse"
    label = "Discourse"
    settings: type[ConnectionSettings] = DiscourseSettings
    capabilities: frozenset[Capability] = frozenset(actions.ACTIONS)
    timed: frozenset[Capability] = frozenset({Capability.SILENCE, Capability.SUSPEND})
    window: Literal["now", "newest"] = "now"
    #: A decision by the API answers only who flagged with words of their own, in the talk that these opened.
    tells_reporters: bool = False

    def url(self, settings: ConnectionSettings) -> str:
        return _own(settings).url

    def open(self, settings: ConnectionSettings, io: Io) -> DiscourseSession:
        return DiscourseSession(_own(settings), io)

    def parse(self, delivery: Delivery, settings: ConnectionSettings) -> Events:
        return parse(delivery, _own(settings))

    def compose(self, text: str, to: str, settings: ConnectionSettings, limits: Limits) -> Composed:
        return compose.compose(text, limits)

    def receive(self, headers: Mapping[str, str], body: bytes, settings: ConnectionSettings) -> Delivery:
        return intake.receive(headers, body, _own(settings), datetime.now(UTC))


def _own(settings: ConnectionSettings) -> DiscourseSettings:
    if not isinstance(settings, DiscourseSettings):
        raise BadInput("These settings are not those of a Discourse connection.")
    return settings


connector = DiscourseConnector()
