"""One decision about all reports of one subject: upheld, with an act or without, or dismissed. Taken back in time."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.errors import BadInput, NotAllowed
from moderation.model import Capability, ReportOutcome
from moderation.reports import Verdict
from moderation.statements import named_law
from service.db import trust
from service.db.audit import Entry, append
from service.db.models import Action
from service.db.report_tables import ReportDecision, ReportRow
from service.deps import Deps
from service.usecases import acting, moderating
from service.usecases.moderating import Wish
from service.usecases.people import Known
from service.usecases.report_closing import close, held_by, tell_reporters
from service.usecases.report_subjects import Reported, asker, permit_decision, permit_number, reported

#: What may be done to a subject together with the decision; everything else is done on the conversation itself.
ACTS = (Capability.HIDE, Capability.LOCK, Capability.SILENCE)
LONGEST_REASON = 2000
#: How long a silence lasts when nobody says: what the rights of every keeper cover.
SILENCE_HOURS = 24


@dataclass(frozen=True, slots=True)
class Ruling:
    """What somebody decides. `act` is done for it, a silence for `hours`; `rule_id` is the rule that was broken.

    `law` is the one under which it is illegal; None: it breaks the community's rules.
    """

    verdict: Verdict
    reason: str = ""
    act: Capability | None = None
    hours: int | None = None
    rule_id: int | None = None
    law: str | None = None


def decide(deps: Deps, report_id: int, ruling: Ruling, by: Known) -> int:
    """Decides about every open report of the subject that this report is about. Returns the decision's number.

    Raises BadInput, or NotAllowed, which is kept in the audit log. An act that cannot be done decides nothing.
    """
    good = _checked(ruling)
    try:
        with deps.store.write() as session:
            return _write(deps, session, report_id, good, by)
    except NotAllowed as refused:
        _note_refusal(deps, report_id, by, str(refused))
        raise


def take_back(deps: Deps, decision_id: int, by: Known) -> None:
    """Undo, by whoever decided, as long as nothing of it left: the reports are open again. Raises BadInput."""
    with deps.store.write() as session:
        decision = session.get(ReportDecision, decision_id)
        if decision is None or decision.person_id != by.id:
            raise BadInput("There is no such decision of yours.")
        own = [decision.act_id] if decision.act_id is not None else []
        ids = [*held_by(session, decision), *own]
        late = deps.now() > decision.at + acting.UNDO
        if late or not all(_is_off(deps, session, action_id) for action_id in ids):
            raise BadInput("It is too late to take this back: it has left, or is about to.")
        _open_again(deps, session, decision, by)


def _is_off(deps: Deps, session: Session, action_id: int) -> bool:
    """Whether an action will not leave: it is taken back here, or was before."""
    return acting.cancel_in(deps, session, action_id) or session.get_one(Action, action_id).state == "cancelled"


def _checked(ruling: Ruling) -> Ruling:
    reason = ruling.reason.strip()[:LONGEST_REASON]
    if ruling.act is not None and (ruling.verdict is not Verdict.UPHELD or ruling.act not in ACTS):
        raise BadInput("With a report that is right may go: hide, lock or silence. With one that is wrong, nothing.")
    if ruling.verdict is Verdict.UPHELD and not reason:
        raise BadInput("Say why, by the community's own rules: whom it concerns will read it.")
    law = named_law(ruling.law) if ruling.verdict is Verdict.UPHELD else None
    return replace(ruling, reason=reason, law=law)


def _wish(subject: Reported, ruling: Ruling) -> Wish:
    if subject.message is None or ruling.act is None:
        raise BadInput("The post is not read here, so nothing can be done to it from here.")
    message_id = None if ruling.act is Capability.LOCK else subject.message.id
    hours = (ruling.hours or SILENCE_HOURS) if ruling.act is Capability.SILENCE else None
    wish = Wish(ruling.act, subject.message.thread_id, ruling.reason, message_id, hours)
    return replace(wish, rule_id=ruling.rule_id, law=ruling.law)


def _write(deps: Deps, session: Session, report_id: int, ruling: Ruling, by: Known) -> int:
    """The decision, what it makes of the reports, its act, and what closes them on the platform: one transaction."""
    now, who = deps.now(), asker(session, by)
    permit_number(session, who, report_id, now)
    subject = reported(session, report_id)
    permit_decision(session, who, subject, now)
    decision = ReportDecision(
        connection_id=subject.connection_id,
        community_id=subject.place.community,
        message_id=subject.message.id if subject.message is not None else None,
        author_id=subject.author_id,
        verdict=str(ruling.verdict),
        reason=ruling.reason,
        person_id=by.id,
        at=now,
    )
    session.add(decision)
    session.flush()
    for row in subject.reports:
        row.outcome, row.decision_id, row.action_id = str(ruling.verdict.outcome), decision.id, None
    session.flush()
    _counted(session, subject.reports)
    if ruling.act is not None:
        decision.act_id = moderating.act_in(deps, session, _wish(subject, ruling), by)
    after = {"verdict": decision.verdict, "reports": [row.id for row in subject.reports], "act": decision.act_id}
    after |= {"law": ruling.law} if ruling.law else {}
    entry = Entry("report:decide", by.actor, subject.name, ruling.reason, None, after)
    append(session, deps.vault, entry, now)
    close(deps, session, decision, subject, by)
    tell_reporters(deps, session, decision, subject, by)
    return decision.id


def _open_again(deps: Deps, session: Session, decision: ReportDecision, by: Known) -> None:
    rows = list(session.scalars(select(ReportRow).where(ReportRow.decision_id == decision.id).with_for_update()))
    for row in rows:
        row.outcome, row.decision_id, row.action_id = str(ReportOutcome.OPEN), None, None
    session.flush()
    _counted(session, rows)
    before = {"verdict": decision.verdict, "reports": [row.id for row in rows]}
    session.delete(decision)
    entry = Entry("report:reopen", by.actor, f"decision:{decision.id}", "", before)
    append(session, deps.vault, entry, deps.now())


def _counted(session: Session, rows: list[ReportRow] | tuple[ReportRow, ...]) -> None:
    """Whoever reported was right, or was not: their standing is made anew."""
    trust.touch_authors(session, {row.reporter_id for row in rows if row.reporter_id is not None})


def _note_refusal(deps: Deps, report_id: int, by: Known, words: str) -> None:
    with deps.store.write() as session:
        entry = Entry("report:refuse", by.actor, f"report:{report_id}", words)
        append(session, deps.vault, entry, deps.now())
