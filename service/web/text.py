"""Text from outside on our pages: escaped always, isolated, marked; never linked, never believed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from moderation.words import Spoken

_QUOTES = re.compile(r"“([^“”]{2,200})”|«\s*([^«»]{2,200}?)\s*»")
_DIRECTIONS = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C))
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z")


def plain(text: str) -> str:
    """One line without control characters and direction switches: for titles and attributes."""
    kept = text.translate(_DIRECTIONS)
    return " ".join("".join(c if unicodedata.category(c) != "Cc" else " " for c in kept).split())


def spaced(text: str) -> str:
    """With no-break spaces inside French quotes, so that no mark stands alone on a line."""
    return text.replace("« ", "«\u00a0").replace(" »", "\u00a0»")


def safe_url(url: str) -> str:
    """The address when it is plain http or https with a host, else ""."""
    if any(ord(c) < 33 for c in url):
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme.lower() in ("http", "https") and parts.netloc else ""


def host(url: str) -> str:
    """The host of an address, for "Open on …"."""
    return urlsplit(url).netloc.rpartition("@")[2] if safe_url(url) else ""


def language_tag(language: str) -> str:
    """A well-formed BCP 47 tag, or "" ("und" says nothing to a screen reader)."""
    return language if _LANGUAGE.match(language) and language != "und" else ""


def initials(name: str) -> str:
    """Two letters for an avatar."""
    words = [w for w in re.split(r"[\W_]+", plain(name)) if w]
    letters = words[0][:1] + words[-1][:1] if len(words) > 1 else (words[0][:2] if words else "?")
    return letters.upper()


def quotes(reasons: Iterable[Spoken]) -> list[str]:
    """What the reasons quote from the message."""
    found = [m.group(1) or m.group(2) for r in reasons if not r.against for m in _QUOTES.finditer(r.text)]
    return sorted({q.strip() for q in found}, key=len, reverse=True)


def marked(text: str, reasons: Iterable[Spoken]) -> Markup:
    """The text, escaped, with the quotes of its reasons underlined where they literally occur."""
    wanted = quotes(reasons)
    if not wanted:
        return escape(text)
    pattern = re.compile("|".join(r"\s+".join(map(re.escape, q.split())) for q in wanted), re.IGNORECASE)
    pieces, at = [], 0
    for match in pattern.finditer(text):
        pieces += [escape(text[at : match.start()]), Markup("<mark>{}</mark>").format(match.group())]
        at = match.end()
    return Markup("").join([*pieces, escape(text[at:])])
