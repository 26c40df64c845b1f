"""What a server says of itself, in words. Pure."""

from __future__ import annotations

import re
from typing import Any

from plugins.mastodon.deliveries import Raw
from plugins.mastodon.text import plain

_COMPATIBLE = re.compile(r"\(compatible; (\w+)[ /]([\w.-]+)")
_NAMED = re.compile(r"^([A-Za-z]\w*)[/ ](\d[\w.]*)")
_NUMBER = re.compile(r"\d+(?:\.\d+)*")
#: Their source addresses and version texts are in lower case.
_SPELLED = {
    "gotosocial": "GoToSocial",
    "mastodon": "Mastodon",
    "takahe": "Takahe",
    "pleroma": "Pleroma",
    "akkoma": "Akkoma",
}
#: Seen to make two posts of one Idempotency-Key.
_NO_KEY = frozenset({"GoToSocial", "Takahe", "Pixelfed"})


def server_name(instance: Raw) -> str:
    """Name and version, such as "GoToSocial 0.20.0". The API has no field for the name."""
    version = plain(instance.get("version"))
    found = _COMPATIBLE.search(version) or _NAMED.match(version)
    if found:
        return f"{_spelled(found[1])} {found[2]}"
    number = _NUMBER.match(version)
    name = _from_source(plain(instance.get("source_url")))
    if not name:
        name = "GoToSocial" if version.startswith("0.") else "Mastodon" if number else "unknown server"
    return f"{name} {number[0]}" if number else name


def domain_of(instance: Raw) -> str:
    """The domain of its accounts' addresses: `account_domain` on GoToSocial, `domain` (v2) or `uri` (v1) elsewhere."""
    for name in ("account_domain", "domain", "uri"):
        value = plain(instance.get(name)).removeprefix("https://").removeprefix("http://").strip("/")
        if value:
            return value.lower()
    return ""


def notes_on(instance: Raw) -> tuple[str, ...]:
    """What a person should know before relying on it."""
    notes = ["Read by polling; a thread is what this server knows of it, so totals are lower bounds."]
    longest = path_in(instance, "configuration", "statuses", "max_characters")
    if isinstance(longest, int):
        notes.append(f"A post may have {longest} characters, the @name in front of an answer included.")
    if server_name(instance).split(" ")[0] in _NO_KEY:
        notes.append(
            "This server ignores Idempotency-Key: an answer that may have been sent is never sent again unseen."
        )
    offered = path_in(instance, "configuration", "urls", "streaming") or path_in(instance, "urls", "streaming_api")
    notes.append(
        "Streaming is used as a hint where the server has server-sent events."
        if offered
        else "The server offers no streaming."
    )
    return tuple(notes)


def _spelled(name: str) -> str:
    return _SPELLED.get(name.lower(), name)


def _from_source(url: str) -> str:
    return _spelled(url.rstrip("/").rpartition("/")[2].removesuffix(".git")) if url else ""


def path_in(body: Any, *names: str) -> Any:
    """What is found along the names; None where the way breaks off."""
    for name in names:
        body = body.get(name) if isinstance(body, dict) else None
    return body
