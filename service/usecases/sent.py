"""Answers that are on the platform: edited or taken down by acts of their own, with their history."""

from __future__ import annotations

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
from service.usecases.replies import LONGEST, Guarded, case_of, move, options_of, reply_in


def edit_sent(deps: Deps, reply_id: int, version: int, text: str, person: Known) -> int:
    """Changes the words of what is there already, as an act of its own; returns its action."""
    if not text.strip() or len(text) > LONGEST:
        raise BadInput("The new words are empty or too long.")
    links = broken_links(deps, text)
    with deps.store.write() as session:
        reply = reply_in(session, reply_id, version, frozenset({"sent"}))
        before, reply.text = reply.text, text
        found = guarding.findings(deps, session, reply, links)
        held = guarding.unpassed(found, reply, level_of(person.asking, reply.account_id))
        if real := [f for f in held if f.guard not in (Guard.ANSWERED, Guard.GONE)]:
            reply.text = before
            raise Guarded(real)
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


def _afterwards(deps: Deps, session: Session, reply: Reply, kind: Capability, text: str, person: Known) -> Action:
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
