"""The scorer in the box: English and French, numpy only, nothing to download."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_

from moderation.scoring.contract import CLASSES, INTENTS, Reason, Score, Text
from moderation.scoring.linear import LANGUAGES, Judged, LinearReader, Model, Token, load_model, place
from moderation.scoring.normalise import clip
from moderation.scoring.readable import other_script
from moderation.scoring.reasons import explain
from moderation.scoring.rules import Hit, RuleBook, packaged_rules

RULE_URGENCY, RULE_TOXICITY = 0.9, 0.7
SURE = 0.7


class EmbeddedScorer:
    """See `contract.Scorer`."""

    name = "embedded"

    def __init__(self, model: Model | None = None, rules: RuleBook | None = None) -> None:
        self.rules = rules or packaged_rules()
        self.reader = LinearReader(model or load_model(), self.rules.needs_met)
        self.version = self.reader.model.version
        self._signature = f"{self.name}@{self.version}"

    def score(self, texts: Sequence[Text]) -> list[Score]:
        batch = self.reader.read([clip(text.text) for text in texts])
        judged = self.reader.judge(batch)
        return [self._one(*row) for row in zip(texts, batch.texts, judged, strict=True)]

    def _one(self, text: Text, tokens: list[Token], judged: Judged) -> Score:
        if not any(token.readings for token in tokens):
            return self._nothing_said(text)
        hits, reasons = self._looked_at(clip(text.text), tokens, judged.chances)
        toxicity, urgency = raise_for(hits, judged.chances[0], judged.chances[1])
        return Score(
            toxicity,
            urgency,
            round(2 * judged.chances[2] - 1, 4),
            self._language(text, tokens, judged.languages),
            reasons,
            self._signature,
            tuple(hit.category for hit in hits),
            dict(zip(CLASSES, judged.chances[3:], strict=False)),
            dict(zip(INTENTS, judged.chances[3 + len(CLASSES) :], strict=True)),
        )

    def _looked_at(
        self, text: str, tokens: list[Token], chances: Sequence[float]
    ) -> tuple[list[Hit], tuple[Reason, ...]]:
        """Rules and reasons, for a text that has any: most have not."""
        wanted = self.rules.wanted(reduce(or_, [token.facts for token in tokens]))
        hits = self.rules.search(place(text, tokens), wanted) if wanted else []
        return hits, explain(text, tokens, hits, chances[0], chances[1])

    def _nothing_said(self, text: Text) -> Score:
        silence = dict.fromkeys(CLASSES, 0.0), dict.fromkeys(INTENTS, 0.0)
        return Score(0.0, 0.0, 0.0, declared_language(text), (), self._signature, (), *silence)

    def _language(self, text: Text, tokens: list[Token], chances: Sequence[float]) -> str:
        """Our own reading where it is sure; else what the platform declared; else "und"."""
        fallback = declared_language(text)
        if not any(word.text.isalpha() for token in tokens for word in token.readings):
            return fallback
        if other_script(text.text[:400]):
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
