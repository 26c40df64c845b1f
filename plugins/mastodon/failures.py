"""What an answer that is not a success means, and what its headers say about pace. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from plugins.contract import (
    Ambiguous,
    Budget,
    ConnectorError,
    CredentialsRefused,
    Gone,
    MissingRight,
    Permanent,
    RateLimited,
    Temporary,
)
from plugins.mastodon.text import plain

#: How long to wait after a 429 that does not say.
WAIT = timedelta(minutes=5)
_LONGEST_WAIT = timedelta(hours=1)
#: How servers word it: Mastodon, GoToSocial and Takahe by scope, Pleroma and Akkoma by the second.
_SCOPE_WORDS = ("scope", "insufficient permission")
#: Answers to a write that leave open whether it happened: Mastodon saves a status before it tells its workers, and a
#: gateway gives up while the server behind it goes on. Only 503 says that nothing was begun.
_UNSURE = frozenset({500, 502, 504, 520, 522, 524})


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer, as far as judging it needs. Header names are in lower case."""

    method: str
    path: str
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def is_html(self) -> bool:
        return "html" in self.headers.get("content-type", "").lower()

    @property
    def said(self) -> str:
        """The server's own words, short; "" for an HTML page."""
        if self.is_html:
            return ""
        try:
            body: Any = json.loads(self.text)
        except ValueError:
            return plain(self.text)[:200]
        return plain(body.get("error"))[:200] if isinstance(body, dict) else ""

    @property
    def detail(self) -> str:
        return f"{self.method} {self.path}: {self.status} {plain(self.text)[:200]}"


def failure(reply: Reply, now: datetime) -> ConnectorError:
    """The error of the contract that says whether to try again."""
    status, said = reply.status, reply.said or "no reason given"
    if status == 429:
        return RateLimited(
            "The server asks us to wait before the next call.",
            retry_at=wait_until(reply.headers, now),
            detail=reply.detail,
        )
    if status == 401 or _is_bad_token(reply):
        return CredentialsRefused(
            "The server no longer accepts the token. Make a new one in the account's settings and connect it again.",
            detail=reply.detail,
            status=status,
        )
    if status == 403:
        return _forbidden(reply)
    if status in (404, 410):
        return Gone(
            f"The server does not know it, or does not show it to us ({said}).", detail=reply.detail, status=status
        )
    if status >= 500 or status in (408, 425):
        return _server_failed(reply, now)
    return Permanent(f"The server refused the request ({said}).", detail=reply.detail, status=status)


def _is_bad_token(reply: Reply) -> bool:
    """Takahe answers a bad token with 400 and an HTML page of three words."""
    return reply.status == 400 and "invalid bearer token" in reply.text[:200].lower()


def _forbidden(reply: Reply) -> ConnectorError:
    if any(word in reply.said.lower() for word in _SCOPE_WORDS):
        right = right_for(reply.method, reply.path)
        return MissingRight(
            f"The token lacks the right {right}. Make a token with it and connect it again.",
            missing=right,
            detail=reply.detail,
            status=403,
        )
    return Permanent(
        f"The server does not allow this ({reply.said or 'no reason given'}).", detail=reply.detail, status=403
    )


def _server_failed(reply: Reply, now: datetime) -> ConnectorError:
    if reply.method != "GET" and reply.status in _UNSURE:
        return Ambiguous(
            f"The server failed with {reply.status} after it had the request; it may have been carried out.",
            detail=reply.detail,
            status=reply.status,
        )
    retry_at = wait_until(reply.headers, now) if "retry-after" in reply.headers else None
    return Temporary(
        f"The server is in trouble ({reply.status}).", detail=reply.detail, status=reply.status, retry_at=retry_at
    )


def right_for(method: str, path: str) -> str:
    """The scope that a call needs, by Mastodon's names."""
    if "/admin/" in path:
        what = "reports" if "/reports" in path else "accounts"
        return f"admin:{'read' if method == 'GET' else 'write'}:{what}"
    if "/media" in path:
        return "write:media"
    if method != "GET":
        return "write:statuses"
    if "/notifications" in path:
        return "read:notifications"
    if "/lists" in path or "/timelines/list" in path:
        return "read:lists"
    if path.endswith(("/verify_credentials", "/lookup")):
        return "read:accounts"
    return "read:statuses"


def budget(headers: Mapping[str, str], now: datetime) -> Budget | None:
    """What the rate headers say, or None where there are none."""
    remaining = _number(headers.get("x-ratelimit-remaining"))
    if remaining is None:
        return None
    return Budget(
        limit=_number(headers.get("x-ratelimit-limit")),
        remaining=remaining,
        reset_at=_moment(headers.get("x-ratelimit-reset"), now),
    )


def wait_until(headers: Mapping[str, str], now: datetime) -> datetime:
    """When a call may go again: the server's word where it is usable (a wrong clock can put it in the past)."""
    for name in ("retry-after", "x-ratelimit-reset"):
        moment = _moment(headers.get(name), now)
        if moment is not None and now < moment <= now + _LONGEST_WAIT:
            return moment
    return now + WAIT


def _number(value: str | None) -> int | None:
    return int(value) if value and value.strip().isascii() and value.strip().isdigit() else None


def _moment(value: str | None, now: datetime) -> datetime | None:
    """ISO time (Mastodon, GoToSocial), HTTP date, seconds to wait, or seconds since the epoch."""
    if not value:
        return None
    seconds = _number(value)
    try:
        if seconds is not None:
            is_epoch = seconds > 1_000_000_000
            return datetime.fromtimestamp(seconds, UTC) if is_epoch else now + timedelta(seconds=seconds)
        found = datetime.fromisoformat(value) if value[:1].isdigit() else parsedate_to_datetime(value)
    except (ValueError, OverflowError, OSError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
