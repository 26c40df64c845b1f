"""The post that an answer becomes: with its reader's name in front, and as long as the server counts it. Pure.

Mastodon (`StatusLengthValidator`, `Account::MENTION_RE` and the URL patterns of `config/initializers/twitter_regex.rb`
in its source) counts what people see as one character as one, each link as 23 and a mention without its domain.
GoToSocial, Takahe, Pleroma and Akkoma make no such concessions; `Limits.link` is None for them.
"""

from __future__ import annotations

import re

import regex

from plugins.contract import Composed, Limits

#: A name as people write it in a text, with or without its domain.
MENTION = re.compile(r"(?<![\w@/.])@([\w.-]+?)(@[\w.-]+)?(?![\w@-])")
#: Top-level domains that are reserved and never given out (RFC 2606, RFC 6761): Mastodon makes no link of them.
_RESERVED = "example|test|invalid|localhost|local|internal|lan|home|corp"
_HOST = rf"(?:[^\W_](?:[\w-]*[^\W_])?\.)+(?!(?:{_RESERVED})(?![\w-]))(?:xn--[a-z0-9-]+|[^\W\d_]{{2,}})(?![\w-]|\.\w)"
#: No brackets but those that close again, and nothing at the end that reads as the sentence's own.
_BRACKETS = r"\([^\s<>()?]+\)"
_END = r"[^\s()?!*\"'「」<>;:=,.$%\[\]~&|@]"
_PATH = rf"/(?:(?:[^\s<>()?]|{_BRACKETS})*(?:{_END}|{_BRACKETS}))?"
_QUERY = r"\?(?:[^\s<>\"{}`\\]*[^\W]|[^\s<>\"{}`\\]*[=#/&-])"
_LINK = rf"(?<![a-z0-9@＠$#＃])https?://{_HOST}(?::\d{{1,5}})?(?:{_PATH})?(?:{_QUERY})?"
_NAME = r"(?<![=/\w])@(?>([a-z0-9_]+(?:[.-]+[a-z0-9_]+)*)(?:@\w+(?:[.-]+\w+)*)?)(?![@＠a-zà-öø-ÿ]|://)"
_SHORTENED = re.compile(rf"(?P<link>{_LINK})|{_NAME}", re.IGNORECASE)
_SEEN_AS_ONE = regex.compile(r"\X")


def compose(text: str, to: str, home: str, limits: Limits) -> Composed:
    """The answer to `to` (a full address, or ""), posted from a server whose accounts live at `home`."""
    whole = addressed(text, to, home)
    return Composed(whole, length(whole, limits.link))


def addressed(text: str, to: str, home: str) -> str:
    """A reply reaches its author only if it names them: the name is put in front where the text does not hold it."""
    if not to or full(to, home) in _named(text, home):
        return text
    user, _, domain = to.partition("@")
    return f"@{user if domain.lower() in ('', home.lower()) else to} {text}"


def length(text: str, link: int | None) -> int:
    """Characters as the server counts them; `link` is what a link counts, None where it counts like anything else."""
    if link is None:
        return len(text)
    counted = _SHORTENED.sub(lambda found: "x" * link if found["link"] else f"@{found[2]}", text)
    return sum(1 for _ in _SEEN_AS_ONE.finditer(counted))


def full(acct: str, home: str) -> str:
    """An address with its domain, in the one form that can be compared."""
    return (acct if "@" in acct else f"{acct}@{home}").rstrip(".").lower()


def _named(text: str, home: str) -> set[str]:
    return {full(f"{found[1]}{found[2] or ''}", home) for found in MENTION.finditer(text)}
