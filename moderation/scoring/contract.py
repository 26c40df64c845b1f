"""The one protocol every scorer keeps: a batch of texts in; scores with reasons and a version out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

#: Kinds of toxicity beside toxicity itself. The names are the field's, as the Perspective API and Detoxify use them.
CLASSES = ("severe", "insult", "threat", "profanity", "identity_attack")
#: What a message is about, for the desk.
INTENTS = ("question", "bug", "complaint", "billing", "safety", "legal", "praise", "off_topic")


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
    `classes` has a chance in [0, 1] for each of `CLASSES`, `intents` for each of `INTENTS` (several may hold at once);
    each is empty where the scorer does not judge it.
    `scorer` is "name@version": a score is never compared with one of another version.
    """

    toxicity: float
    urgency: float
    sentiment: float
    language: str
    reasons: tuple[Reason, ...]
    scorer: str
    rules: tuple[str, ...] = ()
    classes: Mapping[str, float] = field(default_factory=dict)
    intents: Mapping[str, float] = field(default_factory=dict)


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
