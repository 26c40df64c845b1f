"""A desk with pages on the real sandbox: people of every role, one case to answer, and a clock that tests move."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from flask.testing import FlaskClient
from sandbox_server import Running, running_sandbox
from sqlalchemy import select

from moderation.policy import Level
from service.db.models import Case, Message
from service.db.reply_tables import BrandAccount, Reply
from service.deps import Deps, deps_of
from service.usecases import acting, intake, polling, triage
from service.usecases.accounts import give_level
from service.usecases.connections import connect, set_shadow
from tests.service.acting_support import Clock
from tests.web.desk import build, post, sign_in

ANSWER = "Please switch it off at the wall; we are looking into it right now."


@dataclass
class Site:
    """The application with its sandbox, and the case that tests answer."""

    app: Flask
    deps: Deps
    box: Running
    clock: Clock
    connection_id: int
    account_id: int
    case_id: int
    thread_id: int

    def enter(self, name: str) -> FlaskClient:
        client = self.app.test_client()
        assert sign_in(client, name).status_code == 303
        return client

    def begin(self, client: FlaskClient) -> int:
        """Presses “Answer publicly”; returns the draft's number."""
        answer = post(client, f"/cases/{self.case_id}/reply")
        assert answer.status_code == 303, answer.text
        return int(answer.headers["Location"].partition("/replies/")[2].partition("#")[0])

    def write(self, client: FlaskClient, reply_id: int, button: str = "save", text: str = ANSWER, **fields: Any) -> Any:
        """Presses a button of the composer with this text in it."""
        given = {"version": self.reply(reply_id).version, "text": text, "language": "en", **fields}
        return post(client, f"/replies/{reply_id}/{button}", **given)

    def reply(self, reply_id: int) -> Reply:
        with self.deps.store.read() as session:
            return session.get_one(Reply, reply_id)

    def step(self, seconds: float = 11) -> None:
        """Time passes, and the worker does what is due."""
        self.clock.pass_(seconds=seconds)
        acting.perform_due(self.deps)

    def posts(self, text: str = ANSWER) -> int:
        """How often the platform has it."""
        with self.box.world.lock:
            posts = [p.raw for p in self.box.world.forum.posts.values()]
            statuses = [s.text for s in self.box.world.fedi.statuses.values()]
        return sum(text in one for one in [*posts, *statuses])

    def read(self) -> None:
        """Reads what is new on the platform."""
        polling.poll_connection(self.deps, self.connection_id)
        while intake.process_deliveries(self.deps):
            pass

    def somebody_answers(self, text: str = "Solved it, thanks.") -> None:
        """A message by another author, as reading would have brought it in."""
        with self.deps.store.write() as session:
            known = session.scalars(
                select(Message).where(Message.thread_id == self.thread_id).order_by(Message.id)
            ).first()
            came = {c.name: getattr(known, c.name) for c in Message.__table__.columns if c.name != "id"}
            came |= {"remote_id": f"came-{text}", "text": text, "created_at": self.clock()}
            session.add(Message(**came))


@contextmanager
def site(platform: str, folder: Path, **settings: Any) -> Iterator[Site]:
    """A desk that has read one community of the sandbox and may answer there; `responder` may draft, not send."""
    clock = Clock()
    with running_sandbox(now=clock) as box:
        hosts = frozenset({urlsplit(box.url).netloc})
        app = build(folder / "desk", allow_private_hosts=hosts, **settings)
        deps = replace(deps_of(app), now=clock)
        app.extensions["tenth"] = deps
        connection_id, _ = connect(deps, platform, "brand", _credentials(platform, box), "test")
        set_shadow(deps, connection_id, False, "test")
        polling.poll_connection(deps, connection_id)
        while intake.process_deliveries(deps):
            pass
        triage.triage_due(deps)
        with deps.store.read() as session:
            account = session.scalars(select(BrandAccount.id)).one()
            query = select(Case.id, Case.thread_id).join(Message, Message.thread_id == Case.thread_id)
            case_id, thread_id = session.execute(query.order_by(Message.addressed.desc(), Message.id)).first() or (0, 0)
        give_level(deps, account, "responder", Level.DRAFT, "test")
        yield Site(app, deps, box, clock, connection_id, account, case_id, thread_id)
        deps.store.engine.dispose()


def _credentials(platform: str, box: Running) -> dict[str, Any]:
    if platform == "discourse":
        return {"url": box.url, "api_key": box.discourse.api_key, "api_username": box.discourse.api_username}
    return {"url": box.url, "token": box.mastodon.token, "hashtags": ("bravahelp",)}
