"""Amounts of money as people write them, in English and French."""

from __future__ import annotations

import re

_FIGURE = r"\d{1,3}(?:[ ,.\u00a0\u202f']\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,]\d{1,2})?"
_SIGN = r"[€$£]|(?:US|CA|AU)\$|\bCHF\b|\bEUR\b|\bUSD\b|\bGBP\b|\bCAD\b"
_WORD = r"(?:euros?|dollars?|pounds?|francs?|livres?|bucks|quid|balles)\b"
_FORMS = (rf"(?:{_SIGN})\s?(?:{_FIGURE})", rf"(?:{_FIGURE})\s?(?:{_SIGN}|{_WORD})", rf"^\s*(?:{_FIGURE})\s*$")
AMOUNT = re.compile("|".join(_FORMS), re.IGNORECASE)
_NUMBER = re.compile(_FIGURE)


def amounts(text: str) -> list[float]:
    """Every amount named in a text, in its own currency; a text that is only a figure is one, too."""
    return [value_of(found[0]) for found in AMOUNT.finditer(text)]


def value_of(words: str) -> float:
    """The figure in words like “1,200.50 €”, “1 200,50 €” or “$12”."""
    found = _NUMBER.search(words)
    if found is None:
        return 0.0
    digits = re.sub(r"[ \u00a0\u202f']", "", found[0])
    head, mark, tail = _decimals(digits)
    whole = re.sub(r"[.,]", "", head)
    return float(f"{whole}.{tail}" if mark else whole)


def _decimals(digits: str) -> tuple[str, str, str]:
    """Splits at the last mark when one or two digits follow it: three are a group of thousands."""
    place = max(digits.rfind("."), digits.rfind(","))
    if place >= 0 and len(digits) - place - 1 <= 2:
        return digits[:place], digits[place], digits[place + 1 :]
    return digits, "", ""
