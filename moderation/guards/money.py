"""Amounts of money as people write them, in English and French."""

from __future__ import annotations

import re

# Bounded, and never begun within a row of digits: a page of digits costs linear time.
_FIGURE = (
    r"(?<![\d])(?:\d{1,3}(?:[ ,.\u00a0\u202f']\d{3}){1,5}(?:[.,]\d{1,2})?(?!\d)|\d{1,12}(?:[.,]\d{1,2})?(?!\d))"
    r"(?:\s?(?:k|thousand|mille)\b)?"
)
_SIGN = r"[€$£]|(?:US|CA|AU)\$|(?<![a-z])(?:CHF|EUR|USD|GBP|CAD)(?![a-z])"
_WORD = r"(?:euros?|dollars?|pounds?|francs?|livres?|bucks|quid|balles)\b"
_FORMS = (
    rf"(?:{_SIGN})\s?(?:{_FIGURE})",
    rf"(?:{_FIGURE})\s?(?:{_SIGN}|(?:d['’]\s?)?{_WORD})",
    rf"^\s*(?:{_FIGURE})\s*$",
)
AMOUNT = re.compile("|".join(_FORMS), re.IGNORECASE)
_NUMBER = re.compile(_FIGURE, re.IGNORECASE)
_THOUSANDS = re.compile(r"\s?(?:k|thousand|mille)$", re.IGNORECASE)


def amounts(text: str) -> list[float]:
    """Every amount named in a text, in its own currency; a text that is only a figure is one, too."""
    return [value_of(found[0]) for found in AMOUNT.finditer(text)]


def value_of(words: str) -> float:
    """The figure in words like “1,200.50 €”, “1 200,50 €”, “2k €” or “$12”."""
    found = _NUMBER.search(words)
    if found is None:
        return 0.0
    plain = _THOUSANDS.sub("", found[0])
    digits = re.sub(r"[ \u00a0\u202f']", "", plain)
    head, mark, tail = _decimals(digits)
    whole = re.sub(r"[.,]", "", head)
    value = float(f"{whole}.{tail}" if mark else whole)
    return value * 1000 if plain != found[0] else value


def _decimals(digits: str) -> tuple[str, str, str]:
    """Splits at the last mark when one or two digits follow it: three are a group of thousands."""
    place = max(digits.rfind("."), digits.rfind(","))
    if place >= 0 and len(digits) - place - 1 <= 2:
        return digits[:place], digits[place], digits[place + 1 :]
    return digits, "", ""
