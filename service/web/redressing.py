"""Words of statements, appeals and rules, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _l

from moderation.statements import KEYWORDS, category_words
from service.web.language import locale

_DID: Mapping[str, Any] = {
    "hide": _l("A message was hidden"),
    "lock": _l("A conversation was closed to new messages"),
    "warn": _l("A warning was given"),
    "silence": _l("Reading is possible, writing is not"),
    "suspend": _l("An account was suspended"),
}
_SOURCES: Mapping[str, Any] = {
    "NOTICE": _l("A notice of illegal content came in."),
    "REPORT": _l("A member reported it."),
    "VOLUNTARY": _l("A moderator read it on their own initiative."),
}
_STATES: Mapping[str, Any] = {
    "open": _l("waits for a decision"),
    "upheld": _l("the decision stands"),
    "overturned": _l("overturned"),
}


def did(kind: str) -> str:
    """What was done, as a heading."""
    return str(_DID[kind])


def source_words(name: str) -> str:
    """What made somebody look."""
    return str(_SOURCES[name])


def appeal_state(state: str) -> str:
    """What became of an appeal."""
    return str(_STATES[state])


def category_word(chosen: str) -> str:
    """A category or keyword of the EU's database."""
    return category_words(chosen, locale())


def categories() -> list[tuple[str, str, list[tuple[str, str]]]]:
    """(category, its words, [(keyword, its words)]) as a form offers them."""
    return [
        (category, category_word(category), [(keyword, category_word(keyword)) for keyword in found])
        for category, found in KEYWORDS.items()
    ]


WORDS = {
    "did": did,
    "source_words": source_words,
    "appeal_state": appeal_state,
    "category_word": category_word,
}
