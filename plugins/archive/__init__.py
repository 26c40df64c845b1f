"""Archives: conversations out of a file. Nothing is called and nothing can be done on a platform."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import IO, Literal

from moderation.model import Capability, Events
from plugins.archive import intake, parse
from plugins.contract import BadLine, ConnectionSettings, Delivery, Io


class ArchiveSettings(ConnectionSettings):
    """An archive needs no settings."""


class ArchiveConnector:
    """Reads JSONL and a Mastodon account's outbox.json."""

    name = "archive"
    label = "Archive"
    settings: type[ConnectionSettings] = ArchiveSettings
    capabilities: frozenset[Capability] = frozenset()
    timed: frozenset[Capability] = frozenset()
    window: Literal["now", "newest"] = "newest"
    tells_reporters: bool = False

    def url(self, settings: ConnectionSettings) -> str:
        """An archive lives nowhere."""
        return ""

    def open(self, settings: ConnectionSettings, io: Io) -> None:
        """None: there is nobody to call."""

    def parse(self, delivery: Delivery, settings: ConnectionSettings) -> Events:
        """The message of one line. Raises BadInput naming the field."""
        return parse.parse(delivery)

    def read(self, stream: IO[bytes]) -> Iterator[Delivery | BadLine]:
        """One delivery per message and one BadLine per line that cannot be used, in the order of the file."""
        return intake.read(stream, datetime.now(UTC))


connector = ArchiveConnector()
