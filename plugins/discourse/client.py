"""The only file that talks to a forum: pace, time limits, and what each refusal means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
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
from plugins.net import call, httpx_client

Json = dict[str, Any]
#: Name, content and type.
File = tuple[str, bytes, str]
BUCKET = "admin"
WHOLE_SITE = "*"
CODE_HEADER = "discourse-rate-limit-error-code"
DEFAULT_WAIT = 60
LONGEST_WAIT = 86_400
#: Answers of a proxy or of a crash, after which a write may have had its effect.
UNSURE = frozenset({500, 502, 504})


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
            response = self._exchange(request, where)
            if response.status_code >= 400:
                raise self._error(response, where, right)
            return _object(response, where, request.url.host)
        except Temporary as error:
            if method != "GET" and not isinstance(error, RateLimited | _NeverSent | _Declined):
                raise _unsure(where, error) from error
            raise

    def _exchange(self, request: httpx.Request, where: str) -> httpx.Response:
        try:
            return call(self._http, request)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            name = type(error).__name__
            raise _NeverSent(f"{request.url.host} cannot be reached.", detail=f"{where}: {name}") from error
        except httpx.TimeoutException as error:
            raise Temporary(f"{request.url.host} did not answer in time.", detail=where) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            name = type(error).__name__
            raise Temporary(f"The answer of {request.url.host} broke off.", detail=f"{where}: {name}") from error

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
            return _Declined("The forum is not available now.", detail=detail, status=status)
        return Permanent(f"The forum refused: {said or f'status {status}'}", detail=detail, status=status)

    def _rate_limited(self, response: httpx.Response, detail: str) -> RateLimited:
        """Two shapes: the forum's limit on one action (JSON), and the limit on everything (text or HTML)."""
        seconds = max(_after(response, self.now()), _wait_seconds(response))
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


class _NeverSent(Temporary):
    """No connection: the request did not leave."""


class _Declined(Temporary):
    """The forum said that it did nothing (503 and the like)."""


def _unsure(where: str, error: Temporary) -> Ambiguous:
    words = f"The forum did not confirm, and may have done it: {error}"
    return Ambiguous(words, detail=error.detail or where, status=error.status)


def _object(response: httpx.Response, where: str, host: str) -> Json:
    """The JSON object of a good answer; some writes are answered with nothing at all."""
    if not response.content.strip() and response.request.method != "GET":
        return {}
    found = _decoded(response)
    if isinstance(found, dict):
        return found
    words = "a web page" if response.content.lstrip()[:1] == b"<" else "something that is not JSON"
    raise Temporary(f"{host} answered with {words} where data was expected.", detail=where, status=response.status_code)


def _maybe_object(response: httpx.Response) -> Json:
    found = _decoded(response)
    return found if isinstance(found, dict) else {}


def _decoded(response: httpx.Response) -> object:
    """None for whatever cannot be read, nesting too deep for the reader included."""
    with suppress(ValueError, RecursionError):
        return json.loads(response.content)
    return None


def _about_key(response: httpx.Response) -> bool:
    found = _maybe_object(response)
    said = str(found.get("errors", "")).lower()
    return found.get("error_type") == "not_logged_in" or "api username or key" in said


def _after(response: httpx.Response, now: datetime) -> float:
    value = response.headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value[:9])
    with suppress(ValueError):
        at = parsedate_to_datetime(value)
        return max((at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds(), 0.0)
    return 0.0


def _wait_seconds(response: httpx.Response) -> float:
    extras = _maybe_object(response).get("extras")
    seconds = extras.get("wait_seconds") if isinstance(extras, dict) else None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < float("inf"):
        return 0.0
    return float(seconds)
