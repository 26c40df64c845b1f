"""Reading a Lemmy server, in both versions of its API: what is new, what changed, what is gone."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from moderation.model import AuthorRole, MessageGone, ReportOutcome, ReportSeen, ThreadChanged, ThreadListed
from plugins.contract import CredentialsRefused, Gone, Permanent
from tests.plugins.lemmy.box import ENTRAIDE, STAFF, Box
from tests.plugins.lemmy.desk import Desk, gone, of, seen


def test_a_restricted_community_is_not_read_unless_it_is_named(desks: Callable[..., Desk]) -> None:
    open_ones, staff = desks(), desks(communities=("staff",))
    assert not any("staff eyes" in one.text for one in seen(open_ones.turns(1)).values())
    drafts = [one for one in seen(staff.turns(1)).values() if "staff eyes" in one.text]
    assert drafts and all(one.thread.community.restricted for one in drafts)


def test_a_post_is_a_thread_and_comments_answer_what_they_stand_below(box: Box, desk: Desk) -> None:
    post = box.post("ines", title="It leaks", text="Hot water on the floor.")
    above = box.comment("marc", post, "Check the seal.")
    below = box.comment("tomoko", above, "That was it.")
    found = seen(desk.turns(1))
    assert found[post].thread.title == "It leaks"
    assert found[post].text == "Hot water on the floor."
    assert found[post].in_reply_to is None
    assert found[above].in_reply_to == post
    assert found[below].in_reply_to == above
    assert {found[one].thread.remote_id for one in (post, above, below)} == {post.removeprefix("post-")}
    assert found[post].thread.community.name == "Help"
    assert not found[post].thread.community.restricted


def test_what_is_new_comes_with_the_next_turn_and_nothing_twice(box: Box, desk: Desk) -> None:
    post = box.post("ines")
    desk.turns(3)
    assert desk.turn() == []
    new = box.comment("marc", post)
    assert set(seen(desk.turns(1))) == {new, post}  # the post counts one more answer


def test_an_edit_is_a_higher_version(box: Box, desk: Desk) -> None:
    comment = box.comment("marc", box.post("ines"))
    before = seen(desk.turns(1))[comment]
    box.ask("PUT", "comment", "marc", comment_id=int(comment.split("-")[1]), content="It was the fuse.")
    after = seen(desk.turns(1))[comment]
    assert after.text == "It was the fuse."
    assert after.version > before.version
    assert after.edited_at is not None


@pytest.mark.parametrize("kind", ["post", "comment"])
def test_a_removal_is_noticed_and_so_is_the_way_back(box: Box, desk: Desk, kind: str) -> None:
    target = box.post("ines")
    target = box.comment("marc", target) if kind == "comment" else target
    first = seen(desk.turns(2))[target]
    box.remove(target)
    lost = of(MessageGone, desk.turns())
    assert {one.remote_id for one in lost} == {target}
    box.remove(target, removed=False)
    back = seen(desk.turns())[target]
    assert back.text == first.text
    assert back.edited_at is not None and back.edited_at > lost[0].at
    box.remove(target)
    assert gone(desk.turns()) == {target}


def test_who_deletes_their_own_is_gone_too(box: Box, desk: Desk) -> None:
    comment = box.comment("marc", box.post("ines"))
    desk.turns(2)
    box.ask("POST", "comment/delete", "marc", comment_id=int(comment.split("-")[1]), deleted=True).raise_for_status()
    assert gone(desk.turns()) == {comment}


def test_what_was_taken_down_before_the_first_look_leaves_no_text(box: Box, desk: Desk) -> None:
    comment = box.comment("marc", box.post("ines"), "Buy this grinder at my shop.")
    box.remove(comment)
    found = desk.turn()
    assert not any(b"my shop" in one.body for one in found)
    assert comment not in seen(desk.events(found))


def test_a_pinned_old_post_neither_ends_a_walk_nor_looks_lost(box: Box, desk: Desk) -> None:
    old = box.post("ines")
    with box.sandbox.world.lock:
        forum = box.sandbox.world.forum
        topic = forum.topics[int(old.split("-")[1])]
        topic.pinned, topic.created_at = True, topic.created_at - timedelta(days=400)
        forum.posts[topic.post_ids[0]].created_at = topic.created_at
    post = box.post("marc")
    events = desk.turns()
    assert post in seen(events)
    assert old not in seen(events)
    assert gone(events) == set()


def test_many_pages_are_read_to_the_end_of_the_past(box: Box, desk: Desk) -> None:
    posts = [box.post("ines") for _ in range(60)]
    comments = [box.comment("marc", posts[0]) for _ in range(60)]
    assert set(posts + comments) <= set(seen(desk.turns(1)))
    assert desk.turns(6) == []
    box.remove(posts[0])
    assert posts[0] in gone(desk.turns(12))


def test_what_arrives_late_with_an_early_time_is_found_by_looking_back(box: Box, desk: Desk) -> None:
    posts = [box.post("ines") for _ in range(60)]
    desk.turns(2)
    late = box.post("marc")
    with box.sandbox.world.lock:
        forum = box.sandbox.world.forum
        early, topic = forum.topics[int(posts[0].split("-")[1])], forum.topics[int(late.split("-")[1])]
        topic.created_at = early.created_at - timedelta(minutes=1)
        forum.posts[topic.post_ids[0]].created_at = topic.created_at
    assert late in seen(desk.turns(12))


def test_the_brand_is_known_and_who_speaks_to_it(box: Box, desk: Desk) -> None:
    post = box.post("ines")
    ours = box.comment("brava", post)
    desk.turns(1)
    answer, named = box.comment("ines", ours, "Thank you."), box.comment("marc", post, "What does @brava say?")
    quoted, other = box.comment("marc", post, "> @brava says no"), box.comment("marc", post, "I see.")
    found = seen(desk.turns(1))
    assert found[answer].addressed and found[named].addressed
    assert not found[quoted].addressed and not found[other].addressed
    assert seen(desk.events(desk.session.fetch_thread(post.split("-")[1]).deliveries))[ours].author.role == (
        AuthorRole.BRAND
    )


def test_moderators_are_staff(box: Box, desk: Desk) -> None:
    comment = box.comment("sam", box.post("ines"))
    found = seen(desk.turns(1))
    assert found[comment].author.role == AuthorRole.STAFF
    assert {one.author.role for one in found.values() if one.author.handle == "ines"} == {AuthorRole.CUSTOMER}


# ------------------------------------------------------------------ reports


def test_reports_come_in_and_are_seen_to_close(box: Box, desk: Desk) -> None:
    post = box.post("ines")
    comment = box.comment("tomoko", post)
    reports = {box.report("marc", comment, "It is an advertisement."): comment, box.report("marc", post): post}
    found = {one.remote_id: one for one in of(ReportSeen, desk.turns(1))}
    assert {one.remote_id: one.message_id for one in found.values()} == reports
    first = found[next(iter(reports))]
    assert first.text == "It is an advertisement."
    assert first.outcome == ReportOutcome.OPEN
    assert first.about is not None and first.about.handle == "tomoko"
    assert first.reporter is not None and first.reporter.handle == "marc"
    number = int(first.remote_id.rsplit("-", 1)[1])
    box.ask("PUT", "comment/report/resolve", "brava", report_id=number, resolved=True).raise_for_status()
    closed = of(ReportSeen, desk.turns(1))
    assert [(one.remote_id, one.outcome) for one in closed] == [(first.remote_id, ReportOutcome.CLOSED)]
    assert closed[0].version > first.version


def test_reports_of_communities_that_are_not_read_are_left_out(box: Box, desks: Callable[..., Desk]) -> None:
    box.report("marc", box.post("ines", ENTRAIDE))
    assert of(ReportSeen, desks(communities=("help",)).turns(1)) == []
    assert len(of(ReportSeen, desks(communities=("entraide",)).turns(1))) == 1


def test_who_moderates_nothing_reads_without_reports(box: Box, desks: Callable[..., Desk]) -> None:
    box.report("marc", box.post("ines"))
    events = desks(token=box.token("tomoko")).turns(2)
    assert seen(events)
    assert of(ReportSeen, events) == []


# ------------------------------------------------------------------ one thread


def test_a_thread_is_listed_with_all_that_is_there(box: Box, desk: Desk) -> None:
    post = box.post("ines")
    kept, removed = box.comment("marc", post), box.comment("marc", post)
    box.remove(removed)
    number = post.split("-")[1]
    events = desk.events(desk.session.fetch_thread(number).deliveries)
    (listed,) = of(ThreadListed, events)
    assert listed.thread_id == number
    assert set(listed.present) == {post, kept}
    (changed,) = of(ThreadChanged, events)
    assert changed.thread.total_replies == 1
    assert changed.thread.closed is False


def test_a_thread_of_more_than_a_page_is_whole(box: Box, desk: Desk) -> None:
    post = box.post("ines")
    comments = [box.comment("marc", post) for _ in range(70)]
    (listed,) = of(ThreadListed, desk.events(desk.session.fetch_thread(post.split("-")[1]).deliveries))
    assert set(listed.present) == {post, *comments}


@pytest.mark.parametrize("removed", [True, False])
def test_a_thread_that_is_not_there_is_listed_as_empty(box: Box, desk: Desk, removed: bool) -> None:
    post = box.post("ines")
    if removed:
        box.remove(post)
    number = post.split("-")[1] if removed else "99999"
    (listed,) = desk.events(desk.session.fetch_thread(number).deliveries)
    assert isinstance(listed, ThreadListed) and listed.present == ()


def test_a_thread_of_a_community_that_is_not_read_leaves_its_key_only(box: Box, desks: Callable[..., Desk]) -> None:
    number = box.post("ines", ENTRAIDE).split("-")[1]
    (found,) = desks(communities=("help",)).session.fetch_thread(number).deliveries
    assert found.body == b"" and not found.admitted


def test_what_is_no_number_is_no_thread(desk: Desk) -> None:
    for wrong in ("../site", "1?id=2", "", "１"):
        with pytest.raises(Gone):
            desk.session.fetch_thread(wrong)


# ------------------------------------------------------------------ the account and the position


def test_a_token_of_nobody_is_refused_although_the_server_would_read_on(desks: Callable[..., Desk]) -> None:
    with pytest.raises(CredentialsRefused):
        desks(token="nobodys-token").turn()


def test_a_community_that_is_not_there_is_told_and_the_others_are_read(box: Box, desks: Callable[..., Desk]) -> None:
    desk = desks(communities=("nowhere", "help"))
    post = box.post("ines")
    assert post in seen(desk.turns(1))
    assert any("nowhere" in one for one in desk.session.check().missing)


def test_a_page_that_the_server_no_longer_knows_begins_again(box: Box, desk: Desk) -> None:
    post = box.post("ines")
    desk.turns(1)
    held = json.loads(desk.cursor)
    for lane in held["lanes"].values():
        lane |= {"page": "Pnonsense", "back": "Pnonsense"}
    desk.cursor = json.dumps(held)
    new = box.comment("marc", post)
    assert new in seen(desk.turns(3))


def test_another_account_begins_its_pages_again(box: Box, desks: Callable[..., Desk]) -> None:
    first, second = desks(), desks(token=box.token("tomoko"))
    first.turns(1)
    second.cursor = first.cursor
    new = box.comment("marc", box.post("ines"))
    assert new in seen(second.turns(1))


@pytest.mark.parametrize("text", ["[]", "nonsense", '{"form":1}', '{"form":1,"lanes":{"post:help":{"known":[[1]]}}}'])
def test_a_damaged_position_is_said_to_be(desk: Desk, text: str) -> None:
    with pytest.raises(Permanent, match="damaged"):
        desk.session.poll(text)


def test_the_position_stays_small(box: Box, desk: Desk) -> None:
    desk.turns(1)
    held = json.loads(desk.cursor)
    for lane in held["lanes"].values():
        lane["known"] = [[1_000_003, 86_400_007]] * 20_000
    held |= {"gone": [f"comment-{n}" for n in range(5_000)], "ours": [str(n) for n in range(5_000)]}
    assert len(desk.session.poll(json.dumps(held)).cursor) < 100_000


def test_restricted_is_what_the_account_may_see_and_others_not(box: Box, desks: Callable[..., Desk]) -> None:
    """A stranger's token is shown nothing of it."""
    box.post("sam", STAFF)
    assert seen(desks(communities=("staff",), token=box.token("tomoko")).turns(1)) == {}
