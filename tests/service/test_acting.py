"""Actions: authorized again at the send, held by shadow and stop, never sent twice; over the real sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from moderation.errors import NotAllowed
from moderation.model import Capability
from plugins.contract import Ambiguous
from service.db.models import Action, AuditEntry, Case, Connection, Outbox, Person
from service.usecases import acting
from service.usecases.connections import ready_session, set_shadow
from service.usecases.switches import set_stop
from tests.service.acting_support import ANSWER, Desk, answering, live


@pytest.fixture(params=["discourse", "mastodon"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    with answering(request.param, tmp_path) as found:
        yield found


def test_a_new_connection_is_in_shadow_and_sends_nothing(desk: Desk) -> None:
    with pytest.raises(NotAllowed, match="shadow"):
        desk.approve()
    assert desk.posts() == 0


def test_an_analyst_may_not_reply(desk: Desk) -> None:
    live(desk)
    with desk.deps.store.write() as session:
        session.execute(update(Person).values(role="analyst"))
    with pytest.raises(NotAllowed, match="analyst"):
        desk.approve()


@pytest.mark.parametrize("how", ["stop", "shadow"])
def test_what_was_approved_before_the_stop_waits_and_is_not_lost(desk: Desk, how: str) -> None:
    live(desk)
    action_id = desk.approve()
    if how == "stop":
        set_stop(desk.deps, True, "test")
    else:
        set_shadow(desk.deps, desk.connection_id, True, "test")
    assert desk.step(action_id) == "approved"
    assert desk.posts() == 0
    set_stop(desk.deps, False, "test")
    live(desk)
    assert desk.step(action_id, minutes=1) == "done"
    assert desk.posts() == 1


def test_a_right_that_is_taken_away_ends_the_action(desk: Desk) -> None:
    live(desk)
    action_id = desk.approve()
    with desk.deps.store.write() as session:
        session.execute(update(Person).values(active=False))
    assert desk.step(action_id) == "failed"
    assert desk.posts() == 0


def test_it_is_held_for_undo_and_then_sent_once(desk: Desk) -> None:
    live(desk)
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
    live(desk)
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
    live(desk)
    action_id = desk.approve()
    real = acting._end
    monkeypatch.setattr(acting, "_end", lambda *a, **k: None)  # the effect happened, and nothing was written of it
    assert desk.step(action_id) == "sending"
    monkeypatch.setattr(acting, "_end", real)
    assert desk.posts() == 1
    assert desk.step(action_id, minutes=3) == "done"
    assert desk.posts() == 1


def test_what_is_never_found_waits_for_a_person(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    live(desk)
    action_id = desk.approve()

    def lost(*_: Any, **__: Any) -> None:
        raise Ambiguous("no answer")

    platform = ready_session(desk.deps, desk.connection_id)
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
    live(desk)
    action_id = acting.approve(desk.deps, desk.case_id, Capability.REPLY, "999999999", ANSWER, desk.person_id)
    assert desk.step(action_id) == "failed"
    assert desk.row(Case, id=desk.case_id).open
    kinds = {e.kind for e in _audit(desk)}
    assert {"action:approve", "action:failed"} <= kinds


def _audit(desk: Desk) -> list[AuditEntry]:
    with desk.deps.store.read() as session:
        return list(session.scalars(select(AuditEntry)))
