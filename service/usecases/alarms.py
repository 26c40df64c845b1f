"""An alarm when rules put unusually much above the line: somebody attacks, or a rule reads something wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from moderation.quality import ALARM_LEAST, unusual, usual
from service.db.audit import Entry, append
from service.db.models import Community, Connection, Message, Thread
from service.deps import Deps

DAY = timedelta(days=1)
HISTORY = timedelta(days=27)


@dataclass(frozen=True, slots=True)
class Alarm:
    """Rules fired in `count` conversations in a day, where `usual` are; since when it is so."""

    count: int
    usual: float
    since: datetime

    def to_json(self) -> dict[str, Any]:
        return {"count": self.count, "usual": self.usual, "since": self.since.isoformat()}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Alarm:
        return cls(kept["count"], kept["usual"], datetime.fromisoformat(kept["since"]))


def rule_alarm(session: Session, community: Community, as_of: datetime) -> Alarm | None:
    """Whether the last 24 hours stand out from the 27 days before them, or from as many of these as are known."""
    today = _ruled(session, community.id, as_of - DAY, as_of)
    if today < ALARM_LEAST:
        return None
    first = session.scalar(select(func.min(Thread.first_message_at)).where(Thread.community_id == community.id))
    if first is None:
        return None
    start = max(first, as_of - DAY - HISTORY)
    days = (as_of - DAY - start) / DAY
    before = _ruled(session, community.id, start, as_of - DAY)
    if not unusual(today, before, days):
        return None
    earlier = alarm_of(community.summary)
    return Alarm(today, round(usual(before, days), 2), earlier.since if earlier else as_of)


def alarm_of(summary: dict[str, Any]) -> Alarm | None:
    """The alarm that the last triage kept."""
    kept = summary.get("alarm")
    return Alarm.from_json(kept) if kept else None


def note(session: Session, deps: Deps, community: Community, found: Alarm | None) -> None:
    """Writes an alarm into the audit log when it begins, once."""
    if found is not None and not community.summary.get("alarm"):
        words = f"rules fired in {found.count} conversations in a day, {found.usual:g} are usual"
        append(session, deps.vault, Entry("alarm:rules", "system", f"community:{community.id}", words), deps.now())


def alarms(session: Session) -> dict[str, Alarm | None]:
    """The alarm of each community that was triaged, by "connection:number", which names nothing restricted."""
    query = select(Connection.name, Community.id, Community.summary).join(Connection).order_by(Community.id)
    return {f"{name}:{number}": alarm_of(summary) for name, number, summary in session.execute(query) if summary}


def _ruled(session: Session, community_id: int, after: datetime, until: datetime) -> int:
    query = (
        select(func.count(Message.thread_id.distinct()))
        .join(Thread, Thread.id == Message.thread_id)
        .where(Message.rules != "", Message.created_at > after, Message.created_at <= until)
    )
    return session.scalar(query.where(Thread.community_id == community_id)) or 0
