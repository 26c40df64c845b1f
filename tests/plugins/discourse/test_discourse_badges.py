"""A badge on a forum: given, found, taken; never one that is the forum's own or a title."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from moderation.model import Capability
from moderation.policy import Permit
from plugins.contract import Ambiguous, GivesBadges, Gone, Holder, MissingRight, Permanent
from service.sandbox.discourse_badges import Badge, badges_of
from tests.plugins.discourse.desk import Desk
from tests.sandbox_server import Running

NAME = "Rock star"


@pytest.fixture
def tomoko(box: Running) -> Holder:
    return Holder(str(box.world.forum.user("tomoko").id), "an old name")


def permit() -> Permit:
    return Permit(1, "grant", Capability.GRANT, "badge:1", datetime.now(UTC))


def worn(box: Running) -> list[str]:
    return [name for name, _ in badges_of(box.world).held.values()]


@pytest.mark.parametrize("wrong", [{"system": True}, {"allow_title": True}, {"enabled": False}])
def test_a_badge_that_is_somebody_else_s_is_not_given(
    desk: Desk, box: Running, tomoko: Holder, wrong: dict[str, bool]
) -> None:
    badges_of(box.world).known[7] = Badge(7, NAME.upper(), **wrong)
    with pytest.raises(Permanent):
        desk.session.give_badge(permit(), tomoko, NAME)
    assert worn(box) == []


def test_it_takes_an_administrator(desk: Desk, box: Running, tomoko: Holder) -> None:
    box.world.forum.user("brava").admin = False
    with pytest.raises((MissingRight, Gone)):
        desk.session.give_badge(permit(), tomoko, NAME)
    assert worn(box) == []


def test_it_is_made_once_given_once_and_taken(desk: Desk, box: Running, tomoko: Holder) -> None:
    assert isinstance(desk.session, GivesBadges)
    assert not desk.session.has_badge(tomoko, NAME)
    desk.session.take_badge(tomoko, NAME)
    for _ in range(2):
        desk.session.give_badge(permit(), tomoko, NAME)
    assert worn(box) == ["tomoko"], "found by number, whatever the handle is"
    assert [one.name for one in badges_of(box.world).known.values()] == ["Basic", NAME]
    assert desk.session.has_badge(tomoko, NAME)
    for _ in range(2):
        desk.session.take_badge(tomoko, NAME)
    assert worn(box) == [] and not desk.session.has_badge(tomoko, NAME)


def test_an_account_that_is_gone_wears_nothing(desk: Desk) -> None:
    nobody = Holder("99999", "nobody")
    desk.session.take_badge(nobody, NAME)
    assert not desk.session.has_badge(nobody, NAME)


def test_a_lost_answer_is_a_doubt_and_the_next_try_ends_it(desk: Desk, box: Running, tomoko: Holder) -> None:
    desk.session.give_badge(permit(), tomoko, NAME)
    desk.session.take_badge(tomoko, NAME)
    box.fail("timeout_after", method="POST", seconds=2)
    with pytest.raises(Ambiguous):
        desk.session.give_badge(permit(), tomoko, NAME)
    desk.session.give_badge(permit(), tomoko, NAME)
    assert worn(box) == ["tomoko"]
