"""The line learns: a trial after every few decisions of a community, recorded, switched on only when it ranks better.

A trial that does worse puts the shipped weights back; so does a person, at any time (`revert`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from moderation.learning import Decision, Trial, trial
from moderation.triage import ThreadFacts
from moderation.tuning import PRIOR, Tuning
from service.db.audit import Entry, append
from service.db.models import Community, Connection, DecisionRow, TuningRow
from service.deps import Deps

#: New decisions of a community after which it is tried again, and after somebody put the shipped weights back.
EVERY, AFTER_REVERT = 10, 50
#: Decisions that are learned from, the newest ones.
MOST = 2_000
SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Judged:
    """A person's last word on a state of a thread. `thread` and `last_at` (seconds) name the state."""

    thread: int
    last_at: float
    person: int
    at: datetime
    needs: bool
    facts: ThreadFacts
    as_of: datetime


def learn_due(deps: Deps) -> int:
    """Tries what the decisions teach wherever enough new ones came. Returns how many communities were tried."""
    with deps.store.read() as session:
        due = _due(session)
    return sum(1 for community_id in due if learn(deps, community_id))


def learn(deps: Deps, community_id: int) -> bool:
    """One trial; False when somebody else just made it. It learns with no transaction open."""
    with deps.store.read() as session:
        known = judged(session, community_id)
        newest = session.scalar(_newest(community_id).with_only_columns(TuningRow.id))
    found = trial([Decision(j.person, j.as_of, j.facts, j.needs) for j in known])
    with deps.store.write() as session:
        session.execute(select(Community.id).where(Community.id == community_id).with_for_update())
        if session.scalar(_newest(community_id).with_only_columns(TuningRow.id)) != newest:
            return False
        _keep(session, deps, community_id, found)
    deps.ring("triage_communities")
    return True


def active(session: Session, community_id: int) -> Tuning:
    """The weights that a community's line is drawn with."""
    query = select(TuningRow.weights).where(TuningRow.community_id == community_id, TuningRow.state == "active")
    return Tuning.from_json(session.scalar(query.order_by(TuningRow.id.desc()).limit(1)))


def newest_weights(session: Session, community_id: int) -> Tuning:
    """What the newest trial learned, in use or not."""
    row = session.scalar(_newest(community_id))
    return Tuning.from_json(row.weights) if row else PRIOR


def active_at(session: Session, community_id: int, at: datetime) -> Tuning:
    """The weights that were in use at a time: those of the last trial before it, unless they had ended by then."""
    query = _newest(community_id).where(TuningRow.made_at <= at)
    row = session.scalar(query)
    if row is None or row.state == "refused" or (row.state == "reverted" and row.changed_at <= at):
        return PRIOR
    return Tuning.from_json(row.weights)


def revert(deps: Deps, community_id: int, actor: str) -> None:
    """Puts the shipped weights back. Raises BadInput when they are in use already."""
    now = deps.now()
    with deps.store.write() as session:
        row = session.scalar(_newest(community_id).where(TuningRow.state == "active").with_for_update())
        if row is None:
            raise BadInput("This community uses the shipped weights already.")
        row.state, row.changed_at = "reverted", now
        append(session, deps.vault, Entry("tuning:revert", actor, f"community:{community_id}", before=row.weights), now)
        _triage_soon(session, community_id, now)
    deps.ring("triage_communities")


def find_community(session: Session, name: str) -> int:
    """A community's id by its number, its name, its connection's or "connection/name". Raises BadInput when none, or
    several, fit."""
    query = select(Community.id, Community.name, Connection.name).join(Connection)
    rows = session.execute(query).all()
    found = [r[0] for r in rows if name in (str(r[0]), r[1], r[2], f"{r[2]}/{r[1]}")]
    if len(found) != 1:
        known = ", ".join(f"{r[2]}/{r[1]}" for r in rows[:20]) or "none yet"
        problem = "no community has this name" if not found else "several communities have this name"
        raise BadInput(f"“{name}”: {problem}. There are: {known}.")
    return int(found[0])


def judged(session: Session, community_id: int) -> list[Judged]:
    """The newest decisions, oldest first; of what one person said twice of the same state, the last."""
    mine = select(DecisionRow).where(DecisionRow.community_id == community_id)
    rows = session.scalars(mine.order_by(DecisionRow.at.desc(), DecisionRow.id.desc()).limit(MOST)).all()
    last: dict[tuple[int, float, int], Judged] = {}
    for row in reversed(rows):
        one = _judged(row)
        key = (one.thread, one.last_at, one.person)
        last.pop(key, None)
        last[key] = one
    return list(last.values())


def _judged(row: DecisionRow) -> Judged:
    """What the brand answered on the platform counts as said by one person, so that it is bounded, too."""
    facts = ThreadFacts.from_json(row.facts)
    return Judged(row.thread_id, facts.last_at, row.person_id or 0, row.at, row.needs, facts, row.as_of)


def _due(session: Session) -> list[int]:
    newest = select(TuningRow.community_id, func.max(TuningRow.id).label("id")).group_by(TuningRow.community_id)
    last = newest.subquery()
    query = (
        select(DecisionRow.community_id, TuningRow.state, func.count())
        .outerjoin(last, last.c.community_id == DecisionRow.community_id)
        .outerjoin(TuningRow, TuningRow.id == last.c.id)
        .where(TuningRow.id.is_(None) | (DecisionRow.at > TuningRow.changed_at))
        .group_by(DecisionRow.community_id, TuningRow.state)
        .order_by(DecisionRow.community_id)
    )
    rows = session.execute(query).all()
    return [c for c, state, count in rows if count >= (AFTER_REVERT if state == "reverted" else EVERY)]


def _newest(community_id: int) -> Any:
    return select(TuningRow).where(TuningRow.community_id == community_id).order_by(TuningRow.id.desc()).limit(1)


def _keep(session: Session, deps: Deps, community_id: int, found: Trial) -> None:
    now = deps.now()
    state = "active" if found.better else "refused"
    values = {"state": "replaced", "changed_at": now}
    mine = update(TuningRow).where(TuningRow.community_id == community_id, TuningRow.state == "active")
    session.execute(mine.values(values).execution_options(synchronize_session=False))
    row = TuningRow(
        community_id=community_id,
        made_at=now,
        changed_at=now,
        decisions=found.decisions,
        judged=found.judged,
        prior_auc=_known(found.prior_auc),
        tuned_auc=_known(found.tuned_auc),
        weights=found.tuning.to_json(),
        state=state,
        reason=_reason(found),
    )
    session.add(row)
    subject, figures = f"community:{community_id}", {"weights": row.weights, "judged": row.judged}
    append(session, deps.vault, Entry(f"tuning:{state}", SYSTEM, subject, row.reason, after=figures), now)
    _triage_soon(session, community_id, now)


def _reason(found: Trial) -> str:
    """Why the shipped weights stay: too few decisions to judge by, or a worse ranking."""
    if found.better:
        return ""
    return "worse" if found.judged else "few"


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _triage_soon(session: Session, community_id: int, now: datetime) -> None:
    session.execute(update(Community).where(Community.id == community_id).values(triage_due_at=now))
