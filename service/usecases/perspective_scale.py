"""Perspective's scale: which figure of a score answers which attribute, and the curve that takes ours onto theirs.

A scorer's chances may be squeezed: calibrated where hostile messages are rare, a plain insult may stand at .5. Callers
of the Perspective API have thresholds of .7 to .9 in their settings, so two points are held fast: a plain example of
the attribute stands at `HIGH` or above, the loudest of plain thanks at `LOW` or below. Between them the curve is
straight in log odds, hence monotone: it moves no ranking. A scorer that keeps both points as it is stays as it is.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log

from moderation.scoring.contract import Score, Scorer, Text

TOXICITY = "TOXICITY"
#: Attribute -> the figure of a score that answers it: its toxicity, or one of its classes.
FIGURES: Mapping[str, str] = {
    TOXICITY: "toxicity",
    "SEVERE_TOXICITY": "severe",
    "IDENTITY_ATTACK": "identity_attack",
    "INSULT": "insult",
    "PROFANITY": "profanity",
    "THREAT": "threat",
}
HIGH, LOW = 0.88, 0.18
APART = 0.05
EDGE = 1e-4
GRID = 64

_INSULTS = (
    "You are an idiot.",
    "You are a stupid moron.",
    "What a pathetic loser you are.",
    "Shut up, you dumb fool.",
    "Tu es un idiot.",
    "Espèce de connard.",
    "Ferme-la, pauvre imbécile.",
    "Quel crétin tu fais.",
)
_SEVERE = (
    "Fuck you, you worthless piece of shit, go and die.",
    "I hope you die, you fucking bitch.",
    "Kill yourself, you disgusting piece of trash.",
    "Va crever, espèce de sale merde.",
    "Crève, sale pute.",
    "J'espère que tu vas crever, gros connard de merde.",
)
_IDENTITY = (
    "Muslims are animals, throw them all out.",
    "All gay people are disgusting.",
    "Jews are vermin.",
    "Black people are stupid monkeys.",
    "Les musulmans sont des animaux, dehors.",
    "Les homosexuels sont tous dégoûtants.",
    "Les juifs sont de la vermine.",
    "Sale Arabe, rentre dans ton pays.",
)
_SWEARING = (
    "This is fucking bullshit.",
    "Fuck off.",
    "What the fuck is this shit?",
    "Putain de merde.",
    "C'est de la merde, bordel.",
    "Va te faire foutre.",
)
_THREATS = (
    "I will kill you.",
    "I am going to break your legs.",
    "I will find you and hurt you.",
    "Je vais te tuer.",
    "Je vais te casser la gueule.",
    "On va te retrouver et te faire du mal.",
)
_THANKS = (
    "Thanks!",
    "Thank you very much, that helps.",
    "Many thanks for your help.",
    "Have a nice day.",
    "Merci beaucoup !",
    "Merci, ça marche.",
    "Merci pour votre aide.",
    "Bonne journée à tous.",
)
_PLAIN: Mapping[str, tuple[str, ...]] = {
    TOXICITY: _INSULTS,
    "SEVERE_TOXICITY": _SEVERE,
    "IDENTITY_ATTACK": _IDENTITY,
    "INSULT": _INSULTS,
    "PROFANITY": _SWEARING,
    "THREAT": _THREATS,
}


@dataclass(frozen=True, slots=True)
class Curve:
    """A monotone curve from [0, 1] onto [0, 1]: straight between its points. `xs` rise, `ys` never fall."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]

    @classmethod
    def through(cls, points: Iterable[tuple[float, float]]) -> Curve:
        """Through points in [0, 1], in any order, and through both corners where no point stands at that end."""
        found: dict[float, float] = {0.0: 0.0, 1.0: 1.0}
        highest = 0.0
        for x, y in sorted(points):
            highest = max(highest, min(1.0, max(0.0, y)))
            found[min(1.0, max(0.0, x))] = highest
        found[1.0] = max(found[1.0], highest)
        return cls(*zip(*sorted(found.items()), strict=True))

    def __call__(self, value: float) -> float:
        return _between(self.xs, self.ys, bisect_right(self.xs, value), value)

    def back(self, value: float) -> float:
        """The least score that the curve takes to `value` or above."""
        return _between(self.ys, self.xs, bisect_left(self.ys, value), value)

    @property
    def points(self) -> list[list[float]]:
        return [list(point) for point in zip(self.xs, self.ys, strict=True)]


def _between(xs: Sequence[float], ys: Sequence[float], right: int, value: float) -> float:
    if right <= 0:
        return ys[0]
    if right >= len(xs):
        return ys[-1]
    x, y = xs[right - 1], ys[right - 1]
    return y + (ys[right] - y) * (value - x) / (xs[right] - x)


SAME = Curve((0.0, 1.0), (0.0, 1.0))


@dataclass(frozen=True, slots=True)
class Scale:
    """A curve for each attribute that the scorer judges; what has none is not offered."""

    scorer: str
    curves: Mapping[str, tuple[Curve, ...]]

    def value(self, score: Score, attribute: str) -> float | None:
        """A score on Perspective's scale, in [0, 1]; None where the scorer does not judge the attribute."""
        found, curves = figure(score, attribute), self.curves.get(attribute)
        if found is None or curves is None:
            return None
        for curve in curves:
            found = curve(found)
        return found

    def with_maps(self, installed: Mapping[str, Curve]) -> Scale:
        """The same with curves that were fitted to what this scale gives."""
        return Scale(self.scorer, {a: (*c, installed[a]) if a in installed else c for a, c in self.curves.items()})


def figure(score: Score, attribute: str) -> float | None:
    """What the scorer itself says, in [0, 1]; None where it does not judge the attribute."""
    name = FIGURES[attribute]
    return score.toxicity if attribute == TOXICITY else score.classes.get(name)


def shipped_scale(scorer: Scorer) -> Scale:
    """The scale of a scorer out of the box, measured on the plain sentences above."""
    thanks = scorer.score([Text(text) for text in _THANKS])
    curves = {}
    for attribute, texts in _PLAIN.items():
        plain = [figure(score, attribute) for score in scorer.score([Text(text) for text in texts])]
        calm = [figure(score, attribute) for score in thanks]
        high, low = [v for v in plain if v is not None], [v for v in calm if v is not None]
        if high and low:
            curves[attribute] = (anchored(max(low), _lower_quarter(high)),)
    return Scale(f"{scorer.name}@{scorer.version}", curves)


def anchored(low: float, high: float) -> Curve:
    """The curve that takes `low` down to LOW and `high` up to HIGH; the straight one where nothing is to be done, and
    where the two are closer than `APART`: such a scorer cannot tell them, and no curve can make it.
    """
    if (low <= LOW and high >= HIGH) or high - low < APART:
        return SAME
    bottom, top = _odds(min(low, LOW)), _odds(max(high, HIGH))
    slope = (top - bottom) / (_odds(high) - _odds(low))
    start = top - slope * _odds(high)
    grid = (low, high, *(n / GRID for n in range(1, GRID)))
    return Curve.through((x, _chance(start + slope * _odds(x))) for x in grid)


def _lower_quarter(values: Sequence[float]) -> float:
    """A quarter of the values stand below it."""
    return sorted(values)[round((len(values) - 1) / 4)]


def _odds(chance: float) -> float:
    inside = min(1 - EDGE, max(EDGE, chance))
    return log(inside / (1 - inside))


def _chance(odds: float) -> float:
    return 1 / (1 + exp(-odds))
