"""What each refusal of a Lemmy server means, in its own words, and which version of the API is spoken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from moderation.model import Capability
from moderation.policy import Permit
from plugins.contract import (
    Act,
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
from plugins.lemmy.client import Client
from tests.contract.pictures import gasket
from tests.plugins.lemmy.answering import TOKEN, Answer, answering, json, session
from tests.plugins.lemmy.desk import Desk
from tests.support.pacer import utc_now


def failing(answer: Answer, method: str = "GET") -> ConnectorError:
    with answering(answer) as (settings, _, pacer):
        client = Client(settings, Io(frozenset({"127.0.0.1"}), pacer, utc_now))
        with pytest.raises(ConnectorError) as caught:
            if method == "GET":
                client.get("/api/v3/post", "read")
            else:
                client.write(method, "/api/v3/post/lock", "moderate", {"post_id": 1})
        client.close()
    assert TOKEN not in f"{caught.value} {caught.value.detail}"
    return caught.value


@pytest.mark.parametrize(
    ("status", "word", "kind"),
    [
        (400, "not_logged_in", CredentialsRefused),
        (400, "incorrect_login", CredentialsRefused),
        (401, "", CredentialsRefused),
        (400, "not_a_moderator", MissingRight),
        (400, "not_a_mod_or_admin", MissingRight),
        (400, "not_an_admin", MissingRight),
        (400, "not_higher_mod", MissingRight),
        (400, "person_is_banned_from_community", MissingRight),
        (403, "", MissingRight),
        (400, "couldnt_find_post", Gone),
        (404, "not_found", Gone),
        (404, "", Gone),
        (400, "deleted", Gone),
        (400, "locked", Gone),
        (400, "invalid_body_field", Permanent),
        (422, "", Permanent),
        (429, "", RateLimited),
        (400, "rate_limit_error", RateLimited),
        (503, "", Temporary),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_servers_word_decides(status: int, word: str, kind: type[ConnectorError], method: str) -> None:
    error = failing(json(status, error=word) if word else (status, {}, b""), method)
    assert type(error) is kind or (kind is Temporary and isinstance(error, Temporary))


@pytest.mark.parametrize("answer", [json(400, error="unknown"), (500, {}, b"x"), (502, {}, b"<html>"), (504, {}, b"")])
def test_a_fault_of_its_own_leaves_a_write_in_doubt(answer: Answer) -> None:
    assert type(failing(answer, "POST")) is Ambiguous
    assert type(failing(answer)) is Temporary


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"[" * 100_000, b"null", b"\xff", b'"text"'])
def test_what_is_no_object_is_no_answer(body: bytes) -> None:
    assert type(failing((200, {}, body))) is Temporary
    assert type(failing((200, {}, body), "POST")) is Ambiguous


@pytest.mark.parametrize("word", [TOKEN, [TOKEN], {"a": TOKEN}, None, 5, "x" * 10_000])
def test_an_echoed_token_or_a_strange_word_shows_nowhere(word: object) -> None:
    error = failing(json(400, error=word))
    assert len(str(error)) < 400


@pytest.mark.parametrize(
    ("header", "seconds"), [("120", 120), ("0", 1), ("9" * 30, 86_400), ("soon", 60), ("-5", 60), ("", 60)]
)
def test_a_wait_is_the_servers_or_a_minute(header: str, seconds: int) -> None:
    error = failing((429, {"Retry-After": header} if header else {}, b""))
    assert isinstance(error, RateLimited)
    assert error.retry_at is not None
    assert abs((error.retry_at - utc_now()).total_seconds() - seconds) < 20


def test_a_server_that_does_not_know_v4_is_asked_in_v3_once() -> None:
    account = {"local_user_view": {"person": {"id": 3, "name": "brava"}, "local_user": {}}, "moderates": []}
    gone, site = (404, {}, b""), json(version="0.19.5", my_user=account)
    with answering(gone, site, json(posts=[], comments=[])) as (settings, calls, pacer):
        opened = session(settings, pacer)
        page = opened.poll("")
        opened.poll(page.cursor)
        opened.close()
    paths = [call.split("?")[0] for call in calls]
    assert paths[:3] == ["GET /api/v4/site", "GET /api/v3/site", "GET /api/v3/post/list"]
    assert not any("v4" in path for path in paths[1:])


def test_a_server_in_trouble_is_not_taken_for_an_old_one() -> None:
    with answering((502, {}, b"<html>")) as (settings, calls, pacer):
        opened = session(settings, pacer)
        with pytest.raises(Temporary):
            opened.poll("")
        opened.close()
    assert calls == ["GET /api/v4/site"]


@pytest.mark.parametrize("account", [{}, {"local_user_view": []}, {"local_user_view": {"person": {"id": "3"}}}])
def test_an_account_of_another_form_is_no_answer(account: dict[str, Any]) -> None:
    with answering(json(version="1.0.0"), json(**account)) as (settings, _, pacer):
        opened = session(settings, pacer)
        with pytest.raises(Temporary):
            opened.check()
        opened.close()


@pytest.mark.parametrize(
    "row", [5, {}, {"post": {}}, {"post": {"id": "1"}}, {"post": {"id": 1, "published_at": "soon"}}]
)
def test_a_list_of_another_form_is_no_answer(row: Any) -> None:
    account = json(local_user_view={"person": {"id": 3, "name": "brava"}})
    with answering(json(), account, json(items=[row])) as (settings, _, pacer):
        opened = session(settings, pacer)
        with pytest.raises(Temporary):
            opened.poll("")
        opened.close()


# ------------------------------------------------------------------ on the sandbox


def test_calls_are_paced(desks: Callable[..., Desk]) -> None:
    desk = desks(calls_per_minute=3)
    with pytest.raises(RateLimited):
        desk.turn()
    desk.clock.ahead = timedelta(minutes=2)
    assert desk.session.poll("").deliveries is not None


def test_a_picture_at_a_strange_address_is_not_shown() -> None:
    account = json(local_user_view={"person": {"id": 3, "name": "brava"}})
    post = json(post_view={"post": {"id": 1, "published_at": "2026-03-01T10:00:00Z"}, "community": {}})
    strange = json(image_url="https://evil.example/a.png) [click](https://evil.example", filename="a.png")
    act = Act(1, Capability.REPLY, "post-1", "See below.", images=(gasket(),))
    with answering(json(), account, post, strange) as (settings, calls, pacer):
        opened = session(settings, pacer)
        with pytest.raises(Temporary, match="where it is"):
            opened.perform(Permit(1, "somebody", act.kind, act.target, utc_now()), act)
        opened.close()
    assert not any(call.startswith("POST /api/v4/comment") for call in calls)
