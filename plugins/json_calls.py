"""Calls that a platform answers in JSON: what stopped one, and whether it may have had its effect all the same."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from plugins.contract import RateLimited, Temporary
from plugins.net import call

#: Answers of a proxy or of a crash, after which a write may have had its effect.
UNSURE = frozenset({500, 502, 504})


class NeverSent(Temporary):
    """No connection: the request did not leave."""


class Declined(Temporary):
    """The platform said that it did nothing (503 and the like)."""


def exchange(client: httpx.Client, request: httpx.Request, where: str) -> httpx.Response:
    """The answer, of any status. Raises NeverSent or Temporary; `where` names the call in the log."""
    host = request.url.host
    try:
        return call(client, request)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise NeverSent(f"{host} cannot be reached.", detail=f"{where}: {type(error).__name__}") from error
    except httpx.TimeoutException as error:
        raise Temporary(f"{host} did not answer in time.", detail=where) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Temporary(f"The answer of {host} broke off.", detail=f"{where}: {type(error).__name__}") from error


def may_have_worked(method: str, error: Temporary) -> bool:
    """Whether a call that ended like this may have changed something."""
    return method != "GET" and not isinstance(error, RateLimited | NeverSent | Declined)


def json_object(response: httpx.Response, where: str) -> dict[str, Any]:
    """The JSON object of a good answer. Raises Temporary when there is none."""
    found = decoded(response)
    if isinstance(found, dict):
        return found
    words = "a web page" if response.content.lstrip()[:1] == b"<" else "something that is not a JSON object"
    words = f"{response.request.url.host} answered with {words} where data was expected."
    raise Temporary(words, detail=where, status=response.status_code)


def decoded(response: httpx.Response) -> object:
    """None for whatever cannot be read, nesting too deep for the reader included."""
    with suppress(ValueError, RecursionError):
        return json.loads(response.content)
    return None


def retry_after(response: httpx.Response, now: datetime) -> float:
    """Seconds that the header Retry-After asks us to wait, said as a number or as a time; 0.0: it says nothing."""
    value = response.headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value[:9])
    with suppress(ValueError):
        at = parsedate_to_datetime(value)
        return max((at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds(), 0.0)
    return 0.0
