"""Answers that are on the platform: edited or taken down by acts of their own, with their history.

`Reply.text` stays what was approved; what the public reads is the text of the last act that was carried out.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from moderation.guards.contract import Guard
from moderation.model import Capability
from moderation.policy import level_of
from service.db.models import Action, Person
from service.db.reply_tables import Reply, ReplyRevision
from service.deps import Deps
from service.usecases import guarding
from service.usecases.acting import Wanted, write_action
from service.usecases.links import broken_links
from service.usecases.people import Known
from service.usecases.replies import refuse
from service.usecases.wording import LONGEST, case_of, move, options_of, reasons_of, reply_in, without_nul

#: An act in one of these may still change what the public reads.
ON_ITS_WAY = ("approved", "sending", "unknown")
#: Facts about the thread hold back a new answer, not the mending of one that is there.
_OLD_NEWS = frozenset({Guard.ANSWERED, Guard.GONE})


def edit_sent(
    deps: Deps, reply_id: int, version: int, text: str, person: Known, reasons: Mapping[str, str] | None = None
) -> int:
    """Changes the words of what is there already, as an act of its own; returns its action.

    `reasons` are given against guards, by their names, beside those that were given before.
    """
    text = without_nul(text)
    if not text.strip() or len(text) > LONGEST:
        raise BadInput("The new words are empty or too long.")
    links = broken_links(deps, text)
    with deps.store.write() as session:
        reply = reply_in(session, reply_id, version, frozenset({"sent"}))
        before, reply.text = reply.text, text
        reply.overrides = reply.overrides | reasons_of(reasons or {})
        found = guarding.findings(deps, session, reply, links)
        held = guarding.unpassed(found, reply, level_of(person.asking, reply.account_id))
        reply.text = before
        refuse([f for f in held if f.guard not in _OLD_NEWS])
        action = _afterwards(deps, session, reply, Capability.EDIT, text, person)
        session.add(ReplyRevision(reply_id=reply.id, person_id=person.id, at=deps.now(), verb="edit", text=text))
        move(session, deps, reply, "sent", person, "edit")
        return action.id


def delete_sent(deps: Deps, reply_id: int, version: int, person: Known, reason: str) -> int:
    """Takes down what is there already; returns the action. Nothing brings it back."""
    if not reason.strip():
        raise BadInput("Say why: deleting a public answer needs a reason.")
    with deps.store.write() as session:
        reply = reply_in(session, reply_id, version, frozenset({"sent"}))
        action = _afterwards(deps, session, reply, Capability.DELETE, "", person)
        move(session, deps, reply, "sent", person, "delete", reason)
        return action.id


def public_text(session: Session, reply: Reply) -> str:
    """What the public reads of an answer."""
    done = (Action.reply_id == reply.id, Action.kind == str(Capability.EDIT), Action.state == "done")
    return session.scalar(select(Action.text).where(*done).order_by(Action.id.desc()).limit(1)) or reply.text


def _afterwards(deps: Deps, session: Session, reply: Reply, kind: Capability, text: str, person: Known) -> Action:
    on_its_way = (Action.reply_id == reply.id, Action.state.in_(ON_ITS_WAY))
    if session.scalar(select(Action.id).where(*on_its_way).limit(1)) is not None:
        raise BadInput("A change of this answer is on its way already. Wait until it is there.")
    case = case_of(session, reply.case_id)
    wanted = Wanted(
        case_id=case.id,
        connection_id=case.connection_id,
        kind=kind,
        target=reply.remote_id or "",
        text=text,
        reply_id=reply.id,
        account_id=reply.account_id,
        options=options_of(reply),
    )
    deps.ring("perform_actions")
    return write_action(deps, session, wanted, session.get_one(Person, person.id))
