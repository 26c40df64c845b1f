"""Rights in one category: given and taken on the sandbox's NodeBB, and heeded by it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from moderation.model import Capability
from moderation.policy import Permit
from plugins.contract import Ambiguous, GivesRights, Holder, MissingRight, Permanent
from service.sandbox.forum import Group
from tests.plugins.nodebb.nodebb_desk import Desk, desk, forum_desk
from tests.plugins.nodebb.rig import call

PERMIT = Permit(1, "grant", Capability.GRANT, "community:5", datetime.now(UTC), 1)


def tomoko(made: Desk) -> Holder:
    return Holder(str(made.uid("tomoko")), "tomoko")


def status(made: Desk, token: str, path: str) -> int:
    return int(call(made.box, "PUT", path, 0, token=token).status_code)


def test_a_session_gives_rights() -> None:
    with forum_desk() as made:
        assert isinstance(made.session, GivesRights)


def test_a_right_holds_in_its_category_by_the_members_own_token_and_ends_when_taken() -> None:
    with forum_desk() as made:
        made.post("ines", "Chez moi aussi, ça fuit.", title="Fuite", category_id=6)
        made_token = made.call("POST", "/api/v3/admin/tokens", uid=made.uid("tomoko"), description="x")
        token = made_token["response"]["token"]
        inside, outside = "/api/v3/topics/1/lock", "/api/v3/topics/3/lock"
        assert [status(made, token, path) for path in (inside, outside)] == [403, 403]
        made.session.give(PERMIT, tomoko(made), "5")
        assert [status(made, token, path) for path in (inside, outside)] == [200, 403]
        assert status(made, token, "/api/v3/users/2/ban") == 403
        assert status(made, token, "/api/v3/categories/5/moderator/3") == 403
        made.session.take(tomoko(made), "5")
        assert [status(made, token, path) for path in (inside, outside)] == [403, 403]


def test_to_give_and_to_take_twice_changes_nothing() -> None:
    with forum_desk() as made:
        assert made.session.holders("5") == ()
        for _ in range(2):
            made.session.give(PERMIT, tomoko(made), "5")
            assert made.session.holders("5") == (tomoko(made),)
        assert made.session.holders("6") == ()
        for _ in range(2):
            made.session.take(tomoko(made), "5")
            assert made.session.holders("5") == ()


def test_a_permit_for_nothing_gives_nothing() -> None:
    with forum_desk() as made:
        with pytest.raises(Permanent):
            made.session.give(replace(PERMIT, action_id=0), tomoko(made), "5")
        assert made.session.holders("5") == ()


@pytest.mark.parametrize("wrong", ["", "0", "-1", "5/../7", "٣", "all", "1" * 16, "5 "])
def test_nobody_and_nowhere_are_never_given_anything(wrong: str) -> None:
    with forum_desk() as made:
        before = dict(made.state.moderators)
        for holder, place in [(tomoko(made), wrong), (Holder(wrong, "x"), "5")]:
            for act in (lambda: made.session.give(PERMIT, holder, place), lambda: made.session.take(holder, place)):
                with pytest.raises(Permanent):
                    act()
        assert made.state.moderators == before


def test_what_a_group_holds_is_told_apart_and_not_ours_to_take() -> None:
    with forum_desk() as made:
        group = Group(50, "Rock stars", members={"tomoko"})
        made.box.world.forum.groups[50] = group
        made.call("PUT", "/api/v3/categories/5/privileges/groups:moderate", member="Rock stars")
        through = Holder(str(made.uid("tomoko")), "tomoko", "Rock stars")
        assert made.session.holders("5") == (through,), "and the guest, whom the forum lists, is nobody"
        with pytest.raises(Permanent, match="Rock stars"):
            made.session.take(through, "5")
        made.session.give(PERMIT, tomoko(made), "5")
        assert made.session.holders("5") == (tomoko(made),)
        made.session.take(tomoko(made), "5")
        assert made.session.holders("5") == (through,)


def test_only_an_administrator_can() -> None:
    with forum_desk() as admin, desk(admin.box, admin.uid("sam")) as made:
        for act in (
            lambda: made.session.give(PERMIT, tomoko(made), "5"),
            lambda: made.session.take(tomoko(made), "5"),
            lambda: made.session.holders("5"),
        ):
            with pytest.raises(MissingRight, match="administrator"):
                act()


def test_an_account_or_a_category_that_is_not_there_holds_nothing() -> None:
    with forum_desk() as made:
        assert made.session.holders("99") == ()
        made.session.take(tomoko(made), "99")
        made.session.take(Holder("99", "nobody"), "5")
        for holder, place in [(tomoko(made), "99"), (Holder("99", "nobody"), "5")]:
            with pytest.raises(Permanent):
                made.session.give(PERMIT, holder, place)


@pytest.mark.parametrize("fault", ["timeout_after", "broken_json", "empty", "server_error"])
def test_a_lost_answer_is_a_doubt_that_a_look_settles(fault: str) -> None:
    with forum_desk() as made:
        made.box.fail(fault, method="PUT", seconds=2)
        with pytest.raises(Ambiguous):
            made.session.give(PERMIT, tomoko(made), "5")
        made.box.heal()
        held = made.session.holders("5")
        assert held == (() if fault in ("empty", "server_error") else (tomoko(made),))
        made.session.give(PERMIT, tomoko(made), "5")
        assert made.session.holders("5") == (tomoko(made),)
