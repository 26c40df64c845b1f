"""The page of grants: who sees what, each step by a form, refusals in words, a stranger sees nothing of anybody."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from service.auth.external.proof import Proof, Provider
from service.db.models import Author, Connection, Person
from service.deps import Deps, deps_of
from service.usecases.granted import grants
from service.usecases.identities import link
from service.usecases.people import create_person, known_person
from tests.web.desk import PASSWORD, Seeder, post, sign_in

WORDS = "Will you keep an eye on Help, for three months, by our charter?"


@pytest.fixture
def forum(app: Flask) -> Deps:
    """A forum where nadia writes, who has an account here and has proven it."""
    deps = deps_of(app)
    seed = Seeder(deps)
    connection_id = seed.connection()
    with deps.store.write() as session:
        connection = session.get_one(Connection, connection_id)
        connection.connector, connection.url = "discourse", "http://forum.example"
        session.add(Author(connection_id=connection_id, remote_id="77", handle="nadia", first_seen_at=seed.now))
    create_person(deps, "nadia", "rock_star", PASSWORD)
    with deps.store.read() as session:
        person_id = session.scalars(select(Person.id).where(Person.username == "nadia")).one()
    nadia = known_person(deps, person_id)
    assert nadia is not None
    link(deps, nadia, Proof(Provider.DISCOURSE, "http://forum.example", "77", "nadia"))
    return deps


def propose(client: FlaskClient, **fields: str) -> int:
    form = {"handle": "nadia", "place": "1:", "template": "night_watch", "reason": "Answers well."} | fields
    return post(client, "/grants", **form).status_code


@pytest.mark.parametrize("role", ["responder", "analyst"])
def test_only_managers_see_all_and_change_anything(
    forum: Deps, as_role: Callable[[str], FlaskClient], role: str
) -> None:
    assert propose(as_role("manager")) == 303
    page = as_role(role).get("/grants")
    assert page.status_code == 200
    assert "nadia" not in page.text
    for address in ("/grants", "/grants/1/offer", "/grants/1/decide", "/grants/compare", "/grants/drift/1"):
        assert post(as_role(role), address).status_code == 403


def test_a_grant_goes_its_whole_way_by_forms(app: Flask, forum: Deps, as_role: Callable[[str], FlaskClient]) -> None:
    manager = as_role("manager")
    assert propose(manager, handle="nobody") == 422
    assert propose(manager, place="9:9") == 422
    assert propose(manager, template="king") == 422
    assert propose(manager) == 303
    number = grants(forum)[0].id
    assert post(manager, f"/grants/{number}/offer", message=" ").status_code == 422
    assert post(manager, f"/grants/{number}/offer", message=WORDS).status_code == 303
    assert post(manager, f"/grants/{number}/answer", answer="yes").status_code == 422

    nadia = app.test_client()
    sign_in(nadia, "nadia")
    page = nadia.get("/grants")
    assert WORDS in page.text
    assert "Propose somebody" not in page.text
    assert post(nadia, f"/grants/{number}/answer", answer="yes").status_code == 303
    assert grants(forum)[0].state == "active"
    assert "hide messages" in nadia.get("/grants").text

    assert post(manager, f"/grants/{number}/decide", step="suspend", reason="").status_code == 422
    for step, state in (("suspend", "suspended"), ("resume", "active"), ("revoke", "revoked")):
        form = {"step": step, "reason": "A look at it."}
        assert post(manager, f"/grants/{number}/decide", **form).status_code == 303
        assert grants(forum)[0].state == state
    assert "Nothing was offered" in nadia.get("/grants").text


def test_a_holder_gives_it_back(app: Flask, forum: Deps, as_role: Callable[[str], FlaskClient]) -> None:
    manager = as_role("manager")
    propose(manager)
    number = grants(forum)[0].id
    post(manager, f"/grants/{number}/offer", message=WORDS)
    nadia = app.test_client()
    sign_in(nadia, "nadia")
    post(nadia, f"/grants/{number}/answer", answer="yes")
    assert post(as_role("responder"), f"/grants/{number}/give-back", reason="x").status_code == 422
    assert post(nadia, f"/grants/{number}/give-back", reason="No time.").status_code == 303
    assert grants(forum)[0].state == "revoked"


def test_an_offer_says_which_acts_our_account_cannot_carry(forum: Deps, as_role: Callable[[str], FlaskClient]) -> None:
    with forum.store.write() as session:
        row = session.scalars(select(Connection)).one()
        row.may, row.lacks = ["reply", "lock", "unlock", "restore"], {"hide": "Make it a moderator there."}
    manager = as_role("manager")
    propose(manager)
    page = " ".join(manager.get("/grants").text.split())
    assert "Not possible there with our own account: hide messages. Make it a moderator there." in page
