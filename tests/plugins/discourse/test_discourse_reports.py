"""Flags on a forum: read by polling, told by webhooks, decided. Private ones leave nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from moderation.errors import BadInput
from moderation.model import Event, Ignored, ReportOutcome, ReportReason, ReportSeen
from plugins.contract import Delivery
from plugins.discourse import connector
from plugins.discourse.reports import slim_report
from service.sandbox import review
from service.sandbox.forum import Draft, Reviewable
from tests.plugins.discourse.desk import Desk
from tests.plugins.discourse.rig import flagged
from tests.sandbox_server import Running

RECORDED = Path(__file__).resolve().parents[3].parent / "shared" / "contracts" / "discourse" / "webhooks"
SECRET = "Only the moderators may read this."


def reports(events: list[Event]) -> dict[str, ReportSeen]:
    return {e.remote_id: e for e in events if isinstance(e, ReportSeen)}


def entry(box: Running, report_id: str) -> Reviewable:
    return box.world.forum.reviewables[int(report_id.partition(":")[0])]


def secret_post(box: Running) -> int:
    with box.world.lock:
        draft = Draft("ines", SECRET)
        people = {"ines", "brava"}
        return box.world.forum.create_topic("Psst", draft, None, archetype="private_message", participants=people).id


# ------------------------------------------------------------------ what must not come through


def test_a_flag_on_a_private_message_leaves_its_key_alone(desk: Desk, box: Running) -> None:
    flagged(box, secret_post(box), by="brava", kind=7, words=SECRET)
    found = [d for _ in range(3) for d in desk.turn() if d.kind == "reviewable"]
    assert [(d.admitted, d.body) for d in found] == [(False, b"")]
    assert SECRET not in desk.cursor


def test_nothing_of_the_flagged_text_is_kept(desk: Desk, box: Running) -> None:
    flagged(box, 3)
    (kept,) = [d for d in desk.turn() if d.kind == "reviewable"]
    assert b"Same here" not in kept.body


def test_an_account_that_may_not_see_the_queue_reads_on_without(desks: Callable[..., Desk], box: Running) -> None:
    report, plain = flagged(box, 3), desks(api_username="tomoko")
    events = plain.turns(3)
    assert events
    assert reports(events) == {}
    before = len(plain.pacer.taken["admin"])
    plain.turn()
    assert len(plain.pacer.taken["admin"]) - before <= 3
    with box.world.lock:
        box.world.forum.user("tomoko").moderator = True
    plain.clock.pass_seconds(7 * 3600)
    assert set(reports(plain.turns(2))) == {report}


def test_a_queue_that_fails_holds_up_nothing_else(desk: Desk, box: Running) -> None:
    report = flagged(box, 3)
    box.fail("server_error", path="/review.json", times=1)
    assert desk.turns(1)
    box.control("POST", "/posts", username="tomoko", topic_id=1, text="It leaks again, worse than before.")
    assert len(desk.turns(1)) > 0
    desk.clock.pass_seconds(601)
    assert set(reports(desk.turns(1))) == {report}


def test_other_categories_leave_their_key_alone(desks: Callable[..., Desk], box: Running) -> None:
    flagged(box, 3)
    narrow = desks(categories=("entraide",))
    assert reports(narrow.turns(2)) == {}


@pytest.mark.parametrize(
    "changed",
    [
        {"type": "ReviewableQueuedPost"},
        {"type": "ReviewableChatMessage"},
        {"category_id": None},
        {"post_id": None},
        {"post_id": None, "target_id": 9, "target_type": "User"},
    ],
)
def test_what_is_no_flag_of_a_public_post_is_not_kept(changed: dict[str, Any]) -> None:
    whole = {"id": 1, "type": "ReviewableFlaggedPost", "category_id": 5, "post_id": 9, "reviewable_scores": []}
    assert slim_report(whole, {}) is not None
    assert slim_report(whole | changed, {}) is None


def test_a_private_topic_beside_an_entry_tells_even_if_a_category_is_named() -> None:
    whole = {"id": 1, "type": "ReviewableFlaggedPost", "category_id": 5, "post_id": 9, "topic_id": 4}
    assert slim_report(whole, {"topics": [{"id": 4, "archetype": "private_message"}]}) is None
    assert slim_report(whole, {"topics": [{"id": 4, "archetype": "regular"}]}) is not None


# ------------------------------------------------------------------ reading


def test_a_flag_says_who_complains_of_what(desk: Desk, box: Running) -> None:
    spam, abuse = flagged(box, 3), flagged(box, 3, by="marc", kind=4)
    words = flagged(box, 2, by="tomoko", kind=7, words="It is <b>not</b> true.")
    found = reports(desk.turns(1))
    assert set(found) == {spam, abuse, words}
    first = found[spam]
    assert (first.reason, first.outcome, first.message_id) == (ReportReason.SPAM, ReportOutcome.OPEN, "3")
    assert first.reporter is not None
    assert first.about is not None
    assert (first.reporter.handle, first.about.handle) == ("ines", "tomoko")
    assert found[abuse].reason is ReportReason.ABUSE
    assert (found[words].text, found[words].reason) == ("It is not true.", ReportReason.OTHER)
    assert first.at.tzinfo is not None


def test_a_later_flag_on_the_same_post_is_one_more_report(desk: Desk, box: Running) -> None:
    first = flagged(box, 3)
    desk.turns(2)
    second = flagged(box, 3, by="marc")
    assert set(reports(desk.turns(2))) == {first, second}
    assert desk.turns(3) == []


@pytest.mark.parametrize(
    ("action", "outcome"),
    [
        ("agree_and_keep", ReportOutcome.UPHELD),
        ("disagree", ReportOutcome.REJECTED),
        ("ignore_and_do_nothing", ReportOutcome.CLOSED),
    ],
)
def test_what_the_forum_decides_comes_through(desk: Desk, box: Running, action: str, outcome: ReportOutcome) -> None:
    report = flagged(box, 3)
    before = reports(desk.turns(2))[report]
    with box.world.lock:
        review.perform(box.world.forum, box.world.forum.user("sam"), entry(box, report), action, 0)
    after = reports(desk.turns(2))[report]
    assert after.outcome is outcome
    assert after.version > before.version


def test_past_flags_are_read_from_the_first_on(desk: Desk, box: Running) -> None:
    forum, told = box.world.forum, set()
    for number in range(37):
        text = f"Number {number}."
        post = box.control("POST", "/posts", username="tomoko", text=text, title=f"T{number}", category_id=5)
        told.add(flagged(box, post["id"]))
        if number % 3:
            with box.world.lock:
                review.perform(forum, forum.user("sam"), forum.reviewables[number + 1], "disagree", 0)
    first = reports(desk.turns(1))
    assert set(first) == told
    assert sum(one.outcome is ReportOutcome.REJECTED for one in first.values()) == 24
    assert desk.turns(6) == []
    with box.world.lock:
        review.perform(forum, forum.user("sam"), forum.reviewables[1], "disagree", 0)
    assert [one.outcome for one in reports(desk.turns(6)).values()] == [ReportOutcome.REJECTED]


def test_a_webhook_tells_of_a_flag_and_the_queue_adds_who_it_was(desk: Desk, box: Running) -> None:
    with box.world.lock:
        box.world.webhooks.mode.hold = True
        box.world.webhooks.subscribe("http://127.0.0.1:9/hook", box.discourse.webhook_secret)
    report = flagged(box, 3)
    flagged(box, secret_post(box), by="brava")
    held = [one for one in box.world.webhooks.held if one.type == "reviewable"]
    public, private = [
        connector.receive({k.lower(): v for k, v in one.headers().items()}, one.body, desk.settings) for one in held
    ]
    assert (private.admitted, private.body) == (False, b"")
    told = reports(desk.events([public]))[report]
    assert (told.message_id, told.outcome, told.reporter, told.about) == ("3", ReportOutcome.OPEN, None, None)
    full = reports(desk.turns(1))[report]
    assert full.reporter is not None
    assert full.version > told.version


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the examples (../shared/contracts) are not here")
@pytest.mark.parametrize("name", ["reviewable_created", "reviewable_score_updated", "reviewable_transitioned_to"])
def test_a_webhook_that_does_not_say_which_post_leaves_its_key_to_the_poll(desk: Desk, name: str) -> None:
    from pydantic import SecretStr

    example = json.loads((RECORDED / f"{name}.json").read_text())
    settings = desk.settings.model_copy(update={"webhook_secret": SecretStr(example["secret"])})
    headers = {k.lower(): v for k, v in example["headers"].items()}
    found = connector.receive(headers, example["raw_body"].encode(), settings)
    assert (found.kind, found.admitted, found.body) == (name, False, b"")


def test_an_answer_with_its_parts_beside_it_is_put_together(desk: Desk) -> None:
    """Discourse writes ids, and the records once at the side."""
    row = {
        "id": 88,
        "type": "ReviewableFlaggedPost",
        "version": 2,
        "status": 1,
        "category_id": 7,
        "topic_id": 512,
        "post_id": 900,
        "target_created_by_id": 57,
        "reviewable_score_ids": [120],
    }
    score = {"id": 120, "status": 1, "created_at": "2026-11-01T12:00:00.000Z", "user_id": 61, "score_type_id": 10}
    aside = {
        "topics": [{"id": 512, "archetype": "regular"}],
        "users": [{"id": 57, "username": "ed"}, {"id": 61, "username": "flo", "moderator": True}],
        "reviewable_scores": [score | {"reviewable_conversation_id": 3}],
        "reviewable_conversations": [{"id": 3, "conversation_post_ids": [31, 32]}],
        "conversation_posts": [
            {"id": 31, "excerpt": "It is against the law.", "user_id": 61},
            {"id": 32, "excerpt": "Thanks, we look.", "user_id": 1},
        ],
    }
    slim = slim_report(row, aside)
    (seen,) = reports(desk.events([Delivery("k", "reviewable", json.dumps({"reviewable": slim}).encode())])).values()
    assert (seen.remote_id, seen.message_id, seen.reason) == ("88:120", "900", ReportReason.LEGAL)
    assert (seen.outcome, seen.text) == (ReportOutcome.UPHELD, "It is against the law.")
    assert [one.handle for one in (seen.about, seen.reporter) if one] == ["ed", "flo"]


@pytest.mark.parametrize("flags", [None, "x", [1], [{"id": 1}], [{"id": "x", "created_at": "2026-11-01T12:00:00Z"}]])
def test_a_field_that_cannot_be_used_is_named(desk: Desk, flags: object) -> None:
    slim = {"id": 1, "version": 0, "status": 0, "post_id": 3, "flags": flags}
    with pytest.raises(BadInput, match="flag"):
        desk.events([Delivery("k", "reviewable", json.dumps({"reviewable": slim}).encode())])


def test_an_entry_that_nobody_flagged_says_nothing(desk: Desk) -> None:
    slim = {"id": 1, "version": 0, "status": 0, "post_id": 3, "flags": []}
    (event,) = desk.events([Delivery("k", "reviewable", json.dumps({"reviewable": slim}).encode())])
    assert isinstance(event, Ignored)
