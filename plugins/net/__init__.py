"""The only way connectors reach the network: guarded against private addresses, endless answers and redirects.

The address that is checked is the address that is connected to, because resolving, checking and connecting are one
step (`sockets.connect`), plugged in below httpx and below requests. TLS names are still checked against the host's
name.
"""

from plugins.net.addresses import AddressBlocked, check_url, listed
from plugins.net.by_httpx import call, httpx_client, knock
from plugins.net.by_requests import requests_session
from plugins.net.streams import Stream, open_stream

__all__ = [
    "AddressBlocked",
    "Stream",
    "call",
    "check_url",
    "httpx_client",
    "knock",
    "listed",
    "open_stream",
    "requests_session",
]
