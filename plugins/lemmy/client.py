"""The only file that talks to a Lemmy server: pace, time limits, and what each refusal means."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx

from plugins.contract import (
    Ambiguous,
    ConnectorError,
    CredentialsRefused,
    Gone,
    Io,
    MissingRight,
    Permanent,
    RateLimited,
    Temporary,
)
from plugins.json_calls import UNSURE, Declined, decoded, exchange, json_object, may_have_worked
from plugins.lemmy.settings import LemmySettings
from plugins.net import httpx_client

Json = dict[str, Any]
#: Name, content and type.
File = tuple[str, bytes, str]
BUCKET = "api"
WAIT = 60.0
LONGEST_WAIT = 86_400.0
#: Lemmy answers nearly every refusal with 400, so that its own word for it has to tell.
_LOGIN = frozenset({"incorrect_login", "not_logged_in"})
_BUSY = frozenset({"rate_limit_error", "too_many_requests"})
_RIGHTS = frozenset(
    {
        "not_a_moderator",
        "not_an_admin",
        "not_a_mod_or_admin",
        "not_top_mod",
        "not_higher_mod",
        "not_higher_admin",
        "only_mods_can_post_in_community",
        "person_is_banned_from_community",
        "site_ban",
    }
)
_GONE = frozenset({"not_found", "deleted", "locked"})


class Client:
    """Calls to one server. Answers are JSON objects; everything else becomes a ConnectorError."""

    def __init__(self, settings: LemmySettings, io: Io) -> None:
        self._io = io
        self._limit = settings.calls_per_minute
        self._token = settings.token.get_secret_value()
        self._http = httpx_client(
            settings.url,
            io.allow_private,
            {"Accept": "application/json", "User-Agent": io.user_agent, "Authorization": f"Bearer {self._token}"},
        )

    def close(self) -> None:
        self._http.close()

    def now(self) -> datetime:
        return self._io.now()

    def get(self, path: str, right: str, params: Mapping[str, Any] | None = None) -> Json:
        """Reads. `right` names, for a person, the right that a refusal would mean is missing."""
        return self._send("GET", path, right, {"params": params})

    def write(self, method: str, path: str, right: str, body: Mapping[str, Any]) -> Json:
        """Changes something. Raises Ambiguous whenever the request left and no clear answer came."""
        return self._send(method, path, right, {"json": body})

    def upload(self, path: str, right: str, name: str, file: File) -> Json:
        """Sends a file in a form. Raises Ambiguous as `write` does."""
        return self._send("POST", path, right, {"files": {name: file}})

    def _send(self, method: str, path: str, right: str, content: Mapping[str, Any]) -> Json:
        self._io.pacer.acquire(BUCKET, limit=self._limit, per_seconds=60.0)
        request = self._http.build_request(method, path, **content)
        where = f"{method} {path}"
        try:
            response = exchange(self._http, request, where)
            if response.status_code >= 400:
                raise self._error(response, where, right)
            return json_object(response, where)
        except Temporary as error:
            if may_have_worked(method, error):
                raise _unsure(where, error) from error
            raise

    def _error(self, response: httpx.Response, where: str, right: str) -> ConnectorError:
        status, said = response.status_code, self._word(response)
        detail = f"{where}: {status} {said}".strip()
        if status == 429 or said in _BUSY:
            return self._rate_limited(response, detail)
        if status == 401 or said in _LOGIN:
            words = "The server does not accept the login token. Log in again and connect the account with the new one."
            return CredentialsRefused(words, detail=detail, status=status)
        if status in {404, 410} or said in _GONE or said.startswith("couldnt_find"):
            return Gone(_gone_words(said), detail=detail, status=status)
        if status == 403 or said in _RIGHTS:
            words = f"The server does not allow this ({said or 'no reason given'}): {right}."
            return MissingRight(words, missing=right, detail=detail, status=status)
        if status in UNSURE or said == "unknown":
            return Temporary("The server has a fault of its own.", detail=detail, status=status)
        if status >= 500 or status == 408:
            return Declined("The server is not available now.", detail=detail, status=status)
        return Permanent(f"The server refused: {said or f'status {status}'}", detail=detail, status=status)

    def _rate_limited(self, response: httpx.Response, detail: str) -> RateLimited:
        """Lemmy counts by kind of call and does not say when the next may go; a proxy in front of it may."""
        value = response.headers.get("retry-after", "").strip()
        seconds = float(value[:9]) if value.isascii() and value.isdecimal() else WAIT
        until = self.now() + timedelta(seconds=min(max(seconds, 1.0), LONGEST_WAIT))
        return RateLimited("The server asks us to wait before the next call.", retry_at=until, detail=detail)

    def _word(self, response: httpx.Response) -> str:
        """The server's own word for what is wrong, without our token should it echo it."""
        found = decoded(response)
        said = found.get("error") if isinstance(found, dict) else ""
        return said.replace(self._token, "…")[:200] if isinstance(said, str) else ""


def unknown_form(what: str) -> Temporary:
    """An answer of another form is no answer. `what` goes into the log."""
    return Temporary("The server's answer has an unknown form.", detail=what)


def _gone_words(said: str) -> str:
    if said == "locked":
        return "The thread is locked, so nobody can answer in it; nothing was sent."
    return "The server does not show this (any more)."


def _unsure(where: str, error: Temporary) -> Ambiguous:
    words = f"The server did not confirm, and may have done it: {error}"
    return Ambiguous(words, detail=error.detail or where, status=error.status)
