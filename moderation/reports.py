"""Reports of members: which of a report's states stands, and how much the reports of one subject weigh. Pure.

A report weighs as much as its reporter was right before: the lower end of Wilson's interval for the share of their
reports that were upheld (`evaluation.metrics.wilson`), with a few imagined ones of either kind for whom nobody knows.
The reports of one subject weigh together as the chance that one of the reporters is right, were they independent. Those
who are no surer than a stranger count together for no more than `CROWD`: a crowd of new accounts is no proof.

What holds for every history (tests/moderation/test_report_weights.py): a reporter more never lowers the weight, nor
does a report of theirs that was upheld, nor does one that was rejected raise it; who reports twice counts once; the
order in which states of a report come does not matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import isfinite, prod
from typing import TypeVar

from moderation.evaluation.metrics import wilson
from moderation.model import ReportOutcome, ReportReason
from moderation.trust import Reports

#: What everybody begins with: as if so many of their reports had been upheld, and so many rejected.
UPHELD, REJECTED = 2.0, 2.0
#: The most that reporters weigh together of whom none is surer than a stranger.
CROWD = 0.5
#: What a subject lacks of the greatest weight halves in this time, so that nothing waits for ever.
PATIENCE = timedelta(days=2)
_T = TypeVar("_T", int, str)


class Verdict(StrEnum):
    """What is decided of all reports of one subject."""

    UPHELD = "upheld"
    DISMISSED = "dismissed"

    @property
    def outcome(self) -> ReportOutcome:
        """What each of the reports becomes."""
        return ReportOutcome.UPHELD if self is Verdict.UPHELD else ReportOutcome.REJECTED


@dataclass(frozen=True, slots=True)
class State:
    """A report at one state. `message` is the platform's id, `about` and `reporter` are authors; None: not said."""

    version: float
    at: datetime
    reason: ReportReason = ReportReason.OTHER
    outcome: ReportOutcome = ReportOutcome.OPEN
    message: str | None = None
    about: int | None = None
    reporter: int | None = None
    text: str = ""


def merged(one: State, other: State) -> State:
    """What stands when both were seen, in whichever order.

    The later version says how a report stands. Who reported what, and in which words, never changes on a platform: what
    one state leaves out, another fills in.
    """
    latest = max(one, other, key=_order)
    return State(
        latest.version,
        latest.at,
        latest.reason,
        latest.outcome,
        _first(one.message, other.message),
        _first(one.about, other.about),
        _first(one.reporter, other.reporter),
        max(one.text, other.text, key=lambda text: (len(text), text)),
    )


def version_of(number: float) -> float:
    """A version that can be ordered: what is no number is older than any."""
    return number if isfinite(number) else 0.0


def credence(record: Reports) -> float:
    """How surely somebody's next report is right, in (0, 1): the lower end of a 95% interval."""
    return wilson(record.upheld + UPHELD, record.upheld + record.rejected + UPHELD + REJECTED).low


STRANGER = credence(Reports())


def weight(reporters: Mapping[int, Reports]) -> float:
    """How much the reports of one subject weigh, in [0, 1). `reporters` is what became of each person's reports."""
    found = sorted(credence(record) for record in reporters.values())
    crowd = 1.0 - prod(1.0 - one for one in found if one <= STRANGER)
    surer = prod(1.0 - one for one in found if one > STRANGER)
    return 1.0 - (1.0 - min(crowd, CROWD)) * surer


def pressing(weighs: float, waits: timedelta) -> float:
    """How far up a subject stands, in [0, 1]: by its weight, and higher the longer its first report waits."""
    halvings = max(waits, timedelta()) / PATIENCE
    return 1.0 - (1.0 - weighs) * float(0.5**halvings)


def _order(state: State) -> tuple[float, bool, str, str, datetime]:
    """The version; of one version, what is decided comes after what is open, and the rest only has to be the same."""
    settled = state.outcome is not ReportOutcome.OPEN
    return state.version, settled, state.outcome, state.reason, state.at


def _first(one: _T | None, other: _T | None) -> _T | None:
    """Whichever is known. No platform says two things; if one did, the lesser would stand, whichever came first."""
    known = [value for value in (one, other) if value is not None]
    return min(known) if known else None
