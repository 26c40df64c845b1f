"""Answers that wait for a second person, with what that person must see to say yes or no."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from moderation.errors import TenthError
from moderation.policy import Level, level_of
from service.db.models import Author, Case, Message, Thread
from service.db.reply_tables import BrandAccount, Reply
from service.deps import Deps
from service.usecases import replies
from service.usecases.composing import Came, Composer, composer_in, reply_in
from service.usecases.people import Known
from service.usecases.queue import first_words

#: Messages of a conversation shown beside an answer that waits: the last ones.
CONTEXT = 4


@dataclass(frozen=True, slots=True)
class Waiting:
    """One case with the answers that wait in it; more than one are in conflict. `context` is oldest first."""

    case_id: int
    thread_id: int
    title: str
    language: str
    context: tuple[Came, ...]
    drafts: tuple[Composer, ...]
    earlier: int = 0


def waiting(deps: Deps, person: Known, limit: int = 50) -> tuple[Waiting, ...]:
    """What waits for a level that this person has, their own words among it; the longest waiting case first."""
    with deps.store.read() as session:
        query = select(Reply).where(*_before(session, person)).order_by(Reply.updated_at, Reply.id).limit(limit)
        by_case: dict[int, list[Reply]] = {}
        for row in session.scalars(query):
            by_case.setdefault(row.case_id, []).append(row)
        return tuple(_waiting(deps, session, case_id, rows, person) for case_id, rows in by_case.items())


def waiting_count(deps: Deps, person: Known) -> int:
    """How many answers wait for this person's yes or no: never their own."""
    with deps.store.read() as session:
        others = (*_before(session, person), Reply.writer_id != person.id)
        return session.scalar(select(func.count()).select_from(Reply).where(*others)) or 0


def may_judge(draft: Composer, person: Known) -> bool:
    """Whether this person may say yes or no: never to their own words."""
    return draft.writer_id != person.id and judges(person, draft.voice.id)


def judges(person: Known, account_id: int) -> bool:
    """Whether a person approves what others write for a brand account."""
    return level_of(person.asking, account_id) is Level.APPROVE


def is_before(deps: Deps, reply_id: int, person: Known) -> bool:
    """Whether an answer is of a brand account that this person judges for. Raises BadInput when there is none."""
    with deps.store.read() as session:
        return judges(person, reply_in(session, reply_id).account_id)


def send_back_others(deps: Deps, reply_id: int, note: str, person: Known) -> int:
    """Sends the other waiting answers of the same case back to their writers. Returns how many went."""
    with deps.store.read() as session:
        row = session.get_one(Reply, reply_id)
        query = select(Reply.id, Reply.version).where(Reply.case_id == row.case_id, Reply.state == "waiting")
        others = session.execute(query.where(Reply.id != reply_id)).all()
    back = 0
    for other, version in others:
        try:
            replies.reject(deps, other, version, person, note)
        except TenthError:  # one's own, or changed meanwhile: it stays where it is
            continue
        back += 1
    return back


def _before(session: Session, person: Known) -> tuple[ColumnElement[bool], ...]:
    """What holds for an answer that waits, of a brand account that this person judges for."""
    accounts = [number for number in session.scalars(select(BrandAccount.id)) if judges(person, number)]
    return Reply.state == "waiting", Reply.account_id.in_(accounts)


def _waiting(deps: Deps, session: Session, case_id: int, rows: list[Reply], person: Known) -> Waiting:
    case = session.get_one(Case, case_id)
    thread = session.get_one(Thread, case.thread_id)
    context = _context(session, thread.id)
    drafts = tuple(composer_in(deps, session, row, person) for row in rows)
    title = thread.title or first_words(drafts[0].to.text)
    language = drafts[0].language
    return Waiting(case_id, thread.id, title, language, context, drafts, max(0, thread.messages - len(context)))


def _context(session: Session, thread_id: int) -> tuple[Came, ...]:
    query = select(Message, Author).join(Author, Author.id == Message.author_id).where(Message.thread_id == thread_id)
    rows = session.execute(query.order_by(Message.created_at.desc(), Message.id.desc()).limit(CONTEXT)).all()
    return tuple(
        Came(m.id, a.name or a.handle, a.handle, a.role, m.text, m.created_at, m.url, m.deleted_at is not None)
        for m, a in reversed(rows)
    )
