"""How long a text is by each platform's own count."""

from __future__ import annotations

import re

import regex

LINK = 23
_STARTS = re.compile(r"https?://|@", re.IGNORECASE)
_DOMAIN = re.compile(r"[^\s/?:<>()@]+", re.IGNORECASE)
_REST = re.compile(r"(?::\d+)?(?:/[^\s<>()?]*)?(?:\?[^\s<>()]*)?")
_USER = re.compile(r"\w+(?:[.-]+\w+)*", re.ASCII)
_WHERE = re.compile(r"@\w+(?:[.-]+\w+)*")
#: Ends of names that the root of the domain name system does not know; Mastodon goes by its list.
_NOWHERE = ("example", "test", "invalid", "localhost", "local", "internal", "lan", "home", "corp")


def status_length(text: str, spoiler: str = "") -> int:
    """As Mastodon counts: a link is 23, a mention loses its domain, what is seen as one character is one."""
    kept, at = [], 0
    while found := _STARTS.search(text, at):
        kept.append(text[at : found.start()])
        end, short = _link(text, found) if found[0] != "@" else _mention(text, found)
        kept.append(short)
        at = end
    return len(regex.findall(r"\X", spoiler + "".join(kept) + text[at:]))


def _link(text: str, found: re.Match[str]) -> tuple[int, str]:
    domain = _DOMAIN.match(text, found.end())
    before = text[found.start() - 1 : found.start()] if found.start() else ""
    labels = domain[0].rstrip(".,;!").split(".") if domain else []
    known = len(labels) > 1 and labels[-1].isalpha() and len(labels[-1]) > 1 and labels[-1].lower() not in _NOWHERE
    if domain is None or not known or (before.isascii() and before.isalnum()) or before in tuple("@#$"):
        return found.end(), found[0]
    rest = _REST.match(text, found.end() + len(".".join(labels)))
    end = rest.end() if rest else domain.end()
    while text[end - 1] in "!*\"';:=,.$%[]~&|@?":
        end -= 1
    return end, "x" * LINK


def _mention(text: str, found: re.Match[str]) -> tuple[int, str]:
    before = text[found.start() - 1 : found.start()] if found.start() else ""
    user = _USER.match(text, found.end())
    if user is None or before in tuple("=/") or before == "_" or before.isalnum():
        return found.end(), "@"
    where = _WHERE.match(text, user.end())
    end = where.end() if where else user.end()
    return (found.end(), "@") if text[end : end + 1] == "@" else (end, f"@{user[0]}")


def bare(raw: str) -> str:
    """What Discourse measures against its shortest post: comments gone, emoji and rows of dots as one character."""
    for pattern, instead in ((r"<!--(.*?)-->", ""), (r":\w+(:\w+)?:", "X"), (r"\.{2,}", "…"), (r",{2,}", ",")):
        raw = re.sub(pattern, instead, raw)
    return raw.strip()
