"""Webhooks: what is refused, what is hostile, what is kept once."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from api_support import FORUM, Desk, assert_problem, body_of, signed
from sqlalchemy import select

from service.db.models import DeliveryRow
from service.usecases import receive as receive_module

URL = "/webhooks/forum"
#: How a server hands on a chunked request.
CHUNKED = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}


def counted(desk: Desk, outcome: str) -> bool:
    return f'outcome="{outcome}"' in desk.client.get("/metrics").text


@pytest.mark.parametrize(
    "changes",
    [
        {"X-Discourse-Event-Signature": ""},
        {"X-Discourse-Event-Signature": "sha256=" + "0" * 64},
        {"X-Discourse-Event-Signature": "sha256=é"},
    ],
)
def test_refuses_what_is_not_signed_by_the_forum(desk: Desk, changes: dict[str, str]) -> None:
    body = body_of()
    assert_problem(desk.client.post(URL, data=body, headers=signed(body) | changes), 401)
    assert desk.stored() == 0
    assert counted(desk, "refused")


def test_refuses_a_signature_of_another_body(desk: Desk) -> None:
    assert_problem(desk.client.post(URL, data=body_of(2), headers=signed(body_of(1))), 401)
    assert desk.stored() == 0


def test_refuses_a_signature_by_another_secret(desk: Desk) -> None:
    body = body_of()
    assert_problem(desk.client.post(URL, data=body, headers=signed(body, secret="guess")), 401)
    assert desk.stored() == 0


@pytest.mark.parametrize("name", ["nobody", "99", "forum/x", "../forum", "%00", "FORUM"])
def test_an_unknown_connection_is_not_there(desk: Desk, name: str) -> None:
    body = body_of()
    assert_problem(desk.client.post(f"/webhooks/{name}", data=body, headers=signed(body)), 404)
    assert desk.stored() == 0


def test_a_connector_without_webhooks_is_not_there(desk: Desk) -> None:
    body = body_of()
    desk.add_archive("files")
    unknown = desk.client.post("/webhooks/nobody", data=body).get_json()
    found = assert_problem(desk.client.post("/webhooks/files", data=body), 404)
    assert found["detail"] == unknown["detail"]


def test_too_large_is_said_before_anything_is_read(make: Callable[..., Desk]) -> None:
    desk = make(max_body_bytes=1024)
    stream = io.BytesIO(b"x" * 5000)
    response = desk.client.post(URL, input_stream=stream, headers={"Content-Length": "5000"})
    assert_problem(response, 413)
    assert stream.tell() == 0


def test_too_large_without_an_announced_length(make: Callable[..., Desk]) -> None:
    desk = make(max_body_bytes=1024)
    stream = io.BytesIO(b"x" * 500_000)
    assert_problem(desk.client.post(URL, input_stream=stream, environ_overrides=CHUNKED), 413)
    assert stream.tell() < 200_000


def test_a_body_without_an_announced_length_is_taken(desk: Desk) -> None:
    body = body_of()
    response = desk.client.post(URL, input_stream=io.BytesIO(body), headers=signed(body), environ_overrides=CHUNKED)
    assert response.status_code == 202


def test_ten_megabytes_are_too_large(desk: Desk) -> None:
    body = b"[" * 10_000_000
    assert_problem(desk.client.post(URL, data=body, headers=signed(body)), 413)


def test_other_methods_are_named_as_not_allowed(desk: Desk) -> None:
    response = desk.client.get(URL)
    assert_problem(response, 405)
    assert "POST" in response.headers["Allow"]


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"post":' * 100_000,
        b"\xff\xfe\xfa",
        b"",
        b"\x00",
        b"null",
        b"[]",
        b'{"post": 1}',
        b"raw=form&a=b",
        b'{"post": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_signed_body_of_no_use_is_told_so(desk: Desk, body: bytes) -> None:
    found = assert_problem(desk.client.post(URL, data=body, headers=signed(body)), 400)
    assert found["detail"]
    assert desk.stored() == 0


def test_a_null_byte_in_a_text_is_kept_raw(desk: Desk) -> None:
    body = body_of(cooked="<p>a\x00b</p>")
    assert desk.client.post(URL, data=body, headers=signed(body)).status_code == 202
    assert desk.stored() == 1


def test_is_kept_before_it_is_accepted(desk: Desk) -> None:
    body = body_of()
    response = desk.client.post(URL, data=body, headers=signed(body))
    assert response.status_code == 202
    with desk.deps.store.read() as session:
        row = session.scalars(select(DeliveryRow)).one()
    assert (row.source, row.state, row.key) == ("webhook", "pending", "1")
    assert json.loads(row.body)["post"]["raw"] == "The pump leaks."


def test_works_by_id_too(desk: Desk) -> None:
    number = desk.add_forum("second")
    body = body_of()
    assert desk.client.post(f"/webhooks/{number}", data=body, headers=signed(body)).status_code == 202


def test_a_form_type_does_not_eat_the_body(desk: Desk) -> None:
    body = body_of()
    form = signed(body) | {"Content-Type": "application/x-www-form-urlencoded"}
    assert desk.client.post(URL, data=body, headers=form).status_code == 202
    assert desk.stored() == 1


def test_a_private_message_leaves_only_its_key(desk: Desk) -> None:
    body = body_of(topic_archetype="private_message")
    assert desk.client.post(URL, data=body, headers=signed(body)).status_code == 202
    with desk.deps.store.read() as session:
        row = session.scalars(select(DeliveryRow)).one()
    assert (row.state, row.body) == ("done", b"")


def test_a_replay_is_accepted_and_not_kept_again(desk: Desk) -> None:
    body = body_of()
    for _ in range(3):
        assert desk.client.post(URL, data=body, headers=signed(body)).status_code == 202
    assert desk.stored() == 1


def test_a_replay_under_another_event_id_is_a_delivery_of_its_own(desk: Desk) -> None:
    """The event id is not signed; the message's own id and version make reading it twice harmless."""
    body = body_of()
    for event_id in ("1", "2"):
        assert desk.client.post(URL, data=body, headers=signed(body, event_id)).status_code == 202
    assert desk.stored() == 2


def test_duplicates_from_eight_threads_are_kept_once(desk: Desk) -> None:
    body = body_of()

    def send(_: int) -> int:
        return desk.client.post(URL, data=body, headers=signed(body)).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(send, range(64))) == {202}
    assert desk.stored() == 1


def test_a_fault_of_the_connector_shows_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: Any) -> None:
        raise KeyError("the body's words")

    monkeypatch.setattr(type(desk.deps.connectors["discourse"]), "receive", fails)
    found = assert_problem(desk.client.post(URL, data=b"the body's words"), 500)
    assert "words" not in json.dumps(found)
    assert "words" not in "".join(capsys.readouterr())


def test_a_key_that_does_not_open_the_credentials_is_temporary(desk: Desk) -> None:
    desk.add_forum("sealed-otherwise", sealed=b"not ours")
    response = desk.client.post("/webhooks/sealed-otherwise", data=b"")
    assert_problem(response, 503)
    assert response.headers["Retry-After"]


def test_no_database_is_temporary(make: Callable[..., Desk]) -> None:
    desk = make(tables=False)
    response = desk.client.post(URL, data=body_of())
    assert_problem(response, 503)
    assert response.headers["Retry-After"]


def test_a_new_connection_is_known_soon_and_a_removed_one_forgotten(desk: Desk) -> None:
    now = [0.0]
    receiver = receive_module.Receiver(desk.deps, lambda: now[0])
    first = receiver.find("forum")
    assert receiver.find("forum") is first
    desk.add_forum("later")
    now[0] = 2.0
    assert receiver.find("later").name == "later"
    now[0] = 10.0
    assert receiver.find("forum") is not first


def test_the_secret_is_in_no_log(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    body = body_of()
    desk.client.post(URL, data=body, headers=signed(body))
    desk.client.post(URL, data=body, headers=signed(body, secret="x"))
    assert "webhook secret" not in "".join(capsys.readouterr())
    assert FORUM.startswith("https")
