"""What Tenth does on a forum, over a real socket: done, refused, in doubt, found again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from moderation.model import Capability
from moderation.policy import Permit
from plugins.contract import Act, Ambiguous, Gone, MissingRight, Permanent, RateLimited, Receipt, Temporary
from plugins.discourse import connector
from tests.plugins.discourse.desk import Desk
from tests.sandbox_server import Running

TEXT = "We are sorry. Please unplug the machine and write to us."
TARGETS = {"reply": "1", "hide": "2", "restore": "2", "lock": "1", "unlock": "1", "move": "1", "mark_answer": "3"}
METHODS = {"reply": "POST", "mark_answer": "POST", "hide": "DELETE"}


def act(kind: str, target: str = "", **options: Any) -> Act:
    options = options or ({"community": "6"} if kind == "move" else {})
    text = TEXT if kind == "reply" else ""
    return Act(5, Capability(kind), target or TARGETS[kind], text, options=options)


def permit(wanted: Act) -> Permit:
    return Permit(wanted.action_id, "ann", wanted.kind, wanted.target, datetime.now(UTC))


def perform(desk: Desk, wanted: Act) -> Receipt:
    return desk.session.perform(permit(wanted), wanted)


def state(box: Running) -> tuple[object, ...]:
    """What the actions change."""
    forum = box.world.forum
    topic = forum.topics[1]
    return len(forum.posts), forum.posts[2].deleted_at is not None, topic.closed, topic.category_id


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


def test_what_is_declared_is_what_is_done(desk: Desk, box: Running) -> None:
    elsewhere = {"edit", "delete", "silence", "unsilence", "suspend", "unsuspend", "resolve_report", "warn", "notify"}
    assert {c.value for c in connector.capabilities} == set(TARGETS) | elsewhere
    expected = {
        "reply": (5, False, False, 5),
        "hide": (5, True, False, 5),
        "restore": (5, False, False, 5),
        "lock": (5, False, True, 5),
        "unlock": (5, False, False, 5),
        "move": (5, False, False, 6),
        "mark_answer": (5, False, False, 6),
    }
    for kind, then in expected.items():
        receipt = perform(desk, act(kind))
        assert state(box) == then
        assert receipt.url.startswith(desk.settings.url)
        assert receipt.remote_id == ("5" if kind == "reply" else TARGETS[kind])


def test_a_reply_stands_under_the_post_it_answers(desk: Desk, box: Running) -> None:
    perform(desk, act("reply", "3"))
    made = box.world.forum.posts[5]
    assert (made.username, made.topic_id, made.reply_to, made.raw) == ("brava", 1, 3, TEXT)


def test_a_permit_for_another_act_sends_nothing(desk: Desk, box: Running) -> None:
    wanted = act("reply")
    for wrong in (Permit(6, "ann", Capability.REPLY, "1", ago(0)), Permit(5, "ann", Capability.HIDE, "1", ago(0))):
        with pytest.raises(Permanent, match="permit"):
            desk.session.perform(wrong, wanted)
    assert len(box.world.forum.posts) == 4


@pytest.mark.parametrize("target", ["", "x", "../1", "1/../2", "²", "-1"])
def test_a_target_that_is_no_id_never_reaches_the_forum(desk: Desk, target: str) -> None:
    for kind in TARGETS:
        wanted = act(kind)
        with pytest.raises(Gone):
            perform(desk, Act(5, wanted.kind, target, wanted.text, options=wanted.options))
    assert "admin" not in desk.pacer.taken


def test_a_target_that_is_not_there_is_gone(desk: Desk) -> None:
    for kind in TARGETS:
        with pytest.raises(Gone):
            perform(desk, act(kind, "999"))


@pytest.mark.parametrize("kind", sorted(set(TARGETS) - {"reply"}))
def test_an_account_without_the_right_is_told_which(desks: Callable[..., Desk], box: Running, kind: str) -> None:
    if kind == "restore":
        with box.world.lock:
            box.world.forum.posts[2].user_deleted = True
    before = state(box)
    with pytest.raises(MissingRight) as caught:
        perform(desks(api_username="tomoko"), act(kind))
    assert "scope" in caught.value.missing
    assert state(box) == before


@pytest.mark.parametrize("kind", sorted(TARGETS))
def test_a_temporary_fault_changes_nothing(desk: Desk, box: Running, kind: str) -> None:
    before = state(box)
    method = METHODS.get(kind, "PUT")
    box.fail("server_error", method=method, status=503)
    with pytest.raises(Temporary):
        perform(desk, act(kind))
    box.fail("discourse_429", method=method, seconds=5)
    with pytest.raises(RateLimited):
        perform(desk, act(kind))
    assert state(box) == before


@pytest.mark.parametrize("kind", sorted(TARGETS))
def test_an_effect_without_an_answer_is_in_doubt_and_found_again(desk: Desk, box: Running, kind: str) -> None:
    with box.world.lock:
        box.world.forum.posts[2].deleted_at = ago(60) if kind == "restore" else None
        box.world.forum.topics[1].closed = kind == "unlock"
    since = datetime.now(UTC)
    assert desk.session.find_existing(act(kind), since) is None
    method = METHODS.get(kind, "PUT")
    box.fail("timeout_after", method=method, seconds=0.2)
    with pytest.raises(Ambiguous):
        perform(desk, act(kind))
    found = desk.session.find_existing(act(kind), since)
    assert found is not None
    assert found.remote_id == ("5" if kind == "reply" else TARGETS[kind])


def test_only_our_own_later_post_with_this_text_counts(desk: Desk, desks: Callable[..., Desk]) -> None:
    assert desk.session.find_existing(act("reply"), ago(0)) is None
    perform(desks(api_username="tomoko"), act("reply"))
    assert desk.session.find_existing(act("reply"), ago(60)) is None
    receipt = perform(desk, act("reply"))
    found = desk.session.find_existing(act("reply"), ago(5))
    assert found is not None
    assert found.remote_id == receipt.remote_id
    other = Act(5, Capability.REPLY, "1", TEXT + " Thanks.")
    assert desk.session.find_existing(other, ago(60)) is None
    assert desk.session.find_existing(act("reply", "4"), ago(60)) is None
    assert desk.session.find_existing(act("reply"), ago(-120)) is None


def test_a_repeated_reply_is_in_doubt_not_refused(desk: Desk, box: Running) -> None:
    perform(desk, act("reply"))
    with pytest.raises(Ambiguous, match="earlier attempt"):
        perform(desk, act("reply"))
    assert len(box.world.forum.posts) == 5


def test_a_reply_that_the_forum_refuses_is_refused_in_its_words(desk: Desk) -> None:
    with pytest.raises(Permanent, match="too short"):
        perform(desk, Act(5, Capability.REPLY, "1", "Hi."))
    with pytest.raises(Permanent, match="no text"):
        perform(desk, Act(5, Capability.REPLY, "1", " \n"))


def test_a_reply_to_a_deleted_post_is_not_sent(desk: Desk, box: Running) -> None:
    box.control("DELETE", "/posts/2")
    with pytest.raises(Gone):
        perform(desk, act("reply", "2"))
    assert len(box.world.forum.posts) == 4


@pytest.mark.parametrize("options", [{"x": 1}, {"community": "help"}, {"community": "-1"}])
def test_a_move_needs_a_community(desk: Desk, options: dict[str, Any]) -> None:
    with pytest.raises(Permanent, match="community"):
        perform(desk, act("move", "1", **options))


def test_the_answer_is_marked_and_the_question_is_not(desk: Desk, box: Running) -> None:
    with pytest.raises(Permanent, match="itself"):
        perform(desk, act("mark_answer", "1"))
    assert box.world.forum.topics[1].accepted_post_id == 2
    perform(desk, act("mark_answer"))
    assert box.world.forum.topics[1].accepted_post_id == 3


def test_a_forum_without_the_plugin_is_told_apart_from_a_post_that_is_gone(desk: Desk, box: Running) -> None:
    box.fail("server_error", method="POST", status=404)
    with pytest.raises(MissingRight, match="Solved"):
        perform(desk, act("mark_answer"))
    with pytest.raises(Gone):
        perform(desk, act("mark_answer", "999"))
