"""Passwords: kept as scrypt hashes, made so that a person can type them from a screen."""

from __future__ import annotations

import secrets
from functools import cache

from werkzeug.security import check_password_hash, generate_password_hash

from moderation.errors import BadInput

MIN_LENGTH = 12
MAX_LENGTH = 200
#: Cost, block size, rounds: as OWASP advises for this cost.
METHOD = "scrypt:32768:8:3"
_FIRST, _SECOND = "bdfgjklmnprstvz", "aeiou"


class WeakPassword(BadInput):
    """A password that is not taken; `why` is "length" or "repeats"."""

    def __init__(self, why: str, words: str) -> None:
        super().__init__(words)
        self.why = why


def hash_password(password: str) -> str:
    """A salted hash. Raises WeakPassword for a password that is too short, absurdly long or one sign over and over."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise WeakPassword("length", f"A password needs {MIN_LENGTH} to {MAX_LENGTH} characters.")
    if len(set(password)) < 5:
        raise WeakPassword("repeats", "This password repeats the same few characters. Take another one.")
    return generate_password_hash(password, method=METHOD)


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
