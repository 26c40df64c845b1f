"""Brand accounts: nobody sees the credential; rights are given and taken; a refused token says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from moderation.errors import BadInput
from moderation.policy import Level
from service.db.models import AuditEntry
from service.db.reply_tables import AccountLevel, BrandAccount
from service.usecases import accounts as kept
from tests.web.composer_desk import Site, site
from tests.web.desk import post


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Site]:
    with site("mastodon", tmp_path) as found:
        yield found


def levels(desk: Site) -> dict[int, str]:
    with desk.deps.store.read() as session:
        return {row.person_id: row.level for row in session.scalars(select(AccountLevel))}


def account(desk: Site) -> BrandAccount:
    with desk.deps.store.read() as session:
        return session.get_one(BrandAccount, desk.account_id)


def test_who_does_not_manage_sees_and_changes_nothing(desk: Site) -> None:
    before = levels(desk)
    for name in ("responder", "analyst"):
        client = desk.enter(name)
        assert client.get("/accounts").status_code == 403
        for button in ("levels", "check", "close"):
            answer = post(client, f"/accounts/{desk.account_id}/{button}", person=name, level="approve", reason="x")
            assert answer.status_code == 403
    assert levels(desk) == before


def test_no_credential_is_on_the_page(desk: Site) -> None:
    page = desk.enter("owner").get("/accounts").text
    assert "@brava" in page
    assert desk.box.mastodon.token not in page


@pytest.mark.parametrize(("person", "level", "code"), [("nobody", "send", 422), ("responder", "god", 400)])
def test_a_right_that_is_none_or_a_person_who_is_not_there_is_refused(
    desk: Site, person: str, level: str, code: int
) -> None:
    client = desk.enter("manager")
    assert post(client, f"/accounts/{desk.account_id}/levels", person=person, level=level).status_code == code
    assert post(client, "/accounts/4711/levels", person="responder", level="send").status_code == 404


def test_rights_are_given_and_taken_and_logged(desk: Site) -> None:
    client = desk.enter("manager")
    post(client, f"/accounts/{desk.account_id}/levels", person="responder", level="send")
    assert "may send" in client.get("/accounts").text
    post(client, f"/accounts/{desk.account_id}/levels", person="responder", level="")
    assert levels(desk) == {}
    with desk.deps.store.read() as session:
        kinds = set(session.scalars(select(AuditEntry.kind)))
    assert {"account:give", "account:take"} <= kinds


def test_only_those_are_offered_whom_a_right_gives_something(desk: Site) -> None:
    assert [username for username, _name in kept.may_have_levels(desk.deps)] == ["responder"]


def test_a_refused_credential_is_shown_with_what_to_do_and_is_sound_again_after_a_good_check(desk: Site) -> None:
    client = desk.enter("owner")
    kept.note_check(desk.deps, desk.account_id, "The server no longer accepts our token.")
    page = client.get("/accounts").text
    assert "Credential refused" in page
    assert "connected again" in page
    assert post(client, f"/accounts/{desk.account_id}/check").status_code == 303
    assert account(desk).state == "open"
    assert "takes our credential" in client.get("/accounts").text


def test_taking_out_of_use_asks_wants_a_reason_and_forgets_the_credential(desk: Site) -> None:
    kept.give_level(desk.deps, desk.account_id, "responder", Level.SEND, "test")
    client = desk.enter("owner")
    assert "out of use?" in client.get(f"/accounts/{desk.account_id}/close").text
    assert post(client, f"/accounts/{desk.account_id}/close", reason=" ").status_code == 422
    assert post(client, f"/accounts/{desk.account_id}/close", reason="sold").status_code == 303
    closed = account(desk)
    assert (closed.state, closed.sealed, closed.settings) == ("closed", b"", {})
    assert "Check now" not in client.get("/accounts").text
    with pytest.raises(BadInput, match="out of use"):
        kept.check_account(desk.deps, desk.account_id)
    assert "Answer publicly" not in client.get(f"/queue?thread={desk.thread_id}").text
