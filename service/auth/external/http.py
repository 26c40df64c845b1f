"""Calls to other people's servers: through the guarded way out, small answers, and every failure one of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from joserfc.errors import JoseError
from urllib3.exceptions import HTTPError

from plugins.contract import ConnectorError
from plugins.net import requests_session
from service.auth.external.proof import Trouble, Why

#: Largest answer that is looked at; all of them are a few kilobytes.
MOST_BYTES = 262_144
SECONDS = 10.0


@contextmanager
def client(allow: frozenset[str], where: str, **settings: Any) -> Iterator[OAuth2Session]:
    """An OAuth client whose sockets are those of `plugins.net`; what goes wrong in the block becomes Trouble."""
    guarded = requests_session(allow, {})
    with OAuth2Session(default_timeout=SECONDS, trust_env=False, **settings) as session:
        session.headers.update({"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "Tenth"})
        for scheme in ("https://", "http://"):
            session.mount(scheme, guarded.get_adapter(scheme))
        session.hooks["response"].append(_refuse_large)
        with troubles(where):
            yield session


@contextmanager
def troubles(where: str) -> Iterator[None]:
    """Turns every way in which a server fails us into Trouble; what it said is for the log, cut short."""
    try:
        yield
    except OAuthError as error:
        raise Trouble(Why.REFUSED, where, str(error.error)[:80]) from error
    except requests.HTTPError as error:
        away = error.response.status_code >= 500 or error.response.status_code == 429
        raise Trouble(Why.AWAY if away else Why.REFUSED, where, f"status {error.response.status_code}") from error
    except JoseError as error:
        raise Trouble(Why.UNPROVEN, where, type(error).__name__) from error
    except (ConnectorError, requests.RequestException, HTTPError, OSError) as error:
        raise Trouble(Why.AWAY, where, type(error).__name__) from error
    except (AuthlibBaseError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Trouble(Why.UNPROVEN, where, type(error).__name__) from error


def json_object(response: requests.Response) -> dict[str, Any]:
    """The JSON object of a good answer. Raises errors that `troubles` knows."""
    response.raise_for_status()
    found = response.json()
    if not isinstance(found, dict):
        raise TypeError("not an object")
    return found


def text_of(body: dict[str, Any], name: str, most: int = 300) -> str:
    """A field that must be a text or a number; "" when it is missing, something else, or too long."""
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    text = str(value).strip()
    return text if len(text) <= most else ""


def _refuse_large(response: requests.Response, *_: Any, **__: Any) -> None:
    if len(response.content) > MOST_BYTES:
        raise requests.exceptions.ContentDecodingError("the answer is too large")
