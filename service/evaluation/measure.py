"""Rows of figures: every judge on every set, the functional suite, the triage of threads, speed and size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from moderation.evaluation import metrics
from moderation.evaluation.functional import LANGUAGES, FunctionalCase, functional_suite
from moderation.evaluation.metrics import Estimate, Flags, Floats
from moderation.scoring.contract import Score, Text
from service.evaluation.judges import Judge, Scored
from service.evaluation.sets import LabelledSet

#: Sets up to which every figure is given with its interval.
SMALL = 5000
#: The cut at which the functional suite is judged.
CUT = 0.5


@dataclass(frozen=True, slots=True)
class SetRow:
    """A judge on a set: in domain (a held-out fifth) or unseen. `ece` only for chances, `recall` only for needs."""

    kind: str
    name: str
    language: str
    head: str
    judge: str
    texts: int
    positives: int
    auc: Estimate
    average_precision: float
    best_f1: float
    ece: float | None
    recall: Estimate | None


@dataclass(frozen=True, slots=True)
class SuiteRow:
    """A scorer on one kind of the functional suite: how many of the labels it got right at the cut of 0.5."""

    language: str
    kind: str
    scorer: str
    cases: int
    toxicity: Estimate | None
    urgency: Estimate | None


@dataclass(frozen=True, slots=True)
class SuiteSummary:
    """A scorer on the whole suite of a language.

    `courtesy` counts emergencies that turned calm when "please", thanks or a brand name was added. `term_gaps` is, for
    each identity term in a neutral sentence, its toxicity less the mean of all of them.
    """

    language: str
    scorer: str
    cases: int
    toxicity_auc: Estimate
    urgency_auc: Estimate
    classes: Mapping[str, float]
    intents: Mapping[str, float]
    courtesy: int
    courtesy_cases: int
    term_gaps: Mapping[str, float]


def set_rows(sets: Sequence[LabelledSet], judges: Sequence[Judge]) -> Iterator[SetRow]:
    for one in sets:
        for judge in judges:
            scores = judge.judge(one)
            if scores is not None:
                yield _set_row(one, judge, scores)


def _set_row(one: LabelledSet, judge: Judge, scores: Floats) -> SetRow:
    return SetRow(
        "in domain" if one.in_domain else "unseen",
        one.name,
        one.language,
        one.head,
        judge.name,
        len(one.texts),
        int(one.labels.sum()),
        _estimate(metrics.auc, scores, one.labels),
        metrics.average_precision(scores, one.labels),
        metrics.best_f1(scores, one.labels),
        metrics.calibration_error(scores, one.labels) if judge.chances else None,
        metrics.recall_at_budget(scores, one.labels) if one.head == "urgency" else None,
    )


def _estimate(figure: Callable[[Floats, Flags], float], scores: Floats, labels: Flags) -> Estimate:
    if len(labels) <= SMALL:
        return metrics.bootstrap(figure, scores, labels)
    return Estimate(figure(scores, labels), float("nan"), float("nan"))


def mixed_rows(sets: Sequence[LabelledSet], judges: Sequence[Judge]) -> Iterator[SetRow]:
    for stream in streams(sets):
        for judge in judges:
            if judge.name != "first come" and (scores := judge.judge(stream)) is not None:
                yield _set_row(stream, judge, scores)


def streams(sets: Sequence[LabelledSet]) -> Iterator[LabelledSet]:
    """Needs in one stream of many places, as a desk meets them: every set of a language that says what needs an
    answer, as many texts of each, and what people say elsewhere to one another, which nobody at the brand must answer.
    """
    for language in ("en", "fr"):
        spoken = [one for one in sets if one.language == language]
        parts = [one for one in spoken if one.head == "urgency"]
        if parts:
            each = min(len(one.texts) for one in parts)
            talk = [_even(one, each // 2, talk=True) for one in spoken if one.head == "toxicity"]
            whole = [_even(one, each) for one in parts] + talk
            texts = tuple(text for one in whole for text in one.texts)
            labels = np.concatenate([one.labels for one in whole])
            in_domain = all(part.in_domain for part in parts)
            yield LabelledSet("mixed stream", language, "urgency", in_domain, texts, labels)


def _even(one: LabelledSet, most: int, *, talk: bool = False) -> LabelledSet:
    """Texts at even distances, so that a sorted file is no matter."""
    rows = np.unique(np.linspace(0, len(one.texts) - 1, min(most, len(one.texts))).astype(int))
    labels = np.zeros(len(rows), bool) if talk else one.labels[rows]
    return LabelledSet(one.name, one.language, "urgency", one.in_domain, tuple(one.texts[i] for i in rows), labels)


def suite_rows(scored: Scored) -> Iterator[SuiteRow]:
    for language in LANGUAGES:
        cases = functional_suite(language)
        for scorer in scored.scorers:
            scores = _scores(scored, scorer, cases)
            for kind in dict.fromkeys(case.kind for case in cases):
                rows = [(case, scores[case.id]) for case in cases if case.kind == kind]
                yield SuiteRow(language, kind, scorer, len(rows), _right(rows, "toxic"), _right(rows, "needs"))


def _scores(scored: Scored, scorer: str, cases: Sequence[FunctionalCase]) -> dict[str, Score]:
    found = scored.of(scorer, [Text(case.text, case.language) for case in cases])
    return {case.id: score for case, score in zip(cases, found, strict=True)}


def _right(rows: Sequence[tuple[FunctionalCase, Score]], label: str) -> Estimate | None:
    head = {"toxic": "toxicity", "needs": "urgency"}[label]
    told = [(getattr(case, label), getattr(score, head) >= CUT) for case, score in rows]
    known = [wanted == found for wanted, found in told if wanted is not None]
    return metrics.wilson(sum(known), len(known)) if known else None


def suite_summaries(scored: Scored) -> Iterator[SuiteSummary]:
    for language in LANGUAGES:
        cases = functional_suite(language)
        for scorer in scored.scorers:
            yield _summary(language, scorer, cases, _scores(scored, scorer, cases))


def _summary(language: str, scorer: str, cases: Sequence[FunctionalCase], scores: Mapping[str, Score]) -> SuiteSummary:
    polite = [case for case in cases if case.calmer_than]
    classes = {name for case in cases for name in case.classes}
    intents = {case.intent for case in cases if case.intent}
    return SuiteSummary(
        language,
        scorer,
        len(cases),
        _label_auc(cases, scores, "toxic", "toxicity"),
        _label_auc(cases, scores, "needs", "urgency"),
        {n: a for n in sorted(classes) if (a := _named_auc(cases, scores, "classes", n)) is not None},
        {n: a for n in sorted(intents) if (a := _named_auc(cases, scores, "intents", n)) is not None},
        sum(scores[c.id].urgency < CUT <= scores[c.calmer_than].urgency for c in polite),
        len(polite),
        _term_gaps(cases, scores),
    )


def _label_auc(cases: Sequence[FunctionalCase], scores: Mapping[str, Score], label: str, head: str) -> Estimate:
    known = [case for case in cases if getattr(case, label) is not None]
    values = np.array([getattr(scores[case.id], head) for case in known])
    return metrics.bootstrap(metrics.auc, values, np.array([getattr(case, label) for case in known]))


def _named_auc(cases: Sequence[FunctionalCase], scores: Mapping[str, Score], field: str, name: str) -> float | None:
    """AUC of one class among cases whose tone is known, or of one intent among cases that have one."""
    known = [c for c in cases if (c.toxic is not None if field == "classes" else c.intent)]
    if any(name not in getattr(scores[c.id], field) for c in known):
        return None
    values = np.array([getattr(scores[c.id], field)[name] for c in known])
    labels = np.array([name in c.classes if field == "classes" else c.intent == name for c in known])
    return metrics.auc(values, labels)


def _term_gaps(cases: Sequence[FunctionalCase], scores: Mapping[str, Score]) -> dict[str, float]:
    neutral = [case for case in cases if case.kind == "identity_neutral" and case.term]
    if not neutral:
        return {}
    mean = float(np.mean([scores[case.id].toxicity for case in neutral]))
    terms = sorted({case.term for case in neutral})
    found = {t: float(np.mean([scores[c.id].toxicity for c in neutral if c.term == t])) - mean for t in terms}
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def as_json(row: Any) -> dict[str, Any]:
    """A row with rounded figures; None where there is none."""
    return {name: _rounded(value) for name, value in asdict(row).items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    if isinstance(value, float):
        return None if np.isnan(value) else round(value, 4)
    return value
