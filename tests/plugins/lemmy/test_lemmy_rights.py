"""Moderators of one community: given, taken, and listed, in both versions of the API."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import pytest

from moderation.model import Capability
from moderation.policy import Permit
from plugins.contract import Ambiguous, GivesRights, Gone, Holder, MissingRight, Permanent
from tests.plugins.lemmy.answering import Answer, answering, json, session
from tests.plugins.lemmy.box import ENTRAIDE, HELP, Box
from tests.plugins.lemmy.desk import Desk
from tests.support.pacer import utc_now


def test_a_session_gives_rights(desk: Desk) -> None:
    assert isinstance(desk.session, GivesRights)


def test_no_right_without_a_permit_for_one(desk: Desk) -> None:
    for wrong in (Capability.HIDE, Capability.MANAGE):
        with pytest.raises(Permanent, match="permit"):
            desk.give("marc", HELP, wrong)
    assert "marc" not in desk.moderators(HELP)


def test_a_right_holds_in_one_community_until_it_is_taken(box: Box, desk: Desk) -> None:
    inside, outside = box.comment("tomoko", box.post("ines")), box.comment("tomoko", box.post("ines", ENTRAIDE))
    assert box.remove(inside, "marc").json() == {"error": "not_a_mod_or_admin"}
    desk.give("marc", HELP)
    assert "marc" in desk.moderators(HELP) and "marc" not in desk.moderators(ENTRAIDE)
    assert box.remove(inside, "marc").is_success
    assert box.lock(box.post("ines"), username="marc").is_success
    assert box.remove(outside, "marc").json() == {"error": "not_a_mod_or_admin"}
    desk.take("marc", HELP)
    assert "marc" not in desk.moderators(HELP)
    assert box.remove(inside, "marc", removed=False).json() == {"error": "not_a_mod_or_admin"}


def test_both_may_come_again(desk: Desk) -> None:
    for _ in range(2):
        desk.give("marc", HELP)
    assert desk.moderators(HELP).count("marc") == 1
    for _ in range(2):
        desk.take("marc", HELP)
    assert "marc" not in desk.moderators(HELP)


def test_after_silence_the_list_tells(box: Box, desk: Desk) -> None:
    box.sandbox.fail("timeout_after", method="POST", seconds=3)
    with pytest.raises(Ambiguous):
        desk.give("marc", HELP)
    assert "marc" in desk.moderators(HELP)
    desk.give("marc", HELP)


def test_administrators_are_listed_with_that_remark(box: Box, desk: Desk) -> None:
    with box.sandbox.world.lock:
        box.sandbox.world.forum.user("tomoko").admin = True
    found = {one.handle: one for one in desk.session.holders(str(HELP))}
    assert found["tomoko"].via
    assert found["brava"].via == ""
    assert found["sam"] == Holder(str(box.person("sam")), "sam")
    with pytest.raises(Permanent, match="administrator"):
        desk.session.take(found["tomoko"], str(HELP))


def test_who_was_appointed_earlier_cannot_be_removed(box: Box, desks: Callable[..., Desk]) -> None:
    for name in ("marc", "tomoko"):
        box.appoint(name, HELP)
    desk = desks(token=box.token("tomoko"))
    with pytest.raises(MissingRight, match="appointed before"):
        desk.take("marc", HELP)
    assert "marc" in desk.moderators(HELP)
    desks(token=box.token("marc")).take("tomoko", HELP)
    assert "tomoko" not in desk.moderators(HELP)


def test_our_own_right_is_not_taken(desk: Desk) -> None:
    with pytest.raises(Permanent, match="account that Tenth acts as"):
        desk.take("brava", HELP)
    assert "brava" in desk.moderators(HELP)


def test_who_does_not_moderate_appoints_nobody(box: Box, desks: Callable[..., Desk]) -> None:
    desk = desks(token=box.token("tomoko"))
    with pytest.raises(MissingRight):
        desk.give("marc", HELP)
    assert "marc" not in desk.moderators(HELP)


@pytest.mark.parametrize("place", ["99", "help", "", "5/../6", "-5"])
def test_a_place_that_is_not_there_is_said_to_be(box: Box, desk: Desk, place: str) -> None:
    for call in (
        lambda: desk.session.holders(place),
        lambda: desk.session.take(desk.holder("marc"), place),
    ):
        with pytest.raises(Gone):
            call()


def test_a_holder_of_another_form_goes_into_no_request(desk: Desk) -> None:
    permit = Permit(0, "grant", Capability.GRANT, "grant 1", desk.clock())
    for wrong in ("marc", "", "3 or 4", "-3"):
        with pytest.raises(Gone):
            desk.session.give(permit, Holder(wrong, "marc"), str(HELP))


# ------------------------------------------------------------------ what the sandbox has none of

PERMIT = Permit(0, "grant", Capability.GRANT, "grant 1", utc_now())
BRAND = {"id": 3, "name": "brava", "local": True}
MARC = {"id": 4, "name": "marc", "local": False, "ap_id": "https://far.example/u/marc"}
ACCOUNT = json(local_user_view={"person": BRAND})


def community(*people: dict[str, object], local: bool = True) -> Answer:
    listed = [{"moderator": one} for one in people]
    return json(moderators=listed, community_view={"community": {"id": 5, "name": "help", "local": local}})


@pytest.mark.parametrize("local", [True, False])
def test_only_the_home_server_shows_a_change_at_once(local: bool) -> None:
    """A community of another server keeps its old list until that server has announced the change."""
    old, both = community(BRAND, local=local), community(BRAND, MARC, local=local)
    for before, after, change in ((old, old, "give"), (both, both, "take")):
        with answering(json(), ACCOUNT, before, after) as (given, calls, pacer):
            opened = session(given, pacer)
            with pytest.raises(Ambiguous) if local else nullcontext():
                if change == "give":
                    opened.give(PERMIT, Holder("4", "marc@far.example"), "5")
                else:
                    opened.take(Holder("4", "marc@far.example"), "5")
            opened.close()
        assert calls[-1] == "POST /api/v4/community/mod"


def test_who_was_appointed_in_between_is_appointed() -> None:
    with answering(json(), ACCOUNT, community(BRAND), json(400, error="community_moderator_already_exists")) as server:
        opened = session(server[0], server[2])
        opened.give(PERMIT, Holder("4", "marc@far.example"), "5")
        opened.close()


def test_the_last_moderator_is_told_in_words() -> None:
    with answering(json(), ACCOUNT, community(MARC), json(400, error="cannot_leave_mod")) as (given, _, pacer):
        opened = session(given, pacer)
        with pytest.raises(Permanent, match="last moderator"):
            opened.take(Holder("4", "marc@far.example"), "5")
        opened.close()


def test_people_of_other_servers_are_called_with_theirs() -> None:
    with answering(json(admins=[]), ACCOUNT, community(BRAND, MARC)) as (given, _, pacer):
        opened = session(given, pacer)
        assert opened.holders("5") == (Holder("3", "brava"), Holder("4", "marc@far.example"))
        opened.close()
