"""The cascade: the fast scorer reads everything; slower ones read again what is near a decision.

Each member after the first reads the texts whose score, as it stands after the members before, lies within a band of
toxicity or urgency. What it says is averaged in (mean of log-odds over those who spoke) or takes the place of what
stood. A score's `scorer` names those who spoke, in order: "embedded+careful@<version of the cascade>".
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from moderation.errors import ScorerError
from moderation.scoring.bands import BANDS, BLEND, BLENDS, HEADS, MEMBERS, Band, read_bands
from moderation.scoring.contract import Score, Scorer, Text
from moderation.scoring.embedded import RULE_TOXICITY, RULE_URGENCY

NAME = "cascade"
SETTINGS = ("members", "bands", "blend")
#: Members whose urgency is the first's own: they are asked, and heard, about tone only.
TONE_ONLY = frozenset({"detoxify", "detoxify-onnx"})
_SURE = 1e-4

Build = Callable[[str, Mapping[str, str]], Scorer]


@dataclass(slots=True)
class _Standing:
    """What is known of one text: the score as it stands, and what each member said so far."""

    score: Score
    said: list[tuple[str, Score]]


class CascadeScorer:
    """See `contract.Scorer`."""

    name = NAME

    def __init__(self, members: Sequence[Scorer], bands: Sequence[Band], blend: str = BLEND) -> None:
        if len(members) < 2 or len({member.name for member in members}) < len(members):
            raise ScorerError("a cascade has two members or more, each once")
        if members[0].name in TONE_ONLY:
            raise ScorerError(f"{members[0].name} judges tone only: it cannot be the first of a cascade")
        if blend not in BLENDS:
            raise ScorerError(f"a cascade blends by {' or '.join(BLENDS)}, not {blend!r}")
        self._first, self._slower = members[0], members[1:]
        self._bands, self._blend = tuple(bands), blend
        self.version = _version(members, self._bands, blend)

    def score(self, texts: Sequence[Text]) -> list[Score]:
        standing = [_Standing(score, [(self._first.name, score)]) for score in self._first.score(texts)]
        for member in self._slower:
            self._ask(member, texts, standing)
        return [self._signed(one) for one in standing]

    def _ask(self, member: Scorer, texts: Sequence[Text], standing: Sequence[_Standing]) -> None:
        heads = HEADS[:1] if member.name in TONE_ONLY else HEADS
        bands = [band for band in self._bands if band.head in heads]
        asked = [place for place, one in enumerate(standing) if any(band.holds(one.score) for band in bands)]
        if not asked:
            return
        for place, said in zip(asked, member.score([texts[place] for place in asked]), strict=True):
            standing[place].said.append((member.name, said))
            standing[place].score = self._joined(standing[place])

    def _joined(self, one: _Standing) -> Score:
        last = one.said[-1][1]
        on_tone = [said for _, said in one.said]
        on_need = [said for name, said in one.said if name not in TONE_ONLY]
        if self._blend == "replace":
            on_tone, on_need = on_tone[-1:], on_need[-1:]
        rules = one.said[0][1].rules
        toxicity = _mean([said.toxicity for said in on_tone])
        urgency = _mean([said.urgency for said in on_need])
        return replace(
            on_need[-1],
            toxicity=max(toxicity, RULE_TOXICITY) if "threat" in rules else toxicity,
            urgency=max(urgency, RULE_URGENCY) if rules else urgency,
            sentiment=round(sum(said.sentiment for said in on_need) / len(on_need), 4),
            reasons=last.reasons,
            rules=rules,
            classes=_means([said.classes for said in on_tone]),
            intents=_means([said.intents for said in on_need]),
        )

    def _signed(self, one: _Standing) -> Score:
        return replace(one.score, scorer="+".join(name for name, _ in one.said) + f"@{self.version}")


def build_cascade(settings: Mapping[str, str], build: Build) -> CascadeScorer:
    """Settings: `members`, names in order; `bands`, such as "toxicity 0.2-0.8, urgency 0.3-0.7"; `blend`.

    A member's own settings have its name in front: "detoxify-onnx.export".
    """
    names = [name.strip() for name in settings.get("members", MEMBERS).split(",") if name.strip()]
    if NAME in names:
        raise ScorerError("a cascade is no member of a cascade")
    _refuse_unknown(settings, names)
    members = [build(name, _own(settings, f"{name}.")) for name in names]
    return CascadeScorer(members, read_bands(settings.get("bands", BANDS)), settings.get("blend", BLEND))


def _refuse_unknown(settings: Mapping[str, str], names: Sequence[str]) -> None:
    unknown = sorted(name for name in settings if name not in SETTINGS and name.partition(".")[0] not in names)
    if unknown:
        raise ScorerError(f"scorer 'cascade' has no setting {', '.join(unknown)}; known: {', '.join(SETTINGS)}")


def _own(settings: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): value for name, value in settings.items() if name.startswith(prefix)}


def _version(members: Sequence[Scorer], bands: Sequence[Band], blend: str) -> str:
    """Eight digits: another member, version, band or blend gives another."""
    told = repr(([(member.name, member.version) for member in members], bands, blend))
    return hashlib.sha256(told.encode()).hexdigest()[:8]


def _mean(chances: Sequence[float]) -> float:
    """The mean of log-odds, as a chance; one alone stays as it is."""
    if len(chances) == 1:
        return chances[0]
    odds = [math.log(held / (1 - held)) for held in (min(max(chance, _SURE), 1 - _SURE) for chance in chances)]
    return round(1 / (1 + math.exp(-sum(odds) / len(odds))), 4)


def _means(said: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """By name, over those who judged it."""
    names = dict.fromkeys(name for one in said for name in one)
    return {name: _mean([one[name] for one in said if name in one]) for name in names}
