"""Acts of moderation by a grant: refused where it does not hold, done on the forum where it does, taken back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from moderation.errors import BadInput, NotAllowed
from moderation.grants import GrantState
from moderation.model import Capability
from service.db.grant_tables import GrantRow, ModerationAct
from service.db.models import Action, AuditEntry, Author, Message, Person, Thread
from service.usecases import acting, grants
from service.usecases.bearing import lately
from service.usecases.connections import set_shadow
from service.usecases.identities import link
from service.usecases.moderating import Wish, act, take_back
from service.usecases.people import create_person
from tests.service.grants_support import PASSWORD, Trust, known, proof_of, trusted

WHY = "Rule 2: no insults."


@pytest.fixture
def trust(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trust]:
    with trusted(tmp_path_factory.mktemp("acts")) as found:
        yield found


def hide(trust: Trust, community_id: int | None = None, **more: object) -> Wish:
    thread_id, message_id = trust.message_of_others(community_id)
    return Wish(Capability.HIDE, thread_id, WHY, message_id, **more)  # type: ignore[arg-type]


def messages_of_others(trust: Trust, count: int) -> list[tuple[int, int]]:
    """(thread, message) of customers in the expert's part, in conversations that somebody else began."""
    first, _ = trust.message_of_others()
    with trust.deps.store.read() as session:
        own = select(Message.thread_id).where(Message.author_id == trust.author_id)
        query = (
            select(Message.thread_id, Message.id)
            .join(Thread, Thread.id == Message.thread_id)
            .join(Author, Author.id == Message.author_id)
            .where(Thread.community_id == trust.community_id, Author.role == "customer")
            .where(Message.author_id != trust.author_id, (Thread.id == first) | Thread.id.not_in(own))
            .order_by(Message.created_at)
        )
        found = [(thread, message) for thread, message in session.execute(query)]
    assert len(found) >= count
    return found[-count:]


def remote(trust: Trust, message_id: int | None) -> int:
    with trust.deps.store.read() as session:
        return int(session.get_one(Message, message_id).remote_id)


def is_hidden(trust: Trust, wish: Wish) -> bool:
    post_id = remote(trust, wish.message_id)
    with trust.desk.box.world.lock:
        return trust.desk.box.world.forum.posts[post_id].deleted_at is not None


def kinds(trust: Trust) -> list[str]:
    with trust.deps.store.read() as session:
        return list(session.scalars(select(AuditEntry.kind).order_by(AuditEntry.seq)))


def test_without_a_grant_nothing_is_written_but_the_refusal(trust: Trust) -> None:
    with pytest.raises(NotAllowed, match="no grant"):
        act(trust.deps, hide(trust), trust.expert())
    assert kinds(trust)[-1] == "act:refuse"
    with trust.deps.store.read() as session:
        assert not session.scalars(select(Action)).all()


def test_the_next_community_is_refused_and_the_own_one_is_done(trust: Trust) -> None:
    trust.active()
    with pytest.raises(NotAllowed, match="no grant gives it here"):
        act(trust.deps, hide(trust, trust.other_community()), trust.expert())
    assert kinds(trust)[-1] == "act:refuse"
    wish = hide(trust)
    action_id = act(trust.deps, wish, trust.expert())
    assert not is_hidden(trust, wish)
    assert trust.desk.step(action_id) == "done"
    assert is_hidden(trust, wish)


@pytest.mark.parametrize("how", ["revoke", "suspend", "expire"])
def test_an_act_that_waits_when_the_grant_ends_is_not_carried_out(trust: Trust, how: str) -> None:
    grant_id = trust.active(days=1)
    wish = hide(trust)
    action_id = act(trust.deps, wish, trust.expert())
    if how == "expire":
        trust.desk.clock.pass_(days=1)
    elif how == "suspend":
        grants.suspend(trust.deps, grant_id, trust.manager, "A look.")
    else:
        grants.revoke(trust.deps, grant_id, trust.manager, "No more.")
    assert trust.desk.step(action_id) == "failed"
    assert not is_hidden(trust, wish)


def test_an_act_is_undone_before_it_leaves(trust: Trust) -> None:
    trust.active()
    wish = hide(trust)
    action_id = act(trust.deps, wish, trust.expert())
    assert acting.cancel(trust.deps, action_id)
    assert trust.desk.step(action_id) == "cancelled"
    assert not is_hidden(trust, wish)


def test_shadow_mode_holds_acts_back(trust: Trust) -> None:
    trust.active()
    set_shadow(trust.deps, trust.desk.connection_id, True, "test")
    with pytest.raises(NotAllowed, match="shadow"):
        act(trust.deps, hide(trust), trust.expert())


def test_nobody_moderates_their_own_thread_or_the_brand(trust: Trust) -> None:
    trust.active()
    with trust.deps.store.read() as session:
        own = session.execute(
            select(Message.thread_id, Message.id)
            .join(Thread, Thread.id == Message.thread_id)
            .where(Message.author_id == trust.author_id, Thread.community_id == trust.community_id)
        ).first()
    assert own is not None
    with pytest.raises(NotAllowed, match="their own"):
        act(trust.deps, Wish(Capability.HIDE, own[0], WHY, own[1]), trust.expert())
    with trust.deps.store.read() as session:
        theirs = session.execute(
            select(Message.thread_id, Message.id)
            .join(Author, Author.id == Message.author_id)
            .where(Author.role.in_(("staff", "brand")))
        ).first()
    assert theirs is not None
    with pytest.raises(NotAllowed, match="as high as they do"):
        act(trust.deps, Wish(Capability.HIDE, theirs[0], WHY, theirs[1]), trust.expert())


def test_nobody_moderates_who_works_at_the_desk_or_is_trusted_as_they_are(trust: Trust) -> None:
    """What counts is who the author has proven to be, not what the platform calls them."""
    trust.active()
    wish = hide(trust)
    with trust.deps.store.read() as session:
        author = session.get_one(Author, session.get_one(Message, wish.message_id).author_id)
    create_person(trust.deps, "rita", "responder", PASSWORD)
    link(trust.deps, known(trust.deps, "rita"), proof_of(trust.desk, "discourse", author.remote_id, "Somebody"))
    with pytest.raises(NotAllowed, match="as high as they do"):
        act(trust.deps, wish, trust.expert())
    with trust.deps.store.write() as session:
        session.execute(update(Person).where(Person.username == "rita").values(active=False))
    assert act(trust.deps, wish, trust.expert())
    offer = grants.propose(trust.deps, grants.Terms(author.id, None, "answerer"), trust.manager)
    grants.offer(trust.deps, offer, "Will you?", trust.manager)
    with trust.deps.store.write() as session:
        session.execute(update(GrantRow).where(GrantRow.id == offer).values(state="active"))
    with pytest.raises(NotAllowed, match="as high as they do"):
        act(trust.deps, wish, trust.expert())


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"reason": " "}, "why"),
        ({"message_id": None}, "which message"),
        ({"message_id": 10**9}, "which message"),
        ({"thread_id": 10**9}, "no such conversation"),
        ({"hours": 0}, "hours"),
        ({"kind": Capability.REPLY}, "cannot be done"),
        ({"kind": Capability.RESOLVE_REPORT}, "cannot be done"),
        ({"kind": Capability.MOVE}, "other community"),
    ],
)
def test_what_cannot_be_done_is_told(trust: Trust, wish: dict[str, object], words: str) -> None:
    thread_id, message_id = trust.message_of_others()
    whole = {"kind": Capability.HIDE, "thread_id": thread_id, "message_id": message_id, "reason": WHY} | wish
    with pytest.raises(BadInput, match=words):
        act(trust.deps, Wish(**whole), trust.manager)  # type: ignore[arg-type]


def test_a_keeper_moves_nothing_out_of_their_part(trust: Trust) -> None:
    trust.active()
    thread_id, _ = trust.message_of_others()
    wish = Wish(Capability.MOVE, thread_id, WHY, to=trust.other_community())
    with pytest.raises(NotAllowed, match="no grant gives it here"):
        act(trust.deps, wish, trust.expert())
    action_id = act(trust.deps, wish, trust.manager)
    assert trust.desk.step(action_id) == "done"


def test_what_was_done_is_taken_back_once(trust: Trust) -> None:
    trust.active()
    wish = hide(trust)
    action_id = act(trust.deps, wish, trust.expert())
    with pytest.raises(BadInput, match="was done"):
        take_back(trust.deps, action_id, trust.expert(), "Too early.")
    assert trust.desk.step(action_id) == "done"
    back = take_back(trust.deps, action_id, trust.expert(), "It was meant well.")
    with pytest.raises(BadInput, match="already"):
        take_back(trust.deps, action_id, trust.expert(), "Twice.")
    assert trust.desk.step(back) == "done"
    assert not is_hidden(trust, wish)


def test_a_planned_end_comes_even_when_the_grant_is_gone(trust: Trust) -> None:
    grant_id = trust.active()
    thread_id, _ = trust.message_of_others()
    lock = act(trust.deps, Wish(Capability.LOCK, thread_id, WHY, hours=2), trust.expert())
    assert trust.desk.step(lock) == "done"
    grants.revoke(trust.deps, grant_id, trust.manager, "No more.")
    with trust.deps.store.read() as session:
        end = session.scalars(select(ModerationAct).where(ModerationAct.undoes_id == lock)).one()
        remote_id = int(session.get_one(Thread, thread_id).remote_id)
    assert trust.desk.step(end.action_id, minutes=30) == "approved"
    assert trust.desk.step(end.action_id, hours=2) == "done"
    with trust.desk.box.world.lock:
        assert not trust.desk.box.world.forum.topics[remote_id].closed


def test_an_act_that_is_undone_takes_its_planned_end_with_it(trust: Trust) -> None:
    trust.active()
    thread_id, _ = trust.message_of_others()
    lock = act(trust.deps, Wish(Capability.LOCK, thread_id, WHY, hours=2), trust.expert())
    acting.cancel(trust.deps, lock)
    with trust.deps.store.read() as session:
        end = session.scalars(select(ModerationAct).where(ModerationAct.undoes_id == lock)).one()
    assert trust.desk.step(end.action_id, hours=3) == "cancelled"


def test_acts_that_others_take_back_suspend_the_grant(trust: Trust) -> None:
    grant_id = trust.active()
    for thread_id, message_id in messages_of_others(trust, 3):
        action_id = act(trust.deps, Wish(Capability.HIDE, thread_id, WHY, message_id), trust.expert())
        assert trust.desk.step(action_id) == "done"
        back = take_back(trust.deps, action_id, trust.manager, "No rule was broken.")
        assert trust.desk.step(back) == "done"
    assert trust.state(grant_id) is GrantState.SUSPENDED
    assert kinds(trust).count("grant:suspend") == 1
    with pytest.raises(NotAllowed):
        act(trust.deps, hide(trust), trust.expert())


def test_acting_faster_than_anybody_reads_suspends_the_grant(trust: Trust) -> None:
    grant_id = trust.active()
    thread_id, _ = trust.message_of_others()
    for step in range(10):
        kind = Capability.LOCK if step % 2 else Capability.UNLOCK
        act(trust.deps, Wish(kind, thread_id, WHY), trust.expert())
        trust.desk.clock.pass_(seconds=1)
    assert trust.state(grant_id) is GrantState.SUSPENDED


def test_the_end_of_an_act_is_no_act_of_its_own(trust: Trust) -> None:
    grant_id = trust.active()
    thread_id, _ = trust.message_of_others()
    for _ in range(9):
        act(trust.deps, Wish(Capability.LOCK, thread_id, WHY, hours=2), trust.expert())
    assert trust.state(grant_id) is GrantState.ACTIVE
    with trust.deps.store.read() as session:
        assert lately(session, trust.expert().id, trust.deps.now()) == (9, 9)


def test_the_hourly_limit_holds_and_passes(trust: Trust) -> None:
    trust.active()
    thread_id, _ = trust.message_of_others()

    def lock() -> None:
        act(trust.deps, Wish(Capability.LOCK, thread_id, WHY), trust.expert())

    for _ in range(30):
        lock()
        trust.desk.clock.at += timedelta(seconds=30)
    with pytest.raises(NotAllowed, match="30 acts an hour"):
        lock()
    trust.desk.clock.at += timedelta(hours=1)
    lock()
