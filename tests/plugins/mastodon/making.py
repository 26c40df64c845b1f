"""Statuses, sessions and polls for the tests of the Mastodon connector."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from moderation.model import Event, MessageSeen, ThreadChanged
from plugins.contract import Clock, Delivery, Io
from plugins.mastodon import connector
from plugins.mastodon.deliveries import Own
from plugins.mastodon.session import MastodonSession
from plugins.mastodon.settings import MastodonSettings
from tests.support.pacer import MemoryPacer

OWN = Own("100", "brand@social.example")
TOKEN = "not-a-real-token-5f2c"


def utc_now() -> datetime:
    return datetime.now(UTC)


def account(id: str = "7", acct: str = "ines", **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "username": acct.split("@", maxsplit=1)[0],
        "acct": acct,
        "display_name": "Inès",
        "note": "",
        **more,
    }


def status(id: str = "1", **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": id,
        "created_at": "2026-11-22T04:37:12.411Z",
        "edited_at": None,
        "in_reply_to_id": None,
        "in_reply_to_account_id": None,
        "visibility": "public",
        "content": "<p>Bonjour</p>",
        "spoiler_text": "",
        "language": "fr",
        "account": account(),
        "mentions": [],
        "replies_count": 0,
        "reblogs_count": 0,
        "favourites_count": 0,
        "reblog": None,
        "url": f"https://social.example/@ines/{id}",
    }
    return made | more


def mention() -> dict[str, Any]:
    return {"id": OWN.id, "acct": "brand"}


def settings_for(url: str, token: str = TOKEN, **more: Any) -> MastodonSettings:
    return MastodonSettings.model_validate({"url": url, "token": token, **more})


@contextmanager
def opened(url: str, token: str = TOKEN, now: Clock = utc_now, **more: Any) -> Iterator[MastodonSession]:
    io = Io(frozenset({"127.0.0.1", "localhost"}), MemoryPacer(now), now, user_agent="Tenth tests")
    session = MastodonSession(settings_for(url, token, **more), io)
    try:
        yield session
    finally:
        session.close()


def rounds(session: MastodonSession, cursor: str = "", most: int = 300) -> tuple[list[Delivery], str]:
    """Polls until there is nothing more to do at once."""
    found: list[Delivery] = []
    for _ in range(most):
        page = session.poll(cursor)
        found += page.deliveries
        cursor = page.cursor
        if not page.more:
            return found, cursor
    raise AssertionError(f"still more after {most} polls")


def events(deliveries: list[Delivery]) -> list[Event]:
    any_settings = settings_for("https://social.example")
    return [event for one in deliveries for event in connector.parse(one, any_settings).events]


def totals(deliveries: list[Delivery]) -> dict[str, int | None]:
    """The last count of replies that was told of each thread."""
    told = [event.thread for event in events(deliveries) if isinstance(event, ThreadChanged)]
    return {thread.remote_id: thread.total_replies for thread in told}


def messages(deliveries: list[Delivery]) -> dict[str, MessageSeen]:
    """The last state of each message."""
    return {event.remote_id: event for event in events(deliveries) if isinstance(event, MessageSeen)}
