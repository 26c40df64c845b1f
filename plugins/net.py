"""The only way connectors reach the network: guarded against private addresses, endless answers and redirects.

The address that is checked is the address that is connected to, because resolving, checking and connecting are one
step (`connect`), plugged in below httpx and below requests. TLS names are still checked against the host's name.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx
import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, NewConnectionError, ReadTimeoutError
from urllib3.util.ssl_ import create_urllib3_context

from plugins.contract import Permanent, Temporary

#: Largest answer read from a platform, after decompression.
MAX_ANSWER_BYTES = 10 * 1024 * 1024
#: Seconds one whole call may take, however slowly the bytes come.
CALL_SECONDS = 30.0
CONNECT_SECONDS = 8.0
#: How many of a name's addresses are tried, so that a name with a hundred dead ones does not hold a worker.
MAX_ADDRESSES = 4
_CHUNK = 65_536
#: The one encoding that is asked for. Encodings laid over each other are refused: unpacking two at once has no bound.
_ENCODINGS = frozenset({"", "identity", "gzip"})
#: Ranges that Python counts as global although they stand for private or embedded addresses.
_NOT_PUBLIC = tuple(ipaddress.ip_network(n) for n in ("::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "fec0::/10"))
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


_NO_ADDRESS = "This is not a web address. It should look like https://forum.example.org."


class AddressBlocked(Permanent):
    """The address is not one that Tenth may call."""


def check_url(url: str, allow: frozenset[str]) -> str:
    """The URL without a trailing slash, or AddressBlocked: no credentials in it, https unless its host is listed."""
    url = url.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        port = parts.port
        httpx.URL(url)
    except (ValueError, httpx.InvalidURL) as error:
        raise AddressBlocked(_NO_ADDRESS) from error
    if "@" in parts.netloc:
        raise AddressBlocked("The address holds a user name or password. Leave them out and give the key apart.")
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise AddressBlocked(_NO_ADDRESS)
    if parts.scheme == "http" and not listed(parts.hostname, port or 80, allow):
        raise AddressBlocked(
            f"“http://{parts.netloc}” is not encrypted. "
            "Use https, or list the host in TENTH_ALLOW_PRIVATE_HOSTS if you trust the path."
        )
    return url


def listed(host: str, port: int, allow: frozenset[str]) -> bool:
    """Whether TENTH_ALLOW_PRIVATE_HOSTS names this host, or this host at this port."""
    return host in allow or f"{host}:{port}" in allow


def connect(host: str, port: int, timeout: float | None, allow: frozenset[str]) -> socket.socket:
    """Resolves, checks every address, connects to one of them. Raises AddressBlocked or OSError."""
    found = _resolve(host, port)
    if not listed(host, port, allow):
        for entry in found:
            _require_public(host, str(entry[4][0]))
    error: OSError = OSError(f"no address for {host}")
    for family, kind, proto, _, address in found[:MAX_ADDRESSES]:
        sock = _Socket(family, kind, proto)
        try:
            sock.settimeout(min(timeout or CONNECT_SECONDS, CONNECT_SECONDS))
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as failed:
            sock.close()
            error = failed
        else:
            sock.settimeout(timeout)
            return sock
    raise error


def _resolve(host: str, port: int) -> list[Any]:
    try:
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except UnicodeError as error:  # a label of more than 63 characters
        raise OSError(f"{host[:80]} is not a name that can be looked up") from error


def _require_public(host: str, address: str) -> None:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if not _is_public(ip):
        raise AddressBlocked(
            f"{host} leads to {address}, an address of a private network. "
            "List the host in TENTH_ALLOW_PRIVATE_HOSTS if that is meant."
        )


def _is_public(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Public itself, and so is the IPv4 address that some IPv6 addresses carry inside."""
    if not ip.is_global or ip.is_multicast or any(ip in network for network in _NOT_PUBLIC):
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return True
    inside = ip.ipv4_mapped or ip.sixtofour
    if ip in _NAT64:
        inside = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    return inside is None or _is_public(inside)


# ------------------------------------------------------------------ the time of a whole call

_running = threading.local()


@contextmanager
def _one_call() -> Iterator[float]:
    """Every read in the block ends CALL_SECONDS after its start; a time-out per read would not end a byte a second."""
    started = time.monotonic()
    _running.until = started + CALL_SECONDS
    try:
        yield started
    finally:
        _running.until = None


class _Hurried:
    """Reads of a socket, cut short at the end of the call they belong to."""

    def recv(self, *args: Any) -> bytes:
        self._hurry()
        return super().recv(*args)  # type: ignore[misc,no-any-return]

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self._hurry()
        return super().recv_into(*args, **kwargs)  # type: ignore[misc,no-any-return]

    def _hurry(self: Any) -> None:
        until = getattr(_running, "until", None)
        if until is None:
            return
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"the answer took longer than {CALL_SECONDS:.0f} seconds")
        if self.gettimeout() is None or self.gettimeout() > left:
            self.settimeout(left)


class _Socket(_Hurried, socket.socket):
    """A plain one."""


class _TlsSocket(_Hurried, ssl.SSLSocket):
    """An encrypted one; contexts make it out of a plain one."""


def read_capped(chunks: Iterable[bytes], started: float, where: str) -> bytes:
    """Joins an answer, or raises Temporary when it is too large or slow (a zip bomb, a byte a second)."""
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            megabytes = MAX_ANSWER_BYTES // 1_048_576
            raise Temporary(f"{where} answered with more than {megabytes} MB; it was cut off.")
        if time.monotonic() - started > CALL_SECONDS:
            raise Temporary(f"{where} took longer than {CALL_SECONDS:.0f} seconds to answer.")
        parts.append(chunk)
    return b"".join(parts)


def refuse_redirect(status: int, location: str | None, where: str) -> None:
    """Redirects are not followed: one could lead a credential elsewhere."""
    if status in {301, 302, 303, 307, 308}:
        raise Permanent(
            f"{where} sent us on to {(location or 'another address')[:200]}. Connect that address if it is right.",
            status=status,
        )


def _refuse_encoding(encoding: str, where: str) -> None:
    if encoding.strip().lower() not in _ENCODINGS:
        raise Temporary(f"{where} answered in an encoding that was not asked for ({encoding[:40]}).")


# ------------------------------------------------------------------ httpx


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


class _Transport(httpx.HTTPTransport):
    """Sends to one host only: the client's headers hold that host's credential."""

    def __init__(self, base_url: str, allow: frozenset[str]) -> None:
        super().__init__(trust_env=False)
        self._home = _origin(httpx.URL(base_url))
        context = httpx.create_ssl_context(trust_env=False)
        context.sslsocket_class = _TlsSocket
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
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
        timeout=httpx.Timeout(15.0, connect=CONNECT_SECONDS),
        follow_redirects=False,
        trust_env=False,
    )


def call(client: httpx.Client, request: httpx.Request) -> httpx.Response:
    """Sends, with the answer read under the size and time caps. Raises httpx errors, Temporary or Permanent."""
    where = request.url.host
    with _one_call() as started:
        response = client.send(request, stream=True)
        try:
            refuse_redirect(response.status_code, response.headers.get("location"), where)
            _refuse_encoding(response.headers.get("content-encoding", ""), where)
            body = read_capped(response.iter_bytes(), started, where)
        finally:
            response.close()
    unpacked = {"content-encoding", "content-length"}
    headers = [(k, v) for k, v in response.headers.multi_items() if k.lower() not in unpacked]
    return httpx.Response(response.status_code, headers=headers, content=body, request=request)


# ------------------------------------------------------------------ requests (Mastodon.py speaks through it)


class _GuardedSession(requests.Session):
    def rebuild_auth(self, prepared_request: Any, response: Any) -> None:
        raise Permanent("A redirect was about to carry the credential on; it was stopped.")


class _Adapter(HTTPAdapter):
    """One connection pool per host, whose sockets come from `connect`."""

    def __init__(self, allow: frozenset[str]) -> None:
        self._allow = allow
        super().__init__(pool_connections=4, pool_maxsize=4, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        context = create_urllib3_context()
        context.sslsocket_class = _TlsSocket
        super().init_poolmanager(*args, ssl_context=context, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pool_classes(self._allow)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        check_url(str(request.url), self._allow)
        kwargs["stream"] = True
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = (CONNECT_SECONDS, 15.0)
        where = urlsplit(str(request.url)).hostname or ""
        with _one_call() as started:
            response = super().send(request, *args, **kwargs)
            try:
                refuse_redirect(response.status_code, response.headers.get("location"), where)
                _refuse_encoding(response.headers.get("content-encoding", ""), where)
                response._content = read_capped(_pieces(response.raw), started, where)
            except ReadTimeoutError as error:
                raise requests.exceptions.ReadTimeout(f"{where} stopped in the middle of its answer") from error
            except HTTPError as error:
                raise requests.exceptions.ChunkedEncodingError(f"{where} broke its answer off") from error
            finally:
                response.close()
        return response


def _pieces(raw: Any) -> Iterator[bytes]:
    """Pieces as they arrive: `iter_content` would wait for a full one however slowly it fills."""
    while piece := raw.read1(_CHUNK, decode_content=True):
        yield piece


def _pool_classes(allow: frozenset[str]) -> dict[str, Any]:
    def new_socket(self: Any) -> socket.socket:
        timeout = self.timeout if isinstance(self.timeout, (int, float)) else CONNECT_SECONDS
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


def requests_session(allow: frozenset[str], headers: dict[str, str]) -> requests.Session:
    """A requests session with the same guards as `httpx_client`."""
    session = _GuardedSession()
    session.trust_env = False
    session.headers.update({"Accept-Encoding": "gzip", **headers})
    adapter = _Adapter(allow)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session
