"""The fediverse, through the API that Mastodon, GoToSocial, Pleroma, Akkoma and Takahe speak."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from typing import Literal, cast

from moderation.model import Capability, Events
from plugins.contract import ConnectionSettings, Delivery, Io, Session
from plugins.mastodon import streaming
from plugins.mastodon.parse import parse
from plugins.mastodon.session import MastodonSession
from plugins.mastodon.settings import MastodonSettings


class MastodonConnector:
    """Keeps plugins.contract.Connector and GivesHints."""

    name = "mastodon"
    label = "Mastodon API"
    settings: type[ConnectionSettings] = MastodonSettings
    capabilities = frozenset({Capability.REPLY})
    window: Literal["now", "newest"] = "now"

    def url(self, settings: ConnectionSettings) -> str:
        return cast(MastodonSettings, settings).url

    def open(self, settings: ConnectionSettings, io: Io) -> Session:
        return MastodonSession(cast(MastodonSettings, settings), io)

    def parse(self, delivery: Delivery, settings: ConnectionSettings) -> Events:
        return parse(delivery)

    def hints(self, settings: ConnectionSettings, io: Io, stop: Event) -> Iterator[None]:
        return streaming.hints(cast(MastodonSettings, settings), io, stop)


connector = MastodonConnector()
