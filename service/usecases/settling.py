"""What becomes of an action and its reply when it ends; the guards at the last moment. In the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from moderation.errors import NotAllowed
from moderation.guards.contract import Finding
from moderation.guards.words import in_words
from moderation.model import Capability
from moderation.policy import Actor, level_of
from plugins.contract import Act, Image, Receipt
from service.db.audit import Entry, append
from service.db.grant_tables import ModerationAct
from service.db.models import Action, Case, Outbox, Person
from service.db.reply_tables import Reply, ReplyImage
from service.deps import Deps
from service.usecases import guarding
from service.usecases.cases import unanswered
from service.usecases.people import pseudonym

#: What follows a decision that stands without it: failing, it asks for nobody in the conversation.
_BESIDE = frozenset({str(Capability.RESOLVE_REPORT), str(Capability.NOTIFY)})


def refuse_guarded(deps: Deps, session: Session, action: Action, actor: Actor, links: Sequence[Finding]) -> None:
    """Reads an answer once more, as whoever released it. Raises NotAllowed with the reason in words."""
    if action.reply_id is None or action.kind != Capability.REPLY:
        return
    reply = session.get_one(Reply, action.reply_id)
    found = guarding.findings(deps, session, reply, links)
    reasons = guarding.wants(session, reply, found)
    if reasons and reply.approver_id is None:
        reply.wants = reasons
        raise NotAllowed("A rule wants a second person's yes to this answer.")
    if held := guarding.unpassed(found, reply, level_of(actor, reply.account_id)):
        raise NotAllowed(" ".join(in_words(finding, "en") for finding in held))


def settle(deps: Deps, session: Session, action_id: int, attempt: int, state: str, receipt: Receipt | None) -> None:
    """Writes what became of an attempt: in the outbox, in the reply or the case, in the audit log."""
    outcome: dict[str, Any] = {"outcome": state, "answered_at": deps.now()}
    action = session.get_one(Action, action_id)
    if receipt is not None:
        # Only an answer claims a post as its own; what is done to a post, once or again, names the same one.
        made = receipt.remote_id if action.kind == Capability.REPLY else ""
        outcome |= {"remote_id": made or None, "url": receipt.url[:500]}
    session.execute(update(Outbox).where(Outbox.action_id == action_id, Outbox.attempt == attempt).values(**outcome))
    settle_reply(deps, session, action, state, receipt)
    settle_act(session, action, state)
    if state == "failed" and action.reply_id is None and action.kind not in _BESIDE:
        reopened = {"state": "open", "open": True, "lane": "needs", "decided_at": None}
        session.execute(update(Case).where(Case.id == action.case_id).values(**reopened))
    if state in ("done", "failed", "unknown"):
        note(deps, session, action, session.get_one(Person, action.person_id), state)


def settle_act(session: Session, action: Action, state: str) -> None:
    """A planned end goes with what it would end: with an act that was not done, or was taken back before."""
    act = session.get(ModerationAct, action.id)
    if act is None:
        return
    ended = action.id if state in ("failed", "cancelled") else None
    if state == "done" and act.undoes_id is not None and not act.planned:
        ended = act.undoes_id
    if ended is not None:
        planned = select(ModerationAct.action_id).where(ModerationAct.undoes_id == ended, ModerationAct.planned)
        held = (Action.id.in_(planned), Action.state == "approved")
        session.execute(update(Action).where(*held).values(state="cancelled"))


def settle_reply(deps: Deps, session: Session, action: Action, state: str, receipt: Receipt | None = None) -> None:
    """Follows an action's end: what was sent is sent, what was refused comes back with the reason and every word."""
    reply = session.get(Reply, action.reply_id) if action.reply_id is not None else None
    if reply is None:
        return
    if action.kind == Capability.REPLY:
        _settle_answer(deps, session, reply, action, state, receipt)
    elif state == "done" and action.kind == Capability.DELETE:
        reply.state = "deleted"
    reply.error = action.error if state in ("failed", "unknown") else ""
    reply.version, reply.updated_at = reply.version + 1, deps.now()


def act_of(session: Session, action: Action, key: str = "") -> Act:
    """The effect that an action wants, as a connector takes it."""
    images = _images_of(session, action) if action.kind == Capability.REPLY else ()
    return Act(action.id, Capability(action.kind), action.target, action.text, key, dict(action.options or {}), images)


def note(deps: Deps, session: Session, action: Action, person: Person, verb: str) -> None:
    """An entry in the audit log."""
    subject = f"action:{action.id}"
    after = {"kind": action.kind, "target": action.target, "text": action.text, "state": action.state}
    append(session, deps.vault, Entry(f"action:{verb}", pseudonym(person), subject, after=after), deps.now())


def _images_of(session: Session, action: Action) -> tuple[Image, ...]:
    """The pictures that go with an answer."""
    if action.reply_id is None:
        return ()
    query = select(ReplyImage).where(ReplyImage.reply_id == action.reply_id).order_by(ReplyImage.id)
    return tuple(Image(row.mime, row.body, row.alt) for row in session.scalars(query))


def _settle_answer(
    deps: Deps, session: Session, reply: Reply, action: Action, state: str, receipt: Receipt | None
) -> None:
    if state == "done" and receipt is not None:
        reply.state, reply.sent_at = "sent", receipt.at
        reply.remote_id, reply.url = receipt.remote_id, receipt.url[:500]
    elif state in ("cancelled", "failed"):
        reply.state = "draft" if state == "cancelled" else "returned"
        reply.approver_id = None
        case = session.get_one(Case, action.case_id, with_for_update=True)
        unanswered(session, case, reply.writer_id, deps.now())
