"""The only file that talks to a forum: pace, time limits, and what each refusal means."""

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
from plugins.discourse.settings import DiscourseSettings
from plugins.json_calls import UNSURE, Declined, decoded, exchange, json_object, may_have_worked, retry_after
from plugins.net import httpx_client

Json = dict[str, Any]
#: Name, content and type.
File = tuple[str, bytes, str]
BUCKET = "admin"
WHOLE_SITE = "*"
CODE_HEADER = "discourse-rate-limit-error-code"
DEFAULT_WAIT = 60
LONGEST_WAIT = 86_400


class Client:
    """Calls to one forum. Answers are JSON objects; everything else becomes a ConnectorError."""

    def __init__(self, settings: DiscourseSettings, io: Io) -> None:
        self._io = io
        self._limit = settings.calls_per_minute
        self._key = settings.api_key.get_secret_value()
        self._http = httpx_client(
            settings.url,
            io.allow_private,
            {
                "Accept": "application/json",
                "User-Agent": io.user_agent,
            },
        )
        if settings.client_id:  # a member's own key acts as that member and no other
            self._http.headers.update({"User-Api-Key": self._key, "User-Api-Client-Id": settings.client_id})
        else:
            # Set apart, because names with other than plain letters are sent as UTF-8.
            self._http.headers["Api-Key"] = self._key
            self._http.headers["Api-Username"] = settings.api_username

    def close(self) -> None:
        self._http.close()

    def now(self) -> datetime:
        return self._io.now()

    def get(self, path: str, right: str, params: Mapping[str, Any] | None = None) -> Json:
        """Reads. `right` names, for a person, the right that a refusal would mean is missing."""
        return self._send("GET", path, right, {"params": params})

    def write(self, method: str, path: str, right: str, body: Mapping[str, Any] | None = None) -> Json:
        """Changes something. Raises Ambiguous whenever the request left and no clear answer came."""
        return self._send(method, path, right, {"json": body})

    def upload(self, path: str, right: str, form: Mapping[str, str], file: File) -> Json:
        """Sends a file in a form. Raises Ambiguous as `write` does."""
        return self._send("POST", path, right, {"data": form, "files": {"file": file}})

    def _send(self, method: str, path: str, right: str, content: Mapping[str, Any]) -> Json:
        self._io.pacer.acquire(BUCKET, limit=self._limit, per_seconds=60.0)
        request = self._http.build_request(method, path, **content)
        where = f"{method} {path}"
        try:
            response = exchange(self._http, request, where)
            if response.status_code >= 400:
                raise self._error(response, where, right)
            return _object(response, where)
        except Temporary as error:
            if may_have_worked(method, error):
                raise _unsure(where, error) from error
            raise

    def _error(self, response: httpx.Response, where: str, right: str) -> ConnectorError:
        status, said = response.status_code, self._words(response)
        detail = f"{where}: {status} {said}".strip()
        if status == 429:
            return self._rate_limited(response, detail)
        if status in {404, 410}:
            return Gone("The forum does not show this (any more).", detail=detail, status=status)
        if status == 401 or (status == 403 and _about_key(response)):
            return CredentialsRefused("The forum refuses the API key or its user name.", detail=detail, status=status)
        if status == 403:
            words = f"The forum does not allow this: {right}."
            return MissingRight(words, missing=right, detail=detail, status=status)
        if status in UNSURE:
            return Temporary("The forum has a fault of its own.", detail=detail, status=status)
        if status >= 500 or status == 408:
            return Declined("The forum is not available now.", detail=detail, status=status)
        return Permanent(f"The forum refused: {said or f'status {status}'}", detail=detail, status=status)

    def _rate_limited(self, response: httpx.Response, detail: str) -> RateLimited:
        """Two shapes: the forum's limit on one action (JSON), and the limit on everything (text or HTML)."""
        seconds = max(retry_after(response, self.now()), _wait_seconds(response))
        until = self.now() + timedelta(seconds=min(seconds or DEFAULT_WAIT, LONGEST_WAIT))
        whole = CODE_HEADER in response.headers or not _wait_seconds(response)
        if whole:
            self._io.pacer.block(WHOLE_SITE, until)
        subject = "every call" if whole else "this action"
        words = f"The forum asks us to wait with {subject}."
        return RateLimited(words, retry_at=until, whole_site=whole, detail=detail)

    def _words(self, response: httpx.Response) -> str:
        """The forum's own words, if it answered in JSON, without our key should it echo it."""
        errors = _maybe_object(response).get("errors")
        said = " ".join(str(e) for e in errors) if isinstance(errors, list) else ""
        return said.replace(self._key, "…")[:300]


def number(remote_id: str) -> str:
    """An id goes into a path: anything but digits would be another path."""
    if not (remote_id.isascii() and remote_id.isdecimal()):
        raise Gone(f"“{remote_id}” is not an id of a Discourse forum.")
    return remote_id


def _unsure(where: str, error: Temporary) -> Ambiguous:
    words = f"The forum did not confirm, and may have done it: {error}"
    return Ambiguous(words, detail=error.detail or where, status=error.status)


def _object(response: httpx.Response, where: str) -> Json:
    """The JSON object of a good answer; some writes are answered with nothing at all."""
    if not response.content.strip() and response.request.method != "GET":
        return {}
    return json_object(response, where)


def _maybe_object(response: httpx.Response) -> Json:
    found = decoded(response)
    return found if isinstance(found, dict) else {}


def _about_key(response: httpx.Response) -> bool:
    found = _maybe_object(response)
    said = str(found.get("errors", "")).lower()
    return found.get("error_type") == "not_logged_in" or "api username or key" in said


def _wait_seconds(response: httpx.Response) -> float:
    extras = _maybe_object(response).get("extras")
    seconds = extras.get("wait_seconds") if isinstance(extras, dict) else None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < float("inf"):
        return 0.0
    return float(seconds)
