"""Answers that are in public: edited, taken down, and what nobody knows the end of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from service.db.models import Action, AuditEntry, Outbox
from service.db.reply_tables import BrandAccount
from service.usecases.accounts import give_level
from tests.web.composer_desk import ANSWER, Site, site
from tests.web.desk import post

NEW = "Please switch it off at the wall; version 3.2.1 mends it."


@pytest.fixture(params=["mastodon", "discourse"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    with site(request.param, tmp_path) as found:
        with found.deps.store.write() as session:
            row = session.scalars(select(BrandAccount)).one()
            row.limits = row.limits | {"edits": True, "deletes": True}
        yield found


def sent(desk: Site, client: FlaskClient) -> int:
    reply_id = desk.begin(client)
    assert desk.write(client, reply_id, "send").status_code == 303
    desk.step()
    assert desk.reply(reply_id).state == "sent"
    return reply_id


def press(desk: Site, client: FlaskClient, reply_id: int, button: str, **fields: Any) -> Any:
    return post(client, f"/replies/{reply_id}/{button}", version=desk.reply(reply_id).version, **fields)


def unknown(desk: Site, *, looked: bool) -> int:
    """The answer's act as a worker that got no answer leaves it; `looked`: the search has ended."""
    due = desk.deps.now() + (timedelta(days=3650) if looked else timedelta(seconds=30))
    with desk.deps.store.write() as session:
        action = session.scalars(select(Action)).one()
        action.state, action.due_at = "unknown", due
        session.execute(update(Outbox).values(outcome="unknown", remote_id=None))
        return action.id


# ------------------------------------------------------------------ refused


def test_who_may_not_send_may_not_change_or_take_down(desk: Site) -> None:
    reply_id = sent(desk, desk.enter("owner"))
    drafter, analyst = desk.enter("responder"), desk.enter("analyst")
    for button, fields in (("edit", {"text": NEW, "sure": "1"}), ("delete", {"reason": "x"})):
        assert press(desk, analyst, reply_id, button, **fields).status_code == 403
        assert press(desk, drafter, reply_id, button, **fields).status_code == 422
        assert "/queue?thread=" in drafter.get(f"/replies/{reply_id}/{button}").headers["Location"]
    desk.step(60)
    assert (desk.posts(), desk.posts(NEW)) == (1, 0)


def test_taking_down_needs_a_reason_and_a_version_that_is_there(desk: Site) -> None:
    client = desk.enter("owner")
    reply_id = sent(desk, client)
    assert press(desk, client, reply_id, "delete", reason=" ").status_code == 422
    stale = post(client, f"/replies/{reply_id}/delete", version=1, reason="wrong")
    assert stale.status_code == 409


def test_a_draft_is_neither_edited_nor_taken_down_in_public(desk: Site) -> None:
    client = desk.enter("owner")
    reply_id = desk.begin(client)
    assert client.get(f"/replies/{reply_id}/edit").status_code == 404
    assert press(desk, client, reply_id, "delete", reason="x").status_code == 404


def test_while_one_change_is_on_its_way_there_is_no_second(desk: Site) -> None:
    client = desk.enter("owner")
    reply_id = sent(desk, client)
    press(desk, client, reply_id, "edit", text=NEW, sure="1")
    assert press(desk, client, reply_id, "delete", reason="wrong").status_code == 422


# ------------------------------------------------------------------ edited, taken down


def test_an_edit_is_seen_before_it_is_made_can_be_undone_and_keeps_every_wording(desk: Site) -> None:
    client = desk.enter("owner")
    reply_id = sent(desk, client)
    asked = press(desk, client, reply_id, "edit", text=NEW)
    assert asked.status_code == 200
    assert "Change it in public?" in asked.text
    assert asked.text.count(ANSWER) == 1
    press(desk, client, reply_id, "edit", text=NEW, sure="1")
    post(client, f"/replies/{reply_id}/undo")
    desk.step(30)
    assert (desk.posts(), desk.posts(NEW)) == (1, 0)
    assert ANSWER in client.get(f"/replies/{reply_id}/edit").text
    press(desk, client, reply_id, "edit", text=NEW, sure="1")
    desk.step()
    if not desk.posts(NEW):
        pytest.skip("this connector does not edit")
    assert desk.posts() == 0
    page = client.get(f"/queue?thread={desk.thread_id}").text
    assert NEW in page
    assert "wordings" in page
    assert "written by owner" in page


def test_what_is_taken_down_is_gone_there_and_said_here(desk: Site) -> None:
    client = desk.enter("owner")
    reply_id = sent(desk, client)
    assert "nothing brings it back" in client.get(f"/replies/{reply_id}/delete").text
    press(desk, client, reply_id, "delete", reason="It was the wrong model.")
    desk.step()
    if desk.reply(reply_id).state != "deleted":
        pytest.skip("this connector does not delete")
    assert "Taken down" in client.get(f"/queue?thread={desk.thread_id}").text
    with desk.deps.store.read() as session:
        reasons = session.scalars(select(AuditEntry.reason).where(AuditEntry.kind == "reply:delete")).all()
    assert reasons == ["It was the wrong model."]


def test_the_message_that_was_read_back_says_who_wrote_it_once_and_inside_only(desk: Site) -> None:
    client = desk.enter("owner")
    sent(desk, client)
    desk.clock.pass_(minutes=5)
    desk.read()
    page = client.get(f"/queue?thread={desk.thread_id}").text
    assert page.count("written by owner") == 1
    assert "written by" not in desk.app.test_client().get("/about/reading").text


# ------------------------------------------------------------------ unknown


def lost(desk: Site, client: FlaskClient, *, looked: bool = True) -> tuple[int, int]:
    """(reply, action): the platform has it, and the desk does not know."""
    reply_id = desk.begin(client)
    desk.write(client, reply_id, "send")
    desk.step()
    with desk.deps.store.write() as session:
        reply = session.get_one(type(desk.reply(reply_id)), reply_id)
        reply.state, reply.remote_id, reply.url = "approved", None, ""
    return reply_id, unknown(desk, looked=looked)


def test_both_facts_are_shown_and_a_person_says_that_it_is_there(desk: Site) -> None:
    client = desk.enter("owner")
    reply_id, action_id = lost(desk, client)
    page = client.get(f"/queue?thread={desk.thread_id}").text
    assert "no answer came back" in page
    assert "did not find it" in page
    with desk.box.world.lock:
        fedi = next((i for i, s in desk.box.world.fedi.statuses.items() if ANSWER in s.text), None)
        forum = next((i for i, p in desk.box.world.forum.posts.items() if ANSWER in p.raw), None)
    post(client, f"/actions/{action_id}/there", where=str(fedi or forum))
    found = desk.reply(reply_id)
    assert (found.state, found.remote_id) == ("sent", str(fedi or forum))
    desk.step(700)
    assert desk.posts() == 1


@pytest.mark.parametrize("where", ["", "4711", "https://evil.example/@brava/1", "not an address"])
def test_a_post_that_is_not_there_or_not_ours_is_not_taken(desk: Site, where: str) -> None:
    client = desk.enter("owner")
    reply_id, action_id = lost(desk, client)
    post(client, f"/actions/{action_id}/there", where=where)
    assert desk.reply(reply_id).state == "approved"


def test_somebody_elses_post_is_not_taken_for_ours(desk: Site) -> None:
    client = desk.enter("owner")
    reply_id, action_id = lost(desk, client)
    with desk.deps.store.read() as session:
        theirs = session.scalars(select(Action.target)).one()
    back = post(client, f"/actions/{action_id}/there", where=theirs)
    assert "not the brand" in client.get(back.headers["Location"].partition("#")[0]).text
    assert desk.reply(reply_id).state == "approved"


def test_it_is_not_there_only_once_looking_has_ended_and_then_it_is_a_draft_again(desk: Site) -> None:
    client = desk.enter("owner")
    reply_id, action_id = lost(desk, client, looked=False)
    post(client, f"/actions/{action_id}/missing")
    assert desk.reply(reply_id).state == "approved"
    unknown(desk, looked=True)
    post(client, f"/actions/{action_id}/missing")
    back = desk.reply(reply_id)
    assert (back.state, back.text) == ("returned", ANSWER)
    assert "It came back to you" in client.get(f"/replies/{reply_id}").text
    desk.step(3600)
    assert desk.posts() == 1
    with desk.deps.store.read() as session:
        kinds = set(session.scalars(select(AuditEntry.kind)))
    assert "action:missing" in kinds


def test_who_may_not_send_decides_nothing_of_it(desk: Site) -> None:
    _reply_id, action_id = lost(desk, desk.enter("owner"))
    drafter = desk.enter("responder")
    for button in ("there", "missing"):
        assert post(desk.enter("analyst"), f"/actions/{action_id}/{button}", where="1").status_code == 403
        post(drafter, f"/actions/{action_id}/{button}", where="1")
    give_level(desk.deps, desk.account_id, "responder", None, "test")
    post(drafter, f"/actions/{action_id}/missing")
    with desk.deps.store.read() as session:
        assert session.get_one(Action, action_id).state == "unknown"
