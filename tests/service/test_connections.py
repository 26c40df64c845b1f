"""Connecting: credentials are tried at once, kept sealed, and a connection starts in shadow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from moderation.errors import BadInput
from plugins.contract import ConnectorError, CredentialsRefused, MissingRight
from plugins.net import AddressBlocked
from service.db.models import AuditEntry, Connection
from service.usecases.connections import connect, find, host_of, opened, poll_soon, set_shadow
from tests.sandbox_server import Running, running_sandbox
from tests.support.office import SECRET, Office, office

FORUM = {"url": "https://forum.example", "api_key": "k", "api_username": "brava"}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Running]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def desk() -> Iterator[Office]:
    desk = office(secret_key=SECRET, allow_private_hosts=frozenset({"127.0.0.1"}))
    yield desk
    desk.close()


def forum(sandbox: Running, **changes: Any) -> dict[str, Any]:
    access = sandbox.discourse
    return {"url": access.url, "api_key": access.api_key, "api_username": access.api_username} | changes


def nothing_kept(desk: Office) -> bool:
    return not desk.rows(Connection) and not desk.rows(AuditEntry)


@pytest.mark.parametrize(
    ("connector", "name", "given", "words"),
    [
        ("myspace", "x", {}, "Installed: archive, discourse, lemmy, mastodon, nodebb"),
        ("archive", "", {}, "--name"),
        ("archive", "x" * 81, {}, "1 to 80"),
        ("archive", "   ", {}, "1 to 80"),
        ("archive", "x", {"url": "https://x.example"}, "url"),
        ("discourse", "x", {"url": "https://forum.example"}, "api_key.*api_username"),
        ("discourse", "x", FORUM | {"api_key": "two words"}, "api_key"),
        ("discourse", "x", FORUM | {"calls_per_minute": "many"}, "calls_per_minute"),
        ("mastodon", "x", {"url": "https://social.example"}, "token"),
    ],
)
def test_what_cannot_work_is_refused_in_words(
    desk: Office, connector: str, name: str, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadInput, match=words) as refused:
        connect(desk.deps, connector, name, given, "test")
    assert "two words" not in str(refused.value)
    assert nothing_kept(desk)


def test_a_private_address_that_is_not_listed_is_refused(sandbox: Running) -> None:
    desk = office(secret_key=SECRET)
    with pytest.raises(AddressBlocked, match="TENTH_ALLOW_PRIVATE_HOSTS"):
        connect(desk.deps, "discourse", "forum", forum(sandbox), "test")
    assert nothing_kept(desk)
    desk.close()


def test_a_wrong_key_is_refused_at_once_and_never_repeated(desk: Office, sandbox: Running) -> None:
    with pytest.raises((CredentialsRefused, MissingRight)) as refused:
        connect(desk.deps, "discourse", "forum", forum(sandbox, api_key="wrong-key-4711"), "test")
    assert "wrong-key-4711" not in str(refused.value) + refused.value.detail
    assert nothing_kept(desk)


def test_a_server_that_is_away_is_refused(desk: Office, sandbox: Running) -> None:
    with pytest.raises(ConnectorError):
        connect(desk.deps, "discourse", "forum", forum(sandbox, url="http://127.0.0.1:9"), "test")
    assert nothing_kept(desk)


def test_a_name_is_taken_once(desk: Office) -> None:
    desk.archive("mine")
    with pytest.raises(BadInput, match="already"):
        desk.archive("mine")
    assert len(desk.rows(Connection)) == 1


def test_a_good_connection_is_checked_sealed_in_shadow_due_and_noted(desk: Office, sandbox: Running) -> None:
    connection_id, check = connect(desk.deps, "discourse", "forum", forum(sandbox), "test")
    assert check is not None
    row = desk.connection(connection_id)
    assert (row.shadow, row.state, row.account, row.server) == (True, "new", check.account, check.server)
    assert row.poll_due_at is not None
    assert sandbox.discourse.api_key not in f"{row.settings}{row.url}"
    assert sandbox.discourse.api_key.encode() not in row.sealed
    with desk.deps.store.read() as session:
        found = opened(desk.deps, session, connection_id)
    assert found.settings.api_key.get_secret_value() == sandbox.discourse.api_key
    assert [(e.kind, e.subject) for e in desk.rows(AuditEntry)] == [
        ("connection:connect", f"connection:{connection_id}")
    ]


def test_a_connection_whose_connector_is_gone_says_so(desk: Office) -> None:
    connection_id = desk.archive()
    with desk.deps.store.write() as session:
        session.execute(update(Connection).values(connector="myspace"))
    with desk.deps.store.read() as session, pytest.raises(BadInput, match="no connector “myspace”"):
        opened(desk.deps, session, connection_id)


def test_an_unknown_name_is_answered_with_those_there_are(desk: Office) -> None:
    with desk.deps.store.read() as session, pytest.raises(BadInput, match="none yet"):
        find(session, "forum")
    desk.archive("b")
    desk.archive("a")
    with desk.deps.store.read() as session, pytest.raises(BadInput, match="Connections: a, b"):
        find(session, "forum")


def test_going_live_and_back_is_noted(desk: Office) -> None:
    connection_id = desk.archive()
    set_shadow(desk.deps, connection_id, False, "test", "we trust it now")
    assert desk.connection(connection_id).shadow is False
    set_shadow(desk.deps, connection_id, True, "test")
    assert desk.connection(connection_id).shadow is True
    assert [e.kind for e in desk.rows(AuditEntry)][1:] == ["connection:live", "connection:shadow"]


def test_a_hint_brings_the_next_poll_forward_and_never_back(desk: Office) -> None:
    connection_id = desk.archive()
    now = desk.deps.now()
    poll_soon(desk.deps, connection_id)
    assert desk.connection(connection_id).poll_due_at is None, "an archive is never polled"
    for due, expected in ((now + timedelta(hours=1), now), (now - timedelta(hours=1), now - timedelta(hours=1))):
        with desk.deps.store.write() as session:
            session.execute(update(Connection).values(poll_due_at=due))
        poll_soon(desk.at(now), connection_id)
        assert desk.connection(connection_id).poll_due_at == expected


@pytest.mark.parametrize(
    ("url", "host"), [("https://Forum.Example/x", "forum.example"), ("http://127.0.0.1:80/", "127.0.0.1:80"), ("", "")]
)
def test_hosts(url: str, host: str) -> None:
    assert host_of(url) == host
