"""Rights in one category of a forum, over a real socket: refused, given, held, taken, and nothing else changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest

from moderation.model import Capability
from moderation.policy import Permit
from plugins.contract import GivesRights, Gone, Holder, MissingRight, Permanent
from plugins.discourse.categories import with_group
from service.sandbox.forum import Category, Group
from tests.plugins.discourse.desk import Desk
from tests.sandbox_server import Running

PERMIT = Permit(1, "ann", Capability.MANAGE, "grant:1", datetime.now(UTC))
OPEN = {
    "name": "Help",
    "color": "0088CC",
    "text_color": "FFFFFF",
    "read_restricted": False,
    "moderating_group_ids": [],
    "group_permissions": [{"permission_type": 1, "group_name": "everyone"}],
}
CLOSED = OPEN | {"read_restricted": True, "group_permissions": [{"permission_type": 1, "group_name": "staff"}]}


def holder(box: Running, username: str) -> Holder:
    return Holder(str(box.world.forum.user(username).id), username)


def group(box: Running, place: int = 5) -> Group | None:
    return next((g for g in box.world.forum.groups.values() if g.name == f"tenth-{place}"), None)


def state(box: Running) -> dict[str, Any]:
    forum = box.world.forum
    return {
        "categories": [asdict(c) for c in forum.categories.values()],
        "groups": {g.name: set(g.members) for g in forum.groups.values()},
    }


def names(desk: Desk, place: str = "5") -> set[tuple[str, str]]:
    return {(one.handle, one.via) for one in desk.session.holders(place)}


# ------------------------------------------------------------------ refused


@pytest.mark.parametrize(
    "hidden",
    [
        {"group_permissions": None},
        {"group_permissions": []},
        {"group_permissions": [{"group_name": "staff"}]},
        {"group_permissions": [{"group_name": "staff", "permission_type": True}]},
        {"group_permissions": [{"group_name": "staff", "permission_type": 9}]},
        {"group_permissions": [{"group_name": "everyone", "permission_type": 1}]},
        {"group_permissions": [{"group_name": "a", "permission_type": 1}, {"group_name": "a", "permission_type": 2}]},
        {"read_restricted": None},
        {"color": ""},
        {"text_color": None},
        {"name": None},
    ],
)
def test_a_category_that_is_not_wholly_shown_is_never_written(hidden: dict[str, Any]) -> None:
    with pytest.raises(Permanent, match="Nothing was changed"):
        with_group(CLOSED | hidden, 40)


def test_a_forum_with_the_setting_off_is_told_what_to_switch_on(desk: Desk, box: Running) -> None:
    with box.world.lock:
        box.world.options.category_group_moderation = False
    before = state(box)
    with pytest.raises(MissingRight, match="enable_category_group_moderation") as caught:
        desk.session.give(PERMIT, holder(box, "marc"), "5")
    assert "Admin > Settings" in caught.value.missing
    assert state(box) == before
    assert box.world.options.category_group_moderation is False
    assert desk.session.holders("5") == ()
    assert any("enable_category_group_moderation" in note for note in desk.session.check().notes)


def test_an_account_that_is_no_administrator_changes_nothing(desks: Callable[..., Desk], box: Running) -> None:
    before = state(box)
    for name in ("sam", "ines"):
        with pytest.raises((MissingRight, Gone)):
            desks(api_username=name).session.give(PERMIT, holder(box, "marc"), "5")
    assert state(box) == before


def test_a_moderator_who_finds_the_group_there_still_may_not_list_it(desks: Callable[..., Desk], box: Running) -> None:
    """They could be shown a part of the permissions, and would write that part back."""
    with box.world.lock:
        box.world.forum.groups[60] = Group(60, "tenth-7")
    before = state(box)
    with pytest.raises(MissingRight, match="administrator"):
        desks(api_username="sam").session.give(PERMIT, holder(box, "marc"), "7")
    assert state(box) == before


@pytest.mark.parametrize("place", ["uncategorised", "", "5/../7", "-5", "²"])
def test_what_is_no_category_is_refused_before_a_call(desk: Desk, box: Running, place: str) -> None:
    marc, session = holder(box, "marc"), desk.session
    for call in (lambda: session.give(PERMIT, marc, place), lambda: session.take(marc, place)):
        with pytest.raises(Permanent):
            call()
    with pytest.raises(Permanent):
        session.holders(place)
    assert "admin" not in desk.pacer.taken


def test_a_category_that_is_not_there_is_gone(desk: Desk, box: Running) -> None:
    with pytest.raises(Gone):
        desk.session.give(PERMIT, holder(box, "marc"), "999")
    desk.session.take(holder(box, "marc"), "999")
    assert group(box, 999) is None


@pytest.mark.parametrize("named", ["", "marc,ines", "ines", "nobody-here", "../admin"])
def test_a_name_that_is_not_that_accounts_is_refused(desk: Desk, box: Running, named: str) -> None:
    before = state(box)
    with pytest.raises(Permanent):
        desk.session.give(PERMIT, Holder(holder(box, "marc").remote_id, named), "5")
    assert state(box) == before


@pytest.mark.parametrize("door", ["public_admission", "automatic_membership_email_domains", "grant_trust_level"])
def test_a_group_that_lets_others_in_or_gives_more_is_not_used(
    desk: Desk, box: Running, door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from service.sandbox import discourse_admin

    with box.world.lock:
        box.world.forum.groups[60] = Group(60, "tenth-5")
    whole = discourse_admin.group_shape
    monkeypatch.setattr(discourse_admin, "group_shape", lambda one: whole(one) | {door: True})
    before = state(box)
    with pytest.raises(Permanent, match="not fit"):
        desk.session.give(PERMIT, holder(box, "marc"), "5")
    assert state(box) == before


def test_an_older_forum_is_told_to_update(desk: Desk, box: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    from service.sandbox import discourse

    whole = discourse.category_shape

    def older(*asked: Any) -> dict[str, Any]:
        shape = {k: v for k, v in whole(*asked).items() if k != "moderating_group_ids"}
        return shape | {"reviewable_by_group_name": "helpers"}

    monkeypatch.setattr(discourse, "category_shape", older)
    with box.world.lock:
        box.world.forum.groups[60] = Group(60, "helpers", members={"tomoko"})
    before = state(box)
    with pytest.raises(Permanent, match="reviewable_by_group_id"):
        desk.session.give(PERMIT, holder(box, "marc"), "5")
    assert state(box) == before
    assert names(desk) == {("tomoko", "helpers")}


class Careless(Category):
    """A category of a forum that opens it, or loses a colour, whatever is written."""

    def __setattr__(self, name: str, value: Any) -> None:
        worse = {"permissions": {"everyone": 1}, "color": "000000"}
        super().__setattr__(name, worse.get(name, value))


def test_a_change_that_changes_more_is_noticed_and_nobody_is_added(desk: Desk, box: Running) -> None:
    with box.world.lock:
        made = Careless(7, "staff", "Staff")
        object.__setattr__(made, "permissions", {"staff": 1})
        object.__setattr__(made, "color", "0088CC")
        box.world.forum.categories[7] = made
    with pytest.raises(Permanent, match=r"at once.*color, read_restricted, permissions") as caught:
        desk.session.give(PERMIT, holder(box, "marc"), "7")
    assert not isinstance(caught.value, Gone)
    found = group(box, 7)
    assert found is not None
    assert found.members == set()


# ------------------------------------------------------------------ given, held, taken


def test_a_session_gives_rights(desk: Desk) -> None:
    assert isinstance(desk.session, GivesRights)


def test_what_is_given_holds_in_that_category_alone_and_ends(desk: Desk, box: Running) -> None:
    forum, marc = box.world.forum, holder(box, "marc")
    user = forum.user("marc")
    desk.session.give(PERMIT, marc, "5")
    assert [forum.moderates(user, place) for place in (5, 6, 7)] == [True, False, False]
    assert names(desk) == {("marc", "")}
    assert desk.session.holders("5")[0].remote_id == marc.remote_id
    assert (user.staff, user.trust_level) == (False, 3)
    desk.session.take(marc, "5")
    assert not forum.moderates(user, 5)
    assert desk.session.holders("5") == ()


def test_a_closed_category_stays_closed_and_keeps_who_may_read_it(desk: Desk, box: Running) -> None:
    with box.world.lock:
        closed = box.world.forum.categories[7]
        box.world.forum.groups[50] = Group(50, "partners", members={"ines"})
        closed.permissions, closed.color = {"staff": 1, "partners": 3}, "AA0000"
        closed.moderating_group_ids = [50]
    desk.session.give(PERMIT, holder(box, "marc"), "7")
    made = group(box, 7)
    assert made is not None
    assert (closed.permissions, closed.color) == ({"staff": 1, "partners": 3}, "AA0000")
    assert closed.moderating_group_ids == [50, made.id]
    assert names(desk, "7") == {("ines", "partners"), ("marc", "")}


def test_twice_is_once(desk: Desk, box: Running) -> None:
    for _ in range(2):
        desk.session.give(PERMIT, holder(box, "marc"), "5")
    given_once = state(box)
    desk.session.give(PERMIT, holder(box, "tomoko"), "5")
    desk.session.take(holder(box, "tomoko"), "5")
    assert state(box) == given_once
    for _ in range(2):
        desk.session.take(holder(box, "marc"), "5")
    assert names(desk) == set()
    desk.session.take(holder(box, "marc"), "6")
    assert group(box, 6) is None


def test_a_second_person_takes_five_calls_and_the_category_is_not_written_again(desk: Desk, box: Running) -> None:
    desk.session.give(PERMIT, holder(box, "marc"), "5")
    before = len(desk.pacer.taken["admin"])
    desk.session.give(PERMIT, holder(box, "tomoko"), "5")
    assert len(desk.pacer.taken["admin"]) - before == 5


def test_what_another_group_gives_is_not_taken_and_is_said(desk: Desk, box: Running) -> None:
    with box.world.lock:
        box.world.forum.groups[50] = Group(50, "helpers", members={"marc"})
        box.world.forum.categories[5].moderating_group_ids = [50]
    desk.session.give(PERMIT, holder(box, "marc"), "5")
    assert names(desk) == {("marc", "helpers"), ("marc", "")}
    for _ in range(2):
        desk.session.take(holder(box, "marc"), "5")
    assert names(desk) == {("marc", "helpers")}
    with pytest.raises(Permanent, match="helpers"):
        desk.session.take(desk.session.holders("5")[0], "5")


def test_a_group_of_ours_that_somebody_listed_elsewhere_is_foreign_there(desk: Desk, box: Running) -> None:
    desk.session.give(PERMIT, holder(box, "marc"), "5")
    with box.world.lock:
        box.world.forum.categories[6].moderating_group_ids = list(box.world.forum.categories[5].moderating_group_ids)
    assert names(desk, "6") == {("marc", "tenth-5")}


def test_somebody_who_was_renamed_loses_the_right_all_the_same(desk: Desk, box: Running) -> None:
    marc = holder(box, "marc")
    desk.session.give(PERMIT, marc, "5")
    with box.world.lock:
        forum = box.world.forum
        forum.users["marcus"] = forum.users.pop("marc")
        forum.users["marcus"].username = "marcus"
        for one in forum.groups.values():
            one.members = {"marcus" if name == "marc" else name for name in one.members}
    desk.session.take(marc, "5")
    assert desk.session.holders("5") == ()


def test_a_right_that_was_given_before_the_setting_was_switched_off_can_still_be_taken(
    desk: Desk, box: Running
) -> None:
    desk.session.give(PERMIT, holder(box, "marc"), "5")
    with box.world.lock:
        box.world.options.category_group_moderation = False
    desk.session.take(holder(box, "marc"), "5")
    with box.world.lock:
        box.world.options.category_group_moderation = True
    assert desk.session.holders("5") == ()
