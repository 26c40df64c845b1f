"""Kept secrets: unreadable without the key, unreadable when changed, and never said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
import structlog
from pydantic import SecretStr
from sqlalchemy import LargeBinary

from plugins import registry
from service.db.base import Base
from service.db.identity_tables import ExternalFlow
from service.db.models import AuditEntry, Connection
from service.logs import configure, mask
from service.usecases.connections import opened
from service.usecases.rotation import rotate, sealed_tables
from service.vault import Vault, VaultError, same, token_digest
from tests.support.office import SECRET, Office, office

OLD, NEW = SECRET, "a newer secret key for tests of forty letters"
KEY = "the-forums-own-api-key"


@pytest.fixture
def desk() -> Iterator[Office]:
    desk = office(secret_key=OLD)
    add_forum(desk)
    yield desk
    desk.close()


def add_forum(desk: Office, name: str = "forum") -> int:
    deps = desk.deps
    row = Connection(
        name=name,
        connector="discourse",
        settings={"url": "https://forum.example", "api_username": "brava"},
        sealed=deps.vault.seal(json.dumps({"api_key": KEY})),
        created_at=deps.now(),
    )
    with deps.store.write() as session:
        session.add(row)
    return row.id


def key_of(desk: Office) -> str:
    with desk.deps.store.read() as session:
        found = opened(desk.deps, session, 1).settings
    assert isinstance(found.api_key, SecretStr)
    return found.api_key.get_secret_value()


@pytest.mark.parametrize("at", [0, 1, 9, 20, 40, -1])
def test_a_changed_byte_is_refused(at: int) -> None:
    vault = Vault([OLD])
    sealed = bytearray(vault.seal("a token"))
    sealed[at] = ord("A") if sealed[at] != ord("A") else ord("B")
    with pytest.raises(VaultError):
        vault.open(bytes(sealed))


@pytest.mark.parametrize("sealed", [b"", b"hello", b"gAAAAA", bytes(80), "é".encode() * 40])
def test_what_was_never_sealed_is_refused(sealed: bytes) -> None:
    with pytest.raises(VaultError, match="TENTH_SECRET_KEY"):
        Vault([OLD]).open(sealed)


def test_another_key_is_refused_and_its_words_hold_no_secret() -> None:
    sealed = Vault([OLD]).seal("a token")
    with pytest.raises(VaultError) as refused:
        Vault([NEW]).open(sealed)
    assert "new,old" in str(refused.value)
    assert refused.value.__cause__ is None
    assert OLD not in repr(refused.value) + str(refused.value)


def test_what_is_sealed_opens_and_never_looks_the_same() -> None:
    vault = Vault([OLD])
    first, second = vault.seal("jeton « é »"), vault.seal("jeton « é »")
    assert first != second
    assert b"jeton" not in first
    assert vault.open(first) == vault.open(second) == "jeton « é »"


def test_rotation_goes_from_old_to_new_without_a_gap(desk: Office) -> None:
    desk.close()
    both = office(secret_key=f"{NEW},{OLD}")
    assert key_of(both) == KEY
    assert rotate(both.deps, "test") == 2
    both.close()
    only = office(secret_key=NEW)
    assert key_of(only) == KEY
    only.close()
    again = office(secret_key=OLD)
    with pytest.raises(VaultError):
        key_of(again)
    again.close()


def test_every_table_that_keeps_a_secret_is_turned_to_the_new_key() -> None:
    """A secret in a column of another name would be lost with the old key."""
    kept = {table.__tablename__ for table in sealed_tables()}
    assert {"connection", "brand_account", "code_factor", "remote_app", "forum_secret", "external_flow"} <= kept
    binary = {
        (table.name, column.name)
        for table in Base.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    open_bytes = {("delivery", "body"), ("reply_image", "body"), ("passkey", "public_key")}
    assert binary - open_bytes - {("audit_head", "sealed_key")} == {(name, "sealed") for name in kept}


def test_rotation_changes_nothing_when_one_secret_cannot_be_read(desk: Office) -> None:
    with desk.deps.store.write() as session:
        session.add(
            Connection(
                name="lost",
                connector="discourse",
                settings={},
                sealed=Vault(["a third secret key that everybody forgot"]).seal("{}"),
                created_at=desk.deps.now(),
            )
        )
    before = [c.sealed for c in desk.rows(Connection)]
    desk.close()
    both = office(secret_key=f"{NEW},{OLD}")
    with pytest.raises(VaultError):
        rotate(both.deps, "test")
    assert [c.sealed for c in both.rows(Connection)] == before
    assert both.rows(AuditEntry) == []
    both.close()


@pytest.mark.parametrize("over", [True, False])
def test_a_question_that_nobody_may_answer_any_more_does_not_hold_the_rotation_up(desk: Office, over: bool) -> None:
    now = desk.deps.now()
    row = ExternalFlow(
        state_digest=token_digest("state"),
        browser_digest=token_digest("browser"),
        purpose="sign_in",
        provider="mastodon",
        issuer="https://social.example",
        sealed=Vault(["a third secret key that everybody forgot"]).seal("{}"),
        expires_at=now if over else now + timedelta(minutes=5),
    )
    with desk.deps.store.write() as session:
        session.add(row)
    if over:
        assert rotate(desk.deps, "test") == 2
        assert desk.rows(ExternalFlow) == []
        return
    with pytest.raises(VaultError):
        rotate(desk.deps, "test")
    assert len(desk.rows(ExternalFlow)) == 1


def test_no_repr_or_text_of_what_holds_secrets_shows_them(desk: Office) -> None:
    with desk.deps.store.read() as session:
        connection = opened(desk.deps, session, 1)
        row = session.get_one(Connection, 1)
    for shown in (connection, connection.settings, row, desk.deps.vault):
        assert KEY not in f"{shown!r} {shown!s}"
        assert OLD not in f"{shown!r} {shown!s}"


@pytest.mark.parametrize("name", sorted(registry.load()))
def test_every_field_that_sounds_like_a_secret_is_kept_as_one(name: str) -> None:
    for field, info in registry.load()[name].settings.model_fields.items():
        sounds = any(word in field for word in ("key", "token", "secret", "password"))
        assert sounds == ("SecretStr" in str(info.annotation)), field


def test_logs_mask_whatever_is_named_like_a_credential() -> None:
    event = {
        "event": "x",
        "api_key": KEY,
        "Authorization": b"Bearer 1",
        "user_password": "p",
        "count": 3,
        "token": None,
    }
    assert mask(None, "info", dict(event)) == {
        "event": "x",
        "api_key": "•••",
        "Authorization": "•••",
        "user_password": "•••",
        "count": 3,
        "token": None,
    }


def test_a_log_line_is_json_without_the_credential(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENTH_LOG_LEVEL", "INFO")
    try:
        configure()
        structlog.get_logger("t").warning("connect.failed", token=KEY, host="forum.example")
    finally:
        structlog.reset_defaults()
    written = capsys.readouterr().err
    assert KEY not in written
    assert json.loads(written)["host"] == "forum.example"


def test_tokens_are_compared_whole() -> None:
    assert same("été", "été")
    assert not same("token", "token ")
    assert token_digest("a") != token_digest("b")
    assert len(token_digest("a")) == 64
