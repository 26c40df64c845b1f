"""Flags on a forum, decided from the desk: by what the forum offers, and by nothing that does more."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from moderation.model import Capability
from moderation.policy import Permit
from plugins.contract import Act, Ambiguous, Gone, Permanent, Receipt, Temporary
from service.sandbox.forum import Reviewable
from tests.plugins.discourse.desk import Desk
from tests.plugins.discourse.rig import flagged
from tests.plugins.discourse.test_discourse_reports import entry
from tests.sandbox_server import Running


def act(target: str, outcome: str = "upheld") -> Act:
    return Act(5, Capability.RESOLVE_REPORT, target, options={"outcome": outcome})


def resolve(desk: Desk, target: str, outcome: str = "upheld") -> Receipt:
    wanted = act(target, outcome)
    return desk.session.perform(Permit(5, "ann", wanted.kind, wanted.target, datetime.now(UTC)), wanted)


@pytest.mark.parametrize("outcome", ["", "open", "agree_and_suspend", None])
def test_a_decision_needs_an_outcome(desk: Desk, box: Running, outcome: Any) -> None:
    report = flagged(box, 3)
    with pytest.raises(Permanent, match="outcome"):
        resolve(desk, report, outcome)
    assert entry(box, report).status == 0


@pytest.mark.parametrize("target", ["", "x", "../1", "1/../2:4", ":4"])
def test_a_target_that_is_no_report_never_reaches_the_forum(desk: Desk, target: str) -> None:
    with pytest.raises(Gone):
        resolve(desk, target)
    assert "admin" not in desk.pacer.taken


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize(("outcome", "status"), [("upheld", 1), ("rejected", 2), ("closed", 3)])
def test_one_decision_closes_the_entry_and_touches_nobody(
    desk: Desk, box: Running, outcome: str, status: int, hidden: bool
) -> None:
    forum, report = box.world.forum, flagged(box, 3)
    flagged(box, 3, by="marc")
    with box.world.lock:
        forum.posts[3].hidden = hidden
    receipt = resolve(desk, report, outcome)
    assert (entry(box, report).status, receipt.remote_id) == (status, report)
    author = forum.user("tomoko")
    assert (author.silenced_till, author.suspended_till, forum.posts[3].deleted_at) == (None, None, None)
    assert forum.posts[3].hidden is (hidden and outcome != "rejected")


def test_what_is_decided_the_same_way_is_done_and_another_way_is_said(desk: Desk, box: Running) -> None:
    report = flagged(box, 3)
    resolve(desk, report, "rejected")
    assert resolve(desk, report, "rejected").remote_id == report
    assert resolve(desk, report, "closed").remote_id == report
    with pytest.raises(Permanent, match="already"):
        resolve(desk, report, "upheld")
    assert desk.session.find_existing(act(report, "upheld"), datetime.now(UTC)) is None
    assert desk.session.find_existing(act(report, "rejected"), datetime.now(UTC)) is not None


def test_an_entry_that_changed_meanwhile_is_read_again_once(
    desk: Desk, box: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    from service.sandbox import discourse_review

    report, stale = flagged(box, 3), [1]
    whole = discourse_review.perform

    def late(forum: Any, actor: Any, one: Reviewable, action: str, version: int) -> None:
        if stale and stale.pop():
            one.version += 1
        whole(forum, actor, one, action, version)

    monkeypatch.setattr(discourse_review, "perform", late)
    assert resolve(desk, report).remote_id == report
    other = flagged(box, 2)
    stale += [1, 1]
    with pytest.raises(Temporary):
        resolve(desk, other)
    assert entry(box, other).status == 0


def test_a_decision_without_an_answer_is_in_doubt_and_found_again(desk: Desk, box: Running) -> None:
    report, since = flagged(box, 3), datetime.now(UTC)
    assert desk.session.find_existing(act(report), since) is None
    box.fail("server_error", method="PUT", status=502)
    with pytest.raises(Ambiguous):
        resolve(desk, report)
    assert desk.session.find_existing(act(report), since) is None
    resolve(desk, report)
    assert desk.session.find_existing(act(report), since) is not None
