"""Approvals by their forms: never one's own words, never an old version; yes, other words, no with a note."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from moderation.policy import Level
from service.db.reply_tables import ApprovalRule, BrandAccount, Reply, ReplyRevision
from service.usecases.accounts import close_account, give_level
from tests.web.composer_desk import ANSWER, Site, site
from tests.web.desk import post

VERBS = ("approve", "reject", "read")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Site]:
    with site("mastodon", tmp_path) as found:
        yield found


def waits(desk: Site, name: str = "responder", text: str = ANSWER) -> int:
    """An answer of somebody's that waits for a second person."""
    client = desk.enter(name)
    reply_id = desk.begin(client)
    desk.write(client, reply_id, "send", text)
    assert desk.reply(reply_id).state == "waiting"
    return reply_id


def rule(desk: Site, kind: str, value: str) -> None:
    with desk.deps.store.write() as session:
        session.add(ApprovalRule(kind=kind, value=value, made_at=desk.clock()))


def another_account(desk: Site) -> int:
    """A second brand account on the same connection."""
    with desk.deps.store.write() as session:
        known = session.get_one(BrandAccount, desk.account_id)
        kept = {c.name: getattr(known, c.name) for c in BrandAccount.__table__.columns if c.name != "id"}
        row = BrandAccount(**kept | {"handle": "@brava_two"})
        session.add(row)
        session.flush()
        return row.id


def waits_shown(client: FlaskClient) -> int | None:
    """The number beside the way to the approvals; None where there is none."""
    found = re.search(r'class="count">(\d+)<', client.get("/queue").text)
    return int(found[1]) if found else None


def approve(desk: Site, name: str, reply_id: int, **fields: object) -> int:
    given = {"version": desk.reply(reply_id).version, "text": desk.reply(reply_id).text, **fields}
    return int(post(desk.enter(name), f"/approvals/{reply_id}/approve", **given).status_code)


def test_nobody_approves_their_own_words_not_even_an_owner(desk: Site) -> None:
    rule(desk, "role", "owner")
    reply_id = waits(desk, "owner")
    page = desk.enter("owner").get("/approvals").text
    assert ANSWER in page
    assert "These are your own words" in page
    assert f"/approvals/{reply_id}/approve" not in page
    assert approve(desk, "owner", reply_id) == 422
    assert desk.reply(reply_id).state == "waiting"


def refused(desk: Site, name: str, reply_id: int) -> bool:
    """Whether each of the three forms about an answer is closed to somebody, and leaves it as it is."""
    client, before = desk.enter(name), desk.reply(reply_id)
    given = {"version": before.version, "text": before.text, "note": "x"}
    codes = {post(client, f"/approvals/{reply_id}/{verb}", **given).status_code for verb in VERBS}
    after = desk.reply(reply_id)
    return codes == {403} and (after.state, after.version) == (before.state, before.version)


@pytest.mark.parametrize(
    ("name", "level"),
    [("analyst", Level.APPROVE), ("responder", None), ("responder", Level.DRAFT), ("responder", Level.SEND)],
)
def test_who_does_not_approve_sees_no_page_and_no_form_works(desk: Site, name: str, level: Level | None) -> None:
    rule(desk, "role", "owner")
    reply_id = waits(desk, "owner")
    give_level(desk.deps, desk.account_id, name, level, "test")
    assert desk.enter(name).get("/approvals").status_code == 403
    assert refused(desk, name, reply_id)
    assert 'href="/approvals"' not in desk.enter(name).get("/queue").text


def test_the_level_on_one_account_opens_nothing_of_another(desk: Site) -> None:
    rule(desk, "role", "owner")
    reply_id = waits(desk, "owner")
    give_level(desk.deps, desk.account_id, "responder", Level.SEND, "test")
    give_level(desk.deps, another_account(desk), "responder", Level.APPROVE, "test")
    assert refused(desk, "responder", reply_id)
    client = desk.enter("responder")
    page = client.get("/approvals").text
    assert "Nothing waits" in page
    assert ANSWER not in page
    assert waits_shown(client) is None
    assert "Judge it" not in client.get(f"/queue?thread={desk.thread_id}").text


def test_a_responder_with_the_level_still_never_approves_their_own_words(desk: Site) -> None:
    rule(desk, "role", "responder")
    give_level(desk.deps, desk.account_id, "responder", Level.APPROVE, "test")
    reply_id = waits(desk)
    client = desk.enter("responder")
    page = client.get("/approvals").text
    assert "These are your own words" in page
    assert f"/approvals/{reply_id}/approve" not in page
    assert waits_shown(client) is None, "it waits for somebody else"
    assert approve(desk, "responder", reply_id) == 422
    assert approve(desk, "responder", reply_id, text="Other words, still theirs.") == 422
    assert desk.reply(reply_id).state == "waiting"


@pytest.mark.parametrize("amended", ["", "Please unplug it; we are looking into it right now."])
def test_a_responder_with_the_level_approves_what_another_wrote(desk: Site, amended: str) -> None:
    rule(desk, "role", "owner")
    reply_id = waits(desk, "owner")
    give_level(desk.deps, desk.account_id, "responder", Level.APPROVE, "test")
    client = desk.enter("responder")
    assert ANSWER in client.get("/approvals").text
    assert waits_shown(client) == 1
    assert "It waits for manager or responder." in desk.enter("owner").get(f"/replies/{reply_id}").text
    assert "Judge it" in client.get(f"/queue?thread={desk.thread_id}").text
    assert approve(desk, "responder", reply_id, **({"text": amended} if amended else {})) == 303
    assert waits_shown(client) is None
    desk.step()
    assert (desk.posts(amended or ANSWER), desk.posts()) == (1, 0 if amended else 1)
    assert "written by owner, approved by responder" in client.get(f"/queue?thread={desk.thread_id}").text


def test_a_responder_with_the_level_sends_back_what_another_wrote(desk: Site) -> None:
    rule(desk, "role", "owner")
    reply_id = waits(desk, "owner")
    give_level(desk.deps, desk.account_id, "responder", Level.APPROVE, "test")
    version = desk.reply(reply_id).version
    answer = post(desk.enter("responder"), f"/approvals/{reply_id}/reject", version=version, note="Name the plug.")
    assert (answer.status_code, desk.reply(reply_id).state) == (303, "returned")


def test_a_level_that_is_taken_away_after_the_yes_keeps_it_from_being_sent(desk: Site) -> None:
    rule(desk, "role", "owner")
    reply_id = waits(desk, "owner")
    give_level(desk.deps, desk.account_id, "responder", Level.APPROVE, "test")
    assert approve(desk, "responder", reply_id) == 303
    give_level(desk.deps, desk.account_id, "responder", None, "test")
    desk.step(60)
    assert desk.posts() == 0
    assert desk.reply(reply_id).state == "returned"


def test_each_sees_and_counts_what_waits_for_them(desk: Site) -> None:
    other = another_account(desk)
    give_level(desk.deps, other, "responder", Level.APPROVE, "test")
    rule(desk, "role", "owner")
    first = waits(desk, "owner")
    with desk.deps.store.write() as session:
        held = session.get_one(Reply, first)
        copied = {c.name: getattr(held, c.name) for c in Reply.__table__.columns if c.name != "id"}
        session.add(Reply(**copied | {"account_id": other, "text": "Through the other account."}))
    shown = {name: desk.enter(name).get("/approvals").text for name in ("manager", "responder")}
    assert (ANSWER in shown["manager"], ANSWER in shown["responder"]) == (True, False)
    assert all("Through the other account." in page for page in shown.values())
    counts = {name: waits_shown(desk.enter(name)) for name in ("manager", "responder", "owner")}
    assert counts == {"manager": 2, "responder": 1, "owner": None}


def test_a_version_that_is_gone_is_not_approved_and_what_was_typed_is_there(desk: Site) -> None:
    reply_id = waits(desk)
    client = desk.enter("manager")
    old = desk.reply(reply_id).version - 1
    answer = post(client, f"/approvals/{reply_id}/approve", version=old, text="Amended words.")
    assert answer.status_code == 409
    assert "Amended words." in answer.text
    assert desk.reply(reply_id).state == "waiting"


def test_nothing_is_approved_through_an_account_that_is_out_of_use(desk: Site) -> None:
    reply_id = waits(desk)
    close_account(desk.deps, desk.account_id, "test", "sold")
    assert approve(desk, "manager", reply_id) == 422
    desk.step(60)
    assert desk.posts() == 0


def test_it_is_shown_with_context_reasons_and_count_and_sent_once_after_the_yes(desk: Site) -> None:
    rule(desk, "role", "responder")
    reply_id = waits(desk)
    client = desk.enter("manager")
    page = client.get("/approvals").text
    assert "written by a responder" in page
    assert "may only draft" in page
    assert "this is answered" in page
    assert re.search(r'class="count">1<', client.get("/queue").text)
    assert approve(desk, "manager", reply_id) == 303
    desk.step()
    assert desk.posts() == 1
    thread = client.get(f"/queue?thread={desk.thread_id}").text
    assert "written by responder, approved by manager" in thread
    assert approve(desk, "owner", reply_id) == 409


def test_amended_words_are_sent_and_the_first_wording_is_kept(desk: Site) -> None:
    reply_id = waits(desk, text="It will be fine.")
    assert approve(desk, "manager", reply_id, text=ANSWER) == 303
    desk.step()
    assert (desk.posts(), desk.posts("It will be fine.")) == (1, 0)
    with desk.deps.store.read() as session:
        kept = [(r.verb, r.text) for r in session.scalars(select(ReplyRevision).order_by(ReplyRevision.id))]
    assert kept == [("write", "It will be fine."), ("amend", ANSWER)]


def test_a_no_needs_a_note_and_the_writer_reads_it_on_top(desk: Site) -> None:
    reply_id = waits(desk)
    client = desk.enter("manager")
    version = desk.reply(reply_id).version
    assert post(client, f"/approvals/{reply_id}/reject", version=version, note=" ").status_code == 422
    assert post(client, f"/approvals/{reply_id}/reject", version=version, note="Name the plug.").status_code == 303
    page = desk.enter("responder").get(f"/replies/{reply_id}").text
    assert "It came back to you" in page
    assert "Name the plug." in page
    assert ANSWER in page


def test_what_came_since_is_read_by_whoever_judges(desk: Site) -> None:
    reply_id = waits(desk)
    desk.somebody_answers("It works again.")
    client = desk.enter("manager")
    assert approve(desk, "manager", reply_id) == 422
    upto = re.search(r'name="upto" value="(\d+)"', client.get("/approvals").text)
    assert upto
    assert post(desk.enter("responder"), f"/approvals/{reply_id}/read", upto=upto[1]).status_code == 403
    assert post(client, f"/approvals/{reply_id}/read", upto=upto[1]).status_code == 303
    assert approve(desk, "manager", reply_id) == 303


def test_two_that_compete_stand_side_by_side_and_the_other_goes_back(desk: Site) -> None:
    rule(desk, "role", "owner")
    first, second = waits(desk), waits(desk, "owner", "Another answer.")
    page = desk.enter("manager").get("/approvals").text
    assert "2 answers that compete" in page
    assert page.index(f'id="r{first}"') < page.index(f'id="r{second}"')
    assert approve(desk, "manager", first, others="1") == 303
    assert (desk.reply(second).state, "Another answer" in desk.reply(second).note) == ("returned", True)
    desk.step()
    assert (desk.posts(), desk.posts("Another answer.")) == (1, 0)


def test_the_second_of_two_is_not_sent_blindly_after_the_first(desk: Site) -> None:
    rule(desk, "role", "owner")
    first, second = waits(desk), waits(desk, "owner", "Another answer.")
    assert approve(desk, "manager", first) == 303
    assert approve(desk, "manager", second) == 422
    assert approve(desk, "manager", second, reason_answered="It adds the date.") == 303


def test_with_nobody_to_approve_it_says_what_to_do(desk: Site) -> None:
    client = desk.enter("owner")
    assert "Nothing waits" in client.get("/approvals").text
