"""The only file that talks to a forum: who we are there, pace, time limits, and what each refusal means."""

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
from plugins.json_calls import UNSURE, Declined, decoded, exchange, json_object, may_have_worked, retry_after
from plugins.net import httpx_client
from plugins.nodebb.settings import NodebbSettings

Json = dict[str, Any]
#: Name, content and type.
File = tuple[str, bytes, str]
BUCKET = "api"
WHOLE_SITE = "*"
DEFAULT_WAIT = 60
LONGEST_WAIT = 86_400
#: What the forum says, untranslated, of a master token that is to act as nobody it knows.
_NOBODY = ("invalid-ip", "a master token was received")


class Client:
    """Calls to one forum. Answers are JSON objects; everything else becomes a ConnectorError."""

    def __init__(self, settings: NodebbSettings, io: Io) -> None:
        self._io = io
        self._limit = settings.calls_per_minute
        self._token = settings.token.get_secret_value()
        self._uid = settings.uid
        names = {"Accept": "application/json", "User-Agent": io.user_agent}
        self._http = httpx_client(settings.url, io.allow_private, names)

    def close(self) -> None:
        self._http.close()

    def now(self) -> datetime:
        return self._io.now()

    def page(self, path: str, right: str, **params: Any) -> Json:
        """A page of the read API. `right` names, for a person, the right that a refusal would mean is missing.

        A token that is not accepted reads on as a guest does, so the page's own word on who reads counts.
        """
        found = self._send("GET", path, right, {"params": {**params, "_uid": self._uid}})
        if found.get("loggedIn") is False:
            raise CredentialsRefused("The forum refuses the API token.", detail=f"GET {path}: read as a guest")
        return found

    def get(self, path: str, right: str, **params: Any) -> Json:
        """Reads of the write API (/api/v3)."""
        return _inner(self._send("GET", path, right, {"params": {**params, "_uid": self._uid}}))

    def write(self, method: str, path: str, right: str, body: Mapping[str, Any] | None = None) -> Json:
        """Changes something. Raises Ambiguous whenever the request left and no clear answer came."""
        return _inner(self._send(method, path, right, {"json": {**(body or {}), "_uid": self._uid}}))

    def upload(self, path: str, right: str, file: File) -> Json:
        """Sends a file in a form. Raises Ambiguous as `write` does."""
        content = {"params": {"_uid": self._uid}, "files": {"files[]": file}}
        return _inner(self._send("POST", path, right, content))

    def as_guest(self, path: str) -> Json:
        """A page of the read API as somebody without an account sees it."""
        return self._send("GET", path, "read as a guest", {}, guest=True)

    def _send(self, method: str, path: str, right: str, content: Mapping[str, Any], *, guest: bool = False) -> Json:
        self._io.pacer.acquire(BUCKET, limit=self._limit, per_seconds=60.0)
        request = self._http.build_request(method, path, **content)
        if not guest:
            request.headers["Authorization"] = f"Bearer {self._token}"
        where = f"{method} {path}"
        try:
            response = self._exchange(request, where)
            if response.status_code >= 400:
                raise self._error(response, where, right)
            return json_object(response, where)
        except Temporary as error:
            if may_have_worked(method, error):
                raise _unsure(where, error) from error
            raise

    def _exchange(self, request: httpx.Request, where: str) -> httpx.Response:
        try:
            return exchange(self._http, request, where)
        finally:
            # The forum makes a web session of each call; with its cookie the next call would be taken for a browser's.
            self._http.cookies.clear()

    def _error(self, response: httpx.Response, where: str, right: str) -> ConnectorError:
        status, said = response.status_code, self._words(response)
        detail = f"{where}: {status} {said}".strip()
        if status == 429:
            return self._rate_limited(response, detail)
        if status in {404, 410}:
            return Gone("The forum does not show this (any more).", detail=detail, status=status)
        if status == 401 or (status == 403 and _is_csrf(response)):
            return CredentialsRefused("The forum refuses the API token.", detail=detail, status=status)
        if said.lower().startswith(_NOBODY):
            words = f"The forum has no account number {self._uid} for the token to act as."
            return CredentialsRefused(words, detail=detail, status=status)
        if status == 403:
            words = f"The forum does not allow this: {right}."
            return MissingRight(words, missing=right, detail=detail, status=status)
        if status in UNSURE:
            return Temporary("The forum has a fault of its own.", detail=detail, status=status)
        if status >= 500 or status == 408:
            return Declined("The forum is not available now.", detail=detail, status=status)
        return Permanent(f"The forum refused: {said or f'status {status}'}", detail=detail, status=status)

    def _rate_limited(self, response: httpx.Response, detail: str) -> RateLimited:
        """NodeBB itself limits nothing; what stands in front of it limits everything."""
        seconds = retry_after(response, self.now()) or DEFAULT_WAIT
        until = self.now() + timedelta(seconds=min(seconds, LONGEST_WAIT))
        self._io.pacer.block(WHOLE_SITE, until)
        words = "The forum asks us to wait with every call."
        return RateLimited(words, retry_at=until, whole_site=True, detail=detail)

    def _words(self, response: httpx.Response) -> str:
        """The forum's own sentence, if it answered in JSON, without our token should it echo it."""
        found = decoded(response)
        status = found.get("status") if isinstance(found, dict) else None
        said = status.get("message") if isinstance(status, dict) else None
        return said.replace(self._token, "…")[:300] if isinstance(said, str) else ""


def _unsure(where: str, error: Temporary) -> Ambiguous:
    words = f"The forum did not confirm, and may have done it: {error}"
    return Ambiguous(words, detail=error.detail or where, status=error.status)


def _inner(answer: Json) -> Json:
    """The write API wraps every answer; one without the wrapping has no `response`."""
    found = answer.get("response")
    return found if isinstance(found, dict) else {}


def _is_csrf(response: httpx.Response) -> bool:
    """A write that is taken for a browser's, because it came without a token: refused in plain text, not in JSON."""
    return response.headers.get("content-type", "").startswith("text/plain") and response.content == b"Forbidden"
