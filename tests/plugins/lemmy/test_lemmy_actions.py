"""Acting on a Lemmy server, in both versions of its API: what the contract suite does not ask of every platform."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from moderation.model import Capability
from plugins.contract import Gone, MissingRight, Permanent
from plugins.lemmy.actions import ADMINS, ANYBODY, NO_REASON
from tests.plugins.lemmy.box import ENTRAIDE, HELP, STAFF, Box
from tests.plugins.lemmy.desk import Desk

REASON = "It advertises a shop."


def log(box: Box, kind: str, name: str) -> list[dict[str, object]]:
    return list(box.ask("GET", "modlog", type_=kind).json()[name])


def test_an_answer_stands_below_what_it_answers(box: Box, desk: Desk) -> None:
    post = box.post("ines")
    above = box.comment("tomoko", post)
    for target, parent in ((post, None), (above, box.message(above).number)):
        made = desk.act(Capability.REPLY, target, "We look into it.")
        assert box.message(made.remote_id).reply_to == parent
        assert made.url == f"{box.url}/{made.remote_id.replace('-', '/')}"


def test_the_same_words_below_another_message_are_another_answer(box: Box, desk: Desk) -> None:
    post = box.post("ines")
    one, two = box.comment("tomoko", post), box.comment("marc", post)
    made = desk.act(Capability.REPLY, one, "We look into it.")
    found = desk.found(Capability.REPLY, one, "We look into it.", thread=post.split("-")[1])
    assert found is not None and found.remote_id == made.remote_id
    assert desk.found(Capability.REPLY, two, "We look into it.") is None
    assert desk.found(Capability.REPLY, post, "We look into it.") is None


def test_nothing_is_answered_that_is_locked_or_gone(box: Box, desk: Desk) -> None:
    locked, removed, inside = box.post("ines"), box.post("ines"), box.post("ines")
    comment = box.comment("tomoko", inside)
    box.lock(locked)
    box.remove(removed)
    box.remove(inside)
    for target in (locked, removed, comment, "comment-99999"):
        with pytest.raises(Gone):
            desk.act(Capability.REPLY, target, "We look into it.")


@pytest.mark.parametrize("wrong", ["1a", "post-", "post-1/../2", "comment-1?x", "post-１", "report-1", "", "post--1"])
def test_what_is_no_id_goes_into_no_request(desk: Desk, wrong: str) -> None:
    for kind in sorted({*ANYBODY, Capability.HIDE, Capability.LOCK, Capability.SUSPEND, Capability.RESOLVE_REPORT}):
        with pytest.raises(Gone):
            desk.act(kind, wrong, "words")


def test_a_post_of_ours_is_edited_but_not_deleted(box: Box, desk: Desk) -> None:
    post = box.post("brava")
    desk.act(Capability.EDIT, post, "A new text.")
    assert box.message(post).raw == "A new text."
    assert desk.found(Capability.EDIT, post, "A new text.")
    with pytest.raises(Permanent, match="opens a thread"):
        desk.act(Capability.DELETE, post)


def test_a_reason_stands_in_the_public_log(box: Box, desk: Desk) -> None:
    comment = box.comment("tomoko", box.post("ines"))
    desk.act(Capability.HIDE, comment, reason=REASON)
    desk.act(Capability.RESTORE, comment)
    reasons = [row["mod_remove_comment"]["reason"] for row in log(box, "ModRemoveComment", "removed_comments")]
    assert reasons == [NO_REASON, REASON]


def test_a_silence_is_for_one_community_and_a_term(box: Box, desk: Desk) -> None:
    person, post = str(box.person("ines")), box.post("marc")
    desk.act(Capability.SILENCE, person, community=str(HELP), hours=24, handle="ines", reason=REASON)
    body = {"post_id": int(post.split("-")[1]), "content": "Still here."}
    assert box.ask("POST", "comment", "ines", **body).json()["error"] == "person_is_banned_from_community"
    elsewhere = int(box.post("marc", ENTRAIDE).split("-")[1])
    assert box.ask("POST", "comment", "ines", post_id=elsewhere, content="Hello.").is_success
    assert desk.found(Capability.SILENCE, person, community=str(HELP))
    assert not desk.found(Capability.SILENCE, person, community=str(ENTRAIDE))
    desk.clock.ahead = timedelta(hours=25)
    assert not desk.found(Capability.SILENCE, person, community=str(HELP))
    assert desk.found(Capability.UNSILENCE, person, community=str(HELP))


def test_a_silence_without_an_end_has_none(box: Box, desk: Desk) -> None:
    person = str(box.person("ines"))
    desk.act(Capability.SILENCE, person, community=str(HELP), hours=None)
    desk.clock.ahead = timedelta(days=3_000)
    assert desk.found(Capability.SILENCE, person, community=str(HELP))


@pytest.mark.parametrize("community", [None, "", "help", "5 or 6", "-5"])
def test_a_silence_needs_a_community(box: Box, desk: Desk, community: str | None) -> None:
    with pytest.raises(Permanent, match="community"):
        desk.act(Capability.SILENCE, str(box.person("ines")), community=community)


@pytest.mark.parametrize("hours", [0, -1, True, "24", float("nan"), float("inf"), 10**9])
def test_a_term_is_a_number_of_hours(box: Box, desk: Desk, hours: object) -> None:
    with pytest.raises(Permanent, match="hours"):
        desk.act(Capability.SILENCE, str(box.person("ines")), community=str(HELP), hours=hours)
    assert not desk.found(Capability.SILENCE, str(box.person("ines")), community=str(HELP))


def test_what_somebody_wrote_stays_when_they_are_banned(box: Box, desk: Desk) -> None:
    comment = box.comment("ines", box.post("marc"))
    person = str(box.person("ines"))
    desk.act(Capability.SILENCE, person, community=str(HELP))
    desk.act(Capability.SUSPEND, person)
    assert box.message(comment).deleted_at is None
    assert desk.found(Capability.SUSPEND, person)
    desk.act(Capability.UNSUSPEND, person)
    assert not desk.found(Capability.SUSPEND, person)


def test_a_report_is_closed_alone(box: Box, desk: Desk) -> None:
    comment = box.comment("tomoko", box.post("ines"))
    first, second = box.report("marc", comment), box.report("ines", comment)
    desk.act(Capability.RESOLVE_REPORT, first, outcome="upheld")
    assert desk.found(Capability.RESOLVE_REPORT, first)
    assert not desk.found(Capability.RESOLVE_REPORT, second)


# ------------------------------------------------------------------ what an account may


def test_the_check_offers_what_the_account_may(box: Box, desks: Callable[..., Desk]) -> None:
    every = desks().session.check()
    assert every.may == desks().session.check().may >= ADMINS
    assert every.missing == ()
    stranger = desks(token=box.token("tomoko")).session.check()
    assert stranger.may == ANYBODY
    assert stranger.lacks.keys() == every.may - ANYBODY
    assert "help, entraide" in stranger.missing[0]
    assert box.appoint("tomoko", HELP).is_success
    some = desks(token=box.token("tomoko")).session.check()
    assert some.may == every.may - ADMINS
    assert some.lacks.keys() == ADMINS
    assert "entraide" in some.missing[0] and "help" not in some.missing[0].split("moderate ")[1].split(".")[0]
    assert every.account.startswith("brava@")
    assert every.server in {"Lemmy 0.19.11", "Lemmy 1.0.0"}


def test_who_may_not_is_told_which_right_is_missing(box: Box, desks: Callable[..., Desk]) -> None:
    desk, person = desks(token=box.token("tomoko")), str(box.person("ines"))
    post = box.post("ines")
    comment = box.comment("marc", post)
    report = box.report("ines", comment)
    for kind, target in (
        (Capability.HIDE, comment),
        (Capability.LOCK, post.split("-")[1]),
        (Capability.SILENCE, person),
        (Capability.SUSPEND, person),
        (Capability.RESOLVE_REPORT, report),
    ):
        with pytest.raises(MissingRight) as caught:
            desk.act(kind, target, community=str(HELP))
        assert caught.value.missing
    assert box.message(comment).deleted_at is None


def test_a_moderator_acts_in_their_community_and_nowhere_else(box: Box, desks: Callable[..., Desk]) -> None:
    box.appoint("tomoko", HELP)
    desk = desks(token=box.token("tomoko"))
    inside, outside = box.comment("marc", box.post("ines")), box.comment("marc", box.post("ines", ENTRAIDE))
    desk.act(Capability.HIDE, inside)
    assert box.message(inside).deleted_at is not None
    with pytest.raises(MissingRight):
        desk.act(Capability.HIDE, outside)
    box.appoint("tomoko", HELP, added=False)
    with pytest.raises(MissingRight):
        desk.act(Capability.RESTORE, inside)


def test_staff_content_is_refused_to_strangers(box: Box, desks: Callable[..., Desk]) -> None:
    secret = box.post("sam", STAFF)
    with pytest.raises(Gone):
        desks(token=box.token("tomoko")).act(Capability.REPLY, secret, "What is this?")
