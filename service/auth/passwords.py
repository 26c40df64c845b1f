"""Passwords: kept as scrypt hashes, made so that a person can type them from a screen.

What is easy to guess is not taken. zxcvbn (Wheeler, USENIX Security 2016) says how easy: it knows the passwords and
words that are common, keys in a row, dates, and what people put in the place of letters.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from functools import cache
from threading import Lock

from werkzeug.security import check_password_hash, generate_password_hash
from zxcvbn import zxcvbn

from moderation.errors import BadInput

MIN_LENGTH = 12
MAX_LENGTH = 200
#: Cost, block size, rounds: as OWASP advises for this cost.
METHOD = "scrypt:32768:8:3"
#: Of 0 to 4: it takes at least 10^8 guesses, which zxcvbn calls safe where each guess costs a slow hash.
LEAST_SCORE = 3
#: zxcvbn takes time by the square of the length, and reads no more than this.
_READ = 72
#: Words that no password may be made of, beside the names of the person and the house: those of this trade, and what
#: French people take where zxcvbn knows the English word only.
COMMON = (
    *("tenth", "admin", "owner", "manager", "support", "service", "community", "forum", "desk", "password"),
    *("motdepasse", "mdp", "azerty", "azertyuiop", "qsdfghjklm", "wxcvbn", "bonjour", "soleil", "jetaime"),
)
#: What is beside such words has at least as many letters.
_OTHER_LETTERS = 4
_FIRST, _SECOND = "bdfgjklmnprstvz", "aeiou"
_lock = Lock()  # zxcvbn keeps the words it was given in a place that all threads share


class WeakPassword(BadInput):
    """A password that is not taken: too short, too long, or easy to guess."""


def hash_password(password: str, words: Iterable[str] = ()) -> str:
    """A salted hash. `words` are names of the person and the house, which are no secrets.

    Raises WeakPassword for a password that is too short, absurdly long, one sign over and over, or easy to guess.
    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise WeakPassword(f"A password needs {MIN_LENGTH} to {MAX_LENGTH} characters.")
    if len(set(password)) < 5:
        raise WeakPassword("This password repeats the same few characters. Take another one.")
    if is_common(password, words):
        raise WeakPassword(
            "common", "This password is easy to guess. Take, say, four words that have nothing in common."
        )
    return generate_password_hash(password, method=METHOD)


def is_common(password: str, words: Iterable[str] = ()) -> bool:
    """Whether a password is among the first that somebody would try who knows these words."""
    pieces = {piece for word in words for piece in (word, *re.split(r"\W+|_", word)) if len(piece) > 2}
    known = [*COMMON, *sorted(piece.lower() for piece in pieces)]
    if _is_made_of(password.lower(), known):
        return True
    with _lock:
        found = zxcvbn(password[:_READ], user_inputs=known)
    return bool(found["score"] < LEAST_SCORE)


def _is_made_of(password: str, known: list[str]) -> bool:
    """Whether a password is known words, with a year or a sign perhaps."""
    left = re.sub("|".join(re.escape(word) for word in sorted(known, key=len, reverse=True)), "", password)
    return left != password and sum(c.isalpha() for c in left) < _OTHER_LETTERS


def matches(kept: str | None, password: str) -> bool:
    """Whether the password is right. No hash (an unknown name) costs the same work, so that time says nothing."""
    right = check_password_hash(kept or _nobody(), password[:MAX_LENGTH])
    return right and kept is not None and len(password) <= MAX_LENGTH


def make_password() -> str:
    """Five groups of syllables: about 62 random bits."""
    groups = ("".join(secrets.choice(_FIRST) + secrets.choice(_SECOND) for _ in range(2)) for _ in range(5))
    return "-".join(groups)


@cache
def _nobody() -> str:
    return generate_password_hash(secrets.token_urlsafe(16), method=METHOD)
