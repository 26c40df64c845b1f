"""Connecting brand accounts by the platform's own consent, over real sockets; and mending them when a token died."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sandbox_server import Running, running_sandbox
from sqlalchemy import select

from plugins.contract import CredentialsRefused
from service.auth.external.address import key_of
from service.auth.external.mastodon import DESK
from service.db.models import AuditEntry, Connection, Person
from service.db.reply_tables import BrandAccount
from service.deps import Deps, deps_of
from service.usecases import consent, polling
from service.usecases.accounts import check_account
from service.usecases.connections import connect, settings_of
from tests.web.desk import build, sign_in
from tests.web.external_support import allow, asked, by_hand, clocked, going, local, send


@pytest.fixture
def box() -> Iterator[Running]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def app(tmp_path: Path, box: Running) -> Iterator[Flask]:
    app = build(tmp_path, allow_private_hosts=urlsplit(box.url).netloc)
    yield app
    deps_of(app).store.engine.dispose()


@pytest.fixture
def deps(app: Flask) -> Deps:
    return deps_of(app)


@pytest.fixture
def manager(app: Flask) -> FlaskClient:
    client = app.test_client()
    sign_in(client, "manager")
    return client


def begin(client: FlaskClient, box: Running, provider: str = "mastodon", **fields: Any) -> str:
    """Where a manager is sent to."""
    return going(send(client, "/connect", **({"provider": provider, "server": box.url, "name": "brava"} | fields)))


def rows(deps: Deps, table: Any) -> list[Any]:
    with deps.store.read() as session:
        return list(session.scalars(select(table).order_by(table.id)))


def token_of(deps: Deps, connection_id: int, account_id: int | None = None) -> str:
    with deps.store.read() as session:
        account = session.get(BrandAccount, account_id) if account_id else None
        settings: Any = settings_of(deps, session.get_one(Connection, connection_id), account)
    return str((settings.token if hasattr(settings, "token") else settings.api_key).get_secret_value())


# ------------------------------------------------------------------ refused


@pytest.mark.parametrize("role", ["responder", "analyst"])
def test_only_managers_connect(app: Flask, box: Running, role: str) -> None:
    client = app.test_client()
    sign_in(client, role)
    assert client.get("/connect").status_code == 403
    assert send(client, "/connect", provider="mastodon", server=box.url, name="x").status_code == 403
    assert send(client, "/connect/again/1").status_code == 403
    assert client.get(f"/connect/mastodon/{key_of(box.url)}/back?code=c&state=s").status_code == 403


def test_an_answer_for_another_manager_connects_nothing(
    app: Flask, manager: FlaskClient, deps: Deps, box: Running
) -> None:
    answer = local(allow(begin(manager, box), "brava"))
    owner = app.test_client()
    sign_in(owner, "owner")
    begin(owner, box, name="other")
    before = len(box.world.access.tokens)
    assert owner.get(answer).status_code == 400
    assert manager.get(answer).status_code == 400
    assert rows(deps, Connection) == []
    assert len(box.world.access.tokens) == before


def test_a_manager_who_is_none_any_more_connects_nothing(manager: FlaskClient, deps: Deps, box: Running) -> None:
    answer = local(allow(begin(manager, box), "brava"))
    with deps.store.write() as session:
        session.scalars(select(Person).where(Person.username == "manager")).one().role = "analyst"
    assert manager.get(answer).status_code in (302, 403)
    assert rows(deps, Connection) == []


def test_an_answer_to_a_sign_in_connects_nothing(manager: FlaskClient, deps: Deps, box: Running) -> None:
    url = going(send(manager, "/account/identities", provider="mastodon", server=box.url))
    answer = local(allow(url, "brava")).replace("/external/", "/connect/")
    assert "did not come from" in manager.get(answer).text
    assert rows(deps, Connection) == []


def test_forged_late_and_denied_answers_connect_nothing(
    app: Flask, manager: FlaskClient, deps: Deps, box: Running
) -> None:
    path = f"/connect/mastodon/{key_of(box.url)}/back"
    begin(manager, box)
    assert manager.get(f"{path}?code=c&state=forged").status_code == 400
    assert "You said no" in manager.get(local(allow(begin(manager, box), "brava", deny="1"))).text
    answer = local(allow(begin(manager, box), "brava"))
    clock = clocked(app)
    clock.pass_(minutes=10)
    assert "ten minutes" in manager.get(answer).text
    assert rows(deps, Connection) == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": " "}, "Give the connection a name"),
        ({"name": "x" * 81}, "Give the connection a name"),
        ({"name": "taken"}, "“taken” already"),
        ({"server": "http://10.0.0.1"}, "not the name of a server"),
        ({"provider": "evil"}, "not switched on"),
    ],
)
def test_what_cannot_be_made_is_said_before_anybody_consents(
    manager: FlaskClient, deps: Deps, box: Running, fields: dict[str, str], words: str
) -> None:
    connect(deps, "archive", "taken", {}, "test")
    answer = send(manager, "/connect", **({"provider": "mastodon", "server": box.url, "name": "brava"} | fields))
    assert answer.status_code == 400
    assert words in answer.text
    assert "http-equiv" not in answer.text


def test_what_is_not_kept_is_given_back(manager: FlaskClient, deps: Deps, box: Running) -> None:
    """Somebody takes the name while the manager is away: the token is revoked."""
    answer = local(allow(begin(manager, box), "brava"))
    connect(deps, "archive", "brava", {}, "test")
    before = set(box.world.access.tokens)
    page = manager.get(answer)
    assert page.status_code == 400
    assert "named “brava” already" in page.text
    assert set(box.world.access.tokens) == before


# ------------------------------------------------------------------ the fediverse


def test_a_manager_connects_a_mastodon_account(manager: FlaskClient, deps: Deps, box: Running) -> None:
    page = send(manager, "/connect", provider="mastodon", server=box.url, name="brava")
    assert "Tenth may" in page.text
    url = going(page)
    assert (asked(url)["scope"], asked(url)["code_challenge_method"]) == (DESK, "S256")
    answer = local(allow(url, "brava"))
    assert manager.get(answer).headers["Location"] == "/connect"
    page = manager.get("/connect")
    assert "is connected to brava" in page.text
    (connection,), (account,) = rows(deps, Connection), rows(deps, BrandAccount)
    assert (connection.name, connection.url, connection.shadow) == ("brava", box.url, True)
    assert account.handle == connection.account
    token = token_of(deps, connection.id)
    assert box.world.access.tokens[token].scopes == DESK
    assert token not in page.text
    assert token.encode() not in connection.sealed
    assert manager.get(answer).status_code == 400
    assert polling.poll_connection(deps, connection.id) >= 0
    assert rows(deps, Connection)[0].state != "cut_off"


def test_a_further_account_on_the_same_server(manager: FlaskClient, deps: Deps, box: Running) -> None:
    manager.get(local(allow(begin(manager, box), "brava")))
    number = str(rows(deps, Connection)[0].id)
    manager.get(local(allow(begin(manager, box, connection=number, server="", name=""), "marc")))
    assert [a.handle.partition("@")[2].partition("@")[0] for a in rows(deps, BrandAccount)] == ["brava", "marc"]
    assert len(rows(deps, Connection)) == 1
    assert token_of(deps, 1) != token_of(deps, 1, 2)


def test_a_dead_token_is_mended_in_one_click(manager: FlaskClient, deps: Deps, box: Running) -> None:
    manager.get(local(allow(begin(manager, box), "brava")))
    manager.get(local(allow(begin(manager, box, connection="1", server="", name=""), "marc")))
    old = token_of(deps, 1), token_of(deps, 1, 2)
    for dead in old:
        del box.world.access.tokens[dead]
    for account in (1, 2):
        with pytest.raises(CredentialsRefused):
            check_account(deps, account)
    polling.poll_connection(deps, 1)
    assert rows(deps, Connection)[0].state == "cut_off"
    assert consent.mendable_account(deps, 1) == 1
    assert manager.get("/connect").text.count("The platform refuses its key") == 2
    for account, username in ((1, "brava"), (2, "marc")):
        url = going(send(manager, f"/connect/again/{account}"))
        assert manager.get(local(allow(url, username))).status_code == 303
        assert "is connected again" in manager.get("/connect").text
    row = rows(deps, Connection)[0]
    assert (row.state, row.error, row.failures) == ("new", "", 0)
    assert [a.state for a in rows(deps, BrandAccount)] == ["open", "open"]
    assert not set(old) & {token_of(deps, 1), token_of(deps, 1, 2)}
    with deps.store.read() as session:
        kinds = list(session.scalars(select(AuditEntry.kind).order_by(AuditEntry.seq)))
    assert kinds == ["person:sign_in", "connection:connect", "account:add", "account:mend", "account:mend"]


def test_another_account_mends_nothing_and_its_token_is_given_back(
    manager: FlaskClient, deps: Deps, box: Running
) -> None:
    manager.get(local(allow(begin(manager, box), "brava")))
    kept, tokens = token_of(deps, 1), set(box.world.access.tokens)
    answer = manager.get(local(allow(going(send(manager, "/connect/again/1")), "marc")))
    assert answer.status_code == 400
    assert "with another account" in answer.text
    assert token_of(deps, 1) == kept
    assert set(box.world.access.tokens) == tokens


def test_an_account_that_is_out_of_use_is_not_mended(manager: FlaskClient, deps: Deps, box: Running) -> None:
    manager.get(local(allow(begin(manager, box), "brava")))
    with deps.store.write() as session:
        session.get_one(BrandAccount, 1).state = "closed"
    for account in ("1", "4711"):
        assert send(manager, f"/connect/again/{account}").status_code == 400


# ------------------------------------------------------------------ forums


def test_a_manager_connects_a_member_of_a_forum(manager: FlaskClient, deps: Deps, box: Running) -> None:
    url = begin(manager, box, "discourse")
    assert (urlsplit(url).path, asked(url)["scopes"]) == ("/user-api-key/new", "read,write")
    assert manager.get(local(allow(url, "marc"))).status_code == 303
    (connection,) = rows(deps, Connection)
    assert (connection.connector, connection.account) == ("discourse", "marc")
    key = token_of(deps, connection.id)
    assert box.world.access.user_keys[key].username == "marc"
    assert json.dumps(connection.settings).count(key) == 0
    assert polling.poll_connection(deps, connection.id) > 0


def test_a_forums_answer_that_was_copied(manager: FlaskClient, deps: Deps, box: Running) -> None:
    page = send(manager, "/connect", provider="discourse", server=box.url, name="forum")
    data = asked(by_hand(page)) | {"username": "marc"}
    payload = box.client.post("/user-api-key", data=data).json()["payload"]
    assert send(manager, f"/connect/discourse/{key_of(box.url)}/back", payload=payload).status_code == 303
    assert rows(deps, Connection)[0].account == "marc"


def test_a_members_key_is_mended_and_an_admins_is_not(manager: FlaskClient, deps: Deps, box: Running) -> None:
    manager.get(local(allow(begin(manager, box, "discourse"), "marc")))
    box.world.access.user_keys.clear()
    manager.get(local(allow(going(send(manager, "/connect/again/1")), "marc")))
    assert token_of(deps, 1) in box.world.access.user_keys
    given = {"url": box.url, "api_key": box.discourse.api_key, "api_username": box.discourse.api_username}
    connect(deps, "discourse", "by hand", given, "test")
    assert (consent.mendable_account(deps, 1), consent.mendable_account(deps, 2)) == (1, None)
    answer = send(manager, "/connect/again/2")
    assert answer.status_code == 400
    assert "given by hand" in answer.text
