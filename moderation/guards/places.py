"""What in a text is no plain word: links, addresses, numbers; by shape, and by check digits where there are any.

Every repeat is bounded or starts where none of its own signs stands before it, so that hostile text costs linear time.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from moderation.guards.money import AMOUNT
from moderation.scoring.normalise import fold


class Kind(StrEnum):
    """The shapes; `phrases` know them as words: xlink, xmail. A desk is a mailbox or line that is nobody's own."""

    LINK = "link"
    OWN = "own"
    MAIL = "mail"
    DESK = "desk"
    HANDLE = "handle"
    IBAN = "iban"
    CARD = "card"
    DATE = "date"
    AMOUNT = "amount"
    PHONE = "phone"
    ADDRESS = "address"
    CODE = "code"


class Place(NamedTuple):
    """Where something stands in the text, in characters."""

    kind: Kind
    start: int
    end: int


Spans = Iterator[tuple[int, int]]

_MONTHS = (
    "jan(?:uary|vier)?|feb(?:ruary)?|f[ée]v(?:rier)?|mar(?:ch|s)|apr(?:il)?|avr(?:il)?|mai|may|juin|june?|juillet|july?"
    "|ao[ûu]t|aug(?:ust)?|sept(?:ember|embre)?|oct(?:ober|obre)?|nov(?:ember|embre)?|dec(?:ember)?|d[ée]c(?:embre)?"
)
_DAY = r"[0-3]?\d(?:er|st|nd|rd|th)?"
_YEAR = r"(?:19|20)\d\d"
_DATE = re.compile(
    rf"(?<![\w/])(?:[0-3]?\d[/.-][01]?\d[/.-]{_YEAR}|{_YEAR}-[01]\d-[0-3]\d"
    rf"|{_DAY}\s(?:of\s)?(?:{_MONTHS})\.?,?\s{_YEAR}|(?:{_MONTHS})\.?\s{_DAY},?\s{_YEAR})(?!\w)",
    re.IGNORECASE,
)
_TOP = "com|org|net|fr|eu|io|uk|de|be|ch|ca|us|app|shop|help|info|social|example|test"
_LINK = re.compile(
    r"https?://[^\s<>\"“”«»]{1,2000}"
    rf"|(?<![\w@./-])(?:[a-z0-9-]{{1,63}}\.){{1,4}}(?:{_TOP})\b(?![@.]\w)(?:/[^\s<>\"“”«»]{{0,2000}})?",
    re.IGNORECASE,
)
_AT = r"\s?[\[({]\s?(?:at|arobase|chez)\s?[\])}]\s?"
_MAIL = re.compile(rf"(?<![\w.+-])[\w.+-]{{1,64}}(?:@|{_AT})(?:[\w-]{{1,63}}\.){{1,5}}[a-z]{{2,24}}\b", re.IGNORECASE)
_HANDLE = re.compile(r"(?<![\w@./])@\w[\w.-]{0,60}(?:@(?:[\w-]{1,63}\.){1,5}[a-z]{2,24})?", re.IGNORECASE)
_DIGITS = re.compile(r"(?<!\d)\d(?:[ .\u00a0\u202f-]?\d){11,}")
_GROUP = re.compile(r"\d+")
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?=[ A-Za-z0-9-])")
_PHONE = re.compile(r"(?<![\w+#/.-])(?:\+\s?|\()?\d(?:[ .()/\u00a0\u202f-]{0,3}\d){6,15}(?!\w|[.,/-]\d)")
_STREETS = (
    "Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Way|Close|Court|Ct|Crescent|Square|Terrace|Boulevard|Blvd|Place"
    "|Gardens|Row|Mews|Hill|Grove|Parkway|Pkwy"
)
_ADDRESS = re.compile(
    rf"(?<![\w#/-])\d{{1,5}}[A-Za-z]?,?\s(?:[A-Z][\w'’-]{{0,30}}\s){{1,3}}(?:{_STREETS})\b"
    r"|(?<![\w#/-])\d{1,4}\s?(?:bis|ter|quater)?,?\s(?:"
    r"(?i:rue|avenue|av\.|boulevard|bd|chemin|impasse|all[ée]e)\s(?:(?:de|du|des|la|le|les)\s){0,2}[\w'’-]{2,40}"
    r"|(?i:place|quai|route|cours|square|passage|faubourg|r[ée]sidence)\s(?:(?:de|du|des|la|le|les)\s){0,2}"
    r"(?:[dl]['’])?[A-ZÀ-Ý][\w'’-]{1,40})(?:\s[A-ZÀ-Ý][\w'’-]{1,30}){0,3}"
)
_CODE = re.compile(r"(?<![\w/-])#?[A-Za-z0-9]{1,24}(?:[-/][A-Za-z0-9]{1,24}){0,4}(?![\w-])")


@cache
def _shapes() -> dict[str, Any]:
    """Words of mailboxes that are nobody's own, and the length of an IBAN by country."""
    return tomllib.loads((files("moderation.guards") / "data" / "shapes.toml").read_text("utf-8"))


def places(text: str, hosts: frozenset[str] = frozenset()) -> tuple[Place, ...]:
    """Every place of a known shape, in the order of the text, none over another. `hosts` are the brand's own sites."""
    taken = bytearray(len(text))
    found = []
    for kind, spans in _SHAPES:
        for start, end in spans(text):
            if not any(taken[start:end]):
                taken[start:end] = b"\1" * (end - start)
                found.append(Place(_nearer(kind, text[start:end], hosts), start, end))
    return tuple(sorted(found, key=lambda place: place.start))


def web_links(text: str) -> tuple[tuple[int, int], ...]:
    """Where each http(s) link stands, without the marks of the sentence around it."""
    return tuple((start, end) for start, end in _links(text) if text[start : start + 4].lower() == "http")


def _nearer(kind: Kind, words: str, hosts: frozenset[str]) -> Kind:
    if kind is Kind.LINK and _is_own(words, hosts):
        return Kind.OWN
    shared = (kind is Kind.MAIL and _is_shared(words)) or (kind is Kind.PHONE and _is_service(words))
    return Kind.DESK if shared else kind


def _is_own(link: str, hosts: frozenset[str]) -> bool:
    try:
        parts = urlsplit(link if "://" in link else f"https://{link}")
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return False
    return any(host == own or host.endswith(f".{own}") or parts.netloc == own for own in hosts)


def _links(text: str) -> Spans:
    for match in _LINK.finditer(text):
        link = match[0].rstrip(".,;:!?…'’*_")
        while link.endswith((")", "]")) and link.count(link[-1]) > link.count("(" if link[-1] == ")" else "["):
            link = link[:-1].rstrip(".,;:!?…'’*_")
        yield match.start(), match.start() + len(link)


def _matching(pattern: re.Pattern[str], sound: Callable[[str], bool] = bool) -> Callable[[str], Spans]:
    def spans(text: str) -> Spans:
        return (match.span() for match in pattern.finditer(text) if sound(match[0]))

    return spans


def _ibans(text: str) -> Spans:
    """The country says how long one is; ISO 7064 says whether its check digits hold."""
    lengths = _shapes()["iban"]
    for match in _IBAN.finditer(text):
        wanted = lengths.get(match[0][:2].upper(), 0)
        signs, end = "", match.start()
        while end < len(text) and len(signs) < wanted and (text[end].isalnum() or text[end] in " -\u00a0\u202f"):
            signs += text[end] if text[end].isalnum() else ""
            end += 1
        if wanted and len(signs) == wanted and not text[end : end + 1].isalnum() and iban_holds(signs):
            yield match.start(), end


def iban_holds(signs: str) -> bool:
    """Whether the check digits of an IBAN without spaces are right (ISO 7064, mod 97-10)."""
    moved = (signs[4:] + signs[:4]).upper()
    return moved.isascii() and moved.isalnum() and int("".join(str(int(sign, 36)) for sign in moved)) % 97 == 1


def _cards(text: str) -> Spans:
    """Groups of digits side by side that together are a card number, wherever they begin in a longer row."""
    for row in _DIGITS.finditer(text):
        groups = [match.span() for match in _GROUP.finditer(text, *row.span())]
        for first, (start, _) in enumerate(groups):
            digits = ""
            for begin, end in groups[first : first + 19]:
                digits += text[begin:end]
                if len(digits) > 19:
                    break
                if len(digits) >= 13 and digits[0] in "23456" and luhn_holds(digits):
                    yield start, end


def luhn_holds(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1)."""
    doubled = [int(d) * (1 + place % 2) for place, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def _is_phone(words: str) -> bool:
    """International with a plus; national with the first zero of Europe; in America's groups of 3, 3 and 4."""
    digits = re.sub(r"\D", "", words)
    if words.startswith("+"):
        return 8 <= len(digits) <= 15
    if digits.startswith("00"):
        return 10 <= len(digits) <= 17
    if digits.startswith("0"):
        return 10 <= len(digits) <= 11
    groups = [len(group) for group in re.findall(r"\d+", words)]
    return groups in ([3, 3, 4], [1, 3, 3, 4]) and digits[-10] in "23456789"


def _is_service(words: str) -> bool:
    """Whether a telephone number is a company's by its prefix: free or shared-cost lines of Europe and America."""
    digits = re.sub(r"^(?:00)?(?:33|44|1)(?=[38]\d{8,9}$)", "", re.sub(r"\D", "", words))
    return bool(re.match(r"0?(?:8\d\d|3\d\d|969)\d{6,7}$|1?8(?:00|33|44|55|66|77|88)\d{7}$", digits))


def _is_shared(address: str) -> bool:
    """Whether an e-mail address is a desk's, by the words of its name."""
    name = re.split(r"@|[\[({\s]", fold(address))[0]
    parts = [part for part in re.split(r"[._+-]|\d+", name) if part]
    return bool(parts) and all(part in _shapes()["mailboxes"] for part in parts)


def _is_code(words: str) -> bool:
    """An order number or code of an offer: many digits, or capitals with digits among them."""
    digits, letters = sum(c.isdigit() for c in words), sum(c.isalpha() for c in words)
    mixed = digits > 0 and letters > 0 and digits + letters >= 5 and (words.upper() == words or digits >= 4)
    return digits >= 5 or mixed


_SHAPES: tuple[tuple[Kind, Callable[[str], Spans]], ...] = (
    (Kind.MAIL, _matching(_MAIL)),
    (Kind.LINK, _links),
    (Kind.HANDLE, _matching(_HANDLE)),
    (Kind.IBAN, _ibans),
    (Kind.CARD, _cards),
    (Kind.DATE, _matching(_DATE)),
    (Kind.AMOUNT, _matching(AMOUNT)),
    (Kind.PHONE, _matching(_PHONE, _is_phone)),
    (Kind.ADDRESS, _matching(_ADDRESS)),
    (Kind.CODE, _matching(_CODE, _is_code)),
)
