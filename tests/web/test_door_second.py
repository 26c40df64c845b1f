"""The second step, one-time links and the session cookie, as a browser meets them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from service.db.models import AuditEntry, Person
from service.db.people_tables import CodeFactor, SignIn
from service.deps import Deps, deps_of
from service.usecases import factors, invitations, people
from service.usecases.people import Known
from tests.web.desk import PASSWORD, build, post, sign_in, token
from tests.web.phone import codes_for, move_clock

NEW = "quite another password"


def second(client: FlaskClient, code: str, **fields: str) -> TestResponse:
    csrf_token = token(client.get("/sign-in"))
    return client.post("/sign-in/code", data={"csrf_token": csrf_token, "code": code, **fields})


@pytest.fixture
def phone(deps: Deps) -> pyotp.TOTP:
    """The owner's app, set up five minutes ago."""
    return codes_for(deps, "owner")


# ------------------------------------------------------------------ refused


def test_a_right_password_alone_opens_nothing(client: FlaskClient, phone: pyotp.TOTP, deps: Deps) -> None:
    answer = sign_in(client, "owner", next="/connections")
    assert answer.headers["Location"] == "/sign-in?next=/connections"
    assert client.get("/queue").status_code == 302
    assert client.get("/account").status_code == 302
    page = client.get("/sign-in?next=/connections").text
    assert "Is it really you?" in page
    assert 'autocomplete="one-time-code"' in page
    with deps.store.read() as session:
        assert session.query(SignIn).count() == 0


def test_the_second_step_without_the_first_opens_nothing(client: FlaskClient, phone: pyotp.TOTP) -> None:
    answer = second(client, phone.now())
    assert answer.status_code == 401
    assert "Begin again" in answer.text
    assert client.get("/queue").status_code == 302


def test_a_wrong_code_a_used_one_and_one_of_another_time_are_refused(app: Flask, phone: pyotp.TOTP) -> None:
    code = phone.now()
    assert signed_in(app, code)
    for wrong in (code, "000000", "", "abcd-efgh", phone.at(datetime.now() - timedelta(minutes=3))):
        assert not signed_in(app, wrong)


def signed_in(app: Flask, code: str) -> bool:
    client = app.test_client()
    sign_in(client, "owner")
    answer = second(client, code)
    assert answer.status_code in (303, 401)
    return client.get("/queue").status_code == 200


def test_guessing_codes_locks_the_name_and_uses_nothing_up(app: Flask, phone: pyotp.TOTP, deps: Deps) -> None:
    for number in range(10):
        client = app.test_client()
        client.environ_base["REMOTE_ADDR"] = f"192.0.2.{number}"
        assert sign_in(client, "owner").status_code == 303
        assert second(client, "000000").status_code == 401
    client.environ_base["REMOTE_ADDR"] = "192.0.2.99"
    assert second(client, phone.now()).status_code == 429
    with deps.store.read() as session:
        assert session.get_one(CodeFactor, 1).last_step < phone.timecode(datetime.now()) - 5


def test_a_first_step_is_forgotten_after_ten_minutes(app: Flask, phone: pyotp.TOTP) -> None:
    client = app.test_client()
    sign_in(client, "owner")
    move_clock(app, minutes=10)
    assert "Is it really you?" not in client.get("/sign-in").text
    client = app.test_client()
    sign_in(client, "owner")
    assert "Is it really you?" in client.get("/sign-in").text


def test_a_first_step_dies_with_the_password(client: FlaskClient, phone: pyotp.TOTP, deps: Deps) -> None:
    sign_in(client, "owner")
    people.set_password(deps, "owner", NEW)
    assert "Is it really you?" not in client.get("/sign-in").text


def test_beginning_again_forgets_the_first_step(client: FlaskClient, phone: pyotp.TOTP) -> None:
    sign_in(client, "owner")
    client.post("/sign-in/again", data={"csrf_token": token(client.get("/sign-in"))})
    assert "Is it really you?" not in client.get("/sign-in").text


def test_a_session_copied_before_a_sign_in_is_worth_nothing_after_it(app: Flask) -> None:
    """Fixation: whoever planted a cookie does not own what it becomes; who kept an old one owns nothing."""
    planted = app.test_client()
    planted.get("/sign-in")
    cookie = planted.get_cookie("tenth")
    assert cookie is not None
    victim = app.test_client()
    victim.set_cookie("tenth", cookie.value)
    sign_in(victim, "owner")
    assert victim.get("/queue").status_code == 200
    assert planted.get("/queue").status_code == 302
    old = victim.get_cookie("tenth")
    assert old is not None
    sign_out(victim)
    thief = app.test_client()
    thief.set_cookie("tenth", old.value)
    assert thief.get("/queue").status_code == 302


def sign_out(client: FlaskClient) -> None:
    assert post(client, "/sign-out").status_code == 303


# ------------------------------------------------------------------ done


def test_password_and_code_open_the_page_asked_for(client: FlaskClient, phone: pyotp.TOTP, deps: Deps) -> None:
    sign_in(client, "owner", next="/connections")
    answer = second(client, phone.now(), next="/connections")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/connections")
    assert client.get("/connections").status_code == 200
    with deps.store.read() as session:
        assert [row.method for row in session.query(SignIn)] == ["code"]


def test_a_recovery_code_opens_once(app: Flask, phone: pyotp.TOTP, deps: Deps) -> None:
    known = people.sign_in(deps, "owner", PASSWORD)
    assert known is not None
    code = factors.make_recovery_codes(deps, known)[3]
    assert signed_in(app, code)
    assert not signed_in(app, code)


def test_a_session_ends_by_idleness_though_a_page_asks_for_news(app: Flask, as_role: Any) -> None:
    client = as_role("owner")
    move_clock(app, hours=11)
    assert client.get("/queue/news", headers={"Accept": "application/json"}).status_code != 302
    move_clock(app, hours=13)
    assert client.get("/queue").status_code == 302


def test_owners_and_managers_are_held_at_their_account_where_a_second_factor_is_required(tmp_path: Any) -> None:
    app = build(tmp_path / "strict", require_second_factor=True, database_url=f"sqlite:///{tmp_path / 'strict.db'}")
    for role in ("owner", "manager", "responder"):
        client = app.test_client()
        sign_in(client, role)
        held = role != "responder"
        assert client.get("/queue").status_code == (302 if held else 200)
        assert client.get("/account").status_code == 200
        assert ("Only a password guards" in client.get("/account").text) is held
        assert client.get("/about/reading").status_code == 200
        if held:
            assert client.get("/queue").headers["Location"] == "/account"
            assert post(client, "/stop").status_code == 403
    phone = codes_for(deps_of(app), "owner")
    client = app.test_client()
    sign_in(client, "owner")
    second(client, phone.now())
    assert client.get("/queue").status_code == 200


# ------------------------------------------------------------------ links


@pytest.fixture
def link(deps: Deps) -> str:
    return invitations.address("", invitations.make_link(deps, "responder"))


def use(client: FlaskClient, link: str, new: str = NEW, again: str = NEW) -> TestResponse:
    return client.post(link, data={"csrf_token": token(client.get(link)), "new": new, "again": again})


def test_looking_at_a_link_does_not_use_it_up(client: FlaskClient, link: str) -> None:
    for _ in range(3):
        assert "Welcome, responder" in client.get(link).text
    answer = use(client, link)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert client.get("/queue").status_code == 200
    assert "does not work any more" in client.get(link).text


@pytest.mark.parametrize(("new", "again"), [("short", "short"), (NEW, NEW + "!"), ("a" * 20, "a" * 20)])
def test_a_link_takes_no_weak_password_and_still_works(client: FlaskClient, link: str, new: str, again: str) -> None:
    answer = use(client, link, new, again)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert use(client, link).status_code == 303


@pytest.mark.parametrize("token", ["none", "x" * 500, "%00", "..%2f..", "<b>"])
def test_a_made_up_link_says_what_to_do(client: FlaskClient, token: str) -> None:
    answer = client.get(f"/link/{token}")
    assert answer.status_code in (200, 404)
    assert "<b>" not in answer.text.replace("<b>", "", answer.text.count("<b><bdi>"))


def test_guessing_links_is_stopped(client: FlaskClient, link: str) -> None:
    csrf_token = token(client.get(link))
    fields = {"csrf_token": csrf_token, "new": NEW, "again": NEW}
    codes = [client.post(f"/link/guess{n}", data=fields).status_code for n in range(21)]
    assert codes == [401] * 20 + [429]


def test_a_link_does_not_go_around_the_second_factor(client: FlaskClient, deps: Deps) -> None:
    phone = codes_for(deps, "responder")
    link = invitations.address("", invitations.make_link(deps, "responder"))
    answer = use(client, link)
    assert answer.headers["Location"] == "/sign-in?next=/"
    assert client.get("/queue").status_code == 302
    assert second(client, phone.now()).status_code == 303


def test_a_link_ends_the_sessions_of_who_forgot(app: Flask, as_role: Callable[[str], FlaskClient], link: str) -> None:
    there = as_role("responder")
    assert use(app.test_client(), link).status_code == 303
    assert there.get("/queue").status_code == 302


def test_what_happens_at_the_door_is_written_down(app: Flask, phone: pyotp.TOTP, deps: Deps, link: str) -> None:
    use(app.test_client(), link)
    with deps.store.read() as session:
        kinds = [e.kind for e in session.query(AuditEntry).order_by(AuditEntry.seq)]
        assert kinds == ["person:codes_on", "person:link", "person:password", "person:sign_in"]
        assert session.query(Person).filter_by(username="responder").one().active


def test_the_cookie_holds_no_id_and_no_key_of_the_person(client: FlaskClient, deps: Deps) -> None:
    sign_in(client, "owner")
    with client.session_transaction() as kept:
        held = dict(kept)
    known: Known | None = people.sign_in(deps, "owner", PASSWORD)
    assert known is not None
    assert known.session_key not in str(held)
    assert len(held["_user_id"]) == 43
