"""What the API says of the line's quality."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from service.api.shapes import Out


class EstimateOut(Out):
    """A figure with its 95% interval."""

    value: float
    low: float
    high: float


class CountsOut(Out):
    """Conversations: found above the line, brought up by hand, samples from below judged and needed, all below."""

    found: int
    by_hand: int
    judged: int
    needed: int
    below: int


class AgreementOut(Out):
    """Pairs of decisions by two people on one state of a conversation; Cohen's kappa."""

    pairs: int
    same: int
    kappa: float | None


class AlarmOut(Out):
    """Rules fired in `count` conversations within a day, `usual` a day are usual."""

    count: int
    usual: float
    since: datetime


class LearnedOut(Out):
    """The newest trial: areas under the ROC curve of the shipped and the learned weights, and these in words."""

    state: str
    reason: str
    decisions: int
    judged: int
    prior_auc: float | None
    tuned_auc: float | None
    made_at: datetime
    weights: dict[str, Any]
    words: list[str]


class QualityOut(Out):
    """Of one community; `recall` is null while too few samples were judged."""

    id: int
    name: str
    connection: str
    window_days: int
    threads: int
    used: int
    always: int
    decisions: int
    as_of: datetime | None
    budget: float
    share: float
    recall: EstimateOut | None
    counts: CountsOut
    agreement: AgreementOut
    alarm: AlarmOut | None
    learned: LearnedOut | None


class QualitiesOut(Out):
    items: list[QualityOut]
