"""Actions: authorized again at the send, held by shadow and stop, never sent twice; over the real sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sandbox_server import Running, running_sandbox
from sqlalchemy import select, update

from moderation.errors import NotAllowed
from moderation.model import Capability
from plugins.contract import Ambiguous
from service.app import create_app
from service.config import load_settings
from service.db.models import Action, AuditEntry, Case, Connection, Message, Outbox, Person
from service.deps import Deps, deps_of
from service.usecases import acting, intake, polling, triage
from service.usecases.connections import connect, set_shadow
from service.usecases.people import ensure_owner
from service.usecases.storage import ready_schema
from service.usecases.switches import set_stop

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
            return session.scalars(select(model).filter_by(**where)).all()[-1]


@pytest.fixture(params=["discourse", "mastodon"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    clock = Clock()
    with running_sandbox(now=clock) as box:
        hosts = frozenset({urlsplit(box.url).netloc})
        app = create_app(load_settings(data_dir=tmp_path / "desk", allow_private_hosts=hosts), web=False)
        ready_schema(app)
        deps = _with_clock(deps_of(app), clock)
        given: dict[str, Any] = {"url": box.url, "token": box.mastodon.token, "hashtags": ("bravahelp",)}
        if request.param == "discourse":
            given = {"url": box.url, "api_key": box.discourse.api_key, "api_username": box.discourse.api_username}
        connection_id, _ = connect(deps, request.param, "brand", given, "test")
        polling.poll_connection(deps, connection_id)
        while intake.process_deliveries(deps):
            pass
        triage.triage_due(deps)
        ensure_owner(deps)
        yield _desk(deps, box, clock, connection_id)


def _with_clock(deps: Deps, clock: Clock) -> Deps:
    from dataclasses import replace

    return replace(deps, now=clock)


def _desk(deps: Deps, box: Running, clock: Clock, connection_id: int) -> Desk:
    with deps.store.read() as session:
        query = select(Case.id, Message.remote_id).join(Message, Message.thread_id == Case.thread_id)
        case_id, target = session.execute(query.where(Message.addressed).order_by(Message.id)).first() or (0, "")
        if not case_id:
            case_id, target = session.execute(query.order_by(Message.id)).first()  # type: ignore[misc]
        person_id = session.scalars(select(Person.id)).one()
    return Desk(deps, box, clock, case_id, target, person_id, connection_id)


def _live(desk: Desk) -> None:
    set_shadow(desk.deps, desk.connection_id, False, "test")


def test_a_new_connection_is_in_shadow_and_sends_nothing(desk: Desk) -> None:
    with pytest.raises(NotAllowed, match="shadow"):
        desk.approve()
    assert desk.posts() == 0


def test_an_analyst_may_not_reply(desk: Desk) -> None:
    _live(desk)
    with desk.deps.store.write() as session:
        session.execute(update(Person).values(role="analyst"))
    with pytest.raises(NotAllowed, match="analyst"):
        desk.approve()


@pytest.mark.parametrize("how", ["stop", "shadow"])
def test_what_was_approved_before_the_stop_waits_and_is_not_lost(desk: Desk, how: str) -> None:
    _live(desk)
    action_id = desk.approve()
    if how == "stop":
        set_stop(desk.deps, True, "test")
    else:
        set_shadow(desk.deps, desk.connection_id, True, "test")
    assert desk.step(action_id) == "approved"
    assert desk.posts() == 0
    set_stop(desk.deps, False, "test")
    _live(desk)
    assert desk.step(action_id, minutes=1) == "done"
    assert desk.posts() == 1


def test_a_right_that_is_taken_away_ends_the_action(desk: Desk) -> None:
    _live(desk)
    action_id = desk.approve()
    with desk.deps.store.write() as session:
        session.execute(update(Person).values(active=False))
    assert desk.step(action_id) == "failed"
    assert desk.posts() == 0


def test_it_is_held_for_undo_and_then_sent_once(desk: Desk) -> None:
    _live(desk)
    kept = desk.approve()
    assert desk.step(kept, seconds=5) == "approved"
    undone = desk.approve()
    assert acting.cancel(desk.deps, undone)
    assert desk.step(kept, seconds=6) == "done"
    assert desk.step(kept) == "done"
    assert desk.step(undone) == "cancelled"
    assert not acting.cancel(desk.deps, kept)
    assert desk.posts() == 1
    assert desk.row(Outbox, action_id=kept).remote_id


def test_an_answer_that_was_lost_on_the_way_is_found_and_not_sent_again(desk: Desk) -> None:
    _live(desk)
    action_id = desk.approve()
    path = (
        "/posts.json"
        if desk.box.world.forum.posts and desk.row(Connection).connector == "discourse"
        else "/api/v1/statuses"
    )
    desk.box.fail("server_error", path=path, method="POST", times=1)
    state = desk.step(action_id)
    assert state in ("approved", "unknown")
    for _ in range(4):
        state = desk.step(action_id, minutes=2)
    assert desk.posts() <= 1


def test_a_worker_that_died_in_the_call_leaves_an_unknown_that_is_looked_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    _live(desk)
    action_id = desk.approve()
    real = acting._end
    monkeypatch.setattr(acting, "_end", lambda *a, **k: None)  # the effect happened, and nothing was written of it
    assert desk.step(action_id) == "sending"
    monkeypatch.setattr(acting, "_end", real)
    assert desk.posts() == 1
    assert desk.step(action_id, minutes=3) == "done"
    assert desk.posts() == 1


def test_what_is_never_found_waits_for_a_person(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    _live(desk)
    action_id = desk.approve()

    def lost(*_: Any, **__: Any) -> None:
        raise Ambiguous("no answer")

    with desk.deps.store.read() as session:
        connection = acting.opened(desk.deps, session, desk.connection_id)
    platform = acting.open_session(desk.deps, connection)
    assert platform is not None
    kind = type(platform)
    platform.close()
    monkeypatch.setattr(kind, "perform", lost)
    assert desk.step(action_id) == "unknown"
    monkeypatch.undo()
    for _ in range(8):
        assert desk.step(action_id, minutes=2) == "unknown"
    assert desk.posts() == 0
    assert "Look there yourself" in desk.row(Action, id=action_id).error


def test_a_permanent_refusal_reopens_the_case(desk: Desk) -> None:
    _live(desk)
    action_id = acting.approve(desk.deps, desk.case_id, Capability.REPLY, "999999999", ANSWER, desk.person_id)
    assert desk.step(action_id) == "failed"
    assert desk.row(Case, id=desk.case_id).open
    kinds = {e.kind for e in _audit(desk)}
    assert {"action:approve", "action:failed"} <= kinds


def _audit(desk: Desk) -> list[AuditEntry]:
    with desk.deps.store.read() as session:
        return list(session.scalars(select(AuditEntry)))
