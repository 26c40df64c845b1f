"""How well the line does in each community: what it found and missed, whether people agree, what it learned."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from moderation.evaluation.metrics import Estimate
from moderation.learned import learned_in_words
from moderation.quality import ENOUGH, Agreement, Probed, agreement, recall
from moderation.tuning import Tuning
from service.db.models import Community, Connection, DecisionRow, ProbeRow, TuningRow
from service.deps import Deps
from service.usecases.alarms import Alarm, alarm_of
from service.usecases.learning import judged

#: Probes are few: their share is taken over this time, the counts over the community's window.
PROBE_DAYS = 180


@dataclass(frozen=True, slots=True)
class Learned:
    """The newest trial (see usecases.learning). Areas under the ROC curve, of the shipped and the learned weights."""

    state: str
    reason: str
    made_at: datetime
    changed_at: datetime
    decisions: int
    judged: int
    prior_auc: float | None
    tuned_auc: float | None
    tuning: Tuning


@dataclass(frozen=True, slots=True)
class Quality:
    """Of one community. `share` of the threads in the window stand above the line or were decided, rules apart;
    `allowed` is the budget. `recall` is None until enough probes were judged."""

    id: int
    name: str
    connection: str
    window_days: int
    allowed: float
    as_of: datetime | None
    threads: int
    used: int
    always: int
    counts: Probed
    recall: Estimate | None
    agreement: Agreement
    alarm: Alarm | None
    decisions: int
    learned: Learned | None

    @property
    def share(self) -> float:
        return self.used / self.threads if self.threads else 0.0

    @property
    def missing(self) -> int:
        """Judgements of probes that a recall still needs."""
        return max(0, ENOUGH - self.counts.judged)

    def to_json(self) -> dict[str, Any]:
        """What the API and the command line give; a figure that is not known is None."""
        same, learned = self.agreement, self.learned
        figure = {"value": self.recall.value, "low": self.recall.low, "high": self.recall.high} if self.recall else None
        names = ("id", "name", "connection", "window_days", "threads", "used", "always", "decisions")
        return {
            **{name: getattr(self, name) for name in names},
            "as_of": self.as_of.isoformat() if self.as_of else None,
            "budget": self.allowed,
            "share": round(self.share, 4),
            "recall": figure,
            "counts": asdict(self.counts),
            "agreement": {"pairs": same.pairs, "same": same.same, "kappa": same.kappa},
            "alarm": self.alarm.to_json() if self.alarm else None,
            "learned": learned_json(learned) if learned else None,
        }


def learned_json(learned: Learned, locale: str = "en") -> dict[str, Any]:
    """A trial with its figures, and in words."""
    names = ("state", "reason", "decisions", "judged", "prior_auc", "tuned_auc")
    return {
        **{name: getattr(learned, name) for name in names},
        "made_at": learned.made_at.isoformat(),
        "weights": learned.tuning.to_json(),
        "words": [s.text for s in learned_in_words(learned.tuning, locale)],
    }


def quality(deps: Deps) -> list[Quality]:
    """Every community, by connection and name."""
    query = select(Community, Connection.name).join(Connection, Connection.id == Community.connection_id)
    with deps.store.read() as session:
        rows = session.execute(query.order_by(Connection.name, Community.name, Community.id)).all()
        return [_quality(session, community, connection, deps.now()) for community, connection in rows]


def _quality(session: Session, community: Community, connection: str, now: datetime) -> Quality:
    summary = community.summary
    counts = _counts(session, community, now)
    said = [((j.thread, j.last_at), j.person, j.needs) for j in judged(session, community.id) if j.person]
    total = select(func.count()).select_from(DecisionRow).where(DecisionRow.community_id == community.id)
    return Quality(
        id=community.id,
        name=community.name,
        connection=connection,
        window_days=community.window_days,
        allowed=community.budget,
        as_of=datetime.fromisoformat(summary["as_of"]) if summary else None,
        threads=summary.get("threads", 0),
        used=summary.get("surfaced", 0) + summary.get("decided", 0),
        always=summary.get("always", 0),
        counts=counts,
        recall=recall(counts),
        agreement=agreement(said),
        alarm=alarm_of(summary),
        decisions=session.scalar(total) or 0,
        learned=_learned(session, community.id),
    )


def _counts(session: Session, community: Community, now: datetime) -> Probed:
    since = now - timedelta(days=community.window_days)
    mine = DecisionRow.community_id == community.id, DecisionRow.at > since, DecisionRow.needs, ~DecisionRow.probe
    needed = set(session.scalars(select(DecisionRow.thread_id).where(*mine)))
    by_hand = set(session.scalars(select(DecisionRow.thread_id).where(*mine, DecisionRow.lane == "left")))
    probed = ProbeRow.community_id == community.id, ProbeRow.judged_at > now - timedelta(days=PROBE_DAYS)
    verdicts = list(session.scalars(select(ProbeRow.needs).where(*probed)))
    waiting = ProbeRow.community_id == community.id, ProbeRow.judged_at.is_(None), ProbeRow.drawn_at > since
    drawn = session.scalar(select(func.count()).select_from(ProbeRow).where(*waiting)) or 0
    below = community.summary.get("left", 0) + drawn
    return Probed(len(needed - by_hand), len(by_hand), len(verdicts), sum(map(bool, verdicts)), below)


def _learned(session: Session, community_id: int) -> Learned | None:
    query = select(TuningRow).where(TuningRow.community_id == community_id).order_by(TuningRow.id.desc()).limit(1)
    row = session.scalar(query)
    if row is None:
        return None
    names = ("state", "reason", "made_at", "changed_at", "decisions", "judged", "prior_auc", "tuned_auc")
    return Learned(**{name: getattr(row, name) for name in names}, tuning=Tuning.from_json(row.weights))
