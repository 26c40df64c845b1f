"""Reading the sandbox's NodeBB: what is new, what changes without moving a topic, what goes and comes back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from moderation.model import AuthorRole, MessageSeen, ReportOutcome, ReportReason
from plugins.contract import CredentialsRefused, MissingRight, Permanent
from plugins.nodebb.cursor import Cursor
from tests.plugins.nodebb.nodebb_desk import Desk, desk, forum_desk, gone, listed, reports, seen, threads


def topic(made: Desk, text: str = "My grinder does not start any more.", **more: object) -> tuple[int, int]:
    post = made.post("ines", text, **({"title": "Grinder", "category_id": 5} | more))
    return post["topic_id"], post["id"]


def test_a_first_reading_finds_every_public_topic() -> None:
    with forum_desk() as made:
        events = made.turn()
        found, facts = seen(events), threads(events)
        assert [one.text for one in found.values()] == [
            "Draft of the recall notice, for staff eyes only.",
            "My machine leaks hot water onto the socket. @brava please answer!",
            "Unplug it first, then check the seal of the tank.",
            "Same here, the seal was it.",
        ]
        assert facts["1"].thread.accepted_answer == "2"
        assert (facts["1"].thread.total_replies, facts["1"].thread.closed) == (2, False)
        assert listed(events)["1"] == ("1", "2", "3")
        assert made.turn() == []


def test_a_category_that_guests_may_not_read_is_restricted() -> None:
    with forum_desk() as made:
        found = {one.thread.community.remote_id: one.thread.community for one in seen(made.turn()).values()}
        assert (found["5"].name, found["5"].restricted) == ("Help", False)
        assert (found["7"].name, found["7"].restricted) == ("Staff", True)


def test_who_wrote_what_to_whom() -> None:
    with forum_desk() as made:
        made.post("brava", "We are looking into it.", topic_id=1, reply_to_post_number=1)
        made.post("sam", "Thanks, Brava.", topic_id=1, reply_to_post_number=4)
        found = {one.text: one for one in seen(made.turn()).values()}
        asked = found["My machine leaks hot water onto the socket. @brava please answer!"]
        brand, staff = found["We are looking into it."], found["Thanks, Brava."]
        assert (asked.author.handle, asked.author.name, asked.author.role) == ("ines", "Inès", AuthorRole.CUSTOMER)
        assert asked.addressed, "it names the brand"
        assert (brand.author.role, brand.in_reply_to) == (AuthorRole.BRAND, asked.remote_id)
        assert (staff.author.role, staff.addressed) == (AuthorRole.STAFF, True)


def test_a_new_answer_and_a_new_topic_are_all_that_is_new() -> None:
    with forum_desk() as made:
        made.turn()
        made.post("sam", "We have had three of these this week.", topic_id=1)
        _, pid = topic(made)
        assert set(seen(made.turn())) == {str(pid), str(pid - 1)}


def test_an_edit_has_a_version_of_its_own_though_no_topic_moves() -> None:
    with forum_desk() as made:
        before = seen(made.turn())["3"]
        made.call("PUT", "/api/v3/posts/3", made.uid("tomoko"), content="Same here, and the seal was torn.")
        after = seen(made.turns())["3"]
        assert after.text == "Same here, and the seal was torn."
        assert after.edited_at is not None
        assert after.version == after.edited_at.timestamp() > before.version == 0.0


def test_a_deleted_post_goes_and_comes_back_and_goes_again() -> None:
    with forum_desk() as made:
        made.turn()
        for _ in range(2):
            made.call("DELETE", "/api/v3/posts/3/state")
            events = made.turns()
            assert gone(events) == {"3"}
            assert "3" not in seen(events)
            made.call("PUT", "/api/v3/posts/3/state")
            back = seen(made.turns())["3"]
            assert back.edited_at is not None
            assert back.edited_at > back.created_at


def test_a_purged_post_is_not_on_the_list() -> None:
    with forum_desk() as made:
        made.turn()
        made.call("DELETE", "/api/v3/posts/2")
        assert listed(made.turns())["1"] == ("1", "3")


def test_a_deleted_topic_goes_whole_and_comes_back_whole() -> None:
    with forum_desk() as made, desk(made.box, made.uid("tomoko")) as member:
        for one in (made, member):
            one.turn()
            made.call("DELETE", "/api/v3/topics/1/state")
            assert listed(one.turns())["1"] == ()
            made.call("PUT", "/api/v3/topics/1/state")
            back = seen(one.turns())
            assert {"1", "2", "3"} <= set(back)
            assert all(back[i].edited_at for i in "123")


def test_a_topic_that_is_locked_opened_and_locked_is_three_times_news() -> None:
    with forum_desk() as made:
        made.turn()
        for method, closed in [("PUT", True), ("DELETE", False)] * 2:
            made.call(method, "/api/v3/topics/1/lock")
            assert threads(made.turn())["1"].thread.closed is closed


def test_a_topic_that_moves_to_a_closed_category_is_said_to_be_there() -> None:
    with forum_desk() as made:
        made.turn()
        made.call("PUT", "/api/v3/topics/1/move", cid=7)
        community = threads(made.turn())["1"].thread.community
        assert (community.remote_id, community.restricted) == ("7", True)


def test_a_long_topic_is_read_page_by_page_and_then_from_its_last_page() -> None:
    with forum_desk() as made:
        made.state.per_page = 3
        tid, first = topic(made)
        ids = [first] + [made.post("marc", f"Answer number {i}.", topic_id=tid)["id"] for i in range(40)]
        assert {str(i) for i in ids} <= set(seen(made.turn()))
        newest = made.post("marc", "One more answer.", topic_id=tid)["id"]
        assert set(seen(made.turn())) == {str(newest)}
        events = made.thread(tid)
        assert listed(events)[str(tid)] == tuple(str(i) for i in [*ids, newest])
        assert len([e for e in events if isinstance(e, MessageSeen)]) == 42


def test_only_the_categories_that_were_asked_for() -> None:
    with forum_desk(categories=("help",)) as made:
        topic(made, category_id=6)
        made.call("POST", "/api/v3/flags", 2, type="post", id=5, reason="Spam, and rude")
        made.call("POST", "/api/v3/flags", 2, type="post", id=2, reason="Wrong")
        events = made.turns(2)
        assert {one.thread.community.remote_id for one in seen(events).values()} == {"5"}
        assert {one.message_id for one in reports(events)} == {"2"}


def test_topics_below_the_history_are_not_read() -> None:
    with forum_desk(history_days=1) as made:
        made.ahead[0] = timedelta(days=3)
        assert made.turn() == []


def test_flags_come_with_each_who_complains_and_with_what_became_of_them() -> None:
    with forum_desk() as made:
        made.turn()
        made.call("POST", "/api/v3/flags", made.uid("ines"), type="post", id=3, reason="Spam")
        made.call("POST", "/api/v3/flags", made.uid("marc"), type="user", id=made.uid("tomoko"), reason="Insults me")
        first = {one.message_id: one for one in reports(made.turn())}
        assert (first["3"].reason, first["3"].reporter.handle, first["3"].about.handle) == (
            ReportReason.SPAM,
            "ines",
            "tomoko",
        )  # type: ignore[union-attr]
        assert (first[None].reason, first[None].about.handle) == (ReportReason.ABUSE, "tomoko")  # type: ignore[union-attr]
        made.call("POST", "/api/v3/flags", made.uid("marc"), type="post", id=3, reason="Not helpful")
        assert {one.remote_id for one in reports(made.turn())} == {"1:2", "1:3"}
        for state, outcome in [
            ("wip", ReportOutcome.OPEN),
            ("rejected", ReportOutcome.REJECTED),
            ("resolved", ReportOutcome.UPHELD),
            ("open", ReportOutcome.OPEN),
        ]:
            made.call("PUT", "/api/v3/flags/1", state=state)
            changed = reports(made.turn())
            assert {one.outcome for one in changed} == {outcome}
            assert all(one.version > first["3"].version for one in changed)
        assert reports(made.turn()) == []


def test_who_moderates_nothing_reads_no_flags_and_all_else() -> None:
    with forum_desk() as admin, desk(admin.box, admin.uid("tomoko")) as made:
        admin.call("POST", "/api/v3/flags", 2, type="post", id=2, reason="Spam")
        events = made.turn()
        assert reports(events) == []
        assert set(seen(events)) == {"1", "2", "3"}


def test_a_token_that_was_revoked_reads_as_a_guest_and_nothing_is_taken_for_gone() -> None:
    with forum_desk() as admin:
        token = admin.call("POST", "/api/v3/admin/tokens", uid=1, description="ours")["response"]["token"]
        with desk(admin.box, 1, token) as made:
            made.turn()
            admin.call("DELETE", f"/api/v3/admin/tokens/{token}")
            for read in (made.turn, lambda: made.thread(2), made.session.check):
                with pytest.raises(CredentialsRefused):
                    read()


def test_a_banned_account_is_told_and_nothing_is_taken_for_gone() -> None:
    with forum_desk() as admin, desk(admin.box, admin.uid("sam")) as made:
        made.turn()
        admin.call("PUT", f"/api/v3/users/{admin.uid('sam')}/ban", until=0, reason="x")
        admin.box.world.forum.users["sam"].moderator = False
        with pytest.raises(MissingRight, match="banned"):
            made.thread(2)


def test_a_damaged_position_is_said_to_be_damaged() -> None:
    with forum_desk() as made:
        for cursor in ("[]", "{", '{"queue": 3}', '{"topics": {"1": [1]}, "queue": [], "learnt_at": null}'):
            with pytest.raises(Permanent, match="damaged"):
                made.session.poll(cursor)


def test_many_flags_are_read_page_by_page_and_an_old_one_is_looked_at_again() -> None:
    with forum_desk() as made:
        _, first = topic(made)
        for number in range(45):
            pid = made.post("marc", f"Answer number {number}.", topic_id=3)["id"]
            made.call("POST", "/api/v3/flags", 2, type="post", id=pid, reason="Spam")
        assert len(reports(made.turn())) == 45
        assert first == 5
        made.call("PUT", "/api/v3/flags/1", state="rejected")
        changed = reports(made.turns(3))
        assert [(one.remote_id, one.outcome) for one in changed] == [("1:2", ReportOutcome.REJECTED)]


def test_the_topics_that_moved_last_are_remembered_and_looked_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugins.nodebb.cursor.REMEMBERED", 5)
    with forum_desk() as made:
        ids = [topic(made, title=f"Topic number {number}")[0] for number in range(30)]
        made.turn()
        cursor = Cursor.load(made.cursor)
        assert cursor.newest_first() == [str(tid) for tid in reversed(ids[-5:])]
        made.post("marc", "An old one moves.", topic_id=ids[0])
        assert [one.text for one in seen(made.turn()).values() if one.author.handle == "marc"] == ["An old one moves."]
        assert Cursor.load(made.cursor).newest_first()[0] == str(ids[0])
