"""Which languages are read, and what is done with a text whose language cannot be told."""

from __future__ import annotations

from collections.abc import Sequence

READ = frozenset({"en", "fr"})
UNKNOWN = "und"
#: So few words, “stfu idiot” say, are of no language for sure: they are scored, where a long text is refused.
FEW_WORDS = 5
_LAST_LATIN = 0x24F


def primary(language: str) -> str:
    """The language of a BCP 47 tag, without script and region."""
    return language.replace("_", "-").partition("-")[0].lower()


def all_read(languages: Sequence[str]) -> bool:
    """Whether the scorers read each of these languages."""
    return all(primary(language) in READ for language in languages)


def found_read(language: str, text: str) -> bool:
    """Whether a text is read in the language that was found in it; a short one of Latin letters is in none, too."""
    return language in READ or (language == UNKNOWN and len(text.split()) <= FEW_WORDS and _latin(text))


def _latin(text: str) -> bool:
    return not any(ord(c) > _LAST_LATIN and c.isalpha() for c in text)
