"""Reading a forum by polling, over a real socket."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from moderation.model import AuthorRole, ThreadListed
from plugins.contract import Permanent
from plugins.discourse.reader import MOVED, is_complete
from service.sandbox.story import Category, Conversation, Line, Member, Story
from tests.plugins.discourse.desk import Desk, connect, gone, seen, threads
from tests.sandbox_server import Running, running_sandbox

LONG = "This is long enough for a forum to take it."


def story_of(topics: int, lines: int, days: float = 20.0) -> Story:
    """`topics` topics of `lines` posts each, spread evenly over the last `days`."""
    start = datetime.now(UTC) - timedelta(days=days)
    step = timedelta(days=days) / (topics * lines + 1)

    def line(topic: int, index: int) -> Line:
        at = start + step * (topic * lines + index)
        return Line("ines" if index else "tomoko", at, f"Line {index} of {topic}.")

    conversations = tuple(
        Conversation(f"t{t}", "forum", f"Topic {t}", tuple(line(t, i) for i in range(lines)), category="help")
        for t in range(topics)
    )
    members = (Member("brava", "Brava", "en", "brand"), Member("ines", "Inès", "fr"), Member("tomoko", "Tomoko", "en"))
    return Story(members, (Category(5, "help", "Help"),), conversations, ())


def test_a_first_turn_reads_posts_topics_and_categories(desk: Desk) -> None:
    events = desk.events(desk.turn())
    posts = seen(events)
    assert set(posts) == {"1", "2", "3", "4"}
    assert (posts["1"].author.handle, posts["1"].addressed) == ("ines", True)
    assert posts["1"].thread.title == "Leaking machine"
    assert (posts["2"].likes, posts["2"].thread.accepted_answer) == (3, "2")
    assert posts["4"].author.role is AuthorRole.STAFF
    assert (posts["1"].thread.community.name, posts["4"].thread.community.restricted) == ("Help", True)
    assert (threads(events)["1"].thread.total_replies, threads(events)["1"].thread.closed) == (2, False)


def test_the_same_thing_polled_again_has_the_same_key(desk: Desk) -> None:
    desk.turn()
    assert [d.key for _ in range(6) for d in desk.turn()] == []


def test_a_turn_at_rest_takes_three_calls(desk: Desk) -> None:
    desk.turn()
    before = len(desk.pacer.taken["admin"])
    desk.turn()
    assert len(desk.pacer.taken["admin"]) - before <= 3


def test_new_edited_and_liked_posts_come_through(desk: Desk, box: Running) -> None:
    desk.turn()
    box.control("POST", "/posts", username="tomoko", topic_id=1, text="It leaks again, worse than before.")
    box.control("PUT", "/posts/1", text="My machine leaks. Edited.")
    with box.world.lock:
        box.world.forum.posts[3].seeded_likes = 9
    posts = seen(desk.turns(1))
    assert set(posts) == {"1", "3", "5"}
    assert (posts["1"].version, posts["1"].text) == (2.0, "My machine leaks. Edited.")
    assert posts["1"].edited_at is not None
    assert posts["3"].likes == 9


def test_a_deletion_is_noticed_by_absence_and_a_recovery_by_return(desk: Desk, box: Running) -> None:
    desk.turn()
    box.control("DELETE", "/posts/2")
    assert gone(desk.turns(1)) == {"2"}
    assert desk.turns() == []
    with box.world.lock:
        forum = box.world.forum
        forum.recover(forum.posts[2], forum.user("brava"))
    desk.clock.pass_seconds(1)
    back = seen(desk.turns(1))
    assert set(back) == {"2"}
    assert back["2"].edited_at is not None
    assert back["2"].edited_at > back["2"].created_at
    assert desk.turns() == []


def test_each_of_two_deletions_and_recoveries_comes_through(desk: Desk, box: Running) -> None:
    forum = box.world.forum
    keys: set[str] = set()
    desk.turn()
    for _ in range(2):
        box.control("DELETE", "/posts/2")
        assert gone(desk.turns(1)) == {"2"}
        with box.world.lock:
            forum.recover(forum.posts[2], forum.user("brava"))
        desk.clock.pass_seconds(2)
        (delivery,) = desk.turn()
        keys.add(delivery.key)
    assert len(keys) == 2


def test_a_deleted_topic_takes_all_its_posts_along(desk: Desk, box: Running) -> None:
    desk.turn()
    box.control("DELETE", "/posts/1")
    with box.world.lock:
        for number in (2, 3):
            box.world.forum.posts[number].deleted_at = None
    assert gone(desk.turns(2)) >= {"1"}


def test_a_topic_that_turns_private_is_gone(desk: Desk, box: Running) -> None:
    desk.turn()
    box.control("PUT", "/posts/1", private=True)
    assert gone(desk.turns(2)) == {"1", "2", "3"}
    assert all("leaks" not in str(d) for d in desk.turn())


def test_closing_and_opening_again_both_come_through(desk: Desk, box: Running) -> None:
    desk.turn()
    states = []
    for closed in (True, False, True):
        with box.world.lock:
            box.world.forum.topics[1].closed = closed
        states.append(threads(desk.turns(1))["1"].thread.closed)
    assert states == [True, False, True]


def test_an_answer_accepted_later_is_named_by_its_post(desk: Desk, box: Running) -> None:
    desk.turn()
    box.control("POST", "/posts", username="marc", topic_id=2, text="This settles the recall question.")
    with box.world.lock:
        box.world.forum.topics[2].accepted_post_id = 5
    events = desk.turns(1)
    assert threads(events)["2"].thread.accepted_answer == "5" or seen(events)["5"].thread.accepted_answer == "5"


def test_an_answer_that_is_no_longer_accepted_is_cleared(desk: Desk, box: Running) -> None:
    desk.turn()
    with box.world.lock:
        box.world.forum.topics[1].accepted_post_id = None
    assert threads(desk.turns(1))["1"].thread.accepted_answer == ""


def test_private_messages_are_never_read(desk: Desk, box: Running) -> None:
    box.control("POST", "/posts", username="ines", title="Secret", text="My card number is secret.", private=True)
    found = desk.turn()
    assert all(b"secret" not in d.body for d in found)
    assert "5" not in seen(desk.events(found))


def test_posts_of_other_categories_leave_their_key_only(desks: Callable[..., Desk]) -> None:
    desk = desks(categories=("help",))
    found = {d.key: d for d in desk.turn()}
    assert (found["post:4"].body, found["post:4"].admitted) == (b"", False)
    assert (found["topic:2"].body, found["topic:2"].admitted) == (b"", False)
    assert set(seen(desk.events(list(found.values())))) == {"1", "2", "3"}
    assert set(seen(connect(desk.box, categories=("7",)).turns(1))) == {"4"}


def test_a_first_read_goes_back_no_further_than_asked() -> None:
    with running_sandbox(story_of(10, 20, days=40.0)) as box:
        desk = connect(box, history_days=10)
        posts = seen(desk.turns(1))
        assert 40 <= len(posts) <= 60
        assert min(p.created_at for p in posts.values()) > datetime.now(UTC) - timedelta(days=10, minutes=1)
        desk.session.close()


def test_two_thousand_posts_come_in_one_minute_of_calls() -> None:
    with running_sandbox(story_of(250, 8)) as box:
        desk = connect(box, calls_per_minute=60)
        desk.session.check()
        assert len(seen(desk.events(desk.turn()))) == 2000
        assert len(desk.pacer.taken["admin"]) <= 56
        desk.session.close()


def test_a_walk_goes_on_where_it_stopped_and_misses_nothing() -> None:
    with running_sandbox(story_of(60, 5)) as box:
        desk = connect(box)
        found = seen(desk.events(desk.page().deliveries))
        assert 0 < len(found) < 300
        box.control("POST", "/posts", username="ines", topic_id=1, text="Written in the middle of the walk.")
        desk.session.close()
        later = connect(box)
        later.cursor = desk.cursor
        found |= seen(later.turns(2))
        assert len(found) == 301
        later.session.close()


def test_a_gap_wider_than_a_page_is_crossed() -> None:
    """Forums that look at 50 ids at a time answer with an empty page where private messages stand."""
    with running_sandbox(story_of(4, 5)) as box:
        for _ in range(120):
            box.control("POST", "/posts", username="ines", title="Hidden", text=LONG, private=True)
        box.control("POST", "/posts", username="ines", topic_id=1, text="After the gap, a public post.")
        desk = connect(box)
        assert len(seen(desk.turns(1))) == 21
        desk.session.close()


def test_a_change_deep_in_the_past_is_found_in_time() -> None:
    with running_sandbox(story_of(60, 5)) as box:
        desk = connect(box)
        desk.turn()
        box.control("PUT", "/posts/3", text="Edited long after.")
        box.control("DELETE", "/posts/9")
        events = desk.turns(20)
        assert seen(events)["3"].text == "Edited long after."
        assert gone(events) == {"9"}
        desk.session.close()


def test_a_thread_is_fetched_beyond_its_first_posts_with_who_answers_whom() -> None:
    with running_sandbox(story_of(1, 75)) as box:
        box.control("POST", "/posts", username="ines", topic_id=1, text="I answer the second.", reply_to_post_number=2)
        box.control("DELETE", "/posts/50")
        desk = connect(box)
        events = desk.events(desk.session.fetch_thread("1").deliveries)
        assert len(seen(events)) == 75
        assert seen(events)["76"].in_reply_to == "2"
        assert gone(events) == {"50"}
        assert threads(events)["1"].thread.title == "Topic 0"
        desk.session.close()


def test_a_fetched_thread_lists_what_is_there(desk: Desk, box: Running) -> None:
    box.control("DELETE", "/posts/2")
    before = desk.clock()
    first = desk.session.fetch_thread("1").deliveries
    (listed,) = [e for e in desk.events(first) if isinstance(e, ThreadListed)]
    assert (listed.thread_id, listed.present) == ("1", ("1", "3"))
    assert before <= listed.at <= desk.clock()
    desk.clock.pass_seconds(60)
    assert {d.key for d in desk.session.fetch_thread("1").deliveries} == {d.key for d in first}


@pytest.mark.parametrize(
    ("alive", "posts", "complete"),
    [
        ([1, 2], [{"id": 1}, {"id": 2}], True),
        ([1], [{"id": 1}, {"id": 2, "deleted_at": "2026-11-01"}], True),
        ([1, 2, 3], [{"id": 1}, {"id": 3}], False),  # too long to be read as a whole
        ([1, 2], [{"id": 1}, {"id": 2, "action_code": MOVED}], False),
        ([1, 2], [{"id": 1}, {"id": 2, "action_code": "closed.enabled"}], True),
        ([], [], False),
    ],
)
def test_a_list_is_complete_only_if_all_was_read_and_nothing_was_moved(
    alive: list[int], posts: list[dict[str, Any]], complete: bool
) -> None:
    assert is_complete(alive, posts) is complete


def test_a_thread_polled_and_fetched_has_the_same_keys_where_it_says_the_same(desk: Desk) -> None:
    polled = {d.key for d in desk.turn()}
    fetched = {d.key for d in desk.session.fetch_thread("1").deliveries}
    assert "post:1" in {k.rsplit(":", 2)[0] for k in polled & fetched}


@pytest.mark.parametrize("thread_id", ["999", "abc", "../admin"])
def test_a_thread_that_is_not_there_is_gone(desk: Desk, thread_id: str) -> None:
    if not thread_id.isdecimal():
        with pytest.raises(Permanent):
            desk.session.fetch_thread(thread_id)
        return
    (event,) = desk.events(desk.session.fetch_thread(thread_id).deliveries)
    assert isinstance(event, ThreadListed)
    assert (event.thread_id, event.present) == (thread_id, ())


@pytest.mark.parametrize("cursor", ["{", "[]", '{"stage":1}', '{"high":"x"}'])
def test_a_damaged_cursor_is_named(desk: Desk, cursor: str) -> None:
    with pytest.raises(Permanent, match="reading position"):
        desk.session.poll(cursor)


def test_the_cursor_stays_small() -> None:
    with running_sandbox(story_of(250, 8)) as box:
        desk = connect(box)
        desk.turn()
        assert len(desk.cursor) < 16_000
        assert json.loads(desk.cursor)["high"] == 2000
        desk.session.close()
