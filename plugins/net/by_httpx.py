"""Guarded calls through httpx."""

from __future__ import annotations

import ssl
from functools import lru_cache
from typing import Any

import httpcore
import httpx

from plugins.net import bounds
from plugins.net.addresses import NO_ADDRESS, AddressBlocked, check_url
from plugins.net.answers import read_capped, refuse_unread
from plugins.net.sockets import TlsSocket, connect


class _Backend(httpcore.NetworkBackend):
    def __init__(self, allow: frozenset[str]) -> None:
        self._allow = allow

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        from httpcore._backends.sync import SyncStream  # httpcore keeps its stream class here only

        try:
            return SyncStream(connect(host, port, timeout, self._allow))
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error

    def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        raise AddressBlocked("A Unix socket is not a platform.")


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """One for all clients: reading the certificate authorities takes longer than a call."""
    context = httpx.create_ssl_context(trust_env=False)
    context.sslsocket_class = TlsSocket
    return context


class _Transport(httpx.HTTPTransport):
    """Sends to one host only: the client's headers hold that host's credential."""

    def __init__(self, base_url: str, allow: frozenset[str]) -> None:
        super().__init__(verify=_tls(), trust_env=False)
        self._home = _origin(httpx.URL(base_url))
        self._pool = httpcore.ConnectionPool(
            ssl_context=_tls(),
            max_connections=4,
            keepalive_expiry=10.0,
            network_backend=_Backend(allow),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if _origin(request.url) != self._home:
            raise AddressBlocked(f"A call was about to go to {request.url.host} instead of the connected address.")
        return super().handle_request(request)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def httpx_client(base_url: str, allow: frozenset[str], headers: dict[str, str]) -> httpx.Client:
    """A client for one host. Use `call` to send with it."""
    url = check_url(base_url, allow)
    return httpx.Client(
        base_url=url,
        headers={"Accept-Encoding": "gzip", **headers},
        transport=_Transport(url, allow),
        timeout=httpx.Timeout(bounds.READ_SECONDS, connect=bounds.CONNECT_SECONDS),
        follow_redirects=False,
        trust_env=False,
    )


def call(client: httpx.Client, request: httpx.Request) -> httpx.Response:
    """Sends, with the answer read under the size and time caps. Raises httpx errors, Temporary or Permanent."""
    where = request.url.host
    with bounds.one_call():
        response = client.send(request, stream=True)
        try:
            refuse_unread(response.status_code, response.headers, where)
            body = read_capped(response.iter_bytes(), where)
        finally:
            response.close()
    unpacked = {"content-encoding", "content-length"}
    headers = [(k, v) for k, v in response.headers.multi_items() if k.lower() not in unpacked]
    return httpx.Response(response.status_code, headers=headers, content=body, request=request)


def knock(method: str, url: str, allow: frozenset[str], seconds: float) -> tuple[int, str]:
    """Asks for a page and reads nothing of it: its status, and where it sends us on to ("": nowhere).

    It carries no credential, so plain http is no danger; private addresses are refused here as everywhere. Raises
    AddressBlocked, ValueError for what is no web address, or the errors of httpx.
    """
    target = httpx.URL(url)
    if target.scheme not in {"https", "http"} or not target.host or target.userinfo:
        raise ValueError(NO_ADDRESS)
    transport = _Transport(url, allow)
    client = httpx.Client(transport=transport, timeout=seconds, trust_env=False)
    with client, bounds.one_call(seconds), client.stream(method, target) as response:
        return response.status_code, response.headers.get("location", "")
