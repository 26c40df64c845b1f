"""A desk on a platform in memory, three people, and a member who wrote something that was not kind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from sqlalchemy import select

from moderation.model import Capability
from service.auth.external.proof import Proof, Provider
from service.db.models import Action, AuditEntry, Author, Case, Community, Connection, Message, Person, Thread
from service.db.redress_tables import Statement
from service.deps import Deps
from service.usecases import acting, appeal_links, grants, rules, statements
from service.usecases.due_actions import due_actions
from service.usecases.identities import link
from service.usecases.moderating import Wish, act
from service.usecases.people import Known, add_person, as_known
from tests.service.acting_support import Clock
from tests.support.office import office
from tests.support.village import Village

WHY = "Zoe calls people idiots."
DESK = "https://desk.brava.example"


@dataclass
class Bench:
    """`people` are managers: ana acts, ben seconds, cleo judges."""

    deps: Deps
    village: Village
    clock: Clock
    people: dict[str, Known]
    thread_id: int
    message_id: int

    def act(self, kind: Capability = Capability.HIDE, by: str = "ana", **more: object) -> int:
        message = None if kind is Capability.LOCK else self.message_id
        return act(self.deps, Wish(kind, self.thread_id, WHY, message, **more), self.people[by])  # type: ignore[arg-type]

    def keeper(self, name: str) -> int:
        """Somebody of the community who holds a grant for it; the grant's number."""
        with self.deps.store.write() as session:
            thread = session.get_one(Thread, self.thread_id)
            author = Author(
                connection_id=thread.connection_id, remote_id=name, handle=name, first_seen_at=self.clock.at
            )
            session.add(author)
            self.people[name] = as_known(session, add_person(self.deps, session, name, "rock_star", "", "test"))
            session.flush()
            terms = grants.Terms(author.id, thread.community_id, "keeper")
        link(self.deps, self.people[name], Proof(Provider.DISCOURSE, "http://village.example", name, name))
        grant_id = grants.propose(self.deps, terms, self.people["ana"])
        grants.offer(self.deps, grant_id, "Will you?", self.people["ana"])
        grants.accept(self.deps, grant_id, self.people[name])
        with self.deps.store.read() as session:
            self.people[name] = as_known(session, session.get_one(Person, self.people[name].id))
        return grant_id

    def work(self, seconds: float = 11) -> None:
        """Time passes; what is due is done and told."""
        self.clock.pass_(seconds=seconds)
        for action_id in due_actions(self.deps, None):
            acting.perform_action(self.deps, action_id)
        statements.tell_due(self.deps)

    def done(self, kind: Capability = Capability.HIDE, **more: object) -> str:
        """An act that was done and told; the token of its statement."""
        action_id = self.act(kind, **more)
        self.work()
        self.work()
        return self.token(action_id)

    def token(self, action_id: int) -> str:
        found = self.statement(action_id)
        assert found is not None
        return appeal_links.token_of(self.deps, found.id)

    def statement(self, action_id: int) -> Statement | None:
        with self.deps.store.read() as session:
            return session.scalars(select(Statement).where(Statement.action_id == action_id)).one_or_none()

    def state(self, action_id: int) -> str:
        with self.deps.store.read() as session:
            return session.get_one(Action, action_id).state

    def told(self) -> list[tuple[str, str]]:
        """(to whom, words) of each private notice that reached the platform."""
        private = (Capability.NOTIFY, Capability.WARN)
        return [(one.target, one.text) for _, _, one in self.village.acts if one.kind in private]

    def audited(self) -> list[str]:
        with self.deps.store.read() as session:
            return list(session.scalars(select(AuditEntry.kind).order_by(AuditEntry.seq)))


@contextmanager
def bench(**settings: object) -> Iterator[Bench]:
    clock = Clock()
    village = Village(clock)
    desk = office(**({"public_url": DESK} | settings))
    deps = replace(desk.deps, now=clock, connectors={"discourse": village}, ring=lambda job: None)
    with deps.store.write() as session:
        connection = Connection(
            name="village",
            connector="discourse",
            url="http://village.example",
            settings={},
            created_at=clock.at,
            state="ok",
            shadow=False,
        )
        session.add(connection)
        session.flush()
        community = Community(connection_id=connection.id, remote_id="5", name="Help")
        zoe = Author(connection_id=connection.id, remote_id="77", handle="zoe", name="Zoe", first_seen_at=clock.at)
        session.add_all((community, zoe))
        session.flush()
        place = {"connection_id": connection.id, "community_id": community.id}
        thread = Thread(remote_id="t1", first_message_at=clock.at, **place)
        session.add(thread)
        session.flush()
        message = Message(
            connection_id=connection.id,
            thread_id=thread.id,
            author_id=zoe.id,
            remote_id="m1",
            text="Vous êtes tous des idiots.",
            language="fr",
            created_at=clock.at,
        )
        session.add(message)
        session.add(Case(thread_id=thread.id, **place))
        session.flush()
        added = [add_person(deps, session, name, "manager", "", "test") for name in ("ana", "ben", "cleo")]
        people = {person.username: as_known(session, person) for person in added}
        ids = thread.id, message.id
    rules.ensure_rules(deps)
    yield Bench(deps, village, clock, people, *ids)
    desk.close()
