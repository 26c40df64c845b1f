"""Errors of the judgement. Each message says what is wrong and what to do.

TenthError
 ├── ScorerError      a scorer cannot be built: missing, wrong or unreadable files
 ├── NotAllowed       authorize() said no
 └── BadInput         something a person or a file gave us cannot be used
"""

from __future__ import annotations


class TenthError(Exception):
    """Base of every error that we raise on purpose; its text may be shown to a person."""


class ScorerError(TenthError):
    """A scorer cannot be built."""


class NotAllowed(TenthError):
    """The person, capability, subject and time do not go together."""


class BadInput(TenthError):
    """What was given cannot be used; the text says which part and what would be accepted."""
