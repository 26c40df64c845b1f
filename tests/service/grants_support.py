"""A desk on the sandbox forum, a manager, and a member of the community who has proven who they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from moderation.grants import GrantState
from moderation.model import Capability
from service.auth.external.proof import Proof, Provider
from service.db.models import Author, Community, Message, Person, Thread
from service.deps import Deps
from service.sandbox.story import Category, Conversation, Line, Member, Story
from service.usecases import grants, rights
from service.usecases.granted import grant
from service.usecases.identities import link
from service.usecases.people import Known, as_known, create_person
from tests.service.acting_support import Desk, answering, live

PASSWORD = "a long enough pass phrase 4711"


def keepers_story() -> Story:
    """Conversations of customers in two categories; marc answers in one of them and began one."""
    start = datetime.now(UTC) - timedelta(hours=6)

    def at(minutes: int) -> datetime:
        return start + timedelta(minutes=minutes)

    names = ("ines", "marc", "tomoko", "zoe")
    people = [Member(name, name.capitalize(), "en", "customer", 1, on_fediverse=True) for name in names]
    ours = [Member("brava", "Brava", "en", "brand", 4, on_fediverse=True), Member("sam", "Sam", "en", "staff", 4)]
    leak = (
        Line("ines", at(0), "My machine leaks onto the table. @brava please answer!"),
        Line("marc", at(5), "Check the seal of the tank, it is worn out after two years.", 0),
        Line("tomoko", at(9), "Same here, the seal was it.", 1),
        Line("sam", at(11), "We send you a new one.", 0),
    )
    noise = (
        Line("tomoko", at(20), "The grinder is loud. Is that normal?"),
        Line("zoe", at(22), "Only idiots ask such things here.", 0),
        Line("ines", at(25), "Mine is quiet.", 0),
    )
    own = (Line("marc", at(30), "How I keep my machine clean."), Line("zoe", at(31), "Useless, as always.", 0))
    french = (Line("zoe", at(40), "Ma machine fuit."), Line("ines", at(44), "La mienne aussi, depuis hier.", 0))
    return Story(
        (*ours, *people),
        (Category(5, "help", "Help"), Category(6, "entraide", "Entraide")),
        (
            Conversation("leak", "forum", "Leaking machine", leak, category="help"),
            Conversation("noise", "forum", "A loud grinder", noise, category="help"),
            Conversation("own", "forum", "Keeping it clean", own, category="help"),
            Conversation("french", "forum", "Une fuite", french, category="entraide"),
        ),
        (),
        hashtags=("bravahelp",),
    )


@dataclass
class Trust:
    """Somebody who answers much in one community, and could be trusted with it."""

    desk: Desk
    manager: Known
    author_id: int
    remote_id: str
    handle: str
    community_id: int
    place: str

    @property
    def deps(self) -> Deps:
        return self.desk.deps

    def expert(self) -> Known:
        """As they are at this moment."""
        return known(self.deps, "expert")

    def proposed(self, template: str = "keeper", **terms: object) -> int:
        wish = grants.Terms(self.author_id, self.community_id, template, **terms)  # type: ignore[arg-type]
        return grants.propose(self.deps, wish, self.manager)

    def offered(self, template: str = "keeper", **terms: object) -> int:
        grant_id = self.proposed(template, **terms)
        grants.offer(self.deps, grant_id, "Will you keep an eye on this part of the forum?", self.manager)
        return grant_id

    def active(self, template: str = "keeper", **terms: object) -> int:
        grant_id = self.offered(template, **terms)
        grants.accept(self.deps, grant_id, self.expert())
        return grant_id

    def settle(self, rounds: int = 4, **pause: float) -> None:
        for _ in range(rounds):
            rights.settle_due(self.deps)
            self.desk.clock.pass_(**(pause or {"seconds": 3}))

    def state(self, grant_id: int) -> GrantState:
        return grant(self.deps, grant_id).state

    def message_of_others(self, community_id: int | None = None) -> tuple[int, int]:
        """(thread, message) that somebody else began and wrote, below the first message of the thread."""
        with self.deps.store.read() as session:
            rows = session.execute(
                select(Thread.id, Message.id, Message.author_id)
                .join(Message, Message.thread_id == Thread.id)
                .join(Author, Author.id == Message.author_id)
                .where(Thread.community_id == (community_id or self.community_id), Author.role == "customer")
                .order_by(Thread.id, Message.created_at, Message.id)
            ).all()
        seen: set[int] = set()
        mine = {t for t, _, a in rows if a == self.author_id}
        for thread_id, message_id, _ in rows:
            if thread_id in seen and thread_id not in mine:
                return thread_id, message_id
            seen.add(thread_id)
        raise AssertionError("no such message in the sandbox")

    def other_community(self) -> int:
        with self.deps.store.read() as session:
            found = session.scalars(
                select(Thread.community_id)
                .where(Thread.community_id != self.community_id)
                .group_by(Thread.community_id)
                .order_by(func.count().desc())
            ).first()
        assert found is not None
        return found


def known(deps: Deps, username: str) -> Known:
    with deps.store.read() as session:
        return as_known(session, session.scalars(select(Person).where(Person.username == username)).one())


@contextmanager
def trusted(folder: Path, platform: str = "discourse") -> Iterator[Trust]:
    """The forum out of shadow mode; the expert is marc, who wrote most in the category “Help”."""
    with answering(platform, folder, keepers_story()) as desk:
        live(desk)
        create_person(desk.deps, "expert", "rock_star", PASSWORD)
        create_person(desk.deps, "marta", "manager", PASSWORD)
        with desk.deps.store.read() as session:
            author, community = session.execute(
                select(Author, Community)
                .join(Message, Message.author_id == Author.id)
                .join(Thread, Thread.id == Message.thread_id)
                .join(Community, Community.id == Thread.community_id)
                .where(Author.handle.in_(("marc", "@marc")), Author.bot.is_(False))
                .group_by(Author.id, Community.id)
                .order_by(func.count().desc(), Author.id)
            ).first() or (None, None)
        assert author is not None
        assert community is not None
        trust = Trust(
            desk,
            known(desk.deps, "marta"),
            author.id,
            author.remote_id,
            author.handle,
            community.id,
            community.remote_id,
        )
        link(desk.deps, trust.expert(), proof_of(desk, platform, author.remote_id, author.handle))
        yield trust


def proof_of(desk: Desk, platform: str, remote_id: str, handle: str) -> Proof:
    return Proof(Provider(platform), desk.box.url, remote_id, handle)


__all__ = ["Capability", "Trust", "known", "proof_of", "trusted"]
