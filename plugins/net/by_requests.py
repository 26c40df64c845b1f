"""Guarded calls through requests (Mastodon.py and Authlib speak through it)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, NewConnectionError, ReadTimeoutError
from urllib3.util.ssl_ import create_urllib3_context

from plugins.contract import Permanent
from plugins.net import bounds
from plugins.net.addresses import check_url
from plugins.net.answers import read_capped, refuse_unread
from plugins.net.sockets import TlsSocket, connect


def requests_session(allow: frozenset[str], headers: dict[str, str]) -> requests.Session:
    """A requests session with the same guards as `httpx_client`."""
    return session_over(_Adapter(allow), {"Accept-Encoding": "gzip", **headers})


def session_over(adapter: HTTPAdapter, headers: dict[str, str]) -> requests.Session:
    """A session that sends through `adapter` only and asks nothing of the environment."""
    session = _GuardedSession()
    session.trust_env = False
    session.headers.update(headers)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


class _GuardedSession(requests.Session):
    def rebuild_auth(self, prepared_request: Any, response: Any) -> None:
        raise Permanent("A redirect was about to carry the credential on; it was stopped.")


class GuardedAdapter(HTTPAdapter):
    """One connection pool per host, whose sockets come from `connect`; answers are handed over unread."""

    def __init__(self, allow: frozenset[str]) -> None:
        self._allow = allow
        super().__init__(pool_connections=4, pool_maxsize=4, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        context = create_urllib3_context()
        context.sslsocket_class = TlsSocket
        super().init_poolmanager(*args, ssl_context=context, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pool_classes(self._allow)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        check_url(str(request.url), self._allow)
        return super().send(request, *args, **kwargs | {"stream": True})


def _pool_classes(allow: frozenset[str]) -> dict[str, Any]:
    def new_socket(self: Any) -> socket.socket:
        timeout = self.timeout if isinstance(self.timeout, (int, float)) else bounds.CONNECT_SECONDS
        try:
            return connect(self._dns_host, self.port, timeout, allow)
        except OSError as error:
            raise NewConnectionError(self, f"cannot connect to {self.host}: {error}") from error

    plain = type("GuardedHTTPConnection", (HTTPConnection,), {"_new_conn": new_socket})
    tls = type("GuardedHTTPSConnection", (HTTPSConnection,), {"_new_conn": new_socket})
    return {
        "http": type("GuardedHTTPPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("GuardedHTTPSPool", (HTTPSConnectionPool,), {"ConnectionCls": tls}),
    }


class _Adapter(GuardedAdapter):
    """Reads the whole answer, under the size and time caps."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = (bounds.CONNECT_SECONDS, bounds.READ_SECONDS)
        where = urlsplit(str(request.url)).hostname or ""
        with bounds.one_call():
            response = super().send(request, *args, **kwargs)
            try:
                refuse_unread(response.status_code, response.headers, where)
                response._content = read_capped(_pieces(response.raw), where)  # noqa: SLF001 (requests has no other door)
            except ReadTimeoutError as error:
                raise requests.exceptions.ReadTimeout(f"{where} stopped in the middle of its answer") from error
            except HTTPError as error:
                raise requests.exceptions.ChunkedEncodingError(f"{where} broke its answer off") from error
            finally:
                response.close()
        return response


def _pieces(raw: Any) -> Iterator[bytes]:
    """Pieces as they arrive: `iter_content` would wait for a full one however slowly it fills."""
    while piece := raw.read1(bounds.CHUNK, decode_content=True):
        yield piece
