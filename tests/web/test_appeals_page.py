"""The author's page behind a signed link, the page of those who decide, the rules for everybody and for managers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from moderation.statements import CONTESTABLE
from service.db.models import Community, Person
from service.db.redress_tables import Appeal, Rule, Statement
from service.deps import deps_of
from service.usecases import rules
from tests.support.decided import WHY, Decided, hidden_message
from tests.web.desk import post, token

SAID = "I quoted <script>alert(1)</script> somebody."


@pytest.fixture
def decided(app: Flask) -> Decided:
    """A message that the manager had hidden."""
    deps = deps_of(app)
    with deps.store.read() as session:
        manager_id = session.scalars(select(Person.id).where(Person.role == "manager")).one()
    return hidden_message(deps, manager_id)


def contest(client: FlaskClient, address: str, text: str = SAID) -> int:
    return client.post(address, data={"csrf_token": token(client.get(address)), "text": text}).status_code


def appeals(decided: Decided) -> int:
    with decided.deps.store.read() as session:
        return session.scalar(select(func.count()).select_from(Appeal)) or 0


def test_a_link_that_is_not_ours_or_too_old_says_so_and_shows_nothing(client: FlaskClient, decided: Decided) -> None:
    for bad in ("none", decided.address.removeprefix("/appeal/")[:-2], "Mg." + decided.address.split(".")[-1]):
        page = client.get(f"/appeal/{bad}")
        assert page.status_code == 404
        assert WHY not in page.text
    with decided.deps.store.write() as session:
        session.execute(update(Statement).values(made_at=decided.deps.now() - CONTESTABLE - timedelta(days=1)))
    page = client.get(decided.address)
    assert (page.status_code, WHY in page.text) == (410, False)


def test_looking_does_nothing_and_a_form_without_a_token_neither(client: FlaskClient, decided: Decided) -> None:
    page = client.get(decided.address)
    assert page.status_code == 200
    assert WHY in page.text
    assert "Gwendoline" not in page.text
    assert "manager" not in page.text
    assert "<nav" not in page.text
    assert client.post(decided.address, data={"text": SAID}).status_code == 400
    assert appeals(decided) == 0


def test_an_author_contests_once_and_hostile_words_stay_words(client: FlaskClient, decided: Decided) -> None:
    assert contest(client, decided.address, "  ") == 422
    before = token(client.get(decided.address))
    assert contest(client, decided.address) == 303
    assert client.post(decided.address, data={"csrf_token": before, "text": "Again."}).status_code == 409
    page = client.get(decided.address)
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert" in page.text
    assert appeals(decided) == 1


def test_many_tries_are_slowed(client: FlaskClient, decided: Decided) -> None:
    csrf_token = token(client.get(decided.address))
    form = {"csrf_token": csrf_token, "text": " "}
    assert [client.post(decided.address, data=form).status_code for _ in range(21)] == [422] * 20 + [429]


def test_the_one_who_decided_does_not_judge_and_another_does(
    client: FlaskClient, as_role: Callable[[str], FlaskClient], decided: Decided
) -> None:
    contest(client, decided.address)
    form = {"outcome": "upheld", "reason": "It was no quotation."}
    assert "Somebody else must judge" in as_role("manager").get("/appeals").text
    assert post(as_role("manager"), "/appeals/1", **form).status_code == 422
    assert post(as_role("responder"), "/appeals/1", **form).status_code == 403
    owner = as_role("owner")
    page = owner.get("/appeals").text
    assert "&lt;script&gt;alert" in page
    assert "Idiots!" in page, "what it was about"
    assert post(owner, "/appeals/1", outcome="upheld", reason="").status_code == 422
    assert post(owner, "/appeals/1", **form).status_code == 303
    assert post(owner, "/appeals/1", **form).status_code == 422
    told = client.get(decided.address).text
    assert "The decision stands" in told
    assert form["reason"] in told
    assert "owner" not in told


def test_a_manager_finds_the_link_to_hand_over_only_where_the_platform_did_not(
    as_role: Callable[[str], FlaskClient], decided: Decided
) -> None:
    manager = as_role("manager")
    assert decided.address not in manager.get(f"/statements/{decided.action_id}").text
    with decided.deps.store.write() as session:
        session.execute(update(Statement).values(told="no"))
    assert decided.address in manager.get(f"/statements/{decided.action_id}").text
    assert f"/statements/{decided.action_id}" in manager.get("/appeals").text
    assert manager.get("/statements/99").status_code == 404


def test_everybody_reads_the_rules_but_those_of_closed_places_and_managers_write_them(
    client: FlaskClient, as_role: Callable[[str], FlaskClient], decided: Decided
) -> None:
    with decided.deps.store.write() as session:
        session.get_one(Community, decided.community_id).restricted = True
    manager = as_role("manager")
    words = {
        "title_en": "No <b>spoilers</b>",
        "title_fr": "Pas de révélations",
        "text_en": "Hide.",
        "text_fr": "Masquez.",
    }
    form = words | {"community": str(decided.community_id), "category": "KEYWORD_NUDITY"}
    assert post(manager, "/rules/edit", **form | {"title_fr": ""}).status_code == 422
    assert post(manager, "/rules/edit", **form | {"category": "KEYWORD_MADE_UP"}).status_code == 422
    assert post(manager, "/rules/edit", **form | {"community": "x"}).status_code == 422
    assert post(manager, "/rules/edit", **form).status_code == 303
    page = client.get("/rules").text
    assert "Be kind to people" in page
    assert "spoilers" not in page
    [rule] = [one for one in rules.all_rules(decided.deps) if one.community]
    assert "No &lt;b&gt;spoilers" in manager.get("/rules/edit").text
    assert (
        post(manager, f"/rules/{rule.id}", **words | {"title_en": "No endings", "category": rule.category}).status_code
        == 303
    )
    assert post(manager, f"/rules/{rule.id}", step="end").status_code == 422
    assert post(manager, f"/rules/{rule.id + 1}", step="end").status_code == 303
    with decided.deps.store.read() as session:
        assert (
            session.scalars(select(Rule.ended_at).where(Rule.community_id.is_not(None), Rule.ended_at.is_(None))).all()
            == []
        )
