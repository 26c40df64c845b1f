"""Streaming, as a hint to poll: that a line of an event came is all that is taken from it.

Server-sent events only. Servers that speak WebSocket alone (GoToSocial) or have no stream (Takahe) answer 404.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from threading import Event
from typing import Any
from urllib.parse import urlsplit

from plugins.contract import Gone, Io
from plugins.mastodon.client import BUCKET, CALLS, PER_SECONDS, Client
from plugins.mastodon.failures import Reply, failure
from plugins.mastodon.settings import MastodonSettings
from plugins.mastodon.text import plain
from plugins.net import AddressBlocked, Stream, check_url, open_stream

PATH = "/api/v1/streaming/user"
#: Mastodon sends ":thump" every 15 seconds: after four that did not come nobody is there any more.
IDLE_SECONDS = 60.0
_NO_STREAM = frozenset({401, 403, 404, 405, 410})
_SCHEMES = {"ws": "http", "wss": "https"}


def hints(settings: MastodonSettings, io: Io, stop: Event, *, idle_seconds: float = IDLE_SECONDS) -> Iterator[None]:
    """Keeps plugins.contract.GivesHints."""
    url = _address(settings, io) + PATH
    io.pacer.acquire(BUCKET, limit=CALLS, per_seconds=PER_SECONDS)
    headers = {
        "Accept": "text/event-stream",
        "Authorization": f"Bearer {settings.token.get_secret_value()}",
        "User-Agent": io.user_agent,
    }
    opened = open_stream(url, io.allow_private, headers, idle_seconds=idle_seconds, stopped=stop.is_set)
    with closing(opened) as stream:
        if not _is_stream(stream, io):
            return
        yield None  # what happened while nobody listened was not told to anybody
        for line in stream.lines():
            if line.startswith(b"event:"):
                yield None


def _is_stream(stream: Stream, io: Io) -> bool:
    """False where the server has none for us. Raises ConnectorError when it does not say."""
    if stream.status in _NO_STREAM:
        return False
    if stream.status != 200:
        raise failure(Reply("GET", PATH, stream.status, stream.headers, ""), io.now())
    return stream.headers.get("content-type", "").partition(";")[0].strip().lower() == "text/event-stream"


def _address(settings: MastodonSettings, io: Io) -> str:
    """Where the streams are: at another host only if the server itself says so. The token will go there."""
    base = check_url(settings.url, io.allow_private)
    named = _named(settings, io)
    if not named:
        return base
    parts = urlsplit(named)
    scheme = _SCHEMES.get(parts.scheme, parts.scheme)
    if scheme != "https" and base.startswith("https:"):
        raise AddressBlocked("The server names an address for its streams that is not encrypted. They are not used.")
    path = parts.path.rstrip("/").removesuffix("/user").removesuffix("/api/v1/streaming")
    return check_url(f"{scheme}://{parts.netloc}{path}", io.allow_private)


def _named(settings: MastodonSettings, io: Io) -> str:
    """What the server's own description says; "" where it says nothing. Old servers have only the second form."""
    with closing(Client(settings, io)) as client:
        for path, names in (
            ("/api/v2/instance", ("configuration", "urls", "streaming")),
            ("/api/v1/instance", ("urls", "streaming_api")),
        ):
            try:
                found: Any = client.get(path).body
            except Gone:
                continue
            for name in names:
                found = found.get(name) if isinstance(found, dict) else None
            if plain(found):
                return plain(found)
    return ""
