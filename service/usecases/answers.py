"""What the brand said in a conversation from here, and what is on its way: with who wrote and who approved it.

For the inside only: the public sees the brand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from moderation.model import Capability
from moderation.policy import Level, level_of
from plugins.contract import Limits
from service.db.models import Action, Case, Outbox, Person
from service.db.reply_tables import BrandAccount, Reply, ReplyRevision
from service.deps import Deps
from service.usecases.acting import UNDO
from service.usecases.awaiting import judges
from service.usecases.composing import approvers
from service.usecases.people import Known
from service.usecases.sent import ON_ITS_WAY, public_text
from service.usecases.unknowns import given_up

_SHOWN = ("waiting", "approved", "sent", "deleted")
#: How many of a conversation's answers are shown; there are rarely more than two.
_MOST = 20


@dataclass(frozen=True, slots=True)
class Wording:
    """One wording: who wrote it, when, and with what verb (write, amend, edit)."""

    who: str
    at: datetime
    verb: str
    text: str


@dataclass(frozen=True, slots=True)
class Under:
    """An act under way, or one that did not get there. State: held planned sending unknown failed.

    `kind` is reply, edit or delete. `lost`: looking for it has ended, so a person decides. `mine`: may be taken back.
    """

    action_id: int
    reply_id: int
    kind: str
    state: str
    text: str
    due_at: datetime
    tried_at: datetime | None
    error: str
    lost: bool
    mine: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """A public answer made here. `text` is what the public reads, or will; `remote_id` says which message it is."""

    id: int
    version: int
    state: str
    text: str
    writer: str
    mine: bool
    approver: str
    account: str
    remote_id: str
    url: str
    sent_at: datetime | None
    wordings: tuple[Wording, ...]
    under: Under | None
    wants: tuple[dict[str, str], ...]
    waits_for: tuple[str, ...]
    may_edit: bool
    may_delete: bool
    may_settle: bool
    may_judge: bool

    @property
    def moving(self) -> bool:
        """Whether something about it will change by itself, soon."""
        return self.under is not None and (self.under.state in ("held", "sending") or self._looked_for)

    @property
    def _looked_for(self) -> bool:
        return self.under is not None and self.under.state == "unknown" and not self.under.lost


def answers(deps: Deps, thread_id: int, person: Known) -> tuple[Answer, ...]:
    """The brand's answers to a conversation, those that wait and those on their way included; oldest first."""
    with deps.store.read() as session:
        query = select(Reply).join(Case, Case.id == Reply.case_id).where(Case.thread_id == thread_id)
        rows = session.scalars(query.where(Reply.state.in_(_SHOWN)).order_by(Reply.id.desc()).limit(_MOST)).all()
        return tuple(_answer(deps, session, row, person) for row in reversed(rows))


def answer(deps: Deps, reply_id: int, person: Known) -> Answer | None:
    """One of them; None when there is none that could be shown."""
    with deps.store.read() as session:
        row = session.get(Reply, reply_id)
        return _answer(deps, session, row, person) if row is not None and row.state in _SHOWN else None


def held(deps: Deps, person: Known) -> Under | None:
    """The person's last act on an answer that can still be undone."""
    now = deps.now()
    with deps.store.read() as session:
        mine = (Action.person_id == person.id) | (Reply.writer_id == person.id)
        young = (Action.state == "approved", Action.created_at > now - UNDO)
        query = select(Action, Reply).join(Reply, Reply.id == Action.reply_id).where(*young, mine)
        row = session.execute(query.order_by(Action.id.desc()).limit(1)).one_or_none()
        return _under(session, row[0], row[1], person, now) if row is not None else None


def thread_of(deps: Deps, reply_id: int) -> int | None:
    """The conversation that an answer belongs to."""
    with deps.store.read() as session:
        query = select(Case.thread_id).join(Reply, Reply.case_id == Case.id).where(Reply.id == reply_id)
        return session.scalar(query)


def _answer(deps: Deps, session: Session, row: Reply, person: Known) -> Answer:
    writer = session.get_one(Person, row.writer_id)
    approver = session.get(Person, row.approver_id) if row.approver_id is not None else None
    account = session.get_one(BrandAccount, row.account_id)
    last = session.scalars(select(Action).where(Action.reply_id == row.id).order_by(Action.id.desc()).limit(1)).first()
    under = _under(session, last, row, person, deps.now()) if last is not None else None
    limits = Limits.read(account.limits)
    sends = level_of(person.asking, account.id) in (Level.SEND, Level.APPROVE) and account.state != "closed"
    still = row.state == "sent" and sends and (under is None or under.state == "failed")
    return Answer(
        id=row.id,
        version=row.version,
        state=row.state,
        text=public_text(session, row),
        writer=writer.name or writer.username,
        mine=row.writer_id == person.id,
        approver=(approver.name or approver.username) if approver else "",
        account=account.handle,
        remote_id=row.remote_id or "",
        url=row.url,
        sent_at=row.sent_at,
        wordings=_wordings(session, row.id),
        under=under,
        wants=tuple(row.wants),
        waits_for=approvers(session, row) if row.state == "waiting" else (),
        may_edit=still and limits.edits,
        may_delete=still and limits.deletes,
        may_settle=sends,
        may_judge=row.writer_id != person.id and judges(person, account.id),
    )


def _under(session: Session, action: Action, row: Reply, person: Known, now: datetime) -> Under | None:
    """None when the act is done or was taken back."""
    after = action.kind != Capability.REPLY
    if action.state not in ON_ITS_WAY and not (action.state == "failed" and after):
        return None
    held = "held" if action.due_at - action.created_at <= UNDO else "planned"
    state = {"approved": held}.get(action.state, action.state)
    tried = session.scalar(select(func.min(Outbox.sending_at)).where(Outbox.action_id == action.id))
    return Under(
        action_id=action.id,
        reply_id=row.id,
        kind=action.kind,
        state=state,
        text=action.text,
        due_at=action.due_at,
        tried_at=tried,
        error=action.error,
        lost=given_up(action, now),
        mine=action.state == "approved" and person.id in (row.writer_id, action.person_id),
    )


def _wordings(session: Session, reply_id: int) -> tuple[Wording, ...]:
    who = aliased(Person)
    query = select(ReplyRevision, who).join(who, who.id == ReplyRevision.person_id)
    rows: Sequence[tuple[ReplyRevision, Person]] = [
        (r, p) for r, p in session.execute(query.where(ReplyRevision.reply_id == reply_id).order_by(ReplyRevision.id))
    ]
    return tuple(Wording(p.name or p.username, r.at, r.verb, r.text) for r, p in rows)
