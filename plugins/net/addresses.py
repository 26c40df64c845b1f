"""Which addresses Tenth may call: web addresses, encrypted, and none of a private network unless it is listed."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import httpx

from plugins.contract import Permanent

NO_ADDRESS = "This is not a web address. It should look like https://forum.example.org."
#: Ranges that Python counts as global although they stand for private or embedded addresses.
_NOT_PUBLIC = tuple(ipaddress.ip_network(n) for n in ("::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "fec0::/10"))
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


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
        raise AddressBlocked(NO_ADDRESS) from error
    if "@" in parts.netloc:
        raise AddressBlocked("The address holds a user name or password. Leave them out and give the key apart.")
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise AddressBlocked(NO_ADDRESS)
    if parts.scheme == "http" and not listed(parts.hostname, port or 80, allow):
        raise AddressBlocked(
            f"“http://{parts.netloc}” is not encrypted. "
            "Use https, or list the host in TENTH_ALLOW_PRIVATE_HOSTS if you trust the path."
        )
    return url


def listed(host: str, port: int, allow: frozenset[str]) -> bool:
    """Whether TENTH_ALLOW_PRIVATE_HOSTS names this host, or this host at this port."""
    return host in allow or f"{host}:{port}" in allow


def require_public(host: str, address: str) -> None:
    """Raises AddressBlocked when an address that a host's name leads to is not one of the public network."""
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
