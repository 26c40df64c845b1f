"""What a program drafts stands in a person's composer, said to be a program's; it is that person who sends it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from moderation.policy import Level
from service.usecases.accounts import give_level
from service.usecases.clients import create_client, revoke_client
from tests.web.composer_desk import ANSWER, Site, site
from tests.web.desk import post

DRAFTED = "Drafted by program:helper."
OFFERED = "Read a program’s draft"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Site]:
    with site("mastodon", tmp_path) as found:
        yield found


class Program:
    """A program with a token that only drafts."""

    def __init__(self, desk: Site) -> None:
        self.desk = desk
        self.headers = {"Authorization": f"Bearer {create_client(desk.deps, 'helper', ('replies:draft',))}"}

    def draft(self, text: str = ANSWER) -> int:
        body = {"thread_id": self.desk.thread_id, "text": text, "language": "en"}
        answer = self.desk.app.test_client().post("/api/v1/replies", headers=self.headers, json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json is not None
        return int(answer.json["id"])

    def sees(self, reply_id: int) -> Any:
        return self.desk.app.test_client().get(f"/api/v1/replies/{reply_id}", headers=self.headers).json


@pytest.fixture
def program(desk: Site) -> Program:
    return Program(desk)


def composer(client: FlaskClient, reply_id: int) -> str:
    page = client.get(f"/replies/{reply_id}")
    assert page.status_code == 200
    return page.text


def test_no_form_and_no_time_sends_what_nobody_took_over(desk: Site, program: Program) -> None:
    reply_id = program.draft()
    give_level(desk.deps, desk.account_id, "responder", Level.SEND, "test")
    for name in ("owner", "responder"):
        client, given = desk.enter(name), {"version": desk.reply(reply_id).version, "text": ANSWER}
        assert post(client, f"/replies/{reply_id}/send", **given).status_code == 409
        assert post(client, f"/approvals/{reply_id}/approve", **given).status_code in (403, 409)
    desk.step(3600)
    assert desk.posts() == 0
    assert program.sees(reply_id)["state"] == "draft"


def test_it_is_offered_to_nobody_who_may_not_write_as_that_account(desk: Site, program: Program) -> None:
    program.draft()
    give_level(desk.deps, desk.account_id, "responder", None, "test")
    for name in ("responder", "analyst"):
        assert OFFERED not in desk.enter(name).get(f"/queue?thread={desk.thread_id}").text
    answer = post(desk.enter("responder"), f"/cases/{desk.case_id}/reply")
    assert (answer.status_code, "no brand account here" in answer.text) == (400, True)


def test_a_token_that_was_taken_away_drafts_nothing_more(desk: Site, program: Program) -> None:
    reply_id = program.draft()
    revoke_client(desk.deps, "helper")
    answer = desk.app.test_client().post("/api/v1/replies", headers=program.headers, json={})
    assert answer.status_code == 401
    assert desk.begin(desk.enter("responder")) == reply_id, "what it left is still there to be used"


def test_it_stands_in_the_composer_and_who_sends_it_has_written_it(desk: Site, program: Program) -> None:
    reply_id = program.draft()
    give_level(desk.deps, desk.account_id, "responder", Level.SEND, "test")
    client, address = desk.enter("responder"), f"/queue?thread={desk.thread_id}"
    assert OFFERED in client.get(address).text
    assert desk.begin(client) == reply_id
    page = composer(client, reply_id)
    assert ANSWER in page
    assert DRAFTED in page
    assert desk.write(client, reply_id, "send").status_code == 303
    desk.step()
    assert desk.posts() == 1
    told = program.sees(reply_id)
    assert (told["state"], told["url"].startswith("http")) == ("sent", True)
    thread = client.get(address).text
    assert OFFERED not in thread
    assert "written by responder" in thread
    assert "program:helper" in thread, "the history says who worded it first"


def test_a_responder_who_may_only_draft_hands_it_to_a_second_person(desk: Site, program: Program) -> None:
    reply_id = program.draft()
    client = desk.enter("responder")
    assert desk.begin(client) == reply_id
    desk.write(client, reply_id, "send")
    assert (desk.reply(reply_id).state, program.sees(reply_id)["state"]) == ("waiting", "taken")
    assert desk.posts() == 0


def test_ones_own_words_carry_no_such_word_and_another_who_begins_sees_both(desk: Site, program: Program) -> None:
    client = desk.enter("responder")
    mine = desk.begin(client)
    desk.write(client, mine, "save", "My own words.")
    reply_id = program.draft()
    page = composer(client, mine)
    assert DRAFTED not in page
    assert ANSWER in page, "as somebody else's draft"
    assert desk.begin(desk.enter("owner")) == reply_id
