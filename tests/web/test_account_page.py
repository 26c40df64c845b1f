"""The account page: sessions, second factors and showing again who one is. Refused cases first."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from service.db.models import AuditEntry
from service.db.people_tables import CodeFactor, Passkey, SignIn
from service.deps import Deps
from service.usecases import factors, people
from tests.support.authenticator import Device
from tests.web.desk import PASSWORD, post, sign_in, token
from tests.web.phone import codes_for, move_clock

HOME = "http://localhost"
CHANGES = (
    *("/account/codes/begin", "/account/codes", "/account/codes/remove", "/account/recovery"),
    *("/account/passkeys/ask", "/account/passkeys", "/account/passkeys/1/remove"),
)


def send(client: FlaskClient, address: str, answer: Any = None, **more: Any) -> TestResponse:
    """What the script sends."""
    page = client.get("/account" if address.startswith("/account") else "/sign-in")
    headers = {"X-CSRFToken": token(page), "Accept": "application/json"}
    return client.post(address, json={"answer": answer} if answer is not None else {}, headers=headers, **more)


def with_passkey(client: FlaskClient) -> Device:
    options = send(client, "/account/passkeys/ask")
    assert options.status_code == 200
    device = Device(HOME)
    assert send(client, "/account/passkeys", device.make(options.json)).json == {"next": "/account#factors"}
    return device


# ------------------------------------------------------------------ refused


@pytest.mark.parametrize("address", CHANGES)
def test_changing_how_one_signs_in_asks_again_who_it_is(
    app: Flask, as_role: Callable[[str], FlaskClient], address: str, deps: Deps
) -> None:
    client = as_role("owner")
    move_clock(app, minutes=10)
    answer = post(client, address)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account/prove?next=/account")
    assert send(client, address).status_code == 401
    with deps.store.read() as session:
        assert session.query(CodeFactor).count() == 0
        assert [e.kind for e in session.query(AuditEntry)] == ["person:sign_in"]


def test_a_wrong_password_proves_nothing_and_is_counted(app: Flask, as_role: Callable[[str], FlaskClient]) -> None:
    client = as_role("owner")
    move_clock(app, minutes=11)
    for number in range(10):
        client.environ_base["REMOTE_ADDR"] = f"192.0.2.{number}"
        assert post(client, "/account/prove", password="wrong").status_code == 401
    client.environ_base["REMOTE_ADDR"] = "192.0.2.99"
    assert post(client, "/account/prove", password=PASSWORD).status_code == 429
    assert post(client, "/account/password", old=PASSWORD, new="x" * 20, again="x" * 20).status_code == 429
    assert post(client, "/account/codes/begin").headers["Location"].startswith("/account/prove")


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example"])
def test_after_the_proof_only_our_own_paths_are_followed(as_role: Callable[[str], FlaskClient], target: str) -> None:
    answer = post(as_role("owner"), "/account/prove", password=PASSWORD, next=target)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account")


def test_passkeys_are_refused_on_a_host_that_is_not_ours(as_role: Callable[[str], FlaskClient]) -> None:
    client = as_role("owner")
    evil = "http://evil.example"
    assert sign_in_at(client, evil).status_code == 403
    assert "data-passkey" not in client.get("/sign-in", base_url=evil, follow_redirects=True).text


def sign_in_at(client: FlaskClient, base: str) -> TestResponse:
    csrf_token = token(client.get("/sign-in", base_url=base))
    return client.post("/sign-in/passkey/ask", json={}, headers={"X-CSRFToken": csrf_token}, base_url=base)


@pytest.mark.parametrize("address", ["/sign-in/passkey/ask", "/sign-in/passkey"])
def test_a_passkey_call_without_token_or_from_another_site_is_refused(client: FlaskClient, address: str) -> None:
    assert client.post(address, json={}).status_code == 400
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "cross-site"
    assert send(client, address).status_code == 403


def test_an_answer_to_one_question_is_none_to_another(app: Flask, as_role: Callable[[str], FlaskClient]) -> None:
    client = as_role("owner")
    device = with_passkey(client)
    asked = send(client, "/account/prove/passkey/ask").json
    assert send(client, "/account/passkeys", device.make(_as_creation(asked))).status_code == 422
    door = app.test_client()
    asked = send(door, "/sign-in/passkey/ask").json
    assert send(client, "/account/prove/passkey", device.use(asked)).status_code == 401


def _as_creation(asked: Any) -> dict[str, Any]:
    return {"challenge": asked["challenge"], "rp": {"id": asked["rpId"]}, "user": {"id": "AAAA"}}


def test_the_passkey_of_a_colleague_proves_nothing(app: Flask, as_role: Callable[[str], FlaskClient]) -> None:
    device = with_passkey(as_role("manager"))
    client = as_role("owner")
    move_clock(app, minutes=4)
    asked = send(client, "/account/prove/passkey/ask").json
    assert send(client, "/account/prove/passkey", device.use(asked)).status_code == 401


def test_a_replayed_answer_opens_nothing(app: Flask, as_role: Callable[[str], FlaskClient]) -> None:
    device = with_passkey(as_role("owner"))
    client, thief = app.test_client(), app.test_client()
    asked = send(client, "/sign-in/passkey/ask").json
    cookie = client.get_cookie("tenth", "localhost")
    assert cookie is not None
    thief.set_cookie("tenth", cookie.value, domain="localhost")
    device.count = -1
    answer = device.use(asked)
    assert send(client, "/sign-in/passkey", answer).status_code == 200
    refused = send(thief, "/sign-in/passkey", answer)
    assert refused.status_code == 401
    assert "not accepted" in refused.json["problem"]
    assert thief.get("/queue").status_code == 302


def test_nobody_ends_the_session_or_takes_the_passkey_of_another(
    as_role: Callable[[str], FlaskClient], deps: Deps
) -> None:
    there = as_role("owner")
    with_passkey(there)
    client = as_role("manager")
    with deps.store.read() as session:
        ids = [row.id for row in session.query(SignIn).filter_by(person_id=1)]
    assert post(client, f"/account/sessions/{ids[0]}/end").status_code == 303
    assert post(client, "/account/passkeys/1/remove").status_code == 400
    assert post(client, "/account/passkeys/1/name", name="mine").status_code == 400
    assert there.get("/account").status_code == 200
    with deps.store.read() as session:
        assert session.query(Passkey).count() == 1


# ------------------------------------------------------------------ done


def test_the_proof_lasts_ten_minutes(app: Flask, as_role: Callable[[str], FlaskClient]) -> None:
    client = as_role("owner")
    move_clock(app, minutes=30)
    page = client.get("/account/prove?next=/account/codes").text
    assert "Is it you?" in page
    assert post(client, "/account/prove", password=PASSWORD, next="/account").headers["Location"] == "/account"
    assert post(client, "/account/codes/begin").headers["Location"] == "/account/codes"
    move_clock(app, minutes=41)
    assert client.get("/account/codes").headers["Location"].startswith("/account/prove")


def test_a_session_copied_before_a_proof_is_worth_nothing_after_it(
    app: Flask, as_role: Callable[[str], FlaskClient]
) -> None:
    client = as_role("owner")
    before = client.get_cookie("tenth")
    assert before is not None
    move_clock(app, minutes=30)
    assert post(client, "/account/prove", password=PASSWORD).status_code == 303
    thief = app.test_client()
    thief.set_cookie("tenth", before.value)
    assert thief.get("/account").status_code == 302
    assert client.get("/account").status_code == 200


@pytest.mark.parametrize("role", ["owner", "responder", "analyst"])
def test_every_page_has_a_way_out(app: Flask, as_role: Callable[[str], FlaskClient], role: str) -> None:
    client = as_role(role)
    for page in ("/queue", "/account", "/connections", "/quality", "/about/reading", "/teams"):
        found = client.get(page)
        assert found.status_code == 200
        assert found.text.count('action="/sign-out"') == 1


def test_codes_are_set_up_with_picture_text_and_recovery_codes(
    app: Flask, as_role: Callable[[str], FlaskClient], deps: Deps
) -> None:
    client = as_role("owner")
    assert client.get("/account/codes").headers["Location"] == "/account#factors"
    assert client.get("/account/codes/picture.svg").status_code == 404
    assert post(client, "/account/recovery").status_code == 400
    page = client.get(post(client, "/account/codes/begin").headers["Location"]).text
    found = re.search(r'class="secret">([A-Z2-7 ]+)<', page)
    assert found
    phone = pyotp.TOTP(found.group(1).replace(" ", ""))
    picture = client.get("/account/codes/picture.svg")
    assert (picture.content_type, picture.headers["Cache-Control"]) == ("image/svg+xml; charset=utf-8", "no-store")
    assert b"<svg" in picture.data
    assert post(client, "/account/codes", code="000000").status_code == 422
    done = post(client, "/account/codes", code=phone.now())
    codes = re.findall(r"<code>([a-z2-9-]+)</code>", done.text)
    assert len(codes) == 10
    assert client.get("/account/codes/picture.svg").status_code == 404
    assert "10 left" in client.get("/account").text
    again = re.findall(r"<code>([a-z2-9-]+)</code>", post(client, "/account/recovery").text)
    assert not set(again) & set(codes)
    assert post(client, "/account/codes/remove").status_code == 303
    assert not factors.of_person(deps, 1).second
    with deps.store.read() as session:
        kinds = [e.kind for e in session.query(AuditEntry).order_by(AuditEntry.seq)]
    assert kinds[1:] == ["person:codes_on", "person:recovery_codes", "person:recovery_codes", "person:codes_off"]


def test_a_passkey_signs_in_alone_and_is_named_and_removed(
    app: Flask, as_role: Callable[[str], FlaskClient], deps: Deps
) -> None:
    first = as_role("owner")
    device = with_passkey(first)
    assert "The passkey is kept" in first.get("/account").text
    client = app.test_client()
    sign_in(client, "owner")
    assert "Is it really you?" in client.get("/sign-in").text  # a password alone is not enough any more
    asked = send(client, "/sign-in/passkey/ask").json
    entered = send(client, "/sign-in/passkey", device.use(asked), query_string={"next": "/connections"})
    assert entered.json == {"next": "/connections"}
    assert client.get("/connections").status_code == 200
    post(client, "/account/passkeys/1/name", name="Blue key")
    assert 'value="Blue key"' in client.get("/account").text
    move_clock(app, minutes=10)
    fresh = send(client, "/account/prove/passkey/ask").json
    assert send(client, "/account/prove/passkey", device.use(fresh)).status_code == 200
    assert post(client, "/account/passkeys/1/remove").headers["Location"] == "/account#factors"
    with deps.store.read() as session:
        assert session.query(Passkey).count() == 0


def test_a_locked_name_is_opened_by_its_passkey(app: Flask, as_role: Callable[[str], FlaskClient]) -> None:
    device = with_passkey(as_role("owner"))
    for number in range(10):
        client = app.test_client()
        client.environ_base["REMOTE_ADDR"] = f"192.0.2.{number}"
        sign_in(client, "owner", "wrong")
    assert sign_in(app.test_client(), "owner").status_code == 429
    client = app.test_client()
    asked = send(client, "/sign-in/passkey/ask").json
    assert send(client, "/sign-in/passkey", device.use(asked)).status_code == 200


def test_sessions_are_listed_and_ended_one_by_one(app: Flask, as_role: Callable[[str], FlaskClient]) -> None:
    here = as_role("owner")
    there = app.test_client()
    there.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (Android 15) Firefox/140.0 <b>"
    sign_in(there, "owner")
    page = here.get("/account").text
    assert "Firefox · Android" in page
    assert "by password" in page
    found = re.search(r'action="(/account/sessions/\d+/end)"[^>]*>(?:(?!</form>).)*Firefox', page, re.DOTALL)
    assert found
    post(here, found.group(1))
    assert there.get("/account").status_code == 302
    assert "Firefox" not in here.get("/account").text
    own = re.search(r'action="(/account/sessions/\d+/end)"', here.get("/account").text)
    assert own
    assert post(here, own.group(1)).headers["Location"] == "/sign-in"
    assert here.get("/account").status_code == 302


@pytest.mark.parametrize("role", ["owner", "manager", "responder", "analyst"])
def test_who_may_do_much_is_reminded_until_a_second_factor_is_there(
    as_role: Callable[[str], FlaskClient], deps: Deps, role: str
) -> None:
    client = as_role(role)
    reminded = "Only a password guards your role" in client.get("/account").text
    assert reminded is (role in ("owner", "manager"))
    codes_for(deps, role)
    assert "Only a password guards your role" not in client.get("/account").text


def test_a_password_of_one_sign_is_refused_in_the_readers_language(as_role: Callable[[str], FlaskClient]) -> None:
    client = as_role("owner")
    answer = post(client, "/account/password", old=PASSWORD, new="x" * 300, again="x" * 300)
    assert answer.status_code == 422
    assert "12 to 200" in answer.text


def test_no_secret_stands_on_the_account_page(as_role: Callable[[str], FlaskClient], deps: Deps) -> None:
    client = as_role("owner")
    with_passkey(client)
    phone = codes_for(deps, "owner")
    page = client.get("/account").text
    known = people.sign_in(deps, "owner", PASSWORD)
    assert known is not None
    for secret in (phone.secret, known.session_key, json.dumps(PASSWORD)):
        assert secret not in page
