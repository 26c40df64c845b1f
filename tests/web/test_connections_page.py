"""Connections, dead letters and the global stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from plugins.contract import Check, CredentialsRefused
from service.db.models import AuditEntry, Connection, DeliveryRow
from service.deps import Deps
from service.usecases import desk, switches
from tests.web.desk import Seeder, post
from tests.web.scene import busy


@pytest.fixture
def client(as_role: Callable[[str], FlaskClient]) -> FlaskClient:
    return as_role("manager")


def kinds(deps: Deps) -> list[str]:
    with deps.store.read() as session:
        return [e.kind for e in session.query(AuditEntry).order_by(AuditEntry.seq) if e.kind != "person:sign_in"]


def test_the_broken_one_stands_first_with_words_code_and_time(client: FlaskClient, seed: Seeder) -> None:
    busy(seed)
    page = client.get("/connections").text
    assert page.index("Lemmy · c/espresso") < page.index("Brava Forum")
    for words in ("The server no longer accepts our key.", "code 401", "12 failures in a row", "Cut off", "1 delivery"):
        assert words in page
    assert "<b>49</b> of 60" in page


def test_an_analyst_sees_and_touches_nothing(as_role: Callable[[str], FlaskClient], seed: Seeder) -> None:
    busy(seed)
    page = as_role("analyst").get("/connections").text
    assert "Cut off" in page
    assert "<form" not in page[page.index("<main") :]
    assert "Stop all sending" not in page


def test_going_live_asks_twice_and_is_logged(client: FlaskClient, seed: Seeder, deps: Deps) -> None:
    number = seed.connection()
    assert "Let Mastodon" in client.get(f"/connections/{number}/live").text
    assert row(deps, number).shadow is True
    post(client, f"/connections/{number}/live", reason="the team is ready")
    assert row(deps, number).shadow is False
    post(client, f"/connections/{number}/shadow")
    assert row(deps, number).shadow is True
    assert kinds(deps) == ["connection:live", "connection:shadow"]
    assert post(client, "/connections/4711/live").status_code == 404


def test_reading_now_makes_the_poll_due(client: FlaskClient, seed: Seeder, deps: Deps) -> None:
    number = seed.connection(poll_due_at=seed.now + timedelta(hours=1))
    post(client, f"/connections/{number}/poll")
    due = row(deps, number).poll_due_at
    assert due is not None
    assert due <= deps.now()


@dataclass
class Platform:
    """A session that answers what it was told to."""

    answer: Any
    closed: bool = False

    def check(self) -> Check:
        if isinstance(self.answer, Exception):
            raise self.answer
        found: Check = self.answer
        return found

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Check("@brava", "4.3.1"), "answers and accepts our credentials (@brava)"),
        (Check("@brava", "4.3.1", missing=("write:statuses: renew the token",)), "a right is missing"),
        (CredentialsRefused("The key is revoked <there>."), "The key is revoked &lt;there&gt;."),
    ],
)
def test_checking_says_what_the_platform_answered(
    client: FlaskClient, seed: Seeder, monkeypatch: pytest.MonkeyPatch, answer: Any, words: str
) -> None:
    number = seed.connection()
    platform = Platform(answer)
    monkeypatch.setattr(desk, "opened", lambda *_: None)
    monkeypatch.setattr(desk, "open_session", lambda *_: platform)
    post(client, f"/connections/{number}/check")
    assert words in client.get("/connections").text
    assert platform.closed


def test_the_stop_holds_and_is_lifted_and_each_is_written_once(client: FlaskClient, deps: Deps) -> None:
    assert "Stop all sending?" in client.get("/stop").text
    for _ in range(2):
        post(client, "/stop", reason="bad day")
    with deps.store.read() as session:
        assert switches.is_stopped(session)
    assert "Sending is stopped" in client.get("/connections").text
    assert "Send again?" in client.get("/stop").text
    post(client, "/stop/lift")
    with deps.store.read() as session:
        assert not switches.is_stopped(session)
    assert kinds(deps) == ["switch:stop", "switch:lift"]


def test_dead_letters_show_no_content_and_are_tried_again(client: FlaskClient, seed: Seeder, deps: Deps) -> None:
    number = seed.connection()
    letters = [letter(seed, number, n) for n in range(60)]
    page = client.get("/dead-letters").text
    assert "It has no &lt;time&gt;." in page
    assert "secret body" not in page
    assert "15 bytes" in page
    assert page.count("/retry") == 51
    assert client.get(f"/dead-letters?before={letters[10]}").text.count("Try again") == 10
    post(client, f"/dead-letters/{letters[0]}/retry")
    assert states(deps) == {"dead": 59, "pending": 1}
    post(client, "/dead-letters/retry")
    assert states(deps) == {"pending": 60}
    post(client, "/dead-letters/retry")
    assert "Nothing to try again" in client.get("/dead-letters").text
    assert kinds(deps) == ["delivery:retry", "delivery:retry"]


def letter(seed: Seeder, connection: int, number: int) -> int:
    kept = {"source": "push", "kind": "post", "key": str(number), "digest": "d", "state": "dead", "attempt": 6}
    body = {"body": b"secret body ...", "error": "It has no <time>."}
    return seed._add(DeliveryRow(connection_id=connection, due_at=seed.now, received_at=seed.now, **kept, **body))


def states(deps: Deps) -> dict[str, int]:
    with deps.store.read() as session:
        found = [s for (s,) in session.query(DeliveryRow.state)]
    return {s: found.count(s) for s in set(found)}


def row(deps: Deps, number: int) -> Connection:
    with deps.store.read() as session:
        return session.get_one(Connection, number)
