"""What each refusal and fault of a forum means, over a real socket."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest

from moderation.errors import BadInput
from moderation.model import Capability
from plugins.contract import (
    Ambiguous,
    ConnectorError,
    CredentialsRefused,
    Gone,
    Io,
    MissingRight,
    Permanent,
    RateLimited,
    Temporary,
)
from plugins.discourse import connector
from plugins.discourse.client import Client
from plugins.discourse.settings import DiscourseSettings
from plugins.net import AddressBlocked, bounds
from tests.plugins.discourse.desk import Clock, Desk
from tests.sandbox_server import Running
from tests.support.pacer import MemoryPacer

NOWHERE = DiscourseSettings.model_validate({"url": "http://127.0.0.1:9", "api_key": "key-9", "api_username": "brava"})


def client_of(desk: Desk) -> Client:
    return desk.session._client


def refusal(status: int, **answer: Any) -> ConnectorError:
    """What an answer of the forum becomes."""
    client = Client(NOWHERE, io_of(frozenset({"127.0.0.1"})))
    try:
        return client._error(httpx.Response(status, **answer), "GET /x", "read posts")
    finally:
        client.close()


def io_of(allow_private: frozenset[str]) -> Io:
    return Io(allow_private, MemoryPacer(), Clock())


def test_a_limit_on_one_action_stops_that_action_only(desk: Desk, box: Running) -> None:
    box.fail("discourse_429", path="/posts.json", seconds=17)
    with pytest.raises(RateLimited) as caught:
        desk.page()
    assert caught.value.whole_site is False
    assert caught.value.retry_at is not None
    assert 15 <= (caught.value.retry_at - desk.clock()).total_seconds() <= 17
    assert desk.pacer.blocks == {}
    desk.page()


def test_a_limit_on_everything_stops_every_call(desk: Desk, box: Running) -> None:
    box.fail("discourse_global_429", seconds=40)
    with pytest.raises(RateLimited) as caught:
        desk.page()
    assert caught.value.whole_site is True
    assert set(desk.pacer.blocks) == {"*"}
    calls = len(desk.pacer.taken["admin"])
    with pytest.raises(RateLimited):
        desk.session.check()
    assert len(desk.pacer.taken["admin"]) == calls
    desk.clock.pass_seconds(41)
    desk.page()


def test_our_own_pace_holds_before_the_forums_limit_is_met(desks: Callable[..., Desk], box: Running) -> None:
    with box.world.lock:
        box.world.options.admin_calls_per_minute = 5
    desk = desks(calls_per_minute=5)
    for _ in range(2):
        with pytest.raises(RateLimited) as caught:
            desk.turns(4)
        assert caught.value.whole_site is False
        desk.clock.pass_seconds(61)
        with box.world.lock:
            box.world.windows._open.clear()


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_fault_of_the_forum_is_temporary(desk: Desk, box: Running, status: int) -> None:
    box.fail("server_error", path="/posts.json", status=status)
    with pytest.raises(Temporary) as caught:
        desk.page()
    assert caught.value.status == status
    assert "<" not in str(caught.value)


@pytest.mark.parametrize("kind", ["broken_json", "empty", "gzip_bomb", "invalid_utf8"])
def test_an_answer_of_no_use_is_temporary_and_leaves_the_cursor(desk: Desk, box: Running, kind: str) -> None:
    box.fail(kind, path="/posts.json")
    with pytest.raises(Temporary):
        desk.page()
    assert len(desk.turn()) > 3


def test_a_true_answer_under_a_wrong_type_is_read(desk: Desk, box: Running) -> None:
    box.fail("wrong_type", path="/posts.json")
    assert len(desk.page().deliveries) == 4


def test_null_characters_do_not_pass(desk: Desk, box: Running) -> None:
    box.fail("null_bytes", path="/posts.json")
    for delivery in desk.page().deliveries:
        with suppress(BadInput):
            assert all("\x00" not in repr(e) for e in desk.events([delivery]))


def test_silence_is_temporary(desk: Desk, box: Running) -> None:
    box.fail("timeout_before", path="/posts.json", seconds=0.2)
    with pytest.raises(Temporary):
        desk.page()


def test_a_byte_a_second_is_cut_off(desk: Desk, box: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "CALL_SECONDS", 1.5)
    box.fail("drip", path="/site.json")
    with pytest.raises(Temporary):
        desk.page()


def test_a_redirect_is_not_followed(desk: Desk, box: Running) -> None:
    box.fail("redirect", path="/site.json")
    with pytest.raises(Permanent):
        desk.page()


def test_a_wrong_key_is_refused_and_never_shown(desks: Callable[..., Desk]) -> None:
    desk = desks(api_key="wrong-key-0123456789")
    with pytest.raises(CredentialsRefused) as caught:
        desk.session.check()
    assert "wrong-key" not in f"{caught.value} {caught.value.detail}"


def test_a_forum_that_echoes_the_key_does_not_put_it_in_our_words() -> None:
    error = refusal(422, json={"errors": ["bad key key-9"]})
    assert "key-9" not in f"{error} {error.detail}"
    assert "bad key …" in str(error)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, b"", CredentialsRefused),
        (403, b'{"errors":["You need to be logged in to do that."],"error_type":"not_logged_in"}', CredentialsRefused),
        (403, b'{"errors":["The API username or key is invalid."],"error_type":"invalid_access"}', CredentialsRefused),
        (403, b'{"errors":["You are not permitted."],"error_type":"invalid_access"}', MissingRight),
        (403, b"<html>Firewall</html>", MissingRight),
        (404, b"<html>", Gone),
        (410, b"{}", Gone),
        (422, b'{"errors":["Body is too short"]}', Permanent),
        (400, b"[" * 100_000, Permanent),
        (429, b"<html>Slow down</html>", RateLimited),
        (429, b'{"extras":{"wait_seconds":"soon"}}', RateLimited),
        (429, b'{"extras":{"wait_seconds":1e400}}', RateLimited),
        (408, b"", Temporary),
        (503, b"<html>", Temporary),
    ],
)
def test_refusals_by_status_and_body(status: int, body: bytes, kind: type[ConnectorError]) -> None:
    error = refusal(status, content=body)
    assert type(error) is kind or (kind is Temporary and isinstance(error, Temporary))
    assert "<" not in str(error)


@pytest.mark.parametrize(
    ("headers", "wait", "seconds"),
    [
        ({"retry-after": "30"}, 10, 30),
        ({"retry-after": "5"}, 10, 10),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 10, 10),
        ({"retry-after": "never"}, None, 60),
        ({"retry-after": "99999999999999"}, 1, 86_400),
        ({}, None, 60),
    ],
)
def test_the_longer_wait_counts(headers: dict[str, str], wait: int | None, seconds: int) -> None:
    body: dict[str, Any] = {} if wait is None else {"extras": {"wait_seconds": wait}}
    error = refusal(429, headers=headers, json=body)
    assert isinstance(error, RateLimited)
    assert error.retry_at is not None
    assert abs((error.retry_at - Clock()()).total_seconds() - seconds) < 2


@pytest.mark.parametrize("kind", ["timeout_before", "timeout_after", "broken_json"])
def test_a_write_without_a_clear_answer_is_ambiguous(desk: Desk, box: Running, kind: str) -> None:
    box.fail(kind, method="PUT", seconds=0.2)
    with pytest.raises(Ambiguous):
        client_of(desk).write("PUT", "/t/1/status.json", "close topics", {"status": "closed", "enabled": "true"})


@pytest.mark.parametrize(("status", "error"), [(500, Ambiguous), (502, Ambiguous), (504, Ambiguous), (503, Temporary)])
def test_a_write_that_met_a_fault(desk: Desk, box: Running, status: int, error: type[ConnectorError]) -> None:
    box.fail("server_error", method="PUT", status=status)
    with pytest.raises(error):
        client_of(desk).write("PUT", "/t/1/status.json", "close topics", {"status": "closed", "enabled": "true"})


def test_a_write_that_never_left_is_temporary() -> None:
    client = Client(NOWHERE, io_of(frozenset({"127.0.0.1"})))
    with pytest.raises(Temporary, match="cannot be reached"):
        client.write("POST", "/posts.json", "write")
    client.close()


def test_an_address_of_a_private_network_is_blocked() -> None:
    client = Client(NOWHERE.model_copy(update={"url": "https://127.0.0.1"}), io_of(frozenset()))
    with pytest.raises(AddressBlocked):
        client.get("/site.json", "read")
    client.close()
    with pytest.raises(AddressBlocked):
        Client(NOWHERE, io_of(frozenset()))


def test_a_check_names_the_account_and_what_it_may(desk: Desk, desks: Callable[..., Desk]) -> None:
    found = desk.session.check()
    assert (found.account, found.server, found.missing) == ("brava", "Discourse 2026.9.0", ())
    assert found.may == connector.capabilities
    plain = desks(api_username="ines", webhook_secret=None).session.check()
    assert (plain.account, set(plain.may)) == ("ines", {"reply", "edit", "delete"})
    assert "moderator" in plain.missing[0]
    assert plain.lacks.keys() == connector.capabilities - plain.may
    assert len(plain.notes) == 3


def test_a_key_limited_to_scopes_is_not_offered_the_flags_it_cannot_see(desk: Desk, box: Running) -> None:
    box.fail("server_error", path="/session/current.json", status=403)
    assert desk.session.check().may == connector.capabilities
    for path in ("/session/current.json", "/review.json", "/site/settings.json"):
        box.fail("server_error", path=path, status=403)
    hidden = {Capability.RESOLVE_REPORT, Capability.MARK_ANSWER}
    found = desk.session.check()
    assert found.may == connector.capabilities - hidden
    assert found.lacks.keys() == hidden
