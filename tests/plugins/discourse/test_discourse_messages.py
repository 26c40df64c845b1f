"""Private words to one member on a forum, over a real socket: never public, never to somebody else, never twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from moderation.model import Capability
from moderation.policy import Permit
from plugins.contract import Act, Ambiguous, Gone, MissingRight, Permanent, Receipt
from plugins.discourse.checks import check
from service.sandbox.forum import Forum, Topic
from tests.plugins.discourse.desk import Desk
from tests.sandbox_server import Running

WORDS = "Your post was hidden.\n\nWhy, and how to contest it: https://tenth.example/appeal/abc"


@pytest.fixture
def forum(box: Running) -> Forum:
    return box.world.forum


def act(kind: Capability, target: object, text: str = WORDS, **options: Any) -> Act:
    return Act(5, kind, str(target), text, options=options)


def notice(forum: Forum, name: str = "tomoko", **options: Any) -> Act:
    return act(Capability.NOTIFY, forum.user(name).id, **options)


def perform(desk: Desk, wanted: Act) -> Receipt:
    return desk.session.perform(Permit(5, "ann", wanted.kind, wanted.target, datetime.now(UTC)), wanted)


def messages(forum: Forum) -> list[Topic]:
    return [t for t in forum.topics.values() if t.archetype == "private_message" and t.username == "brava"]


def public_topics(forum: Forum) -> list[Topic]:
    return [t for t in forum.topics.values() if t.archetype != "private_message" and t.username == "brava"]


@pytest.mark.parametrize("text", ["", " \n"])
def test_without_words_nothing_is_sent(desk: Desk, forum: Forum, text: str) -> None:
    with pytest.raises(Permanent, match="nothing was sent"):
        perform(desk, act(Capability.NOTIFY, forum.user("tomoko").id, text))
    assert "admin" not in desk.pacer.taken


@pytest.mark.parametrize("target", ["", "tomoko", "-1", "1/../2", "99999"])
def test_a_target_that_is_no_account_gets_nothing(desk: Desk, forum: Forum, target: str) -> None:
    with pytest.raises(Gone):
        perform(desk, act(Capability.NOTIFY, target))
    assert not messages(forum)


def test_the_account_that_tenth_acts_as_gets_nothing(desk: Desk, forum: Forum) -> None:
    with pytest.raises(Permanent, match="acts as"):
        perform(desk, notice(forum, "brava"))
    assert not messages(forum)


def test_a_member_s_key_can_write_to_nobody(desk: Desk, forum: Forum) -> None:
    brava = forum.user("brava")
    brava.admin = brava.moderator = False
    assert not {Capability.NOTIFY, Capability.WARN} & check(desk.session._client, desk.settings).may
    with pytest.raises((MissingRight, Gone)):
        perform(desk, notice(forum))
    assert not messages(forum)


def test_one_member_and_nobody_else_reads_it(desk: Desk, forum: Forum) -> None:
    before = len(public_topics(forum))
    receipt = perform(desk, notice(forum, title="About your post"))
    (made,) = messages(forum)
    assert made.participants == {"tomoko", "brava"}
    assert made.title == "About your post"
    assert not made.warning
    assert receipt.url == f"{desk.settings.url}/t/-/{made.id}"
    assert len(public_topics(forum)) == before
    assert WORDS.encode() not in b"".join(one.body for one in desk.turn())


def test_a_name_that_changed_hands_is_not_written_to(desk: Desk, forum: Forum) -> None:
    """The handle in the desk is old by now and somebody else's: the number says who is meant."""
    wanted = notice(forum, handle="ines")
    perform(desk, wanted)
    assert messages(forum)[0].participants == {"tomoko", "brava"}


def test_a_message_that_turns_out_public_is_taken_down_and_said(
    desk: Desk, forum: Forum, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = forum.create_topic
    monkeypatch.setattr(forum, "create_topic", lambda title, draft, place, **_: create(title, draft, place))
    with pytest.raises(Permanent, match="public"):
        perform(desk, notice(forum))
    (made,) = [t for t in public_topics(forum) if forum.posts[t.post_ids[0]].raw == WORDS]
    assert made.deleted_at is not None


def test_what_was_made_and_cannot_be_read_leaves_a_doubt(desk: Desk, box: Running, forum: Forum) -> None:
    desk.session.check()
    box.fail("server_error", method="GET", path="/t/", status=503)
    with pytest.raises(Ambiguous):
        perform(desk, notice(forum))
    assert len(messages(forum)) == 1


def test_a_warning_is_the_forum_s_own(desk: Desk, forum: Forum) -> None:
    wanted = act(Capability.WARN, forum.user("tomoko").id)
    perform(desk, wanted)
    assert [one.warning for one in messages(forum)] == [True]
    since = datetime.now(UTC) - timedelta(minutes=1)
    assert desk.session.find_existing(wanted, since) is not None
    assert desk.session.find_existing(notice(forum), since) is not None, "the same words to the same member"


def test_a_plain_message_is_not_found_as_a_warning_nor_somebody_else_s(desk: Desk, forum: Forum) -> None:
    perform(desk, notice(forum))
    since = datetime.now(UTC) - timedelta(minutes=1)
    tomoko = forum.user("tomoko").id
    assert desk.session.find_existing(act(Capability.WARN, tomoko), since) is None
    assert desk.session.find_existing(notice(forum, "ines"), since) is None
    assert desk.session.find_existing(act(Capability.NOTIFY, tomoko, "Other words."), since) is None
    assert desk.session.find_existing(notice(forum), datetime.now(UTC) + timedelta(minutes=5)) is None


def test_the_sandbox_makes_a_public_topic_of_recipients_without_an_archetype(desk: Desk, forum: Forum) -> None:
    """As Discourse does: a careless connector would be found out here."""
    body = {"title": "Careless words", "raw": WORDS, "target_recipients": "tomoko"}
    desk.session._client.write("POST", "/posts.json", "write", body)
    assert not messages(forum)
    assert public_topics(forum)[-1].title == "Careless words"
