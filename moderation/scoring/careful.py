"""The careful scorer: slower than the one that reads everything, and better with what it has never met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from moderation.errors import ScorerError
from moderation.scoring.contract import CLASSES, INTENTS, Reason, Score, Text
from moderation.scoring.cores import cores
from moderation.scoring.embedded import declared_language, raise_for
from moderation.scoring.encoder import EXPLAINED, JUDGED, LANGUAGES, Encoder, Reading, load_encoder
from moderation.scoring.normalise import clip
from moderation.scoring.readable import Readable, other_script, readable
from moderation.scoring.reasons import NEED, ROUGH, explain
from moderation.scoring.rules import Hit, RuleBook, packaged_rules

if TYPE_CHECKING:
    from moderation.scoring.linear import Placed

SETTINGS = ("threads",)
SURE = 0.7


def build_careful(settings: Mapping[str, str]) -> CarefulScorer:
    """`threads`: how many cores one call may use; 1 where nothing is said."""
    raw = settings.get("threads", "1")
    if not raw.isascii() or not raw.isdigit() or not 1 <= int(raw) <= cores():
        raise ScorerError(f"threads of the careful scorer is a number from 1 to {cores()}, not {raw!r}")
    return CarefulScorer(load_encoder(threads=int(raw)))


class CarefulScorer:
    """See `contract.Scorer`."""

    name = "careful"

    def __init__(self, encoder: Encoder | None = None, rules: RuleBook | None = None) -> None:
        self.encoder = encoder or load_encoder()
        self.rules = rules or packaged_rules()
        self.version = self.encoder.version
        self._signature = f"{self.name}@{self.version}"

    def score(self, texts: Sequence[Text]) -> list[Score]:
        """Identical texts are read once."""
        plain = [readable(text) for text in dict.fromkeys(text.text for text in texts)]
        read = self.encoder.read([text.text for text in plain])
        known = dict(zip(dict.fromkeys(text.text for text in texts), zip(plain, read, strict=True), strict=True))
        return [self._one(text, *known[text.text]) for text in texts]

    def _one(self, text: Text, plain: Readable, read: Reading) -> Score:
        if not any(token.readings for token in plain.tokens):
            return Score(0.0, 0.0, 0.0, declared_language(text), (), self._signature)
        logits = read.logits()
        language = _language(text, plain, logits[len(JUDGED) :])
        slope, offset = (table[LANGUAGES.index(language)] for table in (self.encoder.slope, self.encoder.offset))
        chances = _chances(logits[: len(JUDGED)] * slope + offset)
        hits = self.rules.match(plain.tokens)
        toxicity, urgency = raise_for(hits, chances["toxicity"], chances["urgency"])
        return Score(
            toxicity=toxicity,
            urgency=urgency,
            sentiment=round(2 * chances["sentiment"] - 1, 4),
            language=language,
            reasons=_reasons(text, plain, read, hits, (chances["toxicity"], chances["urgency"]), slope),
            scorer=self._signature,
            rules=tuple(hit.category for hit in hits),
            classes={name: chances[name] for name in CLASSES},
            intents={name: chances[name] for name in INTENTS},
        )


def _chances(sums: npt.NDArray[np.float32]) -> dict[str, float]:
    rounded = np.round(1 / (1 + np.exp(-np.clip(sums.astype(float), -30, 30))), 4)
    return dict(zip(JUDGED, rounded.tolist(), strict=True))


def _language(text: Text, plain: Readable, logits: npt.NDArray[np.float32]) -> str:
    """Our own reading where it is sure; else what the platform declared; "und" in a script that we cannot read."""
    if other_script(plain.text):
        return "und"
    chances = np.exp(logits - logits.max())
    surest = int(chances.argmax())
    return LANGUAGES[surest] if chances[surest] >= SURE * chances.sum() else declared_language(text)


def _reasons(
    text: Text,
    plain: Readable,
    read: Reading,
    hits: Sequence[Hit],
    scores: tuple[float, float],
    slope: npt.NDArray[np.float32],
) -> tuple[Reason, ...]:
    """As `reasons.explain` finds them, from the network's own sums."""
    raised = scores[0] >= ROUGH or scores[1] >= NEED
    pulls = _pulls(plain, read, slope) if raised else np.zeros((len(plain.tokens), EXPLAINED))
    placed = [token._replace(pull=pull) for token, pull in zip(plain.tokens, pulls.tolist(), strict=True)]
    return explain(clip(text.text), cast("list[Placed]", placed), hits, *scores)


def _pulls(plain: Readable, read: Reading, slope: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """(tokens, EXPLAINED): what the pieces of each token add in the window that speaks loudest, times what `explain`
    divides by."""
    owners = np.array([plain.token_at(end - 1) for end in read.ends])
    pulls = np.zeros((len(plain.tokens), EXPLAINED))
    for head in range(EXPLAINED):
        loudest = max(read.windows, key=lambda window: float(window.logits[head]))
        there = owners[loudest.first : loudest.first + len(loudest.added)]
        np.add.at(pulls[:, head], there, loudest.added[:, head] * slope[head])
    pulls *= max(1, sum(bool(token.readings) for token in plain.tokens)) ** 0.5
    return pulls
