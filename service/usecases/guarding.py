"""What a reply is read for before it is sent, and again at the send; and whether a second person must say yes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from moderation.guards.check import read
from moderation.guards.contract import PASSED_BY, Finding, Guard, House
from moderation.guards.money import amounts
from moderation.model import AuthorRole, Capability
from moderation.policy import Level
from moderation.triage import dangers
from plugins.contract import Composed, Composes, Limits
from service.db.models import Action, Author, Case, Community, Connection, Message, Person, Thread
from service.db.reply_tables import ApprovalRule, BrandAccount, Reply, ReplyImage
from service.deps import Deps
from service.usecases.alarms import alarm_of
from service.usecases.connections import host_of, settings_of
from service.usecases.incidents import incident_in

#: Acts that put an answer in public, or may still do so.
_HANDED_OVER = (Action.kind == str(Capability.REPLY), Action.state.in_(("approved", "sending", "unknown", "done")))


def findings(deps: Deps, session: Session, reply: Reply, links: Sequence[Finding] = ()) -> tuple[Finding, ...]:
    """Form, facts of the thread, the words themselves; and what `usecases.links` found, which takes the network."""
    words = reply.text.strip()
    if not words:
        return (Finding(Guard.EMPTY),)
    found = [*_form(deps, session, reply), *_facts(session, reply)]
    return (*found, *read(reply.text, reply.language, house(session)), *links)


def house(session: Session) -> House:
    """What this desk allows itself: its own sites, and the amount up to which one person may promise money."""
    hosts = frozenset(host_of(url) for url in session.scalars(select(Connection.url)) if url)
    return House(money=_amount(session), hosts=hosts)


def composed(deps: Deps, session: Session, reply: Reply) -> tuple[Composed, Limits]:
    """The post that the reply becomes, and what the platform allows."""
    account = session.get_one(BrandAccount, reply.account_id)
    row = session.get_one(Connection, account.connection_id)
    connector = deps.connectors.get(row.connector)
    limits = Limits.read(account.limits)
    if not isinstance(connector, Composes):
        return Composed(reply.text, len(reply.text)), limits
    settings = settings_of(deps, row, account)
    post = connector.compose(reply.text, _answered(session, reply, account), settings, limits)
    if limits.warnings and reply.content_warning:
        # Nothing is shortened in a warning, as links are in a text.
        warning = connector.compose(reply.content_warning, "", settings, replace(limits, link=None))
        post = replace(post, length=post.length + warning.length)
    return post, limits


def _answered(session: Session, reply: Reply, account: BrandAccount) -> str:
    """The handle of whom the reply answers; "" where the account goes on from a post of its own."""
    query = select(Author.handle).join(Message, Message.author_id == Author.id).where(Message.id == reply.message_id)
    handle = session.scalar(query) or ""
    return "" if handle.lower() == account.handle.removeprefix("@").lower() else handle


def wants(session: Session, reply: Reply, found: Sequence[Finding]) -> list[dict[str, Any]]:
    """Why a second person must say yes, by the rules in force; empty when nobody must."""
    writer, case = session.get_one(Person, reply.writer_id), session.get_one(Case, reply.case_id)
    message = session.get_one(Message, reply.message_id)
    rules = dangers(case.rules.split(","))
    topics = {name for name, chance in (message.intents or {}).items() if chance >= 0.5}
    going_on = _going_on(session, session.get_one(Thread, case.thread_id).community_id)
    reasons = []
    for rule in session.scalars(select(ApprovalRule).order_by(ApprovalRule.id)):
        holds = {
            "role": writer.role == rule.value,
            "topic": rule.value in topics,
            "rule": rule.value in rules or (rule.value == "*" and bool(rules)),
            "incident": rule.value in going_on,
            "amount": any(f.guard is Guard.MONEY for f in found),
        }
        if holds.get(rule.kind, True):  # a rule that is not understood wants a second person
            reasons.append({"kind": rule.kind, "value": rule.value})
    return reasons


def _going_on(session: Session, community_id: int) -> set[str]:
    """The incidents of a community: those that rules of approval know."""
    alarm = alarm_of(session.get_one(Community, community_id).summary)
    return {name for name, on in (("declared", incident_in(session, community_id)), ("alarm", alarm)) if on}


def unpassed(found: Sequence[Finding], reply: Reply, level: Level | None) -> list[Finding]:
    """The findings that still hold an answer back for somebody of this level: no reason, or not theirs to pass."""
    levels = list(Level)
    mine = levels.index(level) if level is not None else -1
    return [f for f in found if not _reasoned(f, reply) or mine < levels.index(PASSED_BY[f.guard])]


def unreasoned(found: Sequence[Finding], reply: Reply) -> list[Finding]:
    """The findings that nobody may pass, or that nobody gave a reason against."""
    return [f for f in found if not _reasoned(f, reply)]


def _reasoned(finding: Finding, reply: Reply) -> bool:
    return not finding.final and bool(str(reply.overrides.get(finding.guard, "")).strip())


def newer(session: Session, reply: Reply) -> list[Message]:
    """What came into the thread, from anybody, after the newest message that the writer had seen."""
    thread = session.scalar(select(Case.thread_id).where(Case.id == reply.case_id))
    seen = session.get(Message, reply.seen_message_id) if reply.seen_message_id is not None else None
    query = select(Message).where(Message.thread_id == thread, Message.deleted_at.is_(None))
    if seen is not None:
        query = query.where(Message.created_at >= seen.created_at, Message.id > seen.id)
    return list(session.scalars(query.order_by(Message.created_at).limit(20)))


def newest_message(session: Session, thread_id: int) -> int | None:
    """The last message that came in, by our own number."""
    return session.scalar(select(func.max(Message.id)).where(Message.thread_id == thread_id))


def _form(deps: Deps, session: Session, reply: Reply) -> list[Finding]:
    post, limits = composed(deps, session, reply)
    found = []
    if limits.most is not None and post.length > limits.most:
        found.append(Finding(Guard.TOO_LONG, facts={"over": str(post.length - limits.most), "most": str(limits.most)}))
    if post.length < limits.least:
        found.append(Finding(Guard.TOO_SHORT, facts={"least": str(limits.least)}))
    if any(not alt.strip() for alt in session.scalars(select(ReplyImage.alt).where(ReplyImage.reply_id == reply.id))):
        found.append(Finding(Guard.NO_ALT))
    return found


def _facts(session: Session, reply: Reply) -> list[Finding]:
    message = session.get_one(Message, reply.message_id)
    thread = session.get_one(Thread, message.thread_id)
    if message.deleted_at is not None or message.visibility not in ("public", "unlisted"):
        return [Finding(Guard.GONE)]
    found = [Finding(Guard.GONE, facts={"why": "closed"})] if thread.closed else []
    came, colleague = newer(session, reply), _colleague(session, reply)
    if came or colleague:
        author = session.get_one(Author, came[-1].author_id) if came else None
        who = "brand" if colleague or (author and author.role == AuthorRole.BRAND) else "member"
        name = colleague or (author.handle if author else "")
        facts = {"count": str(len(came) + bool(colleague)), "who": who, "name": name}
        found.append(Finding(Guard.ANSWERED, facts=facts))
    return found


def _colleague(session: Session, reply: Reply) -> str:
    """Whose answer to the same case was handed over since this one was begun and is not among its messages yet."""
    own = session.scalar(select(func.max(Action.id)).where(*_HANDED_OVER, Action.reply_id == reply.id))
    read = select(Message.id).where(Message.connection_id == Action.connection_id, Message.remote_id == Reply.remote_id)
    query = (
        select(Person.name, Person.username)
        .join(Reply, Reply.writer_id == Person.id)
        .join(Action, Action.reply_id == Reply.id)
        .where(*_HANDED_OVER, Reply.case_id == reply.case_id, Reply.writer_id != reply.writer_id)
        .where(Action.created_at >= reply.created_at, ~read.exists())
    )
    if own is not None:
        query = query.where(Action.id < own)
    found = session.execute(query.order_by(Action.id.desc()).limit(1)).one_or_none()
    return (found[0] or found[1]) if found else ""


def _amount(session: Session) -> float:
    rule = session.scalar(select(ApprovalRule.value).where(ApprovalRule.kind == "amount").limit(1))
    found = amounts(rule or "")
    return found[0] if found else 0.0
