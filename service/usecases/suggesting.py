"""Answers that holders of a grant write for the brand: each waits for one of the brand's people.

Who judges it sends it, amends it, or sends it back with a note. No grant sends anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from moderation.errors import BadInput, NotAllowed
from moderation.model import Capability
from moderation.policy import authorize
from service.db.models import Case, Thread
from service.db.reply_tables import BrandAccount, Reply
from service.deps import Deps
from service.usecases import guarding
from service.usecases.bearing import refuse_unseen
from service.usecases.people import Known
from service.usecases.replies import refuse
from service.usecases.standing import subject_of
from service.usecases.wording import Words, begin_as, move, to_answer, write

#: A suggestion that came back may be written anew; one that waits is somebody else's to read.
_OPEN, _WAITS = ("draft", "returned"), "waiting"


@dataclass(frozen=True, slots=True)
class Suggested:
    """What somebody suggested. State as an answer's; `note` is why it came back, `url` where it is public."""

    id: int
    text: str
    state: str
    note: str
    url: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Suggesting:
    """What somebody may suggest in a conversation, as which brand account, and what became of it, the newest first."""

    account: str
    answers: str
    mine: tuple[Suggested, ...]

    @property
    def waits(self) -> bool:
        """Whether one waits already."""
        return any(one.state == _WAITS for one in self.mine)

    @property
    def text(self) -> str:
        """The words to go on with: those that came back."""
        return next((one.text for one in self.mine if one.state in _OPEN), "")


def suggesting(deps: Deps, by: Known, thread_id: int) -> Suggesting | None:
    """None for those whose grant lets them draft nothing there, and where there is nothing to answer."""
    with deps.store.read() as session:
        try:
            case, account = _permitted(deps, session, by, thread_id)
            message = to_answer(session, case)
        except (BadInput, NotAllowed):
            return None
        rows = session.scalars(_own(case, by).order_by(Reply.id.desc()).limit(5))
        mine = tuple(Suggested(r.id, r.text, r.state, r.note, r.url, r.updated_at) for r in rows)
        return Suggesting(account.handle, message.text, mine)


def suggest(deps: Deps, by: Known, thread_id: int, text: str) -> int:
    """Hands an answer over to be judged. Raises BadInput, NotAllowed, Guarded for what nobody may pass."""
    if not text.strip():
        raise BadInput("Write the answer first.")
    with deps.store.write() as session:
        case, account = _permitted(deps, session, by, thread_id)
        session.get_one(Case, case.id, with_for_update=True)  # pressed twice, it is one
        kept = session.scalars(_own(case, by).where(Reply.state.in_((*_OPEN, _WAITS))).limit(1)).one_or_none()
        if kept is not None and kept.state == _WAITS:
            raise BadInput("An answer of yours waits here already. Somebody of the brand reads it first.")
        reply = kept or begin_as(deps, session, case, by, account.id)
        write(
            session,
            deps,
            reply,
            Words(text.strip(), reply.content_warning, reply.visibility, reply.language),
            by,
            "write",
        )
        found = guarding.findings(deps, session, reply)
        refuse([one for one in found if one.final])
        reply.wants = [*guarding.wants(session, reply, found), {"kind": "level", "value": "draft"}]
        move(session, deps, reply, _WAITS, by, "submit")
        return reply.id


def _permitted(deps: Deps, session: Session, by: Known, thread_id: int) -> tuple[Case, BrandAccount]:
    refuse_unseen(session, by.asking, thread_id, deps.now())
    thread = session.get(Thread, thread_id)
    case = session.scalars(select(Case).where(Case.thread_id == thread_id)).one_or_none()
    if thread is None or case is None:
        raise BadInput("There is no such conversation.")
    here = (BrandAccount.connection_id == thread.connection_id, BrandAccount.state != "closed")
    account = session.scalars(select(BrandAccount).where(*here).order_by(BrandAccount.id).limit(1)).one_or_none()
    if account is None:
        raise BadInput("No brand account can answer here.")
    about = subject_of(session, f"case:{case.id}", thread.connection_id, account.id)
    permit = authorize(by.asking, Capability.DRAFT, replace(about, place=thread.place), deps.now())
    if permit.grant is None:
        raise BadInput("You answer for the brand in the conversation itself.")
    return case, account


def _own(case: Case, by: Known) -> Select[Reply]:
    return select(Reply).where(Reply.case_id == case.id, Reply.writer_id == by.id)
