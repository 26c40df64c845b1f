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
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
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
from urllib3.util.wait import wait_for_read

from plugins.contract import Permanent, Temporary

#: Largest answer read from a platform, after decompression.
MAX_ANSWER_BYTES = 10 * 1024 * 1024
#: Seconds one whole call may take, however slowly the bytes come.
CALL_SECONDS = 30.0
CONNECT_SECONDS = 8.0
#: Seconds of silence within a call.
READ_SECONDS = 15.0
#: How many of a name's addresses are tried, so that a name with a hundred dead ones does not hold a worker.
MAX_ADDRESSES = 4
#: Longest line of an answer without an end.
MAX_LINE_BYTES = 1024 * 1024
#: How often a wait for a stream's next bytes looks whether it shall stop.
_LOOK_SECONDS = 0.25
#: What a piece of a stream counts for at least: a million pieces of one byte cost more than their megabyte.
_LEAST_PIECE = 1024
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
def _one_call(seconds: float | None = None) -> Iterator[float]:
    """Every read in the block ends `seconds` after its start, CALL_SECONDS if none are given; a time-out per read would
    not end a byte a second."""
    started = time.monotonic()
    _running.until = started + (CALL_SECONDS if seconds is None else seconds)
    try:
        yield started
    finally:
        _running.until = None


class _Stopped(Exception):
    """Whoever waited for a stream was asked to stop."""


class _Watch:
    """Waits for the bytes of a stream: no longer than it was given, and not when somebody wants it to stop."""

    def __init__(self, seconds: float, stopped: Callable[[], bool]) -> None:
        self._stopped = stopped
        self.give(seconds)

    def give(self, seconds: float) -> None:
        """From now on; counted to the end of the reads and not for each, or a byte a second would live for ever."""
        self._until = time.monotonic() + seconds

    def wait(self, sock: Any) -> None:
        while True:
            left = self._until - time.monotonic()
            if self._stopped():
                raise _Stopped
            if left <= 0:
                raise TimeoutError("the stream fell silent")
            sock.settimeout(left)
            # Bytes that TLS has unpacked already do not make the socket readable.
            if getattr(sock, "pending", int)() or wait_for_read(sock, min(left, _LOOK_SECONDS)):
                return

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Every read of this thread in the block waits here."""
        _running.watch = self
        try:
            yield
        finally:
            _running.watch = None


class _Hurried:
    """Reads of a socket, cut short at the end of the call they belong to."""

    def recv(self, *args: Any) -> bytes:
        self._hurry()
        return super().recv(*args)  # type: ignore[misc,no-any-return]

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self._hurry()
        return super().recv_into(*args, **kwargs)  # type: ignore[misc,no-any-return]

    def _hurry(self: Any) -> None:
        watch: _Watch | None = getattr(_running, "watch", None)
        if watch is not None:
            watch.wait(self)
            return
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


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """One for all clients: reading the certificate authorities takes longer than a call."""
    context = httpx.create_ssl_context(trust_env=False)
    context.sslsocket_class = _TlsSocket
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
        timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
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


def knock(method: str, url: str, allow: frozenset[str], seconds: float) -> tuple[int, str]:
    """Asks for a page and reads nothing of it: its status, and where it sends us on to ("": nowhere).

    It carries no credential, so plain http is no danger; private addresses are refused here as everywhere. Raises
    AddressBlocked, ValueError for what is no web address, or the errors of httpx.
    """
    target = httpx.URL(url)
    if target.scheme not in {"https", "http"} or not target.host or target.userinfo:
        raise ValueError(_NO_ADDRESS)
    transport = _Transport(url, allow)
    client = httpx.Client(transport=transport, timeout=seconds, trust_env=False)
    with client, _one_call(seconds), client.stream(method, target) as response:
        return response.status_code, response.headers.get("location", "")


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
            kwargs["timeout"] = (CONNECT_SECONDS, READ_SECONDS)
        where = urlsplit(str(request.url)).hostname or ""
        with _one_call() as started:
            response = super().send(request, *args, **kwargs)
            try:
                refuse_redirect(response.status_code, response.headers.get("location"), where)
                _refuse_encoding(response.headers.get("content-encoding", ""), where)
                response._content = read_capped(_pieces(response.raw), started, where)  # noqa: SLF001 (requests has no other door)
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
    return _session(_Adapter(allow), {"Accept-Encoding": "gzip", **headers})


def _session(adapter: HTTPAdapter, headers: dict[str, str]) -> requests.Session:
    session = _GuardedSession()
    session.trust_env = False
    session.headers.update(headers)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


# ------------------------------------------------------------------ answers without an end


class _StreamAdapter(_Adapter):
    """Hands the answer over unread; `Stream` reads it under caps of its own."""

    def __init__(self, allow: frozenset[str], watch: _Watch) -> None:
        self._watch = watch
        super().__init__(allow)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        check_url(str(request.url), self._allow)
        kwargs |= {"stream": True, "timeout": (CONNECT_SECONDS, CALL_SECONDS)}
        where = urlsplit(str(request.url)).hostname or ""
        with self._watch.reading():
            response = HTTPAdapter.send(self, request, *args, **kwargs)
        try:
            refuse_redirect(response.status_code, response.headers.get("location"), where)
            _refuse_encoding(response.headers.get("content-encoding", ""), where)
        except (Permanent, Temporary):
            response.close()
            raise
        return response


class Stream:
    """An answer without an end, read line by line. Close it."""

    def __init__(self, response: requests.Response, watch: _Watch, idle_seconds: float) -> None:
        self._response = response
        self._watch = watch
        self._idle = idle_seconds
        self._where = urlsplit(str(response.url)).hostname or ""
        self.status = response.status_code
        self.headers = {name.lower(): value for name, value in response.headers.items()}

    def lines(self) -> Iterator[bytes]:
        """Lines without their ends, until asked to stop. Raises Temporary when they break off, swell or stay away."""
        line = bytearray()
        self._watch.give(self._idle)
        for piece in self._pieces():
            first, *following = piece.split(b"\n")
            line += first
            for start in following:
                yield bytes(line)
                self._watch.give(self._idle)
                line = bytearray(start)
            if len(line) > MAX_LINE_BYTES:
                raise Temporary(
                    f"{self._where} sent a line of more than {MAX_LINE_BYTES // 1_048_576} MB; it was cut off."
                )

    def close(self) -> None:
        self._response.close()

    def _pieces(self) -> Iterator[bytes]:
        started, size = time.monotonic(), 0
        while piece := self._read():
            if time.monotonic() - started > CALL_SECONDS:
                started, size = time.monotonic(), 0
            size += max(len(piece), _LEAST_PIECE)
            if size > MAX_ANSWER_BYTES:
                raise Temporary(f"{self._where} streams more than anybody can read; it was cut off.")
            yield piece

    def _read(self) -> bytes:
        """What has come, waiting for it; b"" when asked to stop."""
        try:
            with self._watch.reading():
                piece: bytes = self._response.raw.read1(_CHUNK, decode_content=False)
        except _Stopped:
            return b""
        except ReadTimeoutError as error:
            raise Temporary(f"The stream of {self._where} fell silent for {self._idle:.0f} seconds.") from error
        except (HTTPError, OSError) as error:
            raise Temporary(f"{self._where} broke its stream off.", detail=type(error).__name__) from error
        if not piece:
            raise Temporary(f"{self._where} ended its stream.")
        return piece


def open_stream(
    url: str, allow: frozenset[str], headers: dict[str, str], *, idle_seconds: float, stopped: Callable[[], bool]
) -> Stream:
    """A GET whose answer may go on for ever, as long as a line comes every `idle_seconds`. Same guards as a call.

    Raises Temporary or Permanent; no text of theirs holds a header.
    """
    where = urlsplit(check_url(url, allow)).hostname or ""
    watch = _Watch(CALL_SECONDS, stopped)
    # Nothing packed: how much comes out of a byte would have to be bounded as well.
    session = _session(_StreamAdapter(allow, watch), {**headers, "Accept-Encoding": "identity"})
    try:
        response = session.get(url, stream=True, allow_redirects=False)
    except _Stopped as error:
        raise Temporary(f"The call to {where} was stopped.") from error
    except (requests.RequestException, HTTPError, OSError) as error:
        raise Temporary(f"{where} cannot be reached, or did not answer.", detail=type(error).__name__) from error
    return Stream(response, watch, idle_seconds)
