"""The client over real sockets: silence, refusal, broken answers, redirects, and no credential in any text."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from moderation.errors import TenthError
from plugins.contract import Ambiguous, Gone, Io, Permanent, RateLimited, Temporary
from plugins.mastodon import client as client_module
from plugins.mastodon.client import BUCKET, Client, _links
from plugins.net import AddressBlocked
from tests.plugins.mastodon.making import TOKEN, settings_for, utc_now
from tests.sandbox_server import Running, running_sandbox
from tests.support.pacer import MemoryPacer

POST: tuple[str, dict[str, str], dict[str, str]] = ("/api/v1/statuses", {"status": "hello"}, {})


def client_for(url: str, token: str = TOKEN, allow: str = "127.0.0.1") -> tuple[Client, MemoryPacer]:
    pacer = MemoryPacer()
    return Client(settings_for(url, token), Io(frozenset({allow}), pacer, utc_now)), pacer


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "TIMEOUT_SECONDS", 0.4)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def spoiled(kind: str, **settings: Any) -> tuple[Exception | None, Exception | None]:
    """What a read and a write raise under a fault."""
    with running_sandbox() as box:
        client, _ = client_for(box.mastodon.url, box.mastodon.token)
        box.fail(kind, path="/api/v1", times=1, **settings)
        read = _raised(lambda: client.get("/api/v1/accounts/verify_credentials"))
        box.heal()
        box.fail(kind, path="/api/v1", times=1, **settings)
        write = _raised(lambda: client.post(*POST))
        client.close()
        return read, write


def _raised(call: Any) -> Exception | None:
    try:
        call()
    except TenthError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("kind", "settings", "read", "write"),
    [
        ("timeout_before", {"seconds": 2}, Temporary, Ambiguous),
        ("timeout_after", {"seconds": 2}, Temporary, Ambiguous),
        ("broken_json", {}, Temporary, Ambiguous),
        ("empty", {}, Temporary, Ambiguous),
        ("server_error", {"status": 503}, Temporary, Temporary),
        ("server_error", {"status": 502}, Temporary, Ambiguous),
        ("gzip_bomb", {}, Temporary, Ambiguous),
        ("redirect", {}, Permanent, Permanent),
        ("mastodon_429", {}, RateLimited, RateLimited),
    ],
)
def test_faults(kind: str, settings: dict[str, Any], read: type[Exception], write: type[Exception]) -> None:
    on_read, on_write = spoiled(kind, **settings)
    assert type(on_read) is read
    assert type(on_write) is write
    for error in (on_read, on_write):
        assert "sandbox-mastodon-access-token" not in f"{error!r} {error} {getattr(error, 'detail', '')}"


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_refused_connection_was_never_sent(method: str) -> None:
    client, _ = client_for(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(Temporary):
        client.get("/api/v1/x") if method == "get" else client.post(*POST)


def test_private_addresses_are_not_called() -> None:
    with pytest.raises(AddressBlocked):
        client_for("http://127.0.0.1:1", allow="other.example")
    client, _ = client_for("https://localhost:1", allow="other.example")
    with pytest.raises(AddressBlocked):
        client.get("/api/v1/x")


@pytest.fixture
def box() -> Any:
    with running_sandbox() as running:
        yield running


def test_a_limit_blocks_the_bucket_for_everybody(box: Running) -> None:
    client, pacer = client_for(box.mastodon.url, box.mastodon.token)
    box.fail("mastodon_429", path="/api/v1")
    with pytest.raises(RateLimited) as caught:
        client.get("/api/v1/accounts/verify_credentials")
    assert pacer.blocks[BUCKET] == caught.value.retry_at
    with pytest.raises(RateLimited):
        client.get("/api/v1/accounts/verify_credentials")


def test_the_servers_own_count_is_noted(box: Running) -> None:
    client, pacer = client_for(box.mastodon.url, box.mastodon.token)
    client.get("/api/v1/accounts/verify_credentials")
    with pytest.raises(Gone):
        client.get("/api/v1/statuses/0")
    assert pacer.notes[BUCKET].remaining == 100_000 - 2


def test_a_token_that_is_the_name_of_a_file_is_not_read(box: Running, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(box.mastodon.token)
    client, _ = client_for(box.mastodon.url, str(secret))
    with pytest.raises(Permanent):
        client.get("/api/v1/accounts/verify_credentials")


def test_links_give_positions_whatever_their_host() -> None:
    header = (
        '<https://elsewhere.example/a?limit=3&max_id=01M8>; rel="next", <https://x/a?min_id=135&limit=3>; rel="prev"'
    )
    assert _links(header) == {"next": {"max_id": "01M8"}, "prev": {"min_id": "135"}}
    assert _links("") == {}
    assert _links("garbage") == {}
