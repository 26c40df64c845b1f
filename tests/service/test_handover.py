"""The handover page's figures: from what is stored, of the shift, and nothing of what is settled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from moderation.errors import BadInput
from service.db.models import Action, Case, Connection, Message, Person
from service.db.reply_tables import BrandAccount, Reply
from service.usecases import cases, notes, switches
from service.usecases.cases import Intent
from service.usecases.handover import ROWS, handover
from tests.support.crew import Crew, crew


@pytest.fixture
def here() -> Iterator[Crew]:
    with crew() as found:
        yield found


def act(here: Crew, case_id: int, verb: str, who: str = "rita", hours: float = 0) -> None:
    until = here.clock.at + timedelta(hours=hours) if hours else None
    cases.act(here.deps, case_id, Intent(verb, here.get(Case, case_id).version, until), here.person(who))


def reply(here: Crew, case_id: int, state: str, who: str = "rita", **values: object) -> int:
    now = here.clock.at
    with here.deps.store.write() as session:
        case = session.get_one(Case, case_id)
        account = session.scalars(select(BrandAccount)).first()
        if account is None:
            account = BrandAccount(connection_id=here.connection, handle="@brava", created_at=now)
            session.add(account)
            session.flush()
        row = Reply(case_id=case_id, account_id=account.id, message_id=case.marked_message_id, state=state)
        row.writer_id, row.created_at, row.updated_at = here.person(who).id, now, now
        for name, value in values.items():
            setattr(row, name, value)
        session.add(row)
        session.flush()
        return row.id


@pytest.mark.parametrize("hours", [0, -1, 169])
def test_a_shift_has_hours(here: Crew, hours: int) -> None:
    with pytest.raises(BadInput):
        handover(here.deps, hours)


def test_a_quiet_desk_has_nothing_to_say(here: Crew) -> None:
    found = handover(here.deps, 8)
    assert (found.came, found.still_open, found.waiting, found.did, found.broken) == (0, 0, 0, (), ())
    every = (found.escalated, found.claimed, found.snoozed, found.overdue, found.to_approve, found.returned)
    assert [r.total for r in (*every, found.unknown, found.calls, found.loose_notes)] == [0] * 9


def test_what_came_and_who_decided_it(here: Crew) -> None:
    old = here.case("Old", surfaced_at=here.clock.at - timedelta(hours=9))
    ids = [here.case(f"Case {n}", rules="safety" if n == 0 else "") for n in range(4)]
    act(here, ids[0], "decide")
    act(here, ids[1], "decide")
    act(here, ids[2], "leave", "rob")
    reply(here, old, "sent", "rob", sent_at=here.clock.at)
    found = handover(here.deps, 8)
    assert (found.came, found.by_rule, found.still_open, found.waiting) == (4, 1, 1, 2)
    assert [(d.name, d.handled, d.left, d.answers) for d in found.did] == [("Rita", 2, 0, 0), ("Rob", 0, 1, 1)]
    here.clock.pass_(hours=9)
    later = handover(here.deps, 8)
    assert (later.came, later.did, later.waiting) == (0, (), 2)


def test_how_cases_stand(here: Crew) -> None:
    claimed, escalated, soon, later, overdue = (
        here.case(name, minutes=minutes)
        for name, minutes in (("Claimed", 60), ("Escalated", 60), ("Soon", 60), ("Later", 60), ("Overdue", 1500))
    )
    act(here, claimed, "claim")
    act(here, escalated, "escalate", "rob")
    act(here, soon, "snooze", hours=4)
    act(here, later, "snooze", hours=72)
    found = handover(here.deps, 8)
    assert [(r.title, r.who) for r in found.claimed.rows] == [("Claimed", "Rita")]
    assert [(r.title, r.who) for r in found.escalated.rows] == [("Escalated", "Rob")]
    assert [r.title for r in found.snoozed.rows] == ["Soon"]
    assert [r.title for r in found.overdue.rows] == ["Overdue"]
    with here.deps.store.write() as session:
        session.query(Connection).update({"connector": "archive"})
    assert handover(here.deps, 8).overdue.total == 0
    assert overdue


def test_answers_that_wait_came_back_or_may_be_there(here: Crew) -> None:
    one, two, three = (here.case(name) for name in ("Waits", "Back", "Lost"))
    reply(here, one, "waiting")
    reply(here, two, "returned", error="The topic is closed.")
    with here.deps.store.write() as session:
        case = session.get_one(Case, three)
        message = session.get_one(Message, case.marked_message_id)
        rob = session.scalars(select(Person).where(Person.username == "rob")).one()
        kept = {"connection_id": case.connection_id, "person_id": rob.id, "kind": "reply", "state": "unknown"}
        times = {"due_at": here.clock.at, "created_at": here.clock.at}
        session.add(Action(case_id=three, target=message.remote_id, error="It did not answer.", **kept, **times))
    found = handover(here.deps, 8)
    assert [(r.title, r.who) for r in found.to_approve.rows] == [("Waits", "Rita")]
    assert [(r.title, r.words) for r in found.returned.rows] == [("Back", "The topic is closed.")]
    assert [(r.title, r.who, r.words) for r in found.unknown.rows] == [("Lost", "Rob", "It did not answer.")]


def test_calls_without_answer_and_notes_that_call_nobody(here: Crew) -> None:
    case, settled = here.case("Hose"), here.case("Settled")
    rita = here.person("rita")
    notes.add_note(here.deps, case, "@mia do you know it?", rita)
    notes.add_note(here.deps, case, "They wrote twice.", rita)
    gone = notes.add_note(here.deps, case, "A phone number", rita).note_id
    notes.take_out(here.deps, gone, rita)
    notes.add_note(here.deps, settled, "All well.", rita)
    act(here, settled, "decide")
    found = handover(here.deps, 8)
    assert [(r.title, r.who, r.words) for r in found.calls.rows] == [("Hose", "Mia", "@mia do you know it?")]
    assert [(r.who, r.words) for r in found.loose_notes.rows] == [("Rita", "They wrote twice.")]


def test_lists_are_cut_and_say_how_long_they_are(here: Crew) -> None:
    for number in range(ROWS + 3):
        act(here, here.case(f"Case {number}"), "escalate")
    found = handover(here.deps, 8).escalated
    assert (found.total, len(found.rows), found.more) == (ROWS + 3, ROWS, 3)


def test_trouble_is_named(here: Crew) -> None:
    here.seed.connection("Lemmy", state="cut_off", error="No.")
    switches.set_stop(here.deps, True, "test", "why not")
    found = handover(here.deps, 8)
    assert [s.name for s in found.broken] == ["Lemmy"]
    assert found.stopped_since == here.clock.at
