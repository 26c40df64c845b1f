"""Lemmy servers: read by polling, answered and moderated with an account's login token, in v3 or v4 of the API."""

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
from plugins.lemmy import actions, compose, existing, profiles, rights
from plugins.lemmy.api import Lemmy
from plugins.lemmy.checks import check
from plugins.lemmy.client import Client
from plugins.lemmy.intake import Reader
from plugins.lemmy.parse import parse
from plugins.lemmy.settings import LemmySettings


class LemmySession:
    """One server, with its sockets. Keeps `plugins.contract.Session`, `GivesRights` and `ShowsProfiles`."""

    def __init__(self, settings: LemmySettings, io: Io) -> None:
        self._settings = settings
        self._client = Client(settings, io)
        self._lemmy = Lemmy(self._client)
        self._reader = Reader(self._lemmy, settings)

    def check(self) -> Check:
        return check(self._lemmy, self._settings)

    def poll(self, cursor: str) -> Page:
        return self._reader.poll(cursor)

    def fetch_thread(self, thread_id: str) -> Page:
        return self._reader.thread(thread_id)

    def perform(self, permit: Permit, act: Act) -> Receipt:
        return actions.perform(self._lemmy, self._settings, permit, act)

    def find_existing(self, act: Act, since: datetime) -> Receipt | None:
        return existing.find_existing(self._lemmy, self._settings, act, since)

    def give(self, permit: Permit, holder: Holder, place: str) -> None:
        rights.give(self._lemmy, permit, holder, place)

    def take(self, holder: Holder, place: str) -> None:
        rights.take(self._lemmy, holder, place)

    def holders(self, place: str) -> tuple[Holder, ...]:
        return rights.holders(self._lemmy, place)

    def profile(self, handle: str) -> Profile:
        return profiles.profile(self._lemmy, handle)

    def close(self) -> None:
        self._client.close()


class LemmyConnector:
    """Keeps `plugins.contract.Connector` and `Composes`."""

    name = "lemmy"
    label = "Lemmy"
    settings: type[ConnectionSettings] = LemmySettings
    capabilities: frozenset[Capability] = frozenset(actions.ACTIONS)
    timed: frozenset[Capability] = frozenset({Capability.SILENCE, Capability.SUSPEND})
    window: Literal["now", "newest"] = "now"
    #: A reason is kept with a closed report, and telling the reporter is still to be made (LemmyNet/lemmy#6612).
    tells_reporters: bool = False

    def url(self, settings: ConnectionSettings) -> str:
        return _own(settings).url

    def open(self, settings: ConnectionSettings, io: Io) -> LemmySession:
        return LemmySession(_own(settings), io)

    def parse(self, delivery: Delivery, settings: ConnectionSettings) -> Events:
        return parse(delivery, _own(settings))

    def compose(self, text: str, to: str, settings: ConnectionSettings, limits: Limits) -> Composed:
        return compose.compose(text)


def _own(settings: ConnectionSettings) -> LemmySettings:
    if not isinstance(settings, LemmySettings):
        raise BadInput("These settings are not those of a Lemmy connection.")
    return settings


connector = LemmyConnector()
