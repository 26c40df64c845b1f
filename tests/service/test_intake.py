"""Reading deliveries: run twice, crashed at every commit, doubled, out of order, poisoned, taken over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from intake_support import Crash, Desk, Interrupted, deletion, edit, new_desk, post, recovery, snapshot
from sqlalchemy import select, update

from plugins.contract import Delivery
from service.db import deliveries as inbox
from service.db.incoming import Incoming
from service.db.intake import settle
from service.db.models import Community, DeliveryRow, Message, Revision, ScoreRow
from service.usecases import intake, triage
from service.usecases.takeover import take_over

LEASE = inbox.LEASE.total_seconds() + 1
STORY = (
    *(post(n, f"Message {n}: my order never arrived, help.") for n in range(1, 9)),
    edit(3, 2, "Edited: it arrived."),
    deletion(5),
    edit(2, 3, "Third state."),
    edit(2, 2, "Second state, late."),
    post(20, "deleted before it came"),
    Delivery("broken", "post_created", b"no json"),
)


@pytest.fixture
def desk() -> Any:
    made = new_desk()
    yield made
    made.deps.store.engine.dispose()


def calm(desk: Desk) -> dict[str, Any]:
    """Tells the story and reads it without trouble."""
    desk.tell(*STORY)
    desk.read()
    return snapshot(desk.deps)


def forget(desk: Desk) -> None:
    """Empties every table but the connections."""
    with desk.deps.store.write() as session:
        for table in reversed(DeliveryRow.metadata.sorted_tables):
            if table.name != "connection":
                session.execute(table.delete())


def test_reading_twice_changes_nothing(desk: Desk) -> None:
    left = calm(desk)
    assert desk.tell(*STORY) == 0
    assert desk.read() == 0
    assert snapshot(desk.deps) == left
    assert len(left["messages"]) == 9


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("commit", [1, 2])
def test_a_crash_at_any_commit_leaves_what_a_calm_reading_leaves(desk: Desk, commit: int, after: bool) -> None:
    wanted = calm(desk)
    forget(desk)
    desk.tell(*STORY)
    with pytest.raises(Crash):
        intake.process_deliveries(desk.breaking(commit, after=after))
    desk.clock.pass_time(LEASE)
    desk.read()
    desk.read()
    assert snapshot(desk.deps) == wanted


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_while_storing_loses_nothing_that_was_promised(desk: Desk, after: bool) -> None:
    with pytest.raises(Crash):
        intake.accept(desk.breaking(1, after=after), desk.forum, "webhook", [post(1)])
    assert len(desk.deliveries()) == (1 if after else 0)
    assert desk.tell(post(1)) == (0 if after else 1)
    assert desk.read() == 1


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("commit", [1, 2])
def test_a_crash_in_triage_leaves_one_case_for_each_thread(desk: Desk, commit: int, after: bool) -> None:
    calm(desk)
    (community,) = desk.rows(Community.id)[0]
    with pytest.raises(Crash):
        triage.triage_community(desk.breaking(commit, after=after), community)
    desk.clock.pass_time(triage.LEASE.total_seconds() + 1)
    assert triage.triage_due(desk.deps) == 1
    assert triage.triage_community(desk.deps, community)
    with desk.deps.store.read() as session:
        cases = list(session.scalars(select(triage.Case.thread_id)))
    assert len(cases) == len(set(cases)) == 4


def test_order_of_arrival_decides_nothing(desk: Desk) -> None:
    desk.tell(edit(1, 3, "third"), edit(1, 2, "second"))
    desk.read()
    desk.tell(post(1, "first"))
    desk.read()
    assert desk.texts() == {"1": "third"}


def test_each_state_is_a_revision_with_a_score(desk: Desk) -> None:
    for delivery in (post(1, "first"), edit(1, 2, "second"), edit(1, 2, "second")):
        desk.tell(delivery)
        desk.read()
    assert sorted(desk.rows(Revision.version, Revision.text)) == [(1.0, "first"), (2.0, "second")]
    assert len(desk.rows(ScoreRow.id)) == 2


@pytest.mark.parametrize("together", [True, False], ids=["one batch", "two batches"])
def test_what_is_deleted_before_it_came_stays_out(desk: Desk, together: bool) -> None:
    for told in [(deletion(1), post(1, "a secret"))] if together else [(deletion(1),), (post(1, "a secret"),)]:
        desk.tell(*told)
        desk.read()
    assert desk.texts() in ({}, {"1": ""})
    assert all(b"secret" not in body for _, _, body, _ in desk.deliveries().values())


@pytest.mark.parametrize("together", [True, False], ids=["one batch", "two batches"])
def test_a_deletion_takes_the_words_out_everywhere(desk: Desk, together: bool) -> None:
    told = (post(1, "a secret and an insult, you idiot"), edit(1, 2, "another secret, you idiot"), deletion(1))
    for part in [told] if together else [[one] for one in told]:
        desk.tell(*part)
        desk.read()
    assert desk.texts() in ({}, {"1": ""})
    assert all(not text for _, text in desk.rows(Revision.id, Revision.text))
    assert all(not reasons for _, reasons in desk.rows(ScoreRow.id, ScoreRow.reasons))
    assert all(b"secret" not in body for _, _, body, _ in desk.deliveries().values())


def test_a_late_older_state_does_not_bring_a_deleted_message_back(desk: Desk) -> None:
    desk.tell(post(1, "first"))
    desk.read()
    desk.tell(deletion(1))
    desk.read()
    desk.tell(edit(1, 2, "an edit from before the end"))
    desk.read()
    assert desk.texts() == {"1": ""}


def test_a_recovery_brings_it_back(desk: Desk) -> None:
    for delivery in (post(1, "first"), deletion(1), recovery(1, "first")):
        desk.tell(delivery)
        desk.read()
    assert desk.texts() == {"1": "first"}
    assert desk.rows(Message.deleted_at) == [(None,)]


def test_what_cannot_be_read_is_dead_with_its_reason_and_its_neighbours_live(desk: Desk) -> None:
    desk.tell(post(1), Delivery("broken", "post_created", b"{"), post(2))
    desk.read()
    states = {key: state for key, (state, _, _, _) in desk.deliveries().items()}
    assert states == {post(1).key: "done", "broken": "dead", post(2).key: "done"}
    assert "not readable JSON" in desk.deliveries()["broken"][3]


def refuse(desk: Desk, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """From now on the database will not take a message with these words."""

    def picky(session: Any, incoming: Incoming) -> set[int]:
        if any(text in e.text for e in incoming.seen.values()):
            raise ValueError("cannot be stored")
        return settle(session, incoming)

    monkeypatch.setattr(intake, "settle", picky)


def test_one_that_cannot_be_written_is_found_and_the_others_are_written(desk: Desk, monkeypatch: Any) -> None:
    refuse(desk, monkeypatch, "poison")
    desk.tell(*(post(n, "poison" if n == 3 else "fine") for n in range(1, 6)))
    desk.read()
    assert sorted(desk.texts()) == ["1", "2", "4", "5"]
    state, attempt, _, error = desk.deliveries()[post(3).key]
    assert (state, attempt) == ("pending", 1)
    assert "cannot be stored" in error


def test_poison_is_tried_again_ever_later_then_dead_and_a_retry_gives_it_new_tries(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(desk, monkeypatch, "poison")
    desk.tell(post(1, "poison"))
    waits = []
    while desk.deliveries()[post(1).key][0] != "dead":
        assert desk.read() == 1
        due = desk.rows(DeliveryRow.due_at)[0][0]
        waits.append((due - desk.clock()).total_seconds())
        desk.clock.pass_time(4_000)
    assert len(waits) == inbox.MAX_ATTEMPTS
    assert waits[:-1] == sorted(waits[:-1])
    monkeypatch.undo()
    with desk.deps.store.write() as session:
        assert inbox.retry_dead(session, desk.clock()) == 1
    desk.read()
    assert desk.texts() == {"1": "poison"}


def test_a_reader_whose_lease_ended_writes_nothing_twice(desk: Desk) -> None:
    desk.tell(post(1), post(2))

    def meanwhile() -> None:
        desk.clock.pass_time(LEASE)
        assert desk.read() == 2

    slow = replace(desk.deps, scorer=Interrupted(meanwhile))
    intake.process_deliveries(slow)
    assert {s for s, _, _, _ in desk.deliveries().values()} == {"done"}
    assert {n for _, n, _, _ in desk.deliveries().values()} == {2}
    assert len(desk.rows(Revision.id)) == 2


def test_a_reader_who_was_late_does_not_bury_what_another_has_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.tell(post(1), Delivery("broken", "post_created", b"{"))

    def meanwhile() -> None:
        desk.clock.pass_time(LEASE)
        with desk.deps.store.write() as session:
            session.execute(update(DeliveryRow).values(state="done", attempt=9))

    intake.process_deliveries(replace(desk.deps, scorer=Interrupted(meanwhile)))
    assert {s for s, _, _, _ in desk.deliveries().values()} == {"done"}


def test_a_claim_is_not_given_twice_before_its_lease_ends(desk: Desk) -> None:
    desk.tell(post(1))
    with desk.deps.store.write() as session:
        assert len(inbox.claim(session, desk.clock(), 10)) == 1
    assert desk.read() == 0
    desk.clock.pass_time(LEASE)
    assert desk.read() == 1


def test_a_worker_that_starts_takes_over_at_once(desk: Desk) -> None:
    desk.tell(post(1))
    with desk.deps.store.write() as session:
        inbox.claim(session, desk.clock(), 10)
    assert take_over(desk.deps) == 1
    assert desk.read() == 1


def test_what_ends_its_readers_is_read_alone_and_given_up_in_the_end(desk: Desk) -> None:
    desk.tell(*(post(n) for n in range(1, 5)))
    claimed = []
    for _ in range(inbox.MAX_ATTEMPTS):
        with desk.deps.store.write() as session:
            claimed.append([c.key for c in inbox.claim(session, desk.clock(), 10)])
        desk.clock.pass_time(LEASE)
    assert [len(c) for c in claimed] == [4, 4, 4, 1, 1, 1]
    desk.read()
    states = [s for s, _, _, _ in desk.deliveries().values()]
    assert sorted(states) == ["dead", "done", "done", "done"]
    assert desk.deliveries()[post(1).key][3] == intake.FATAL


def test_a_triage_that_was_taken_over_writes_nothing(desk: Desk) -> None:
    calm(desk)
    (community,) = desk.rows(Community.id)[0]

    def overtaken(*args: Any) -> Any:
        with desk.deps.store.write() as session:
            session.execute(update(Community).values(attempt=Community.attempt + 1))
        return cut(*args)

    cut = triage.cut
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(triage, "cut", overtaken)
        assert not triage.triage_community(desk.deps, community)
    assert desk.rows(triage.Case.id) == []
