"""Drawing the line and keeping it: what a person decided stays, what was left is looked at, nothing is overtaken."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import delete, event, func, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from plugins.contract import Delivery
from service.db import facts
from service.db.base import Base
from service.db.models import Case, Community, Connection, Thread
from service.usecases import intake, triage
from service.usecases.cases import Intent, act
from service.usecases.looking import look_again
from service.usecases.people import Known, create_person, sign_in
from service.usecases.triage import triage_community, triage_due
from tests.support.office import Office, chatter, line, office

BURNS = "It burned my hand, smoke comes out of it, please help me now!"
FILTER = "Does anybody know where to buy the grey filter? It is out of stock everywhere."


@pytest.fixture
def desk() -> Iterator[Office]:
    desk = office()
    desk.archive()
    yield desk
    desk.close()


@pytest.fixture
def postgres(desk: Office) -> Office:
    """The desk on PostgreSQL, where no statement runs longer than a minute: who would wait for ever fails."""
    store = desk.deps.store
    if not store.postgres:
        pytest.skip("SQLite writes one transaction at a time")

    @event.listens_for(store.engine, "connect")
    def limit(connection: Any, _record: object) -> None:
        connection.execute("SET statement_timeout = '60s'")
        connection.commit()

    store.engine.dispose()
    return desk


@pytest.fixture
def ada(desk: Office) -> Known:
    create_person(desk.deps, "ada", "manager", "a password long enough")
    known = sign_in(desk.deps, "ada", "a password long enough")
    assert known is not None
    return known


def triage_all(desk: Office) -> None:
    for community in desk.rows(Community):
        assert triage_community(desk.deps, community.id)


def case_of(desk: Office, thread: str) -> Case:
    found = desk.rows(Case, Case.thread_id == desk.rows(Thread, Thread.remote_id == thread)[0].id)
    assert len(found) == 1
    return found[0]


def live(desk: Office) -> None:
    """The same desk, as a platform's whose clock goes on (an archive's window ends at its newest message)."""
    with desk.deps.store.write() as session:
        session.execute(update(Connection).values(connector="discourse"))


def stand(desk: Office) -> list[dict[str, Any]]:
    columns = Case.__table__.columns.keys()
    return [{c: getattr(row, c) for c in columns} for row in desk.rows(Case)]


def test_the_same_moment_triaged_twice_changes_nothing(desk: Office) -> None:
    desk.take_in(chatter(30))
    before = stand(desk)
    summary = desk.rows(Community)[0].summary
    triage_all(desk)
    assert stand(desk) == before
    assert {**desk.rows(Community)[0].summary, "seconds": 0} == {**summary, "seconds": 0}
    assert summary["threads"] == 30
    assert summary["surfaced"] + summary["always"] + summary["left"] == 30
    assert summary["surfaced"] <= 3


def test_a_decided_case_stays_decided_until_the_customer_writes_again(desk: Office, ada: Known) -> None:
    desk.take_in([line(1, 1, FILTER, hours_ago=3)])
    case = case_of(desk, "1")
    assert (case.lane, case.open) == ("needs", True)
    now = desk.rows(Community)[0].newest_at + timedelta(minutes=1)
    act(desk.at(now), case.id, Intent("decide", case.version), ada)
    for _ in range(2):
        triage_all(desk)
        case = case_of(desk, "1")
        assert (case.lane, case.state, case.open, case.decision) == ("decided", "decided", False, "handled")
    desk.take_in([line(2, 1, BURNS, hours_ago=-1)])
    case = case_of(desk, "1")
    assert (case.lane, case.state, case.open) == ("always", "open", True)


def test_a_claimed_case_stays_claimed_and_keeps_its_place(desk: Office, ada: Known) -> None:
    desk.take_in([line(1, 1, FILTER, hours_ago=3)])
    case = case_of(desk, "1")
    act(desk.deps, case.id, Intent("claim", case.version), ada)
    hot = [line(100 + n, 10 + n, f"My order has not come, nobody answers, I want my money back! {n}") for n in range(8)]
    desk.take_in(hot)
    case = case_of(desk, "1")
    assert (case.lane, case.state, case.open, case.person_id) == ("needs", "claimed", True, ada.id)
    assert [c.lane for c in desk.rows(Case)].count("needs") == 1, "it uses the one place there is"


def test_what_is_left_gets_a_time_to_look_that_a_triage_never_postpones(desk: Office) -> None:
    desk.take_in(chatter(20))
    live(desk)
    as_of = desk.rows(Community)[0].newest_at + timedelta(minutes=5)
    earlier: dict[int, datetime] = {}
    for minute in (0, 1, 30, 50):
        deps = desk.at(as_of + timedelta(minutes=minute))
        triage_community(deps, 1)
        left = [c for c in desk.rows(Case) if c.lane == "left"]
        assert len(left) >= 8
        looks = {c.id: c.look_again_at for c in left}
        assert all(at is not None and at > as_of for at in looks.values())
        if minute:
            assert all(looks[i] <= earlier[i] for i in looks if i in earlier)
        earlier = looks


def test_a_look_that_took_place_is_followed_by_another(desk: Office) -> None:
    desk.take_in(chatter(12))
    left = [c for c in desk.rows(Case) if c.lane == "left"]
    due = max(c.look_again_at for c in left) + timedelta(minutes=1)
    deps = desk.at(due)
    while look_again(deps):
        pass
    assert all(c.looks == 1 and c.look_again_at is None for c in desk.rows(Case, Case.lane == "left"))
    triage_all(desk)
    assert all(c.look_again_at is not None for c in desk.rows(Case, Case.lane == "left"))


def test_what_falls_out_of_the_window_closes(desk: Office) -> None:
    desk.take_in([line(1, 1, FILTER, hours_ago=24), line(2, 2, "Thanks!", hours_ago=24)])
    assert {c.lane for c in desk.rows(Case)} == {"needs", "left"}
    live(desk)
    later = desk.rows(Community)[0].newest_at + timedelta(days=40)
    assert triage_community(desk.at(later), 1)
    assert [(c.lane, c.state, c.open) for c in desk.rows(Case)] == [("outside", "closed", False)] * 2
    assert desk.rows(Community)[0].summary["threads"] == 0


def test_what_somebody_holds_does_not_close_with_the_window(desk: Office, ada: Known) -> None:
    desk.take_in([line(1, 1, FILTER, hours_ago=24)])
    case = case_of(desk, "1")
    act(desk.deps, case.id, Intent("claim", case.version), ada)
    live(desk)
    assert triage_community(desk.at(datetime.now(UTC) + timedelta(days=400)), 1)
    case = case_of(desk, "1")
    assert (case.lane, case.state, case.open) == ("needs", "claimed", True)


def test_a_delivery_that_arrives_during_a_triage_keeps_the_triage_due(
    desk: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.take_in(chatter(5))
    cut = triage.cut

    def cut_while_something_comes(*given: Any, **more: Any) -> Any:
        monkeypatch.setattr(triage, "cut", cut)
        body = json.dumps(line(9_001, "late", BURNS)).encode()
        intake.accept(desk.deps, 1, "import", [Delivery("late", "line", body)])
        while intake.process_deliveries(desk.deps):
            pass
        return cut(*given, **more)

    monkeypatch.setattr(triage, "cut", cut_while_something_comes)
    assert triage_community(desk.deps, 1)
    assert desk.rows(Case, Case.thread_id == desk.rows(Thread, Thread.remote_id == "late")[0].id) == []
    assert desk.rows(Community)[0].triage_due_at is not None
    assert triage_due(desk.at(desk.deps.now() + timedelta(seconds=30))) == 1
    assert case_of(desk, "late").lane in ("needs", "always")
    assert desk.rows(Community)[0].triage_due_at is None, "an archive rests until something comes"


def test_one_triage_on_a_busy_machine_holds_nothing_up_and_a_slow_community_rests(
    desk: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.take_in(chatter(2))
    triage_all(desk)
    clock, cut = iter(range(0, 1000, 5)), triage.cut
    monkeypatch.setattr(triage, "time", SimpleNamespace(monotonic=lambda: next(clock)))

    def late(number: int) -> None:
        def cut_while_something_comes(*given: Any, **more: Any) -> Any:
            monkeypatch.setattr(triage, "cut", cut)
            body = json.dumps(line(9_000 + number, f"late{number}", BURNS)).encode()
            intake.accept(desk.deps, 1, "import", [Delivery(f"late{number}", "line", body)])
            while intake.process_deliveries(desk.deps):
                pass
            return cut(*given, **more)

        monkeypatch.setattr(triage, "cut", cut_while_something_comes)
        assert triage_community(desk.deps, 1)

    late(1)
    assert triage_due(desk.deps) == 1, "five seconds once are a busy machine"
    late(2)
    assert triage_due(desk.deps) == 0, "five seconds again and again are a large community"
    assert triage_due(desk.at(desk.deps.now() + timedelta(seconds=51))) == 1


def test_two_at_once_make_one_line(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second finds the lease; one that comes after the lease takes over, and the first writes nothing."""
    desk.take_in(chatter(5))
    cut, seen = triage.cut, []

    def cut_late(*given: Any, **more: Any) -> Any:
        monkeypatch.setattr(triage, "cut", cut)
        assert not triage_community(desk.deps, 1)
        seen.append(triage_community(desk.at(desk.deps.now() + triage.LEASE * 2), 1))
        return cut(*given, **more)

    monkeypatch.setattr(triage, "cut", cut_late)
    assert not triage_community(desk.deps, 1)
    assert seen == [True]
    assert len(desk.rows(Case)) == 5


def test_one_that_fails_leaves_the_community_free(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.take_in(chatter(3))
    with monkeypatch.context() as broken, pytest.raises(ZeroDivisionError):
        broken.setattr("service.usecases.triage.cut", lambda *_, **__: 1 / 0)
        triage_community(desk.deps, 1)
    assert desk.rows(Community)[0].lease_until is None
    assert triage_community(desk.deps, 1)


def test_one_whose_connection_is_lost_leaves_the_community_free(
    postgres: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres.take_in(chatter(3))
    before, apply = stand(postgres), triage._apply

    def apply_without_a_connection(session: Session, *given: Any) -> None:
        pid = session.scalar(select(func.pg_backend_pid()))
        with postgres.deps.store.read() as other:
            assert other.scalar(select(func.pg_terminate_backend(pid, 60_000)))
        apply(session, *given)

    with monkeypatch.context() as broken, pytest.raises(OperationalError):
        broken.setattr(triage, "_apply", apply_without_a_connection)
        triage_community(postgres.deps, 1)
    assert postgres.rows(Community)[0].lease_until is None
    assert stand(postgres) == before
    assert triage_community(postgres.deps, 1)


def test_cases_are_made_while_their_threads_are_written_to(postgres: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Intake holds threads and then wants their community, which a triage holds: neither may wait for the other."""
    postgres.take_in(chatter(3))
    with postgres.deps.store.write() as session:
        session.execute(delete(Case))
    due, ended = facts._triage_due, []
    beside = threading.Thread(target=lambda: ended.append(triage_community(postgres.deps, 1)), daemon=True)

    def due_later(*given: Any) -> Any:
        monkeypatch.setattr(facts, "_triage_due", due)
        beside.start()
        beside.join(120)
        return due(*given)

    monkeypatch.setattr(facts, "_triage_due", due_later)
    postgres.take_in([line(9000 + n, n, "And another word.") for n in (1, 2, 3)])
    assert ended == [True]
    assert len(postgres.rows(Case)) == 3


def test_a_triage_gives_way_to_whoever_holds_a_case(postgres: Office) -> None:
    postgres.take_in(chatter(3))
    with postgres.deps.store.write() as session:
        session.execute(update(Case).values(priority=99.0))
    with postgres.deps.store.write() as session:
        session.get_one(Case, case_of(postgres, "1").id, with_for_update=True)
        before = stand(postgres)
        assert not triage_community(postgres.deps, 1)
        session.execute(update(Community).values(triage_due_at=postgres.deps.now()))
    assert stand(postgres) == before
    assert triage_community(postgres.deps, 1)
    assert stand(postgres) != before


def test_a_thread_whose_messages_are_all_gone_is_no_case(desk: Office) -> None:
    desk.take_in([line(1, 1, FILTER)])
    with desk.deps.store.write() as session:
        session.execute(update(Thread).values(messages=0, last_message_at=None, facts={}))
    triage_all(desk)
    assert desk.rows(Community)[0].summary["threads"] == 0


def test_every_table_was_thought_of() -> None:
    """What a case refers to must be in the database before it: the order that backup relies on."""
    names = [t.name for t in Base.metadata.sorted_tables]
    assert names.index("community") < names.index("thread") < names.index("case") < names.index("action")
