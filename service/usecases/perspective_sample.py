"""A sample that Perspective has scored: what our scores mean on its scale, and how far the two agree.

The curve links scores by rank (equipercentile linking, as tests are equated: Kolen and Brennan, Test Equating, Scaling,
and Linking, 2014): a threshold of theirs and the linked one of ours flag the same share of the sample. It is monotone,
hence changes no ranking. What it brings is measured on texts that did not shape it (five folds).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from moderation.errors import BadInput
from moderation.evaluation.metrics import Estimate, Floats, auc, bootstrap, wilson
from moderation.scoring.contract import Scorer, Text
from service.usecases.perspective_scale import FIGURES, TOXICITY, Curve, Scale, shipped_scale

#: Fewer texts say nothing of a threshold at .9.
FEWEST = 50
KNOTS = 40
FOLDS = 5
BATCH = 64
THRESHOLDS = (0.5, 0.7, 0.9)


@dataclass(frozen=True, slots=True)
class Sampled:
    """A text with Perspective's scores by attribute, and a person's judgement where there is one."""

    text: str
    language: str
    theirs: Mapping[str, float]
    label: bool | None


@dataclass(frozen=True, slots=True)
class Threshold:
    """At an old threshold: how many texts theirs flags, ours at the same number, and ours at the linked one.

    `ours` is the linked threshold with its 95% interval over resamples. `same` and `linked` are shares of texts on
    which both sides decide alike; `linked` is measured on texts that did not shape the curve.
    """

    theirs: float
    ours: Estimate
    flagged_by_theirs: int
    flagged_by_ours: int
    flagged_by_both: int
    same: Estimate
    linked: Estimate
    linked_flagged: int
    linked_both: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """One attribute: the curve from what the server answers to Perspective's scale, and the agreement with it."""

    attribute: str
    scorer: str
    texts: int
    rank_correlation: Estimate
    thresholds: tuple[Threshold, ...]
    curve: Curve
    labelled: int = 0
    auc_theirs: Estimate | None = None
    auc_ours: Estimate | None = None


def read_sample(path: Path) -> list[Sampled]:
    """CSV with `text` and `score`, or one JSON object a line with the same.

    `score` is Perspective's TOXICITY; a column named as an attribute is that attribute's. JSON lines may hold
    Perspective's own answer (`attributeScores`). `label` (0 or 1) and `lang` may be there. Raises BadInput.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = _json_rows(lines) if path.suffix in (".jsonl", ".ndjson", ".json") else csv.DictReader(lines)
            found = [_sampled(row, number) for number, row in enumerate(rows, 1)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"“{path}” cannot be read: {error}") from None
    if not found:
        raise BadInput(f"“{path}” holds no texts.")
    return found


def calibrate(scorer: Scorer, sample: Sequence[Sampled]) -> list[Calibration]:
    """A calibration for each attribute that the sample has scores of and the scorer judges. Raises BadInput."""
    scale = shipped_scale(scorer)
    texts = [Text(one.text, one.language) for one in sample]
    scores = [s for start in range(0, len(texts), BATCH) for s in scorer.score(texts[start : start + BATCH])]
    found = []
    for attribute in FIGURES:
        ours = {i: v for i, s in enumerate(scores) if (v := scale.value(s, attribute)) is not None}
        rows = [i for i, one in enumerate(sample) if attribute in one.theirs and i in ours]
        if len(rows) >= FEWEST:
            found.append(_calibration(attribute, scale, [sample[i] for i in rows], np.array([ours[i] for i in rows])))
    if not found:
        raise BadInput(f"There are too few texts with a score: {FEWEST} of an attribute are needed, 300 are better.")
    return found


def link(ours: Floats, theirs: Floats) -> Curve:
    """The curve on which equal ranks meet, through `KNOTS` quantiles, more of them towards the top."""
    shares = 1 - np.geomspace(1, 1 / (len(ours) + 1), KNOTS)
    points = zip(np.quantile(ours, shares).tolist(), np.quantile(theirs, shares).tolist(), strict=True)
    return Curve.through(points)


def _calibration(attribute: str, scale: Scale, rows: Sequence[Sampled], ours: Floats) -> Calibration:
    theirs = np.array([row.theirs[attribute] for row in rows])
    held_out = _cross_linked(ours, theirs)
    curve = link(ours, theirs)
    known = np.array([row.label is not None for row in rows])
    labels = np.array([bool(row.label) for row in rows])[known]
    judged = labels.any() and not labels.all()
    return Calibration(
        attribute,
        scale.scorer,
        len(rows),
        _rank_correlation(ours, theirs),
        tuple(_threshold(at, ours, theirs, held_out, curve) for at in THRESHOLDS),
        curve,
        int(known.sum()),
        bootstrap(auc, theirs[known], labels) if judged else None,
        bootstrap(auc, ours[known], labels) if judged else None,
    )


def _threshold(at: float, ours: Floats, theirs: Floats, held_out: Floats, curve: Curve) -> Threshold:
    wanted, plain, linked = theirs >= at, ours >= at, held_out >= at
    return Threshold(
        at,
        _linked_at(at, ours, theirs, curve),
        int(wanted.sum()),
        int(plain.sum()),
        int((wanted & plain).sum()),
        wilson(int((wanted == plain).sum()), len(ours)),
        wilson(int((wanted == linked).sum()), len(ours)),
        int(linked.sum()),
        int((wanted & linked).sum()),
    )


def _linked_at(at: float, ours: Floats, theirs: Floats, curve: Curve) -> Estimate:
    generator = np.random.default_rng(0)
    draws = (generator.integers(0, len(ours), len(ours)) for _ in range(100))
    low, high = np.percentile([link(ours[rows], theirs[rows]).back(at) for rows in draws], [2.5, 97.5])
    return Estimate(curve.back(at), float(low), float(high))


def _cross_linked(ours: Floats, theirs: Floats) -> Floats:
    """Every score on the curve that the other four fifths gave."""
    fold = np.random.default_rng(0).permutation(len(ours)) % FOLDS
    found = np.empty_like(ours)
    for number in range(FOLDS):
        curve = link(ours[fold != number], theirs[fold != number])
        found[fold == number] = [curve(value) for value in ours[fold == number]]
    return found


def _rank_correlation(ours: Floats, theirs: Floats) -> Estimate:
    """Spearman's, with its interval over resamples."""
    generator = np.random.default_rng(0)
    draws = (generator.integers(0, len(ours), len(ours)) for _ in range(100))
    low, high = np.percentile([_spearman(ours[rows], theirs[rows]) for rows in draws], [2.5, 97.5])
    return Estimate(_spearman(ours, theirs), float(low), float(high))


def _spearman(a: Floats, b: Floats) -> float:
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(values: Floats) -> Floats:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[inverse], dtype=float)


def _json_rows(lines: Iterator[str]) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError:
                raise BadInput(f"Line {number} is not JSON.") from None
            if not isinstance(row, dict):
                raise BadInput(f"Line {number} is not a JSON object.")
            yield row


def _sampled(row: Mapping[str, Any], number: int) -> Sampled:
    text = row.get("text")
    if not isinstance(text, str):
        raise BadInput(f"Row {number} has no text; the columns are text and score.")
    given: dict[str, Any] = {name: row[name] for name in FIGURES if row.get(name) not in (None, "")}
    if row.get("score") not in (None, ""):
        given[TOXICITY] = row["score"]
    given |= _answered(row.get("attributeScores"), number)
    theirs = {name: _chance(value, number) for name, value in given.items()}
    return Sampled(text, str(row.get("lang") or ""), theirs, _label(row.get("label"), number))


def _answered(scores: Any, number: int) -> dict[str, Any]:
    """Scores out of an answer of Perspective's."""
    if scores is None:
        return {}
    try:
        return {name: scores[name]["summaryScore"]["value"] for name in FIGURES if name in scores}
    except (TypeError, KeyError):
        raise BadInput(f"Row {number}: attributeScores is not as Perspective answers it.") from None


def _chance(value: Any, number: int) -> float:
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = -1.0
    if not 0.0 <= found <= 1.0:
        raise BadInput(f"Row {number}: a score is a number from 0 to 1.")
    return found


def _label(value: Any, number: int) -> bool | None:
    if value in (None, ""):
        return None
    if str(value).lower() not in ("0", "1", "true", "false"):
        raise BadInput(f"Row {number}: a label is 0 or 1.")
    return str(value).lower() in ("1", "true")
