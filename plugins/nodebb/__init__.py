"""NodeBB forums: read by polling, answered and moderated with an API token, rights given in single categories."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from moderation.errors import BadInput
from moderation.model import Capability, Events
from moderation.policy import Permit
from plugins.contract import (
    Act,
    Check,
    Composed,
    ConnectionSettings,
    Delivery,
    Holder,
    Io,
    Limits,
    Page,
    Profile,
    Receipt,
)
from plugins.nodebb import actions, compose, holding, profiles, rights
from plugins.nodebb.checks import check
from plugins.nodebb.client import Client
from plugins.nodebb.parse import parse
from plugins.nodebb.reader import Reader
from plugins.nodebb.settings import NodebbSettings


class NodebbSession:
    """One forum, with its sockets. Keeps `plugins.contract.GivesRights` and `ShowsProfiles`, too."""

    def __init__(self, settings: NodebbSettings, io: Io) -> None:
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
        return holding.find_existing(self._client, self._settings, act, since)

    def give(self, permit: Permit, holder: Holder, place: str) -> None:
        rights.give(self._client, permit, holder, place)

    def take(self, holder: Holder, place: str) -> None:
        rights.take(self._client, holder, place)

    def holders(self, place: str) -> tuple[Holder, ...]:
        return rights.holders(self._client, place)

    def profile(self, handle: str) -> Profile:
        return profiles.profile(self._client, handle)

    def close(self) -> None:
        self._client.close()


class NodebbConnector:
    """Keeps `plugins.contract.Connector` and `Composes`."""

    name = "nodebb"
    label = "NodeBB"
    settings: type[ConnectionSettings] = NodebbSettings
    capabilities: frozenset[Capability] = frozenset(actions.ACTIONS)
    timed: frozenset[Capability] = frozenset({Capability.SILENCE, Capability.SUSPEND})
    window: Literal["now", "newest"] = "now"
    #: No recorded answer shows that a reporter hears of a flag that was settled.
    tells_reporters: bool = False

    def url(self, settings: ConnectionSettings) -> str:
        return _own(settings).url

    def open(self, settings: ConnectionSettings, io: Io) -> NodebbSession:
        return NodebbSession(_own(settings), io)

    def parse(self, delivery: Delivery, settings: ConnectionSettings) -> Events:
        return parse(delivery, _own(settings))

    def compose(self, text: str, to: str, settings: ConnectionSettings, limits: Limits) -> Composed:
        return compose.compose(text, limits)


def _own(settings: ConnectionSettings) -> NodebbSettings:
    if not isinstance(settings, NodebbSettings):
        raise BadInput("These settings are not those of a NodeBB connection.")
    return settings


connector = NodebbConnector()
