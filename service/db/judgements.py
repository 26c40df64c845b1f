"""What people decided, written down with what was known then. Everything here runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from moderation.triage import ThreadFacts, assess
from service.db.models import Case, DecisionRow, ProbeRow, Thread

#: The verbs that say something about a thread, and whether the brand had to act. Taking and pausing say nothing yet.
SAYS: Mapping[str, bool] = {"decide": True, "escalate": True, "reopen": True, "leave": False}
#: Not a verb of a case: the brand answered on the platform itself.
ANSWERED = "answered"
_OPEN = ("open", "claimed", "escalated")


def record(
    session: Session, case: Case, thread: Thread, verb: str, person_id: int | None, at: datetime, as_of: datetime
) -> None:
    """Keeps a decision with the facts of its moment, and judges the probe that the thread may be.

    "Handled" after the brand's answer says nothing more: what waited is gone from the facts, and the answer is kept.
    """
    needs = verb == ANSWERED or SAYS[verb]
    probed = _judge(session, thread, person_id, at, needs)
    facts = ThreadFacts.from_json(thread.facts)
    if not facts.messages or (needs and _answered_already(session, case)):
        return
    row = DecisionRow(
        community_id=case.community_id,
        thread_id=thread.id,
        case_id=case.id,
        person_id=person_id,
        at=at,
        as_of=as_of,
        verb=verb,
        needs=needs,
        lane=case.lane,
        facts=facts.to_json(),
        priority=assess(facts, as_of).priority,
        probe=probed,
    )
    session.add(row)
    session.flush()


def take_back(session: Session, case_id: int, thread_id: int, at: datetime) -> None:
    """Removes what was decided of a case at that moment; a probe is open again."""
    session.execute(delete(DecisionRow).where(DecisionRow.case_id == case_id, DecisionRow.at == at))
    mine = update(ProbeRow).where(ProbeRow.thread_id == thread_id, ProbeRow.judged_at == at)
    session.execute(mine.values(judged_at=None, person_id=None, needs=None))


def note_answers(session: Session, brand_at: Mapping[int, float]) -> None:
    """Keeps as decided what the brand answered on the platform after it came above the line.

    `brand_at` has the time of the brand's newest message in each thread; facts are those from before it.
    """
    answered = {thread: at for thread, at in brand_at.items() if at}
    for case, thread in _waiting(session, answered):
        known, at = ThreadFacts.from_json(thread.facts), answered[thread.id]
        if case.surfaced_at is not None and at > max(known.brand_at, case.surfaced_at.timestamp()):
            moment = datetime.fromtimestamp(at, UTC)
            record(session, case, thread, ANSWERED, None, moment, moment)
            case.seen_at = None
    session.flush()


def _answered_already(session: Session, case: Case) -> bool:
    if case.surfaced_at is None:
        return False
    query = select(DecisionRow.id).where(
        DecisionRow.case_id == case.id, DecisionRow.at > case.surfaced_at, DecisionRow.verb == ANSWERED
    )
    return session.scalar(query.limit(1)) is not None


def _waiting(session: Session, threads: Collection[int]) -> list[tuple[Case, Thread]]:
    if not threads:
        return []
    query = select(Case, Thread).join(Thread, Thread.id == Case.thread_id)
    query = query.where(Case.thread_id.in_(threads), Case.open.is_(True), Case.state.in_(_OPEN))
    return [(case, thread) for case, thread in session.execute(query)]


def _judge(session: Session, thread: Thread, person_id: int | None, at: datetime, needs: bool) -> bool:
    """Whether the thread is a probe that nobody had judged, and in which nobody wrote since it was drawn."""
    mine = update(ProbeRow).where(
        ProbeRow.thread_id == thread.id, ProbeRow.judged_at.is_(None), ProbeRow.drawn_at >= thread.last_message_at
    )
    judged = mine.values(judged_at=at, person_id=person_id, needs=needs).returning(ProbeRow.id)
    return session.execute(judged.execution_options(synchronize_session=False)).first() is not None
