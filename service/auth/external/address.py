"""Servers as people name them: hostile until they are one host name, in ASCII, reached over https."""

from __future__ import annotations

import hashlib
import ipaddress
from urllib.parse import urlsplit

import idna

from plugins.net import listed
from service.auth.external.proof import Trouble, Why

_LONGEST = 300
_PORTS = {"https": 443, "http": 80}


def server_origin(typed: str, allow: frozenset[str]) -> str:
    """`https://host` of a server given as a name, an address or a handle (`@ada@social.example`).

    Plain http, a port of its own, an IP address and a name without a dot are for hosts in `allow` only; whether a name
    leads to a private network is looked at when it is called. Raises Trouble.
    """
    text = typed.strip()
    if "://" not in text:
        text = "https://" + text.rpartition("@")[2]
    if len(text) > _LONGEST or any(ord(c) < 33 for c in text):
        raise Trouble(Why.BAD_SERVER)
    try:
        parts = urlsplit(text)
        scheme, host, port = parts.scheme, _ascii(parts.hostname or ""), parts.port
    except ValueError:
        raise Trouble(Why.BAD_SERVER) from None
    if scheme not in _PORTS or "@" in parts.netloc:
        raise Trouble(Why.BAD_SERVER)
    if not listed(host, port or _PORTS[scheme], allow) and (scheme != "https" or port or not _is_name(host)):
        raise Trouble(Why.BAD_SERVER)
    return f"{scheme}://{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}"


def host_of(origin: str) -> str:
    """The host of an origin, with its port where it has one of its own: what people are shown."""
    return urlsplit(origin).netloc


def same_origin(url: object, origin: str) -> bool:
    """Whether an address that a server gave is on that very server."""
    if not isinstance(url, str) or any(ord(c) < 33 for c in url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return f"{parts.scheme}://{parts.netloc}".lower() == origin


def key_of(origin: str) -> str:
    """A short name for a server in our own addresses.

    Each server gets a redirect address of its own, so that an answer tells who was asked (RFC 9700, 4.4.2.2).
    """
    return hashlib.sha256(origin.encode()).hexdigest()[:24]


def _ascii(host: str) -> str:
    """A host in its ASCII form: one name, however it was typed. Raises ValueError (idna's errors are such)."""
    try:
        return ipaddress.ip_address(host).compressed
    except ValueError:
        return idna.encode(host.rstrip("."), uts46=True).decode("ascii").lower()


def _is_name(host: str) -> bool:
    """A name with a dot whose last part is no number: `0x7f.1` and the like are addresses to some resolvers."""
    last = host.rpartition(".")[2]
    return "." in host and not last.isdecimal() and not last.startswith("0x")
