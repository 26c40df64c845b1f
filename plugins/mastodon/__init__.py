"""The fediverse, through the API that Mastodon, GoToSocial, Pleroma, Akkoma and Takahe speak."""

from __future__ import annotations

from typing import Literal, cast

from moderation.model import Capability, Events
from plugins.contract import ConnectionSettings, Delivery, Io, Session
from plugins.mastodon.parse import parse
from plugins.mastodon.session import MastodonSession
from plugins.mastodon.settings import MastodonSettings


class MastodonConnector:
    """Keeps plugins.contract.Connector."""

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


connector = MastodonConnector()
