"""Decided reports on their platforms: closed there, and whoever made them told, where a platform does not do so itself.

A decision is never lost for it: what cannot be written at once is shown, and can be asked for again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from moderation.errors import BadInput, NotAllowed
from moderation.model import Capability, ReportOutcome
from moderation.policy import RANKS, authorize
from moderation.report_words import notice, outcome, title
from moderation.reports import Verdict
from plugins.contract import Connector
from service.db.grant_tables import ModerationAct
from service.db.models import Action, Case, Connection, Message, Person
from service.db.report_tables import ReportDecision, ReportRow
from service.deps import Deps
from service.usecases.acting import UNDO
from service.usecases.bearing import permit_act
from service.usecases.connections import connector_named
from service.usecases.people import Known
from service.usecases.report_subjects import Reported, about, asker, permit_decision, permit_here, place_of
from service.usecases.settling import note
from service.usecases.standing import subject_of
from service.usecases.telling import Notice, carries, tell

#: Messages of somebody by which their language is known.
LAST_WORDS = 20
#: States of a closing after which it may be asked for again.
OVER = ("failed", "cancelled")


def close(deps: Deps, session: Session, decision: ReportDecision, subject: Reported, by: Known) -> None:
    """Writes what closes these reports on their platform; where `by` may not, nothing is written."""
    connector = _connector(deps, session, subject)
    if Capability.RESOLVE_REPORT in connector.capabilities:
        for together in _entries(subject.reports):
            if not _open_beside(session, together[0]):
                try:
                    _close_entry(deps, session, decision, subject, together, by)
                except (NotAllowed, BadInput):
                    continue


def close_again(deps: Deps, decision_id: int, by: Known) -> int:
    """Asks once more for what is not closed on the platform. Returns how many. Raises BadInput, NotAllowed."""
    with deps.store.write() as session:
        decision, who = session.get(ReportDecision, decision_id), asker(session, by)
        place = place_of(session, decision) if decision is not None else None
        permit_here(who.actor, place, f"decision:{decision_id}", deps.now())
        if decision is None:
            raise BadInput("There is no such decision.")
        rows = _unclosed(session, decision_id)
        if not rows:
            raise BadInput("Everything is closed on the platform, or on its way.")
        subject = about(session, rows)
        permit_decision(session, who, subject, deps.now())
        if Capability.RESOLVE_REPORT not in _connector(deps, session, subject).capabilities:
            raise BadInput("This platform does not let us close reports: close them there.")
        ready = [together for together in _entries(rows) if not _open_beside(session, together[0])]
        if not ready:
            raise BadInput("Other posts of the same report are open still: it is closed together with them.")
        for together in ready:
            _close_entry(deps, session, decision, subject, together, by)
        return len(ready)


def tell_reporters(deps: Deps, session: Session, decision: ReportDecision, subject: Reported, by: Known) -> int:
    """Writes a notice to each reporter, where the platform carries one and says nothing itself. Returns how many.

    Where the global stop or shadow mode holds everything back, nobody is told.
    """
    case_id = _case_of(session, subject)
    silent = _connector(deps, session, subject).tells_reporters or not carries(deps, session, subject.connection_id)
    if silent or case_id is None or _held_back(deps, session, subject, by):
        return 0
    reporters = {row.reporter_id: row for row in reversed(subject.reports) if row.reporter_id is not None}
    for author_id, row in sorted(reporters.items()):
        language = _language_of(session, author_id)
        url = subject.message.url if subject.message is not None else ""
        words = notice(Verdict(decision.verdict), language, url, row.id)
        tell(deps, session, case_id, Notice(author_id, title(language), words, decision.reason, decision.id), by.id)
    return len(reporters)


def _held_back(deps: Deps, session: Session, subject: Reported, by: Known) -> bool:
    """What was decided is told even if whoever decided it has no right any more by then: it is planned with it."""
    about_them = replace(subject_of(session, subject.name, subject.connection_id), planned=True)
    try:
        authorize(by.asking, Capability.NOTIFY, about_them, deps.now())
    except NotAllowed:
        return True
    return False


def held_by(session: Session, decision: ReportDecision) -> list[int]:
    """Actions that were written for a decision: its closings and notices, by id."""
    closing = set(session.scalars(select(ReportRow.action_id).where(ReportRow.decision_id == decision.id)))
    query = select(Action).where(Action.kind == str(Capability.NOTIFY), Action.created_at >= decision.at)
    notices = [a.id for a in session.scalars(query) if (a.options or {}).get("decision") == decision.id]
    return sorted({number for number in closing if number is not None} | set(notices))


def _close_entry(
    deps: Deps, session: Session, decision: ReportDecision, subject: Reported, together: Sequence[ReportRow], by: Known
) -> None:
    case_id = _case_of(session, subject)
    if case_id is None:
        raise BadInput("No conversation of theirs is read here yet, so nothing can be done on the platform.")
    verdict, first = Verdict(decision.verdict), together[0]
    said = outcome(verdict, _language_of(session, first.reporter_id))
    action = Action(
        case_id=case_id,
        connection_id=first.connection_id,
        person_id=by.id,
        kind=str(Capability.RESOLVE_REPORT),
        target=first.remote_id,
        options={"outcome": str(verdict.outcome), "reason": said},
        due_at=deps.now() + UNDO,
        created_at=deps.now(),
    )
    act = ModerationAct(at=deps.now(), author_id=subject.author_id, reason=decision.reason, planned=False)
    _write(deps, session, action, act, by)
    _write_place(act, subject)
    for row in session.scalars(select(ReportRow).where(*_same_entry(first), ReportRow.decision_id.is_not(None))):
        row.action_id = action.id
    session.flush()


def _write(deps: Deps, session: Session, action: Action, act: ModerationAct, by: Known) -> None:
    """An action with its act, permitted as it is written. Raises NotAllowed."""
    action.state, action.attempt, action.error, action.text = "approved", 0, "", action.text or ""
    actor = asker(session, by).actor
    permit = permit_act(session, actor, action, act, deps.now())
    session.add(action)
    session.flush()
    act.action_id, act.grant_id, act.rank = action.id, permit.grant, RANKS.get(actor.role, 0)
    session.add(act)
    session.flush()
    note(deps, session, action, session.get_one(Person, action.person_id), "approve")


def _write_place(act: ModerationAct, subject: Reported) -> None:
    act.message_id = subject.message.id if subject.message is not None else None
    act.community_id = subject.place.community


def _entries(rows: Iterable[ReportRow]) -> list[list[ReportRow]]:
    """Reports that are one on their platform: what stands before the colon of an id is what is closed there."""
    found: dict[str, list[ReportRow]] = {}
    for row in rows:
        found.setdefault(entry_of(row), []).append(row)
    return list(found.values())


def entry_of(row: ReportRow) -> str:
    """The platform's own name of what a report is a part of."""
    return row.remote_id.partition(":")[0]


def _open_beside(session: Session, row: ReportRow) -> bool:
    """Whether the same report is open about something else: closing it on the platform would close that unseen."""
    is_open = ReportRow.outcome == ReportOutcome.OPEN
    return session.scalar(select(ReportRow.id).where(*_same_entry(row), is_open).limit(1)) is not None


def _same_entry(row: ReportRow) -> tuple[ColumnElement[bool], ...]:
    entry = entry_of(row)
    one, several = ReportRow.remote_id == entry, ReportRow.remote_id.startswith(f"{entry}:", autoescape=True)
    return ReportRow.connection_id == row.connection_id, one | several


def _unclosed(session: Session, decision_id: int) -> list[ReportRow]:
    query = select(ReportRow).outerjoin(Action, Action.id == ReportRow.action_id)
    query = query.where(ReportRow.decision_id == decision_id, ReportRow.action_id.is_(None) | Action.state.in_(OVER))
    return list(session.scalars(query.order_by(ReportRow.id)))


def _case_of(session: Session, subject: Reported) -> int | None:
    """The case that an action hangs on: of the conversation, else of the last one that the author wrote in."""
    if subject.thread is not None:
        return session.scalar(select(Case.id).where(Case.thread_id == subject.thread.id))
    if subject.author_id is None:
        return None
    query = select(Case.id).join(Message, Message.thread_id == Case.thread_id)
    query = query.where(Message.author_id == subject.author_id).order_by(Message.created_at.desc(), Message.id.desc())
    return session.scalar(query.limit(1))


def _language_of(session: Session, author_id: int | None) -> str:
    """The language that somebody wrote most in lately; "" where they wrote nothing."""
    if author_id is None:
        return ""
    last = select(Message.language).where(Message.author_id == author_id, Message.language != "")
    some = last.order_by(Message.created_at.desc(), Message.id.desc()).limit(LAST_WORDS).subquery()
    query = select(some.c.language).group_by(some.c.language).order_by(func.count().desc(), some.c.language)
    return session.scalar(query.limit(1)) or ""


def _connector(deps: Deps, session: Session, subject: Reported) -> Connector:
    return connector_named(deps, session.get_one(Connection, subject.connection_id).connector)
