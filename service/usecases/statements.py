"""Statements of reasons: kept with the act that they are about, told to its author, exported for the EU's database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from moderation.model import Capability
from moderation.statements import (
    CONTESTABLE,
    OTHER,
    WITH_REASONS,
    Reasons,
    Source,
    letter,
    spoken_language,
    to_database,
    without_personal_data,
)
from service.db.grant_tables import ModerationAct
from service.db.models import Action, Author, Community, Message, Outbox, Person, Thread
from service.db.redress_tables import Notice as IllegalNotice
from service.db.redress_tables import Rule, Statement
from service.db.report_tables import ReportDecision
from service.deps import Deps
from service.usecases import rules
from service.usecases.appeal_links import contest_address
from service.usecases.telling import Notice, carries, tell

log = structlog.get_logger(__name__)
_AT_ONCE = 100


def state_reasons(deps: Deps, session: Session, action: Action, row: ModerationAct) -> None:
    """Writes the statement of an act in the caller's transaction, once both are flushed.

    Acts that take nothing from anybody, and those whose author is not known, have none. A warning carries its own
    statement. Raises BadInput when the act names a rule that does not hold there.
    """
    kind = Capability(action.kind)
    if row.planned or row.undoes_id is not None or kind not in WITH_REASONS:
        return
    rule = rules.rule_in_force(session, row.rule_id, row.community_id) if row.rule_id is not None else None
    message = _message_of(session, action, row)
    if message is None:
        return
    author = session.get_one(Author, message.author_id)
    language = spoken_language(message.language, desk_language(session))
    statement = Statement(
        action_id=action.id,
        author_id=author.id,
        community_id=row.community_id,
        language=language,
        body=_reasons(session, action, row, message, author, rule, language).to_body(),
        told="waiting" if carries(deps, session, action.connection_id) else "no",
        made_at=row.at,
    )
    session.add(statement)
    session.flush()
    if kind is Capability.WARN:
        _carry(deps, statement, action, row)


def tell_due(deps: Deps) -> int:
    """Tells the authors of acts that were done; each once, because both are written together. Returns how many."""
    ended = Action.state.in_(("done", "cancelled", "failed"))
    query = select(Statement.id).join(Action, Action.id == Statement.action_id)
    with deps.store.read() as session:
        ids = session.scalars(query.where(Statement.told == "waiting", ended).order_by(Statement.id).limit(_AT_ONCE))
        due = list(ids)
    return sum(_tell(deps, statement_id) for statement_id in due)


def desk_language(session: Session) -> str:
    """What the desk speaks where an author's language is not ours: its first owner's language."""
    query = select(Person.locale).where(Person.role == "owner", Person.active).order_by(Person.id).limit(1)
    return session.scalar(query) or ""


def done_at(session: Session, action_id: int) -> datetime | None:
    """When the platform said that an action was done."""
    done = (Outbox.action_id == action_id, Outbox.outcome == "done")
    return session.scalar(select(func.min(Outbox.answered_at)).where(*done))


def source_of(session: Session, action_id: int) -> Source:
    """What made somebody look."""
    if session.scalar(select(IllegalNotice.id).where(IllegalNotice.action_id == action_id).limit(1)) is not None:
        return Source.NOTICE
    if session.scalar(select(ReportDecision.id).where(ReportDecision.act_id == action_id).limit(1)) is not None:
        return Source.REPORT
    return Source.VOLUNTARY


def export(
    deps: Deps, since: datetime | None = None, until: datetime | None = None, after: int = 0, most: int | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """(number, fields of the EU's database) of acts that were done, oldest first. Without personal data."""
    asked: list[ColumnElement[bool]] = [Action.state == "done", Statement.id > after]
    asked += [Statement.made_at >= since] if since is not None else []
    asked += [Statement.made_at < until] if until is not None else []
    query = (
        select(Statement, ModerationAct.ends_at)
        .join(Action, Action.id == Statement.action_id)
        .join(ModerationAct, ModerationAct.action_id == Statement.action_id)
        .where(*asked)
        .order_by(Statement.id)
        .limit(most)
    )
    with deps.store.read() as session:
        for statement, ends_at in session.execute(query):
            acted = done_at(session, statement.action_id) or statement.made_at
            source = source_of(session, statement.action_id)
            found = to_database(_exported(session, statement), acted, ends_at, source)
            if found is not None:
                yield statement.id, found


def _exported(session: Session, statement: Statement) -> Reasons:
    """Where no rule says what kind of illegal content it is, the notice that led to the act does."""
    found = Reasons.from_body(statement.body)
    if not found.law or found.rule:
        return found
    noticed = select(IllegalNotice.category).where(IllegalNotice.action_id == statement.action_id).limit(1)
    return replace(found, category=session.scalar(noticed) or found.category)


def _tell(deps: Deps, statement_id: int) -> int:
    with deps.store.write() as session:
        statement = session.get_one(Statement, statement_id, with_for_update=True)
        action = session.get_one(Action, statement.action_id)
        if statement.told != "waiting":
            return 0
        if action.state != "done" or statement.author_id is None:
            statement.told = "no"
            return 0
        row = session.get_one(ModerationAct, action.id)
        title, text = _letter(deps, statement, row)
        notice = Notice(statement.author_id, title, text, row.reason)
        statement.notify_id = tell(deps, session, action.case_id, notice, action.person_id).id
        statement.told = "asked"
    deps.ring("perform_actions")
    return 1


def _carry(deps: Deps, statement: Statement, action: Action, row: ModerationAct) -> None:
    """The act is itself a message to the author: it says the reasons."""
    title, action.text = _letter(deps, statement, row)
    action.options = dict(action.options or {}) | {"title": title}
    statement.told, statement.notify_id = "asked", action.id


def _letter(deps: Deps, statement: Statement, row: ModerationAct) -> tuple[str, str]:
    contest = contest_address(deps, statement.id) or str(statement.id)
    return letter(Reasons.from_body(statement.body), row.ends_at, contest, statement.made_at + CONTESTABLE)


def _message_of(session: Session, action: Action, row: ModerationAct) -> Message | None:
    """What an act is about: a message, or for a whole conversation the one that began it."""
    if row.message_id is not None:
        return session.get(Message, row.message_id)
    begun = select(Message).join(Thread, Thread.id == Message.thread_id)
    begun = begun.where(Thread.connection_id == action.connection_id, Thread.remote_id == action.target)
    return session.scalars(begun.order_by(Message.created_at, Message.id).limit(1)).one_or_none()


def _reasons(
    session: Session,
    action: Action,
    row: ModerationAct,
    message: Message,
    author: Author,
    rule: Rule | None,
    language: str,
) -> Reasons:
    person = session.get_one(Person, action.person_id)
    names = (author.handle, author.name, person.username, person.name)
    found = message.language[:2].lower()
    return Reasons(
        kind=Capability(action.kind),
        puid=f"tenth-{action.id}-{action.created_at:%Y%m%d%H%M%S}",
        language=language,
        community=session.get_one(Community, row.community_id).name if row.community_id is not None else "",
        reason=row.reason,
        explanation=without_personal_data(row.reason, names),
        rule=rules.in_language(rule.title, language) if rule is not None else "",
        rule_text=rules.in_language(rule.text, language) if rule is not None else "",
        category=rule.category if rule is not None else OTHER,
        automated=bool(row.automated),
        content_language=found if len(found) == 2 and found.isascii() and found.isalpha() else "",
        written_on=f"{message.created_at:%Y-%m-%d}",
        law=without_personal_data(row.law, names),
    )
