"""Private words to one member of a NodeBB forum: in a room of two, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from moderation.model import Capability
from moderation.policy import Permit
from plugins.contract import Act, Io, Permanent, Receipt, Temporary
from plugins.nodebb import NodebbSession, connector
from service.sandbox.nodebb_chat import Room, rooms_of
from tests.plugins.nodebb.rig import settings_for
from tests.sandbox_server import Running, running_sandbox
from tests.support.pacer import MemoryPacer

WORDS = "Your post was hidden. Why, and how to contest it: <https://tenth.example/appeal/abc>"


@pytest.fixture
def box() -> Iterator[Running]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def session(box: Running) -> Iterator[NodebbSession]:
    io = Io(frozenset({"127.0.0.1"}), MemoryPacer(), lambda: datetime.now(UTC))
    made = connector.open(settings_for(f"{box.url}/nodebb", box.world.options.nodebb_token), io)
    yield made
    made.close()


@pytest.fixture
def rooms(box: Running) -> dict[int, Room]:
    return rooms_of(box.world)


@pytest.fixture
def tomoko(box: Running) -> int:
    return box.world.forum.user("tomoko").id


def notice(target: object, text: str = WORDS) -> Act:
    return Act(7, Capability.NOTIFY, str(target), text)


def perform(session: NodebbSession, wanted: Act) -> Receipt:
    return session.perform(Permit(7, "ann", wanted.kind, wanted.target, datetime.now(UTC)), wanted)


@pytest.mark.parametrize("target", ["", "0", "1", "-1", "tomoko", "1/../2", "https://far.example/uid/2"])
def test_a_target_that_is_no_other_account_of_the_forum_gets_nothing(
    session: NodebbSession, rooms: dict[int, Room], target: str
) -> None:
    with pytest.raises(Permanent, match="nothing was sent"):
        perform(session, notice(target))
    assert not rooms


@pytest.mark.parametrize("wrong", [{"public": True}, {"people": {1, 2, 3, 4}}, {"people": {1, 2}}])
def test_a_room_that_others_read_is_not_written_in(
    session: NodebbSession,
    rooms: dict[int, Room],
    tomoko: int,
    wrong: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A forum that offers such a room as the one of the two."""
    rooms[1] = Room(1, **({"people": {1, tomoko}} | wrong))
    monkeypatch.setattr("plugins.nodebb.notices._shared_room", lambda *_: 1)
    with pytest.raises(Permanent, match="open to others"):
        perform(session, notice(tomoko))
    assert not rooms[1].said


def test_two_notices_go_to_one_room_of_two(session: NodebbSession, rooms: dict[int, Room], tomoko: int) -> None:
    since = datetime.now(UTC) - timedelta(minutes=1)
    assert session.find_existing(notice(tomoko), since) is None
    perform(session, notice(tomoko, "The first."))
    perform(session, notice(tomoko))
    (room,) = rooms.values()
    assert room.people == {1, tomoko}
    assert [one.text for one in room.said] == ["The first.", WORDS]
    assert session.find_existing(notice(tomoko), since) is not None
    assert session.find_existing(notice(tomoko, "Other words."), since) is None
    assert session.find_existing(notice(tomoko), datetime.now(UTC) + timedelta(minutes=2)) is None


def test_a_room_that_nobody_confirmed_is_found_at_the_next_try(
    box: Running, session: NodebbSession, rooms: dict[int, Room], tomoko: int
) -> None:
    box.fail("timeout_after", method="POST", seconds=3)
    with pytest.raises(Temporary):
        perform(session, notice(tomoko))
    perform(session, notice(tomoko))
    assert [one.text for room in rooms.values() for one in room.said] == [WORDS]
