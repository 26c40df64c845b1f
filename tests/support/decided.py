"""A message that a manager had hidden, its statement of reasons, and the author's link: rows as they are afterwards."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from service.db.grant_tables import ModerationAct
from service.db.models import Action, Case, Message, Outbox, Person
from service.db.redress_tables import Statement
from service.deps import Deps
from service.usecases import appeal_links, statements
from tests.web.desk import Said, Seeder

WHY = "Insults, three times this week."


@dataclass(frozen=True)
class Decided:
    deps: Deps
    token: str
    action_id: int
    community_id: int
    thread_id: int

    @property
    def address(self) -> str:
        return f"/appeal/{self.token}"


def hidden_message(deps: Deps, person_id: int) -> Decided:
    """`person_id` asked for it; the platform carries notices."""
    seed = Seeder(deps)
    connection_id = seed.connection()
    community_id = seed.community(connection_id)
    thread_id = seed.thread(community_id, [Said("Why does it leak?"), Said("Idiots!", handle="zoe")])
    with deps.store.write() as session:
        message = session.scalars(select(Message).order_by(Message.id.desc()).limit(1)).one()
        case = session.scalars(select(Case).where(Case.thread_id == thread_id)).one()
        session.get_one(Person, person_id).name = "Gwendoline"
        kept = {"connection_id": connection_id, "due_at": seed.now, "created_at": seed.now}
        action = Action(case_id=case.id, person_id=person_id, kind="hide", target=message.remote_id, **kept)
        session.add(action)
        session.flush()
        about = {"message_id": message.id, "author_id": message.author_id, "community_id": community_id}
        row = ModerationAct(action_id=action.id, at=seed.now, reason=WHY, planned=False, **about)
        session.add(row)
        session.flush()
        statements.state_reasons(deps, session, action, row)
        action.state = "done"
        sent = {"action_id": action.id, "connection_id": connection_id, "attempt": 1, "idempotency_key": "k"}
        session.add(Outbox(sending_at=seed.now, answered_at=seed.now, outcome="done", **sent))
        statement_id, action_id = session.scalars(select(Statement.id)).one(), action.id
    return Decided(deps, appeal_links.token_of(deps, statement_id), action_id, community_id, thread_id)
