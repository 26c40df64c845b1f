"""The People page: who may change whom, links shown once, and everything in the audit log."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from service.db import audit
from service.db.models import AuditEntry, Person
from service.deps import Deps
from service.usecases import lockout
from tests.web.desk import PASSWORD, build, post, sign_in, token
from tests.web.phone import codes_for, move_clock

NEW = "quite another password"
OWNER, MANAGER, RESPONDER, ANALYST = 1, 2, 3, 4
ACTS = ("role", "active", "unlock", "reset-factors", "link")
FIELDS = {"role": "analyst", "active": "off"}


def person(deps: Deps, person_id: int) -> Person:
    with deps.store.read() as session:
        return session.get_one(Person, person_id)


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("whom", [OWNER, MANAGER])
def test_a_manager_cannot_touch_owners_and_managers(
    as_role: Callable[[str], FlaskClient], deps: Deps, act: str, whom: int
) -> None:
    answer = post(as_role("manager"), f"/people/{whom}/{act}", **FIELDS)
    assert answer.status_code == 403
    assert "Only an owner" in answer.text
    assert (person(deps, whom).role, person(deps, whom).active) == (("owner", "manager")[whom - 1], True)


@pytest.mark.parametrize("role", ["owner", "manager"])
def test_a_manager_makes_no_owner_and_no_manager(as_role: Callable[[str], FlaskClient], deps: Deps, role: str) -> None:
    client = as_role("manager")
    assert post(client, f"/people/{RESPONDER}/role", role=role).status_code == 403
    assert post(client, "/people", username="new", role=role).status_code == 403
    assert person(deps, RESPONDER).role == "responder"
    form = client.get("/people").text
    assert 'value="owner"' not in form
    assert f"/people/{OWNER}/" not in form


@pytest.mark.parametrize("act", ["role", "active", "reset-factors"])
def test_owners_do_not_shut_themselves_out(as_role: Callable[[str], FlaskClient], deps: Deps, act: str) -> None:
    answer = post(as_role("owner"), f"/people/{OWNER}/{act}", **FIELDS)
    assert answer.status_code == 422
    assert "Nobody changes their own role" in answer.text
    assert (person(deps, OWNER).role, person(deps, OWNER).active) == ("owner", True)


@pytest.mark.parametrize("act", ACTS)
def test_changes_ask_again_who_it_is(app: Flask, as_role: Callable[[str], FlaskClient], deps: Deps, act: str) -> None:
    client = as_role("owner")
    move_clock(app, minutes=10)
    assert "Changes ask for your password first" in client.get("/people").text
    answer = post(client, f"/people/{RESPONDER}/{act}", **FIELDS)
    assert answer.headers["Location"] == "/account/prove?next=/people"
    assert post(client, "/people", username="new", role="analyst").status_code == 303
    assert (person(deps, RESPONDER).role, person(deps, RESPONDER).active) == ("responder", True)
    with deps.store.read() as session:
        assert session.query(Person).count() == 4


@pytest.mark.parametrize(
    ("username", "role", "words"),
    [
        ("OWNER ", "analyst", "under this name already"),
        ("a b", "analyst", "1 to 80 letters"),
        ("", "analyst", "1 to 80 letters"),
        ("new", "king", "no such role"),
        ("new", "", "no such role"),
    ],
)
def test_who_cannot_be_added_is_not(
    as_role: Callable[[str], FlaskClient], deps: Deps, username: str, role: str, words: str
) -> None:
    answer = post(as_role("owner"), "/people", username=username, name="<b>New", role=role)
    assert answer.status_code == 422
    assert words in answer.text
    assert "<b>New" not in answer.text
    assert "&lt;b&gt;New" in answer.text
    with deps.store.read() as session:
        assert session.query(Person).count() == 4


def test_an_invitation_is_shown_once_and_lets_in_once(
    app: Flask, as_role: Callable[[str], FlaskClient], deps: Deps
) -> None:
    client = as_role("manager")
    shown = post(client, "/people", username="Zoe", name="Zoé Ferrand", role="responder").text
    found = re.search(r'value="http://localhost(/link/[\w-]{43})"', shown)
    assert found
    assert "/link/" not in client.get("/people").text
    assert "link waits" in client.get("/people").text
    guest = app.test_client()
    page = guest.get(found.group(1))
    assert "Welcome, Zoé Ferrand" in page.text
    guest.post(found.group(1), data={"csrf_token": token(page), "new": NEW, "again": NEW})
    assert guest.get("/queue").status_code == 200
    assert sign_in(app.test_client(), "zoe", NEW).status_code == 303
    assert "does not work any more" in app.test_client().get(found.group(1)).text


def test_the_link_names_the_address_of_the_settings(tmp_path: object) -> None:
    app = build(
        tmp_path / "named",  # type: ignore[operator]
        public_url="https://desk.example/",
        database_url=f"sqlite:///{tmp_path}/named.db",
    )
    client = app.test_client()
    sign_in(client, "owner")
    assert 'value="https://desk.example/link/' in post(client, f"/people/{RESPONDER}/link").text


def test_role_off_on_unlock_factors_and_link(app: Flask, as_role: Callable[[str], FlaskClient], deps: Deps) -> None:
    client, theirs = as_role("owner"), as_role("responder")
    assert post(client, f"/people/{RESPONDER}/role", role="manager").status_code == 303
    assert person(deps, RESPONDER).role == "manager"
    assert theirs.get("/account").status_code == 302
    post(client, f"/people/{RESPONDER}/active", active="off")
    assert sign_in(app.test_client(), "responder").status_code == 401
    assert "Switched off" in client.get("/people").text
    assert post(client, f"/people/{RESPONDER}/link").status_code == 422
    post(client, f"/people/{RESPONDER}/active", active="on")
    for _ in range(lockout.TRIES - 1):  # one was made above
        lockout.guarded(deps, "responder", lambda: None)
    assert "Locked after wrong tries" in client.get("/people").text
    post(client, f"/people/{RESPONDER}/unlock")
    assert sign_in(app.test_client(), "responder").status_code == 303
    codes_for(deps, "responder")
    post(client, f"/people/{RESPONDER}/reset-factors")
    assert sign_in(app.test_client(), "responder").headers["Location"] == "/"
    assert "/link/" in post(client, f"/people/{RESPONDER}/link").text
    assert sign_in(app.test_client(), "responder", PASSWORD).status_code == 303
    with deps.store.read() as session:
        entries = session.query(AuditEntry).order_by(AuditEntry.seq).all()
        assert [e.kind.removeprefix("person:") for e in entries] == [
            *("sign_in", "sign_in", "role", "switch_off", "wrong_try", "switch_on", *["wrong_try"] * 9, "lock"),
            *("unlock", "sign_in", "codes_on", "reset_factors", "sign_in", "link", "sign_in"),
        ]
        assert audit.verify(session, deps.vault) == []


def test_somebody_unknown_is_said_to_be(as_role: Callable[[str], FlaskClient]) -> None:
    client = as_role("owner")
    for act in ACTS:
        answer = post(client, f"/people/4711/{act}", **FIELDS)
        assert (answer.status_code, "no such person" in answer.text) == (422, True)
    assert post(client, f"/people/{RESPONDER}/active").status_code == 400
    assert post(client, f"/people/{RESPONDER}/role").status_code == 422
