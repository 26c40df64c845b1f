"""Sockets that lead to no address which was not checked, and whose reads are bounded."""

from __future__ import annotations

import socket
import ssl
from typing import Any

from plugins.net import bounds
from plugins.net.addresses import listed, require_public

#: How many of a name's addresses are tried, so that a name with a hundred dead ones does not hold a worker.
MAX_ADDRESSES = 4


class _Bounded:
    """Reads of a socket, bounded by the call or the stream they belong to."""

    def recv(self, *args: Any) -> bytes:
        bounds.bound(self)
        return super().recv(*args)  # type: ignore[misc,no-any-return]

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        bounds.bound(self)
        return super().recv_into(*args, **kwargs)  # type: ignore[misc,no-any-return]


class PlainSocket(_Bounded, socket.socket):
    """A plain one."""


class TlsSocket(_Bounded, ssl.SSLSocket):
    """An encrypted one; contexts make it out of a plain one."""


def connect(host: str, port: int, timeout: float | None, allow: frozenset[str]) -> socket.socket:
    """Resolves, checks every address, connects to one of them. Raises AddressBlocked or OSError."""
    found = _resolve(host, port)
    if not listed(host, port, allow):
        for entry in found:
            require_public(host, str(entry[4][0]))
    error: OSError = OSError(f"no address for {host}")
    for family, kind, proto, _, address in found[:MAX_ADDRESSES]:
        sock = PlainSocket(family, kind, proto)
        try:
            sock.settimeout(min(timeout or bounds.CONNECT_SECONDS, bounds.CONNECT_SECONDS))
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
