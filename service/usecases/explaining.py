"""Why one thread stands where it stands: its facts, each reason's weight as shipped and as learned, and the line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from moderation.learned import FACTORS
from moderation.triage import Assessment, ThreadFacts, assess, terms
from moderation.tuning import Tuning
from moderation.words import TOPICS
from service.db.models import Case, Community, Connection, Thread
from service.deps import Deps
from service.usecases.learning import active
from service.usecases.triage import line_time

#: What a place rests on, in words.
PLACES = {
    "rule": "above the line: a rule puts it there, whatever its priority",
    "held": "above the line: somebody holds it",
    "kept": "above the line: it stands in the queue until somebody decides",
    "above": "above the line: its priority is within the tenth",
    "below": "below the line: others need the brand more",
    "full": "below the line: the places are used by what people hold, saw or decided, and by what stands higher",
    "decided": "decided: it comes back when somebody writes, or at its time",
    "outside": "outside: nothing has happened there in the window",
}


@dataclass(frozen=True, slots=True)
class Weighed:
    """One reason: log-odds by the shipped weights and by the learned ones."""

    code: str
    words: str
    shipped: float
    learned: float


@dataclass(frozen=True, slots=True)
class Explained:
    """`line` is the lowest priority above the line; `place` a key of `PLACES`."""

    thread: str
    connection: str
    community: str
    title: str
    as_of: datetime
    lane: str
    state: str
    place: str
    priority: float
    shipped_priority: float
    line: float
    learned: bool
    reasons: tuple[Weighed, ...]
    facts: ThreadFacts

    def to_json(self) -> dict[str, Any]:
        names = ("thread", "connection", "community", "title", "lane", "state", "place", "priority")
        reasons = [{"code": r.code, "words": r.words, "shipped": r.shipped, "learned": r.learned} for r in self.reasons]
        return {
            **{name: getattr(self, name) for name in names},
            "as_of": self.as_of.isoformat(),
            "why": PLACES[self.place],
            "shipped_priority": self.shipped_priority,
            "line": self.line,
            "weights": "learned" if self.learned else "shipped",
            "reasons": reasons,
            "facts": self.facts.to_json(),
        }


def explain(deps: Deps, thread_id: int, locale: str = "en") -> Explained:
    """A thread as the line sees it at this moment. Raises BadInput when it has not been triaged yet."""
    with deps.store.read() as session:
        case, thread, community, connection = _row(session, thread_id)
        as_of, tuning = line_time(session, community, deps.now()), active(session, community.id)
    facts = ThreadFacts.from_json(thread.facts)
    found, shipped = assess(facts, as_of, tuning), assess(facts, as_of)
    line = float(community.summary.get("cut", 1.0))
    return Explained(
        thread=thread.remote_id,
        connection=connection,
        community=community.name,
        title=thread.title,
        as_of=as_of,
        lane=case.lane,
        state=case.state,
        place=_place(case, found, line),
        priority=found.priority,
        shipped_priority=shipped.priority,
        line=line,
        learned=tuning != Tuning(),
        reasons=_reasons(facts, as_of, tuning, locale),
        facts=facts,
    )


def _row(session: Session, thread_id: int) -> tuple[Case, Thread, Community, str]:
    query = (
        select(Case, Thread, Community, Connection.name)
        .join(Thread, Thread.id == Case.thread_id)
        .join(Community, Community.id == Case.community_id)
        .join(Connection, Connection.id == Case.connection_id)
        .where(Thread.id == thread_id)
    )
    row = session.execute(query).one_or_none()
    if row is None:
        raise BadInput("No line has been drawn there yet. Run `tenth queue`, or wait a minute.")
    return row[0], row[1], row[2], row[3]


def _place(case: Case, found: Assessment, line: float) -> str:
    if case.lane in ("decided", "outside"):
        return str(case.lane)
    if case.lane == "always":
        return "rule"
    if case.lane == "left":
        return "below" if found.priority < line else "full"
    if case.state in ("claimed", "escalated"):
        return "held"
    return "above" if found.priority >= line else "kept"


def _reasons(facts: ThreadFacts, as_of: datetime, tuning: Tuning, locale: str) -> tuple[Weighed, ...]:
    """The strongest first; those of no weight are left out."""
    words = FACTORS[locale]
    weighed = [
        Weighed(t.code, words[t.code], round(t.weight, 3), round(t.weight * tuning.terms.get(t.code, 1.0), 3))
        for t in terms(facts, as_of)
    ]
    weighed += [
        Weighed(
            f"topic.{name}", f"{words['topic']}: {TOPICS[locale][name]}", 0.0, round(chance * tuning.topics[name], 3)
        )
        for name, chance in facts.topics.items()
        if name in tuning.topics
    ]
    told = [w for w in weighed if w.shipped or w.learned]
    if tuning.shift:
        told.append(Weighed("shift", words["shift"], 0.0, round(tuning.shift, 3)))
    return tuple(sorted(told, key=lambda w: (-max(abs(w.shipped), abs(w.learned)), w.code)))
