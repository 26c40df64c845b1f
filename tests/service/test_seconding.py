"""Acts that need two people: refused without another one, done with their yes, over when nobody answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select, update

from moderation.errors import BadInput, NotAllowed
from moderation.model import Capability
from service.db.grant_tables import ModerationAct
from service.db.models import Action, AuditEntry, Person
from service.usecases import grants
from service.usecases.clients import authenticate, create_client
from service.usecases.moderating import Wish, act, act_on_several, take_back
from service.usecases.people import Known, create_person
from service.usecases.seconding import expire_waiting, propose, refuse_second, second, waiting
from tests.service.grants_support import PASSWORD, Trust, known, trusted
from tests.service.test_moderating import WHY, hide, is_hidden, messages_of_others


@pytest.fixture
def trust(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trust]:
    with trusted(tmp_path_factory.mktemp("second")) as found:
        create_person(found.deps, "noor", "manager", PASSWORD)
        create_person(found.deps, "rita", "responder", PASSWORD)
        yield found


def noor(trust: Trust) -> Known:
    return known(trust.deps, "noor")


def suspend(trust: Trust, **more: object) -> int:
    thread_id, message_id = trust.message_of_others()
    return act(trust.deps, Wish(Capability.SUSPEND, thread_id, WHY, message_id, **more), trust.manager)  # type: ignore[arg-type]


def state(trust: Trust, action_id: int) -> str:
    found: Action = trust.desk.row(Action, id=action_id)
    return found.state


def last_kind(trust: Trust) -> str:
    with trust.deps.store.read() as session:
        return session.scalars(select(AuditEntry.kind).order_by(AuditEntry.seq.desc()).limit(1)).one()


def test_nobody_says_the_second_yes_to_their_own_act(trust: Trust) -> None:
    action_id = suspend(trust)
    with pytest.raises(NotAllowed, match="another one"):
        second(trust.deps, action_id, trust.manager)
    assert last_kind(trust) == "act:refuse"
    assert state(trust, action_id) == "waiting"
    assert trust.desk.step(action_id, hours=1) == "waiting", "the job does nothing that waits"


def test_who_has_no_right_there_says_neither_yes_nor_no(trust: Trust) -> None:
    trust.active()
    action_id = suspend(trust)
    for who in (known(trust.deps, "rita"), trust.expert()):
        assert not waiting(trust.deps, who)
        with pytest.raises(NotAllowed):
            second(trust.deps, action_id, who)
        with pytest.raises(NotAllowed):
            refuse_second(trust.deps, action_id, who)
    assert state(trust, action_id) == "waiting"


def test_with_another_persons_yes_it_is_done_and_ends_as_planned(trust: Trust) -> None:
    action_id = suspend(trust, hours=24)
    assert [w.id for w in waiting(trust.deps, noor(trust))] == [action_id]
    assert second(trust.deps, action_id, noor(trust)) == [action_id]
    assert trust.desk.step(action_id, seconds=5) == "approved", "held for undo"
    assert trust.desk.step(action_id) == "done"
    with pytest.raises(BadInput, match="waits"):
        second(trust.deps, action_id, noor(trust))


def test_a_second_who_has_no_right_any_more_when_it_is_done_counts_for_nothing(trust: Trust) -> None:
    action_id = suspend(trust)
    second(trust.deps, action_id, noor(trust))
    with trust.deps.store.write() as session:
        session.execute(update(Person).where(Person.username == "noor").values(active=False))
    assert trust.desk.step(action_id) == "failed"


def test_many_at_once_wait_as_one_and_go_as_one(trust: Trust) -> None:
    trust.active()
    wishes = [Wish(Capability.HIDE, t, WHY, m) for t, m in messages_of_others(trust, 2)]
    ids = act_on_several(trust.deps, wishes, trust.expert())
    assert [trust.desk.step(one) for one in ids] == ["waiting", "waiting"]
    assert waiting(trust.deps, noor(trust))[0].acts == tuple(ids)
    with pytest.raises(NotAllowed, match="another one"):
        second(trust.deps, ids[1], trust.expert())
    assert second(trust.deps, ids[1], noor(trust)) == ids
    assert [trust.desk.step(one) for one in ids] == ["done", "done"]
    assert all(is_hidden(trust, wish) for wish in wishes)


def test_a_grant_that_ends_takes_its_request_with_it(trust: Trust) -> None:
    grant_id = trust.active()
    wishes = [Wish(Capability.HIDE, t, WHY, m) for t, m in messages_of_others(trust, 2)]
    ids = act_on_several(trust.deps, wishes, trust.expert())
    grants.revoke(trust.deps, grant_id, trust.manager, "No more.")
    with pytest.raises(NotAllowed):
        second(trust.deps, ids[0], noor(trust))
    assert state(trust, ids[0]) == "waiting"


def test_several_are_different_messages_of_one_conversation(trust: Trust) -> None:
    thread_id, message_id = trust.message_of_others()
    one = Wish(Capability.HIDE, thread_id, WHY, message_id)
    for wishes in ([one], [one, one], [one, Wish(Capability.RESTORE, thread_id, WHY, message_id)]):
        with pytest.raises(BadInput, match="Several at once"):
            act_on_several(trust.deps, wishes, trust.manager)


def test_a_no_and_a_day_without_an_answer_end_it(trust: Trust) -> None:
    refused, withdrawn, forgotten = suspend(trust), suspend(trust), None
    trust.desk.clock.pass_(seconds=1)
    forgotten = suspend(trust)
    refuse_second(trust.deps, refused, noor(trust), "Too hard.")
    assert (state(trust, refused), last_kind(trust)) == ("cancelled", "action:refuse")
    trust.desk.clock.pass_(hours=25)
    with pytest.raises(BadInput):
        second(trust.deps, forgotten, noor(trust))
    assert expire_waiting(trust.deps) >= 1
    assert (state(trust, withdrawn), state(trust, forgotten)) == ("cancelled", "cancelled")


def test_what_a_program_asks_for_is_done_by_a_person_or_not_at_all(trust: Trust) -> None:
    token = create_client(trust.deps, "bot", ["actions:write"])
    client = authenticate(trust.deps, token)
    assert client is not None
    wish = hide(trust)
    action_id = propose(trust.deps, wish, client)
    assert trust.desk.step(action_id) == "waiting"
    with pytest.raises(NotAllowed):
        second(trust.deps, action_id, known(trust.deps, "rita"))
    assert second(trust.deps, action_id, trust.manager) == [action_id]
    assert trust.desk.step(action_id) == "done"
    row: ModerationAct = trust.desk.row(ModerationAct, action_id=action_id)
    assert (trust.desk.row(Action, id=action_id).person_id, row.rank) == (trust.manager.id, 3)
    reader = authenticate(trust.deps, create_client(trust.deps, "reader", ["threads:read"]))
    assert reader is not None
    with pytest.raises(NotAllowed, match="scope"):
        propose(trust.deps, wish, reader)


def test_a_program_and_one_person_are_not_two_people(trust: Trust) -> None:
    client = authenticate(trust.deps, create_client(trust.deps, "bot", ["actions:write"]))
    assert client is not None
    thread_id, message_id = trust.message_of_others()
    action_id = propose(trust.deps, Wish(Capability.SUSPEND, thread_id, WHY, message_id), client)
    assert second(trust.deps, action_id, trust.manager) == []
    assert trust.desk.step(action_id) == "waiting"
    with pytest.raises(NotAllowed, match="another one"):
        second(trust.deps, action_id, trust.manager)
    assert second(trust.deps, action_id, noor(trust)) == [action_id]
    assert trust.desk.step(action_id) == "done"


def test_a_keeper_takes_back_their_own_acts_and_nobody_elses(trust: Trust) -> None:
    trust.active()
    wish = hide(trust)
    theirs = act(trust.deps, wish, trust.manager)
    assert trust.desk.step(theirs) == "done"
    with pytest.raises(NotAllowed, match="as high or higher"):
        take_back(trust.deps, theirs, trust.expert(), "I see it otherwise.")
    restore = Wish(Capability.RESTORE, wish.thread_id, WHY, wish.message_id)
    with pytest.raises(NotAllowed, match="as high or higher"):
        act(trust.deps, restore, trust.expert())
    assert last_kind(trust) == "act:refuse"
    assert trust.desk.step(take_back(trust.deps, theirs, noor(trust), "No rule was broken.")) == "done"
    with pytest.raises(NotAllowed, match="as high or higher"):
        act(trust.deps, wish, trust.expert())
