"""What becomes of a reply when its action ends; and the guards at the last moment. In the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.errors import NotAllowed
from moderation.guards.contract import Finding
from moderation.guards.words import in_words
from moderation.model import Capability
from moderation.policy import Actor, level_of
from plugins.contract import Image, Receipt
from service.db.models import Action, Case
from service.db.reply_tables import Reply, ReplyImage
from service.deps import Deps
from service.usecases import guarding
from service.usecases.cases import unanswered


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


def images_of(session: Session, action: Action) -> tuple[Image, ...]:
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
        unanswered(session, session.get_one(Case, action.case_id), reply.writer_id, deps.now())
