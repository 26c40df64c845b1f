"""Appeals: an author contests an act by a signed link, another person decides, an overturn takes the act back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.errors import BadInput, NotAllowed
from moderation.model import INVERSES, Capability
from moderation.policy import Subject, authorize
from moderation.statements import CONTESTABLE, Reasons, Source, outcome_letter
from service.db.audit import Entry, append
from service.db.grant_tables import ModerationAct
from service.db.models import Action, Person
from service.db.redress_tables import Appeal, Statement
from service.deps import Deps
from service.usecases import moderating
from service.usecases.appeal_links import contest_address, statement_of
from service.usecases.people import Known, pseudonym
from service.usecases.proofs import person_of
from service.usecases.statements import done_at, source_of
from service.usecases.telling import Notice, carries, tell

OUTCOMES = ("upheld", "overturned")
#: Enough for anybody's side of it.
LONGEST = 4_000
_AUTHOR = "author"
_TAKEN_BACK = ("approved", "waiting", "sending", "unknown", "done")


class NoSuchLink(BadInput):
    """The link is not ours, or what it names was not done."""


class TooLate(BadInput):
    """The time in which it could be contested has passed."""


class Decided(BadInput):
    """There is an appeal, or a decision, already."""


@dataclass(frozen=True, slots=True)
class ForAuthor:
    """What an author sees by their link: the reasons, and what became of their appeal. Nothing of who decided.

    `until` is a planned end; `state` is "" before it is contested, then open, upheld or overturned.
    """

    reasons: Reasons
    source: Source
    done_at: datetime
    until: datetime | None
    contest_until: datetime
    text: str = ""
    state: str = ""
    made_at: datetime | None = None
    decided_at: datetime | None = None
    outcome: str = ""
    reversible: bool = False


def look(deps: Deps, token: str) -> ForAuthor:
    """What the link shows. Raises NoSuchLink; TooLate when its time is over and nothing was contested."""
    with deps.store.read() as session:
        statement, appeal = _named(deps, session, token)
        return shown_to_author(session, statement, session.get_one(ModerationAct, statement.action_id), appeal)


def contest(deps: Deps, token: str, text: str) -> int:
    """Keeps an author's appeal. Raises NoSuchLink, TooLate, Decided when there is one already, BadInput."""
    said = "".join(c for c in text.strip() if c.isprintable() or c in "\n\t")
    if not 1 <= len(said) <= LONGEST:
        raise BadInput(f"Say in 1 to {LONGEST} characters why you think that it is wrong.")
    with deps.store.write() as session:
        statement, appeal = _named(deps, session, token)
        # Locked: two clicks at one moment make one appeal.
        session.get_one(Statement, statement.id, with_for_update=True)
        if appeal is not None or appeal_of(session, statement.id) is not None:
            raise Decided("You have contested this already; it can be contested once.")
        made = Appeal(statement_id=statement.id, text=said, language=statement.language, made_at=deps.now())
        session.add(made)
        session.flush()
        entry = Entry("appeal:make", _AUTHOR, f"action:{statement.action_id}", after={"appeal": made.id, "text": said})
        append(session, deps.vault, entry, deps.now())
        return made.id


def decide(deps: Deps, appeal_id: int, by: Known, outcome: str, reason: str) -> int | None:
    """Upholds or overturns; an overturn takes the act back. Returns the number of the act that does so, if any.

    Raises BadInput, and NotAllowed, which is kept in the audit log: nobody judges what they asked for, seconded, or
    wrote themselves.
    """
    why = reason.strip()[:2000]
    if outcome not in OUTCOMES:
        raise BadInput("An appeal is upheld or overturned.")
    if not why:
        raise BadInput("Say why: the author will read it.")
    try:
        with deps.store.write() as session:
            return _decide(deps, session, appeal_id, by, outcome, why)
    except NotAllowed as refused:
        _note_refusal(deps, appeal_id, by, str(refused))
        raise


def _named(deps: Deps, session: Session, token: str) -> tuple[Statement, Appeal | None]:
    statement_id = statement_of(deps, token)
    statement = session.get(Statement, statement_id) if statement_id is not None else None
    if statement is None or session.get_one(Action, statement.action_id).state != "done":
        raise NoSuchLink("This link leads nowhere. Take it whole, as it was sent to you.")
    appeal = appeal_of(session, statement.id)
    if appeal is None and deps.now() > statement.made_at + CONTESTABLE:
        raise TooLate("This could be contested for six months; that time has passed.")
    return statement, appeal


def appeal_of(session: Session, statement_id: int) -> Appeal | None:
    """The one appeal against a statement."""
    return session.scalars(select(Appeal).where(Appeal.statement_id == statement_id)).one_or_none()


def _decide(deps: Deps, session: Session, appeal_id: int, by: Known, outcome: str, reason: str) -> int | None:
    """The decision, the act that takes the other back, and the notice of it: one transaction."""
    appeal = session.get(Appeal, appeal_id, with_for_update=True)
    if appeal is None:
        raise BadInput("There is no such appeal.")
    statement = session.get_one(Statement, appeal.statement_id)
    may_judge(deps, session, appeal, statement, by)
    if appeal.state != "open":
        raise Decided("This appeal was decided already.")
    undo_id = _take_back(deps, session, statement.action_id, by, reason) if outcome == "overturned" else None
    appeal.state, appeal.reason, appeal.decided_at = outcome, reason, deps.now()
    appeal.person_id, appeal.undo_id = by.id, undo_id
    after = {"outcome": outcome, "reason": reason, "undo": undo_id}
    entry = Entry("appeal:decide", by.actor, f"action:{statement.action_id}", reason, {"state": "open"}, after)
    append(session, deps.vault, entry, deps.now())
    _tell(deps, session, appeal, statement)
    return undo_id


def shown_to_author(session: Session, statement: Statement, row: ModerationAct, appeal: Appeal | None) -> ForAuthor:
    """A statement and its appeal as the author sees them."""
    shown = ForAuthor(
        Reasons.from_body(statement.body),
        source_of(session, row.action_id),
        done_at(session, row.action_id) or statement.made_at,
        row.ends_at,
        statement.made_at + CONTESTABLE,
    )
    if appeal is None:
        return shown
    return replace(
        shown,
        text=appeal.text,
        state=appeal.state,
        made_at=appeal.made_at,
        decided_at=appeal.decided_at,
        outcome=appeal.reason,
        reversible=reversible(session.get_one(Action, row.action_id)),
    )


def may_judge(deps: Deps, session: Session, appeal: Appeal, statement: Statement, by: Known) -> None:
    """Asked for each person who took part: whoever acted, seconded, or is the author themselves. Raises NotAllowed."""
    action = session.get_one(Action, statement.action_id)
    second_id = session.get_one(ModerationAct, action.id).second_id
    own_id = person_of(session, statement.author_id) if statement.author_id is not None else None
    for person_id in (action.person_id, second_id, own_id):
        person = session.get(Person, person_id) if person_id is not None else None
        decider = pseudonym(person) if person is not None else ""
        authorize(by.asking, Capability.JUDGE, Subject(f"appeal:{appeal.id}", decider=decider), deps.now())


def _take_back(deps: Deps, session: Session, action_id: int, by: Known, reason: str) -> int | None:
    """The act that reverses it, one that is under way or a new one; None where it cannot be reversed."""
    if not reversible(session.get_one(Action, action_id)):
        return None
    under_way = taken_back(session, action_id)
    return under_way if under_way is not None else moderating.take_back_in(deps, session, action_id, by, reason)


def reversible(action: Action) -> bool:
    """Whether there is an act that takes it back."""
    return Capability(action.kind) in INVERSES


def taken_back(session: Session, action_id: int) -> int | None:
    """The act that takes it back, done or under way; not its planned end."""
    query = select(Action.id).join(ModerationAct, ModerationAct.action_id == Action.id)
    live = (ModerationAct.undoes_id == action_id, ModerationAct.planned.is_(False), Action.state.in_(_TAKEN_BACK))
    return session.scalar(query.where(*live).limit(1))


def _tell(deps: Deps, session: Session, appeal: Appeal, statement: Statement) -> None:
    action = session.get_one(Action, statement.action_id)
    if statement.author_id is None or appeal.person_id is None or not carries(deps, session, action.connection_id):
        return
    link = contest_address(deps, statement.id)
    title, text = outcome_letter(statement.language, appeal.state, appeal.reason, reversible(action), link)
    tell(deps, session, action.case_id, Notice(statement.author_id, title, text, appeal.reason), appeal.person_id)


def _note_refusal(deps: Deps, appeal_id: int, by: Known, words: str) -> None:
    with deps.store.write() as session:
        append(session, deps.vault, Entry("appeal:refuse", by.actor, f"appeal:{appeal_id}", words), deps.now())
