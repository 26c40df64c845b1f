"""The scorer in the box: English and French, numpy only, nothing to download."""

from __future__ import annotations

import re
from collections.abc import Sequence

from moderation.scoring.contract import Score, Text
from moderation.scoring.linear import LANGUAGES, Judged, LinearReader, Model, Placed, Triple, load_model
from moderation.scoring.normalise import clip
from moderation.scoring.reasons import explain
from moderation.scoring.rules import Hit, RuleBook, packaged_rules

RULE_URGENCY, RULE_TOXICITY = 0.9, 0.7
SURE = 0.7
_OTHER_LETTER = re.compile(r"[^\W\d_\u0000-\u024f]")


class EmbeddedScorer:
    """See `contract.Scorer`."""

    name = "embedded"

    def __init__(self, model: Model | None = None, rules: RuleBook | None = None) -> None:
        self.reader = LinearReader(model or load_model())
        self.rules = rules or packaged_rules()
        self.version = self.reader.model.version
        self._signature = f"{self.name}@{self.version}"

    def score(self, texts: Sequence[Text]) -> list[Score]:
        placed = [self.reader.place(text.text) for text in texts]
        judged = self.reader.judge(placed)
        return [self._one(*row) for row in zip(texts, placed, judged, strict=True)]

    def _one(self, text: Text, placed: list[Placed], judged: Judged) -> Score:
        if not any(token.readings for token in placed):
            return self._nothing_said(text)
        hits = self.rules.match(placed)
        toxicity, urgency = raise_for(hits, judged.chances[0], judged.chances[1])
        return Score(
            toxicity=toxicity,
            urgency=urgency,
            sentiment=round(2 * judged.chances[2] - 1, 4),
            language=self._language(text, placed, judged.languages),
            reasons=explain(clip(text.text), placed, hits, *judged.chances[:2]),
            scorer=self._signature,
            rules=tuple(hit.category for hit in hits),
        )

    def _nothing_said(self, text: Text) -> Score:
        return Score(0.0, 0.0, 0.0, declared_language(text), (), self._signature)

    def _language(self, text: Text, placed: list[Placed], chances: Triple) -> str:
        """Our own reading where it is sure; else what the platform declared; else "und"."""
        fallback = declared_language(text)
        if not any(reading.text.isalpha() for token in placed for reading in token.readings):
            return fallback
        if _mostly_other_script(text.text[:400]):
            return "und"
        surest = max(chances)
        return LANGUAGES[chances.index(surest)] if surest >= SURE else fallback


def declared_language(text: Text) -> str:
    declared = text.language.lower()[:2]
    return declared if declared in ("en", "fr") else "und"


def raise_for(hits: Sequence[Hit], toxicity: float, urgency: float) -> tuple[float, float]:
    """A rule passes the cut always; a threat is hostile, too."""
    if not hits:
        return toxicity, urgency
    threat = any(hit.category == "threat" for hit in hits)
    return max(toxicity, RULE_TOXICITY) if threat else toxicity, max(urgency, RULE_URGENCY)


def _mostly_other_script(text: str) -> bool:
    if text.isascii():
        return False
    others = len(_OTHER_LETTER.findall(text))
    return bool(others) and 2 * others > sum(map(str.isalpha, text))
