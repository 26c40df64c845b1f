"""The fediverse, through the API that Mastodon, GoToSocial, Pleroma, Akkoma and Takahe speak."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from typing import Literal, cast
from urllib.parse import urlsplit

from moderation.model import Capability, Events
from plugins.contract import Composed, ConnectionSettings, Delivery, Io, Limits, Session
from plugins.mastodon import compose, streaming
from plugins.mastodon.actions import ACTIONS
from plugins.mastodon.parse import parse
from plugins.mastodon.session import MastodonSession
from plugins.mastodon.settings import MastodonSettings


class MastodonConnector:
    """Keeps plugins.contract.Connector, Composes and GivesHints."""

    name = "mastodon"
    label = "Mastodon API"
    settings: type[ConnectionSettings] = MastodonSettings
    capabilities: frozenset[Capability] = frozenset(ACTIONS)
    timed: frozenset[Capability] = frozenset()
    window: Literal["now", "newest"] = "now"
    #: Reporters hear nothing of what became of a report (mastodon/mastodon#24758).
    tells_reporters: bool = False

    def url(self, settings: ConnectionSettings) -> str:
        return cast(MastodonSettings, settings).url

    def open(self, settings: ConnectionSettings, io: Io) -> Session:
        return MastodonSession(cast(MastodonSettings, settings), io)

    def parse(self, delivery: Delivery, settings: ConnectionSettings) -> Events:
        return parse(delivery)

    def compose(self, text: str, to: str, settings: ConnectionSettings, limits: Limits) -> Composed:
        return compose.compose(text, to, urlsplit(self.url(settings)).netloc, limits)

    def hints(self, settings: ConnectionSettings, io: Io, stop: Event) -> Iterator[None]:
        return streaming.hints(cast(MastodonSettings, settings), io, stop)


connector = MastodonConnector()
