"""Rights in one category of a forum when calls fail, in any order, and what is written to a category in any state."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugins.contract import Ambiguous, Temporary
from plugins.discourse.categories import permissions_of, with_group
from service.sandbox.forum import Forum
from tests.plugins.discourse.desk import Desk
from tests.plugins.discourse.test_discourse_rights import OPEN, PERMIT, holder, names
from tests.sandbox_server import Running


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("fault", ["timeout_before", "timeout_after", "server_error", "broken_json", "empty"])
def test_a_call_that_fails_half_way_is_made_whole_by_the_next(
    desk: Desk, box: Running, fault: str, method: str
) -> None:
    box.fail(fault, method=method, seconds=1)
    for _ in range(3):
        with suppress(Ambiguous, Temporary):
            desk.session.give(PERMIT, holder(box, "marc"), "5")
    assert names(desk) == {("marc", "")}
    box.fail(fault, method="DELETE", seconds=1)
    for _ in range(2):
        with suppress(Ambiguous, Temporary):
            desk.session.take(holder(box, "marc"), "5")
    assert names(desk) == set()


PEOPLE = ("marc", "tomoko", "ines")
STEPS = st.lists(st.tuples(st.sampled_from(["give", "take"]), st.sampled_from(PEOPLE), st.sampled_from([5, 6, 7])))


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=STEPS)
def test_whatever_the_order_the_holders_are_those_last_given(
    desk: Desk, box: Running, steps: list[tuple[str, str, int]]
) -> None:
    forum: Forum = box.world.forum
    wanted: dict[int, set[str]] = {place: set() for place in (5, 6, 7)}
    with box.world.lock:
        for one in [g for g in forum.groups.values() if g.name.startswith("tenth-")]:
            one.members.clear()
    closed = {place: forum.categories[place].restricted for place in wanted}
    for verb, person, place in steps:
        if verb == "give":
            desk.session.give(PERMIT, holder(box, person), str(place))
            wanted[place].add(person)
        else:
            desk.session.take(holder(box, person), str(place))
            wanted[place].discard(person)
    for place, people in wanted.items():
        assert {one.handle for one in desk.session.holders(str(place))} == people
        assert forum.categories[place].restricted == closed[place] == (place == 7)


LEVELS = st.dictionaries(st.sampled_from(["staff", "everyone", "a", "b"]), st.integers(1, 3), min_size=1)


@given(levels=LEVELS, listed=st.lists(st.integers(1, 9), unique=True), mail=st.none() | st.just("help@brava.example"))
def test_what_is_written_is_what_was_read_and_one_group_more(
    levels: dict[str, int], listed: list[int], mail: str | None
) -> None:
    rows = [{"group_name": name, "permission_type": level} for name, level in levels.items()]
    read = OPEN | {"group_permissions": rows, "moderating_group_ids": listed, "email_in": mail}
    read |= {"read_restricted": "everyone" not in levels, "allowed_tags": ["a"], "minimum_required_tags": 0}
    written = with_group(read, 40)
    assert written["permissions"] == levels == permissions_of(read)
    assert written["moderating_group_ids"] == [*listed, 40]
    assert written.get("email_in") == mail
    same = ("name", "color", "text_color", "allowed_tags", "minimum_required_tags")
    assert all(written[name] == read[name] for name in same)
