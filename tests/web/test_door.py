"""Signing in and out, the account, and guessing at the door."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.security import check_password_hash

from moderation.errors import BadInput
from service.app import create_app
from service.auth import passwords
from service.config import load_settings
from service.db import audit
from service.db.base import Base
from service.db.models import AuditEntry, Person
from service.deps import Deps, deps_of
from service.usecases import lockout, people
from tests.web.desk import PASSWORD, build, post, sign_in

NEW = "quite another password"


@pytest.mark.parametrize(("name", "password"), [("owner", "wrong"), ("nobody", PASSWORD), ("", ""), ("owner", "")])
def test_wrong_name_and_wrong_password_get_the_same_answer(client: FlaskClient, name: str, password: str) -> None:
    answer = sign_in(client, name, password)
    assert answer.status_code == 401
    assert "Name and password do not go together" in answer.text
    assert client.get("/queue").status_code == 302


def test_an_unknown_name_costs_the_same_work(monkeypatch: pytest.MonkeyPatch, client: FlaskClient) -> None:
    seen: list[str] = []
    real = check_password_hash

    def watched(kept: str, password: str) -> bool:
        seen.append(kept.split("$", maxsplit=1)[0])
        return real(kept, password)

    monkeypatch.setattr(passwords, "check_password_hash", watched)
    sign_in(client, "nobody")
    sign_in(client, "owner", "wrong")
    assert len(seen) == 2
    assert seen[0] == seen[1]


def test_somebody_inactive_stays_out_at_once(client: FlaskClient, deps: Deps) -> None:
    sign_in(client, "manager")
    with deps.store.write() as session:
        session.query(Person).filter_by(username="manager").update({"active": False})
    assert client.get("/queue").status_code == 302
    assert sign_in(client, "manager").status_code == 401


@pytest.mark.parametrize("name", ["owner", "nobody-of-this-name"])
def test_guessing_one_name_is_stopped_and_says_what_to_do(app: Flask, name: str) -> None:
    for number in range(10):
        client = app.test_client()
        client.environ_base["REMOTE_ADDR"] = f"192.0.2.{number}"
        assert sign_in(client, name, "guess").status_code == 401
    answer = sign_in(app.test_client(), name.upper() + " ", PASSWORD)
    assert answer.status_code == 429
    assert "Wait a few minutes" in answer.text
    assert sign_in(app.test_client(), "manager").status_code == 303


def test_a_locked_name_costs_the_same_work(monkeypatch: pytest.MonkeyPatch, client: FlaskClient, deps: Deps) -> None:
    for _ in range(lockout.TRIES):
        lockout.guarded(deps, "owner", lambda: None)
    seen: list[str] = []
    real = check_password_hash
    monkeypatch.setattr(passwords, "check_password_hash", lambda kept, given: seen.append(kept) or real(kept, given))
    assert sign_in(client, "owner").status_code == 429
    assert len(seen) == 1


def test_guessing_from_one_address_is_stopped(app: Flask) -> None:
    client = app.test_client()
    for number in range(20):
        assert sign_in(client, f"name{number}", "guess").status_code == 401
    assert sign_in(client, "owner").status_code == 429


def test_signing_in_often_is_not_guessing(app: Flask) -> None:
    for _ in range(12):
        assert sign_in(app.test_client(), "owner").status_code == 303


def test_sign_out_needs_a_form_and_works(as_role: Callable[[str], FlaskClient]) -> None:
    client = as_role("owner")
    assert client.get("/sign-out").status_code == 405
    assert post(client, "/sign-out").status_code == 303
    assert client.get("/queue").status_code == 302


def test_a_new_password_ends_every_other_session(as_role: Callable[[str], FlaskClient]) -> None:
    here, there = as_role("responder"), as_role("responder")
    answer = post(here, "/account/password", old=PASSWORD, new=NEW, again=NEW)
    assert answer.status_code == 303
    assert here.get("/account").status_code == 200
    assert there.get("/account").status_code == 302
    assert sign_in(there, "responder").status_code == 401
    assert sign_in(there, "responder", NEW).status_code == 303


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"old": "wrong", "new": NEW, "again": NEW}, 401, "not right"),
        ({"old": PASSWORD, "new": NEW, "again": NEW + "!"}, 422, "differ"),
        ({"old": PASSWORD, "new": "short", "again": "short"}, 422, "12 characters"),
        ({"old": PASSWORD, "new": "a" * 20, "again": "a" * 20}, 422, "repeats"),
    ],
)
def test_a_password_is_not_changed_lightly(
    app: Flask, as_role: Callable[[str], FlaskClient], fields: dict[str, str], status: int, words: str
) -> None:
    answer = post(as_role("owner"), "/account/password", **fields)
    assert answer.status_code == status
    assert words in answer.text
    assert sign_in(app.test_client(), "owner").status_code == 303


def test_everywhere_else_ends_every_session_but_this_one(as_role: Callable[[str], FlaskClient]) -> None:
    here, there, other = as_role("owner"), as_role("owner"), as_role("manager")
    assert post(here, "/account/sessions/end-others").status_code == 303
    assert [c.get("/account").status_code for c in (here, there, other)] == [200, 302, 200]


def test_keys_can_be_switched_off(as_role: Callable[[str], FlaskClient]) -> None:
    client = as_role("owner")
    assert 'data-keys="on"' in client.get("/queue").text
    post(client, "/account/keys", keys="off")
    assert 'data-keys="off"' in client.get("/queue").text


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(tmp_path: Path) -> None:
    client = build(tmp_path / "secure", secure_cookies=True).test_client()
    cookie = client.get("/sign-in", base_url="https://desk.example").headers["Set-Cookie"]
    assert {"Secure", "HttpOnly", "SameSite=Lax"} <= set(cookie.split("; "))


# ------------------------------------------------------------------ people


def test_the_first_owner_is_made_once_and_printed_until_changed(tmp_path: Path) -> None:
    deps = fresh(tmp_path)
    name, password = people.ensure_owner(deps)
    note = people.password_note(deps)
    assert name == "owner"
    assert password is not None
    assert stat.S_IMODE(note.stat().st_mode) == 0o600
    assert people.ensure_owner(deps) == (name, password)
    assert people.sign_in(deps, "owner", password) is not None
    people.set_password(deps, "owner", NEW)
    assert people.ensure_owner(deps) == ("owner", None)
    assert not note.exists()


@pytest.mark.parametrize(
    ("name", "role", "password"),
    [
        ("owner", "owner", None),
        ("x", "king", None),
        ("", "owner", None),
        ("a b", "owner", None),
        ("x", "owner", "short"),
    ],
)
def test_a_person_that_cannot_be_is_refused(deps: Deps, name: str, role: str, password: str | None) -> None:
    with pytest.raises(BadInput):
        people.create_person(deps, name, role, password)


def test_a_made_password_is_readable_and_never_the_same(deps: Deps) -> None:
    made = {passwords.make_password() for _ in range(50)}
    assert len(made) == 50
    assert all(len(p) == 24 and p.replace("-", "").isalpha() for p in made)
    password = people.create_person(deps, "Zoé", "analyst")
    assert people.sign_in(deps, "ZOÉ", password) is not None


def test_people_leave_their_pseudonym_in_the_log_never_their_name(deps: Deps) -> None:
    known = people.sign_in(deps, "owner", PASSWORD)
    assert known is not None
    people.set_password(deps, known.username, NEW, known.actor)
    with deps.store.read() as session:
        entries = session.query(AuditEntry).all()
        assert [e.kind for e in entries] == ["person:password"]
        assert "owner" not in entries[-1].actor
        assert people.names_by_actor(session)[entries[-1].actor] == "owner"
        assert audit.verify(session, deps.vault) == []


def fresh(folder: Path) -> Deps:
    app = create_app(load_settings(data_dir=folder / "fresh"), web=False)
    Base.metadata.create_all(deps_of(app).store.engine)
    return deps_of(app)
