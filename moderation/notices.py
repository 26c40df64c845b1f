"""A notice of illegal content, as Article 16 of Regulation (EU) 2022/2065 wants one: what it says, checked and tidied.

It names exact addresses, says why what is there is illegal, who says so (but for the offences of Articles 3 to 7 of
Directive 2011/93/EU, of which anybody may tell without a name), and that they believe it in good faith.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from moderation.errors import BadInput
from moderation.statements import CATEGORIES, KEYWORDS

#: Places that one notice may name: each is decided by itself.
MOST = 10
URL, LEAST, EXPLANATION, NAME, ADDRESS = 1_000, 20, 5_000, 200, 254
#: What may be told of without saying who one is.
NAMELESS = frozenset({"KEYWORD_CHILD_SEXUAL_ABUSE_MATERIAL", "KEYWORD_GROOMING_SEXUAL_ENTICEMENT_MINORS"})
#: What a notice can be about: each category, and what it can be about more closely.
CHOICES = frozenset(CATEGORIES) | {keyword for found in KEYWORDS.values() for keyword in found}
_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}\.[^@\s.]{2,}\Z")


@dataclass(frozen=True, slots=True)
class Given:
    """What somebody wrote into the form. `urls` are addresses, one each."""

    urls: tuple[str, ...]
    category: str
    explanation: str
    name: str = ""
    address: str = ""
    good_faith: bool = False
    language: str = "en"


def checked(given: Given) -> Given:
    """The notice, tidied. Raises BadInput with the first thing that it lacks."""
    found = replace(
        given,
        urls=tuple(dict.fromkeys(url.strip() for url in given.urls if url.strip())),
        explanation=_plain(given.explanation, lines=True),
        name=_plain(given.name),
        address=_plain(given.address),
    )
    _check_places(found.urls)
    if found.category not in CHOICES:
        raise BadInput("Say what kind of illegal content it is.")
    if not LEAST <= len(found.explanation) <= EXPLANATION:
        raise BadInput(f"Say in {LEAST} to {EXPLANATION} characters why it is illegal.")
    _check_person(found)
    if not found.good_faith:
        raise BadInput("Say that you believe, in good faith, that what you tell us is right and complete.")
    return found


def is_address(url: str) -> bool:
    """Whether it is a whole address of the web, as a browser shows it."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    clean = url.isprintable() and not any(c.isspace() for c in url)
    return len(url) <= URL and clean and parts.scheme in ("http", "https") and bool(host)


def _check_places(urls: Sequence[str]) -> None:
    if not urls:
        raise BadInput("Give the exact address of what is illegal.")
    if len(urls) > MOST:
        raise BadInput(f"One notice names at most {MOST} addresses. Send another one for the rest.")
    for url in urls:
        if not is_address(url):
            raise BadInput(
                f"Copy the address from the browser: it begins with https:// and has at most {URL} characters."
            )


def _check_person(found: Given) -> None:
    if found.category in NAMELESS and not found.name and not found.address:
        return
    if not 1 <= len(found.name) <= NAME:
        raise BadInput("Say who you are: your name, or that of your organisation.")
    if len(found.address) > ADDRESS or not _ADDRESS.match(found.address):
        raise BadInput("Give an e-mail address at which you can be reached.")


def _plain(text: str, *, lines: bool = False) -> str:
    """Without control characters; with `lines`, ends of lines stay."""
    text = text.replace("\r\n", "\n")
    return "".join(c for c in text if c.isprintable() or (lines and c == "\n")).strip()
