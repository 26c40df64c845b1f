"""The only file that talks to the network: one call in, JSON or an error of the contract out."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from urllib.parse import parse_qsl, quote, urlsplit

import requests
from mastodon import Mastodon
from mastodon.errors import MastodonError, MastodonRatelimitError
from requests.utils import parse_header_links
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from plugins.contract import Ambiguous, ConnectorError, Io, Permanent, Temporary
from plugins.mastodon.failures import Reply, budget, failure
from plugins.mastodon.settings import MastodonSettings
from plugins.net import check_url, requests_session

#: Mastodon's own default, shared by every connection to the host. On average one call a second, which is also the
#: pace on servers that send no rate headers (Takahe).
CALLS, PER_SECONDS = 300, 300.0
BUCKET = "api"
#: Mastodon counts these apart, and then speaks of them in the same headers as of everything else.
SCARCE, SCARCE_SECONDS = 30, 1800.0
MEDIA, DELETES = "media", "deletes"
TIMEOUT_SECONDS = 15.0
#: Parts of a Link address that say where to go on; everything else in it repeats what we asked for.
_POSITIONS = ("max_id", "min_id", "since_id", "offset")

Position = dict[str, str]
#: Name, content and type.
File = tuple[str, bytes, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """A success: its JSON, and the opaque positions of the pages around it."""

    body: Any
    older: Position = field(default_factory=dict)
    newer: Position = field(default_factory=dict)


def part(value: str) -> str:
    """An opaque id or name as one step of a path."""
    return quote(value, safe="")


class Client:
    """Mastodon.py's session and request, without its types: those turn ids into numbers and drop unknown fields."""

    def __init__(self, settings: MastodonSettings, io: Io) -> None:
        base = check_url(settings.url, io.allow_private)
        self._io = io
        self._token = settings.token.get_secret_value()
        self._http = requests_session(io.allow_private, {"Accept": "application/json"})
        self._http.hooks["response"].append(self._seen)
        self._last: requests.Response | None = None
        self._api = Mastodon(
            api_base_url=base,
            session=self._http,
            version_check_mode="none",
            ratelimit_method="throw",
            request_timeout=TIMEOUT_SECONDS,
            user_agent=io.user_agent,
        )
        # Set here and not given above: the constructor opens a file of that name if there is one.
        self._api.access_token = self._token
        self.base = base
        self.host = urlsplit(base).hostname or ""

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Answer:
        return self._call("GET", path, dict(params or {}), {})

    def post(self, path: str, form: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
        return self._call("POST", path, dict(form), dict(headers))

    def put(self, path: str, form: Mapping[str, Any]) -> Answer:
        return self._call("PUT", path, dict(form), {})

    def delete(self, path: str) -> Answer:
        return self._call("DELETE", path, {}, {})

    def upload(self, path: str, file: File, form: Mapping[str, Any]) -> Any:
        """Sends a file; returns the JSON of the answer."""
        return self._call("POST", path, dict(form), {}, {"file": file}).body

    def now(self) -> datetime:
        return self._io.now()

    def close(self) -> None:
        self._http.close()

    def _seen(self, response: requests.Response, *_: Any, **__: Any) -> None:
        """Every answer passes here, those that Mastodon.py turns into an exception too."""
        self._last = response
        said = budget(_lower(response.headers), self._io.now())
        if said is not None:
            self._io.pacer.note(_bucket(response.request.method or "", urlsplit(response.url).path), said)

    def _call(
        self,
        method: str,
        path: str,
        params: dict[str, Any],
        headers: dict[str, str],
        files: Mapping[str, File] | None = None,
    ) -> Answer:
        bucket = _bucket(method, path)
        self._io.pacer.acquire(BUCKET, limit=CALLS, per_seconds=PER_SECONDS)
        if bucket != BUCKET:
            self._io.pacer.acquire(bucket, limit=SCARCE, per_seconds=SCARCE_SECONDS)
        response = self._send(method, path, params, headers, files or {})
        reply = Reply(method, path, response.status_code, _lower(response.headers), self._scrub(_text(response)))
        if not 200 <= response.status_code < 300:
            raise self._failure(reply)
        try:
            body = json.loads(response.content.decode("utf-8-sig", "replace"))
        except (ValueError, RecursionError) as error:
            raise _unreadable(reply) from error
        links = _links(response.headers.get("Link", ""))
        return Answer(body, older=links.get("next", {}), newer=links.get("prev", {}))

    def _send(
        self, method: str, path: str, params: dict[str, Any], headers: dict[str, str], files: Mapping[str, File]
    ) -> requests.Response:
        self._last = None
        request = cast(Any, self._api)._Mastodon__api_request  # its public calls are the ones that cast  # noqa: SLF001
        try:
            # do_ratelimiting=False: with it a reset time of an unknown form is an exception instead of an answer.
            response: requests.Response = request(
                method,
                path,
                params,
                files=files,
                headers=headers,
                do_ratelimiting=False,
                return_response_object=True,
                skip_error_check=True,
            )
        except MastodonRatelimitError as error:
            if self._last is None:
                raise Temporary("Mastodon.py stopped the call before it was sent.", detail=str(error)) from error
            return self._last
        except MastodonError as error:
            raise self._broken(method, path, error) from error
        return response

    def _failure(self, reply: Reply) -> ConnectorError:
        error = failure(reply, self._io.now())
        if isinstance(error, Temporary) and error.retry_at is not None:
            self._io.pacer.block(_bucket(reply.method, reply.path), error.retry_at)
        return error

    def _broken(self, method: str, path: str, error: MastodonError) -> ConnectorError:
        """Mastodon.py wraps whatever stops a call, our own guards included; the real cause is in the chain."""
        causes = list(_chain(error))
        sent = not any(isinstance(cause, _NOT_SENT) for cause in causes)
        ours = next((cause for cause in causes if isinstance(cause, ConnectorError)), None)
        if isinstance(ours, Permanent):
            return ours
        detail = self._scrub(f"{method} {path}: {error}")[:300]
        if sent and method != "GET":
            return Ambiguous(
                f"{self.host} did not answer after it was asked; it may have been carried out.", detail=detail
            )
        if ours is not None:
            return ours
        return Temporary(f"{self.host} cannot be reached, or stopped in the middle of an answer.", detail=detail)

    def _scrub(self, text: str) -> str:
        return text.replace(self._token, "[token]") if self._token else text


def _bucket(method: str, path: str) -> str:
    if method == "POST" and path.endswith("/media"):
        return MEDIA
    return DELETES if method == "DELETE" else BUCKET


_NOT_SENT = (NewConnectionError, ConnectTimeoutError, ssl.SSLCertVerificationError)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and all that led to it. urllib3 keeps one link of the chain in `reason`, requests in `args`."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]


def _unreadable(reply: Reply) -> ConnectorError:
    if reply.method != "GET":
        return Ambiguous("The server's answer cannot be read; it may have been carried out.", detail=reply.detail)
    return Temporary(
        "The server answered with something that is not JSON: a page for people, or a broken answer.",
        detail=reply.detail,
    )


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _text(response: requests.Response) -> str:
    """The start of the body, for errors. Servers forget the charset; UTF-8 is what the API speaks."""
    return response.content[:2000].decode("utf-8", "replace")


def _links(header: str) -> dict[str, Position]:
    """Positions by relation. Only the query is used: the host in it can be another one than ours (proxies, Takahe)."""
    found: dict[str, Position] = {}
    for link in parse_header_links(header) if header else []:
        query = dict(parse_qsl(urlsplit(link.get("url", "")).query))
        position = {name: query[name] for name in _POSITIONS if query.get(name)}
        if position:
            found[link.get("rel", "")] = position
    return found
