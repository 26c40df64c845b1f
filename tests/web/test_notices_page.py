"""The public form for illegal content, its receipt, and the desk's page: without an account, without a script."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from service.db.models import Connection
from service.db.redress_tables import Notice
from service.deps import Deps, deps_of
from service.usecases import notices
from tests.web.desk import Said, Seeder, post, token

HERE = "https://forum.example/t/leak/12/3"
TYPED = {
    "urls": f"{HERE}\r\nhttps://elsewhere.example/1",
    "category": "KEYWORD_HATE_SPEECH",
    "explanation": "It calls a people vermin, <b>which</b> is incitement.",
    "name": "Ada Łukasz",
    "address": "ada@example.org",
    "good_faith": "1",
}


@pytest.fixture
def known(seed: Seeder) -> None:
    """A forum where the message of the notice stands."""
    place = seed.community(seed.connection("Forum", url="https://forum.example", connector="discourse"), "Help")
    seed.thread(place, [Said("Vermin, all of them.", url=HERE, author="Zoe")], remote_id="12", title="Leak")


def send(client: FlaskClient, **changes: str) -> TestResponse:
    form = TYPED | changes
    return client.post("/notice", data={"csrf_token": token(client.get("/notice")), **form})


def kept(deps: Deps) -> int:
    with deps.store.read() as session:
        return session.query(Notice).count()


def test_a_form_without_token_or_from_another_site_is_not_kept(client: FlaskClient, deps: Deps) -> None:
    assert client.post("/notice", data=TYPED).status_code == 400
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "cross-site"
    assert send(client).status_code == 403
    assert kept(deps) == 0


def test_what_is_wrong_is_said_in_the_readers_language_and_nothing_typed_is_lost(
    client: FlaskClient, deps: Deps
) -> None:
    answer = send(client, good_faith="")
    assert answer.status_code == 422
    assert "good faith" in answer.text
    assert "&lt;b&gt;which&lt;/b&gt;" in answer.text
    assert HERE in answer.text
    assert kept(deps) == 0
    assert 'value="ada@example.org"' in answer.text


def test_nobody_floods_it(client: FlaskClient, deps: Deps) -> None:
    csrf_token = token(client.get("/notice"))
    codes = [client.post("/notice", data={"csrf_token": csrf_token}).status_code for _ in range(25)]
    assert codes[0] == 422
    assert codes[-1] == 429
    assert kept(deps) == 0


def test_a_notice_goes_from_the_form_to_the_decision_on_the_receipt(
    app: Flask, known: None, as_role: Callable[[str], FlaskClient]
) -> None:
    visitor, manager = app.test_client(), as_role("manager")
    sent = send(visitor)
    assert sent.status_code == 303
    receipt = sent.headers["Location"]
    assert "Waits for a decision" in app.test_client().get(receipt).text
    desk = manager.get("/notices").text
    assert desk.index("Vermin, all of them.") < desk.index("We know no message at this address")
    assert "ada@example.org" in desk
    assert "<b>which" not in desk
    assert 'href="https://elsewhere.example' not in desk, "what a stranger wrote is no link"
    assert post(manager, "/notices/2/decide", did="nothing", reason="x").status_code == 422
    assert post(manager, "/notices/2/decide", did="hide", reason="x").status_code == 422
    refused = post(manager, "/notices/1/decide", did="hide", reason="Incitement, by owner")
    assert (refused.status_code, "shadow mode" in refused.text) == (422, True)
    assert "Incitement, by owner" in refused.text
    assert post(manager, "/notices/2/place", url="https://nowhere.example/").status_code == 422
    assert post(manager, "/notices/2/place", url=HERE).status_code == 303
    assert post(manager, "/notices/2/decide", did="reject", reason="manager says: an opinion.").status_code == 303
    told = app.test_client().get(receipt).text
    assert "We did not act" in told
    assert "… says: an opinion." in told
    assert "manager" not in told
    assert "Ada" not in told
    assert "by manager" in manager.get("/notices?show=decided").text
    assert notices.open_count(deps_of(app)) == 1


def test_illegal_without_the_law_is_refused_on_each_form_and_comes_back_as_it_was_ticked(
    known: None, as_role: Callable[[str], FlaskClient], app: Flask
) -> None:
    send(app.test_client())
    with deps_of(app).store.write() as session:
        session.execute(update(Connection).values(shadow=False))
    manager = as_role("manager")
    illegal = {"reason": "Incitement.", "ground": "law", "law": " ", "message": "1"}
    for address, chosen in (("/notices/1/decide", {"did": "hide"}), ("/keep/1/act", {"kind": "hide"})):
        refused = post(manager, address, **chosen, **illegal)
        assert refused.status_code == 422
        assert "Name the law under which it is illegal" in refused.text
        assert 'value="law" checked' in refused.text, address
    assert len(notices.notices(deps_of(app))[0]) == 2, "nothing was decided"


def test_only_judges_see_notices_and_their_count(
    known: None, as_role: Callable[[str], FlaskClient], app: Flask
) -> None:
    send(app.test_client())
    responder = as_role("responder")
    assert responder.get("/notices").status_code == 403
    assert "/notices" not in responder.get("/queue").text
    assert '<b class="count">2</b>' in as_role("owner").get("/audit").text
