"""Rights on the forum follow the grants: given, taken, tried until done; what is found there is compared."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from moderation.errors import BadInput, NotAllowed
from service.db.grant_tables import PlatformRight
from service.db.models import AuditEntry
from service.usecases import drift, grants, rights
from service.usecases.connections import set_shadow
from tests.service.grants_support import Trust, trusted


@pytest.fixture
def trust(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trust]:
    with trusted(tmp_path_factory.mktemp("rights")) as found:
        yield found


def may_moderate(trust: Trust) -> bool:
    """Counted on the forum, by the forum's own rule."""
    forum = trust.desk.box.world.forum
    with trust.desk.box.world.lock:
        return forum.moderates(forum.user(trust.handle), int(trust.place))


def right(trust: Trust) -> PlatformRight:
    with trust.deps.store.read() as session:
        return session.scalars(select(PlatformRight)).one()


def test_nothing_is_given_before_the_yes_and_nothing_without_a_need_for_it(trust: Trust) -> None:
    trust.offered()
    trust.settle()
    assert not may_moderate(trust)
    trust.active("answerer", capabilities=["see", "draft"])
    trust.settle()
    assert not may_moderate(trust)


def test_a_right_is_given_there_only_and_taken_with_the_grant(trust: Trust) -> None:
    grant_id = trust.active()
    trust.settle(1)
    assert may_moderate(trust)
    assert right(trust).state == "held"
    forum = trust.desk.box.world.forum
    with trust.desk.box.world.lock:
        assert not forum.moderates(forum.user(trust.handle), 6)
        assert not forum.user(trust.handle).moderator
    grants.revoke(trust.deps, grant_id, trust.manager, "No more.")
    assert rights.pending(trust.deps) == 1
    trust.settle(1)
    assert not may_moderate(trust)
    assert (right(trust).state, rights.pending(trust.deps)) == ("gone", 0)


@pytest.mark.parametrize("how", ["expire", "suspend"])
def test_every_end_takes_it(trust: Trust, how: str) -> None:
    grant_id = trust.active(days=1)
    trust.settle(1)
    if how == "suspend":
        grants.suspend(trust.deps, grant_id, trust.manager, "A look.")
    else:
        trust.desk.clock.pass_(days=1)
        grants.expire_due(trust.deps)
    trust.settle(1)
    assert not may_moderate(trust)
    if how == "suspend":
        grants.resume(trust.deps, grant_id, trust.manager, "All was well.")
        trust.settle(1)
        assert may_moderate(trust)


def test_of_two_grants_one_is_enough_to_keep_it(trust: Trust) -> None:
    first, second = trust.active(), trust.active("night_watch")
    trust.settle(1)
    grants.revoke(trust.deps, first, trust.manager, "One is enough.")
    trust.settle(1)
    assert may_moderate(trust)
    grants.revoke(trust.deps, second, trust.manager, "None is enough.")
    trust.settle(1)
    assert not may_moderate(trust)


def test_a_forum_that_is_down_is_asked_until_the_right_is_gone(trust: Trust) -> None:
    grant_id = trust.active()
    trust.settle(1)
    trust.desk.box.fail("server_error", times=1000)
    grants.revoke(trust.deps, grant_id, trust.manager, "No more.")
    trust.settle(6, seconds=60)
    assert may_moderate(trust)
    assert rights.pending(trust.deps) == 1
    assert right(trust).error
    trust.desk.box.heal()
    trust.settle(2, seconds=60)
    assert not may_moderate(trust)
    assert rights.pending(trust.deps) == 0


def test_what_is_revoked_while_it_is_being_given_is_taken_after_all(trust: Trust) -> None:
    """The call that gives is under way when somebody revokes: its effect lands, and is taken."""
    grant_id = trust.active()
    calls = rights._claim(trust.deps, None)
    grants.revoke(trust.deps, grant_id, trust.manager, "Changed my mind.")
    assert rights.settle_due(trust.deps) == 0, "two calls for one right ran side by side"
    rights._carry_out(trust.deps, calls[0])
    assert may_moderate(trust)
    trust.settle(1)
    assert not may_moderate(trust)
    assert right(trust).state == "gone", right(trust).error


def test_a_call_that_never_ended_leaves_the_right_in_doubt_until_it_cannot_appear(trust: Trust) -> None:
    """A worker dies in the call, and the effect comes minutes later."""
    grant_id = trust.active()
    late = rights._claim(trust.deps, None)[0]
    grants.revoke(trust.deps, grant_id, trust.manager, "Changed my mind.")
    trust.settle(2, seconds=51)
    assert right(trust).state == "taking", "shown as done while it may still appear"
    rights._carry_out(trust.deps, late)
    assert may_moderate(trust)
    trust.settle(1, seconds=50)
    assert not may_moderate(trust)
    assert right(trust).state == "taking"
    trust.settle(2, minutes=11)
    assert right(trust).state == "gone", right(trust).error


def test_a_worker_that_returns_late_frees_nothing_that_another_is_at(trust: Trust) -> None:
    """The first worker hangs longer than its lease: what it found is late, and the second has the row to itself."""
    grant_id = trust.active()
    late = rights._claim(trust.deps, None)
    trust.desk.clock.pass_(seconds=60)
    under_way = rights._claim(trust.deps, None)
    assert len(late) == len(under_way) == 1
    rights._carry_out(trust.deps, late[0])
    assert (right(trust).state, right(trust).busy_until) == ("giving", under_way[0].until)
    grants.revoke(trust.deps, grant_id, trust.manager, "Changed my mind.")
    assert rights.settle_due(trust.deps) == 0, "two calls for one right ran side by side"
    rights._carry_out(trust.deps, under_way[0])
    trust.settle(2, minutes=11)
    assert not may_moderate(trust)
    assert right(trust).state == "gone"


def test_a_worker_that_dies_while_it_takes_leaves_no_doubt(trust: Trust) -> None:
    """Only a call that gives can make a right appear later."""
    grant_id = trust.active()
    trust.settle(1)
    grants.revoke(trust.deps, grant_id, trust.manager, "No more.")
    assert rights._claim(trust.deps, None)
    trust.settle(2, seconds=51)
    assert not may_moderate(trust)
    assert right(trust).state == "gone", right(trust).error


def test_shadow_mode_and_the_stop_give_nothing_and_still_take(trust: Trust) -> None:
    grant_id = trust.active()
    set_shadow(trust.deps, trust.desk.connection_id, True, "test")
    trust.settle(2)
    assert not may_moderate(trust)
    assert "shadow" in right(trust).error
    set_shadow(trust.deps, trust.desk.connection_id, False, "test")
    trust.settle(2, seconds=31)
    assert may_moderate(trust)
    set_shadow(trust.deps, trust.desk.connection_id, True, "test")
    grants.revoke(trust.deps, grant_id, trust.manager, "No more.")
    trust.settle(1)
    assert not may_moderate(trust)


# ------------------------------------------------------------------ drift


def outside(trust: Trust, username: str, *, add: bool) -> None:
    """Somebody changes the group on the forum itself."""
    forum = trust.desk.box.world.forum
    with trust.desk.box.world.lock:
        group = next(g for g in forum.groups.values() if g.name.startswith("tenth-"))
        (group.members.add if add else group.members.discard)(username)


def found(trust: Trust) -> list[tuple[str, str]]:
    drift.check_all(trust.deps)
    return [(one.kind, one.handle) for one in drift.differences(trust.deps)]


def test_what_was_taken_on_the_forum_is_missed_and_can_be_given_again(trust: Trust) -> None:
    trust.active()
    trust.settle(1)
    assert found(trust) == []
    outside(trust, trust.handle, add=False)
    assert found(trust) == [("missing", trust.handle)]
    assert not may_moderate(trust), "changed silently"
    with pytest.raises(NotAllowed):
        drift.mend(trust.deps, drift.differences(trust.deps)[0].id, trust.expert())
    drift.mend(trust.deps, drift.differences(trust.deps)[0].id, trust.manager)
    trust.settle(1)
    assert may_moderate(trust)
    assert found(trust) == []


def test_what_was_added_on_the_forum_is_foreign_and_what_came_back_lingers(trust: Trust) -> None:
    grant_id = trust.active()
    trust.settle(1)
    outside(trust, "zoe", add=True)
    grants.revoke(trust.deps, grant_id, trust.manager, "No more.")
    trust.settle(1)
    outside(trust, trust.handle, add=True)
    assert sorted(found(trust)) == [("foreign", "zoe"), ("lingering", trust.handle)]
    for one in drift.differences(trust.deps):
        drift.mend(trust.deps, one.id, trust.manager)
    trust.settle(1)
    assert found(trust) == []
    assert not may_moderate(trust)


def test_a_foreign_right_can_be_known_and_a_missing_one_cannot(trust: Trust) -> None:
    trust.active()
    trust.settle(1)
    outside(trust, "zoe", add=True)
    outside(trust, trust.handle, add=False)
    found(trust)
    kinds = {one.kind: one.id for one in drift.differences(trust.deps)}
    drift.acknowledge(trust.deps, kinds["foreign"], trust.manager)
    with pytest.raises(BadInput, match="did not give"):
        drift.acknowledge(trust.deps, kinds["missing"], trust.manager)
    found(trust)
    assert {(one.kind, one.known) for one in drift.differences(trust.deps)} == {("foreign", True), ("missing", False)}


def test_a_forum_that_is_down_is_no_drift(trust: Trust) -> None:
    trust.active()
    trust.settle(1)
    trust.desk.box.fail("server_error", times=100)
    looks = drift.check_all(trust.deps)
    assert [bool(look.error) for look in looks] == [True]
    assert drift.differences(trust.deps) == []
    with trust.deps.store.read() as session:
        assert session.scalars(select(AuditEntry.kind).where(AuditEntry.kind == "right:give")).all() == ["right:give"]
