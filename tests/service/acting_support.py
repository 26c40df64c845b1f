"""A desk on the real sandbox, with one case to answer and a clock that tests move."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sandbox_server import Running, running_sandbox
from sqlalchemy import select

from moderation.model import Capability
from service.app import create_app
from service.config import load_settings
from service.db.models import Case, Message, Person
from service.deps import Deps, deps_of
from service.sandbox.story import Story
from service.usecases import acting, intake, polling, triage
from service.usecases.connections import connect, set_shadow
from service.usecases.people import ensure_owner
from service.usecases.storage import ready_schema

ANSWER = "Please switch it off at the wall; we are looking into it right now."


@dataclass
class Clock:
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.at

    def pass_(self, **length: float) -> None:
        self.at += timedelta(**length)


@dataclass
class Desk:
    deps: Deps
    box: Running
    clock: Clock
    case_id: int
    target: str
    person_id: int
    connection_id: int

    def approve(self) -> int:
        return acting.approve(self.deps, self.case_id, Capability.REPLY, self.target, ANSWER, self.person_id)

    def step(self, action_id: int, **later: float) -> str:
        self.clock.pass_(**(later or {"seconds": 11}))
        return acting.perform_action(self.deps, action_id)

    def posts(self) -> int:
        with self.box.world.lock:
            posts = [p.raw for p in self.box.world.forum.posts.values()]
            statuses = [s.text for s in self.box.world.fedi.statuses.values()]
        return sum(ANSWER in text for text in [*posts, *statuses])

    def row(self, model: Any, **where: Any) -> Any:
        with self.deps.store.read() as session:
            query = select(model).filter_by(**where).order_by(*model.__table__.primary_key.columns)
            return session.scalars(query).all()[-1]


@contextmanager
def answering(platform: str, folder: Path, story: Story | None = None) -> Iterator[Desk]:
    """A desk that has read one community of the sandbox, in shadow mode."""
    clock = Clock()
    with running_sandbox(story, now=clock) as box:
        hosts = frozenset({urlsplit(box.url).netloc})
        app = create_app(load_settings(data_dir=folder / "desk", allow_private_hosts=hosts), web=False)
        ready_schema(app)
        deps = replace(deps_of(app), now=clock)
        given: dict[str, Any] = {"url": box.url, "token": box.mastodon.token, "hashtags": ("bravahelp",)}
        if platform == "discourse":
            given = {"url": box.url, "api_key": box.discourse.api_key, "api_username": box.discourse.api_username}
        connection_id, _ = connect(deps, platform, "brand", given, "test")
        polling.poll_connection(deps, connection_id)
        while intake.process_deliveries(deps):
            pass
        triage.triage_due(deps)
        ensure_owner(deps)
        yield _desk(deps, box, clock, connection_id)


def _desk(deps: Deps, box: Running, clock: Clock, connection_id: int) -> Desk:
    with deps.store.read() as session:
        query = select(Case.id, Message.remote_id).join(Message, Message.thread_id == Case.thread_id)
        case_id, target = session.execute(query.where(Message.addressed).order_by(Message.id)).first() or (0, "")
        if not case_id:
            case_id, target = session.execute(query.order_by(Message.id)).first()  # type: ignore[misc]
        person_id = session.scalars(select(Person.id)).one()
    return Desk(deps, box, clock, case_id, target, person_id, connection_id)


def live(desk: Desk) -> None:
    set_shadow(desk.deps, desk.connection_id, False, "test")
