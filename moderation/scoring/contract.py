"""The one protocol every scorer keeps: a batch of texts in; scores with reasons and a version out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Text:
    """What a scorer sees of a message.

    `language` is what the platform declared ("" when it declared nothing); a scorer may trust its own reading more.
    """

    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that moved a score, said so that a person can check it.

    `code` names a sentence in `moderation/scoring/words.py` (English and French); `quote` is the part of the
    message it rests on ("" when it is not a part of the message); `weight` is signed: below zero it speaks against.
    """

    code: str
    quote: str = ""
    weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Score:
    """`toxicity` and `urgency` in [0, 1]; `sentiment` in [-1, 1]; `language` ISO 639-1 or "und".

    `rules` are the codes of the rules that matched ("safety", "threat", "legal", "self_harm"): always past the cut.
    `scorer` is "name@version": a score is never compared with one of another version.
    """

    toxicity: float
    urgency: float
    sentiment: float
    language: str
    reasons: tuple[Reason, ...]
    scorer: str
    rules: tuple[str, ...] = ()


@runtime_checkable
class Scorer(Protocol):
    """Pure and thread-safe once built. Raises ScorerError at construction, never in the middle of a batch."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    def score(self, texts: Sequence[Text]) -> list[Score]:
        """One score a text, in order. Empty and hostile texts (nulls, 1 MB, any Unicode) get a score, too."""
        ...
