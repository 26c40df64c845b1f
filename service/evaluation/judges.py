"""Whatever ranks texts: the registered scorers, and baselines that show what their work is worth.

A judge gives one number a text for a head, higher for more, or None for a head or a set that it cannot judge.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from moderation.errors import ScorerError
from moderation.scoring import registry
from moderation.scoring.contract import Score, Scorer, Text
from service.evaluation.sets import LabelledSet
from service.scorers import scorer_named

Floats = npt.NDArray[np.float64]
BATCH = 64


@dataclass(frozen=True, slots=True)
class Judge:
    """`chances` says whether the numbers are probabilities, so that their calibration can be measured."""

    name: str
    judge: Callable[[LabelledSet], Floats | None]
    chances: bool = False


class Scored:
    """The scores of every text that any judge asked for, each text once a scorer, and the seconds that it took."""

    def __init__(self, scorers: Sequence[Scorer], progress: Callable[[str], None]) -> None:
        self.scorers = {scorer.name: scorer for scorer in scorers}
        self.texts = dict.fromkeys(self.scorers, 0)
        self.seconds = dict.fromkeys(self.scorers, 0.0)
        self._known: dict[tuple[str, Text], Score] = {}
        self._progress = progress

    def of(self, name: str, texts: Sequence[Text]) -> list[Score]:
        new = list(dict.fromkeys(text for text in texts if (name, text) not in self._known))
        if new:
            self._progress(f"{name}: {len(new)} texts")
        started = time.process_time()
        for start in range(0, len(new), BATCH):
            batch = new[start : start + BATCH]
            for text, score in zip(batch, self.scorers[name].score(batch), strict=True):
                self._known[name, text] = replace(score, reasons=())
        self.seconds[name] += time.process_time() - started
        self.texts[name] += len(new)
        return [self._known[name, text] for text in texts]

    def head(self, name: str, head: str, texts: Sequence[Text]) -> Floats:
        return np.array([getattr(score, head) for score in self.of(name, texts)])


def build_scorers(wanted: Sequence[str]) -> tuple[list[Scorer], list[str]]:
    """The scorers that can be built here, and why the others cannot."""
    built, problems = [], []
    for name in wanted or registry.names():
        try:
            built.append(scorer_named(name))
        except ScorerError as error:
            problems.append(f"{name}: {error}")
    return built, problems


def judges(scored: Scored, sets: Sequence[LabelledSet]) -> tuple[list[Judge], list[str]]:
    """Scorers, their average where there are two, and baselines; with what is missing here."""
    names = list(scored.scorers)
    found = [Judge(name, partial(_scores, scored, (name,)), True) for name in names]
    members = tuple(name for name in names if name != "cascade")
    if len(members) > 1:
        found.append(Judge("average", partial(_scores, scored, members), True))
    found.append(Judge("perspective", lambda one: np.array(one.perspective) if one.perspective else None))
    if names:
        found.append(Judge("toxicity alone", partial(_toxicity_for_needs, scored, names[0])))
    found.append(Judge("first come", _first_come))
    return _with_learned(found, sets)


def _scores(scored: Scored, names: Sequence[str], one: LabelledSet) -> Floats:
    mean: Floats = np.mean([scored.head(name, one.head, one.texts) for name in names], axis=0)
    return mean


def _toxicity_for_needs(scored: Scored, name: str, one: LabelledSet) -> Floats | None:
    return scored.head(name, "toxicity", one.texts) if one.head == "urgency" else None


def _first_come(one: LabelledSet) -> Floats | None:
    return -np.arange(len(one.texts), dtype=float) if one.head == "urgency" else None


def _with_learned(found: list[Judge], sets: Sequence[LabelledSet]) -> tuple[list[Judge], list[str]]:
    """Baselines from development tools, left out with a word where they are not installed."""
    missing = []
    if importlib.util.find_spec("sklearn"):
        found.append(Judge("n-grams", _NGrams(sets)))
    else:
        missing.append("n-grams: scikit-learn is not installed (make test installs it)")
    if importlib.util.find_spec("sklearn") and importlib.util.find_spec("profanity_check"):
        found.append(Judge("alt-profanity-check", _profanity_check))
    else:
        missing.append("alt-profanity-check is not installed (make test installs it)")
    return found, missing


def _profanity_check(one: LabelledSet) -> Floats | None:
    if one.head != "toxicity" or one.language != "en":
        return None
    from profanity_check import predict_prob

    return np.asarray(predict_prob([text.text for text in one.texts]), dtype=float)


class _NGrams:
    """Logistic regression over TF-IDF of letter and word n-grams, from the same sets that trained the scorers."""

    def __init__(self, sets: Sequence[LabelledSet]) -> None:
        self._sets = sets
        self._fitted: dict[str, Any] = {}

    def __call__(self, one: LabelledSet) -> Floats | None:
        if one.head not in self._fitted:
            self._fitted[one.head] = self._fit(one.head)
        fitted = self._fitted[one.head]
        texts = [text.text for text in one.texts]
        return None if fitted is None else np.asarray(fitted.predict_proba(texts)[:, 1], dtype=float)

    def _fit(self, head: str) -> Any:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline, make_union

        rows = [row for one in self._sets if one.head == head for row in one.training]
        if len({label for _, label in rows}) < 2:
            return None
        letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), min_df=3, sublinear_tf=True)
        words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
        model = make_pipeline(make_union(letters, words), LogisticRegression(C=3.0, max_iter=300, random_state=0))
        return model.fit([text for text, _ in rows], [label for _, label in rows])
