"""Actions when things go wrong: waiting costs no tries, looking is really done, one that fails holds up no other."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from moderation.errors import BadInput
from moderation.model import Capability
from plugins.contract import Receipt
from service.db.models import Action, AuditEntry, Outbox, Person
from service.db.reply_tables import Reply
from service.selftest.replies_clock import by_clock
from service.usecases import acting, replies, settling
from service.usecases.people import known_person
from service.usecases.replies import Words
from tests.service.acting_support import ANSWER, Desk, answering, live
from tests.support.office import until

POSTS = {"discourse": "/posts.json", "mastodon": "/api/v1/statuses"}
SITES = {"discourse": "/", "mastodon": "/api"}


@pytest.fixture(params=["discourse", "mastodon"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    with answering(request.param, tmp_path) as found:
        live(found)
        yield found


@pytest.fixture
def platform(request: pytest.FixtureRequest) -> str:
    return str(request.node.callspec.params["desk"])


def sent(desk: Desk) -> tuple[int, int]:
    """An answer by the desk's owner on its way: (reply, action)."""
    person = known_person(desk.deps, desk.person_id)
    assert person is not None
    reply_id = replies.start(desk.deps, desk.case_id, person)
    version = replies.save(desk.deps, reply_id, desk.row(Reply, id=reply_id).version, Words(ANSWER), person)
    action_id = replies.send(desk.deps, reply_id, version, person).action_id
    assert action_id is not None
    return reply_id, action_id


def died_in_call(desk: Desk, action_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The effect happens, and nothing is written of it."""
    with monkeypatch.context() as patched:
        patched.setattr(acting, "_end", lambda *a, **k: None)
        assert desk.step(action_id) == "sending"


def test_waiting_for_call_budget_is_no_failed_try(desk: Desk, platform: str) -> None:
    desk.deps = by_clock(desk.deps, desk.clock)
    _, action_id = sent(desk)
    kind = "discourse_429" if platform == "discourse" else "mastodon_429"
    desk.box.fail(kind, path=POSTS[platform], method="POST", times=acting.MAX_ATTEMPTS + 3, seconds=5)
    states = [desk.step(action_id, seconds=65) for _ in range(2 * acting.MAX_ATTEMPTS + 6)]
    assert set(states) == {"approved", "done"}
    assert desk.row(Action, id=action_id).attempt > acting.MAX_ATTEMPTS
    assert desk.posts() == 1


def test_it_comes_back_when_it_did_not_get_through_for_long(desk: Desk, platform: str) -> None:
    reply_id, action_id = sent(desk)
    desk.box.fail("server_error", status=503, path=POSTS[platform], method="POST", times=100)
    states = [desk.step(action_id, minutes=20) for _ in range(acting.MAX_ATTEMPTS)]
    assert states == ["approved"] * (acting.MAX_ATTEMPTS - 1) + ["failed"]
    assert (desk.row(Reply, id=reply_id).state, desk.row(Reply, id=reply_id).text) == ("returned", ANSWER)
    assert desk.row(Reply, id=reply_id).error


def test_after_many_tries_it_is_still_looked_for_all_of_ten_minutes(desk: Desk, platform: str) -> None:
    _, action_id = sent(desk)
    desk.box.fail("server_error", status=503, path=POSTS[platform], method="POST", times=3)
    for _ in range(3):
        assert desk.step(action_id, minutes=8) == "approved"
    desk.box.fail("late_effect", path=POSTS[platform], method="POST", seconds=0.1, delay=0.3)
    assert desk.step(action_id, minutes=8) == "unknown"
    until(lambda: desk.posts() == 1)
    assert desk.step(action_id, minutes=9) == "done"


def test_it_is_given_up_only_by_a_look_that_was_answered(
    desk: Desk, platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply_id, action_id = sent(desk)
    died_in_call(desk, action_id, monkeypatch)
    away = desk.box.fail("server_error", status=503, path=SITES[platform], times=1_000)
    for _ in range(6):
        assert desk.step(action_id, minutes=5) == "unknown"
        assert "ended in the call" in desk.row(Reply, id=reply_id).error
    assert away.used
    desk.box.heal()
    assert desk.step(action_id, minutes=20) == "done"
    assert desk.row(Reply, id=reply_id).state == "sent"
    assert desk.posts() == 1


def test_a_platform_that_is_never_there_again_leaves_it_to_a_person(
    desk: Desk, platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply_id, action_id = sent(desk)
    died_in_call(desk, action_id, monkeypatch)
    desk.box.fail("server_error", status=503, path=SITES[platform], times=1_000)
    assert desk.step(action_id, hours=25) == "unknown"
    assert "could not be asked" in desk.row(Reply, id=reply_id).error
    assert desk.row(Action, id=action_id).due_at > desk.clock() + timedelta(days=300)


def test_the_reason_is_shown_to_people_and_audited(desk: Desk, platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reply_id, action_id = sent(desk)
    desk.box.fail("timeout_before", path=POSTS[platform], method="POST", seconds=0.1)
    assert desk.step(action_id) == "unknown"
    for _ in range(14):
        assert desk.step(action_id, minutes=1) == "unknown"
    assert "Look there yourself" in desk.row(Reply, id=reply_id).error
    assert desk.posts() == 0
    with desk.deps.store.read() as session:
        assert "action:give_up" in session.scalars(select(AuditEntry.kind)).all()


def test_an_answer_that_came_after_the_lease_is_a_proof(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    reply_id, action_id = sent(desk)
    late: list[Any] = []
    real = acting._end
    with monkeypatch.context() as patched:
        patched.setattr(acting, "_end", lambda *a, **k: late.append((a, k)))
        assert desk.step(action_id) == "sending"
    with desk.deps.store.write() as session:
        session.execute(update(Action).values(state="unknown"))
    (args, kwargs), *_ = late
    real(*args, **kwargs)
    assert desk.row(Action, id=action_id).state == "done"
    assert desk.row(Reply, id=reply_id).state == "sent"


def test_an_outcome_is_written_though_the_database_refuses_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    _, action_id = sent(desk)
    real, refusals = settling.settle, [OperationalError("UPDATE", {}, Exception("deadlock detected"))]

    def refuses(*given: Any) -> None:
        real(*given)
        if refusals:
            raise refusals.pop()

    monkeypatch.setattr(acting, "settle", refuses)
    assert desk.step(action_id) == "done"
    assert desk.posts() == 1


def test_one_that_cannot_be_carried_out_holds_up_no_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = desk.approve()
    _, good = sent(desk)
    real = acting._begin

    def fails(deps: Any, session: Any, action: Action, links: Any) -> Any:
        if action.id == broken:
            raise RuntimeError("a fault of ours")
        return real(deps, session, action, links)

    monkeypatch.setattr(acting, "_begin", fails)
    desk.clock.pass_(seconds=11)
    acting.perform_due(desk.deps)
    assert desk.row(Action, id=good).state == "done"
    assert desk.row(Action, id=broken).due_at > desk.clock()  # and it is not tried again at once, for ever


def test_what_cannot_be_opened_comes_back_before_anything_left(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    reply_id, action_id = sent(desk)

    def closed(*_: Any) -> Any:
        raise BadInput("This brand account is out of use.")

    monkeypatch.setattr(acting, "ready_session", closed)
    assert desk.step(action_id) == "failed"
    assert "out of use" in desk.row(Reply, id=reply_id).error


def test_only_answers_claim_a_post(desk: Desk) -> None:
    """To delete a post twice, or to edit and delete it, is two acts on one thing and no contradiction."""
    with desk.deps.store.write() as session:
        person = session.get_one(Person, desk.person_id)
        wanted = acting.Wanted(desk.case_id, desk.connection_id, Capability.DELETE, desk.target)
        first, second = (acting.write_action(desk.deps, session, wanted, person).id for _ in range(2))
    for action_id in (first, second):
        with desk.deps.store.write() as session:
            row = {"action_id": action_id, "connection_id": desk.connection_id, "attempt": 1}
            session.add(Outbox(**row, idempotency_key="k", sending_at=desk.clock()))
            session.flush()
            settling.settle(desk.deps, session, action_id, 1, "done", Receipt(desk.target, "", desk.clock()))
    assert desk.row(Outbox, action_id=second).remote_id is None


@pytest.mark.parametrize(("state", "first"), [("approved", "cancelled"), ("sending", "done")])
def test_what_was_committed_first_holds(desk: Desk, state: str, first: str) -> None:
    """An undo that meets a worker, or an outcome that meets a second one: neither is written over."""
    _, action_id = sent(desk)
    desk.clock.pass_(seconds=11)
    with desk.deps.store.write() as session:
        session.execute(update(Action).values(state=state))
    step = threading.Thread(target=acting.perform_action, args=(desk.deps, action_id))
    with desk.deps.store.write() as session:
        session.execute(update(Action).values(state=first))
        step.start()
        time.sleep(0.3)  # it waits for this commit, or has read what was there before
    step.join()
    assert desk.row(Action, id=action_id).state == first
    assert desk.posts() == 0
