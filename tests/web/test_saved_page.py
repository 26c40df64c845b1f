"""Saved replies and rules of approval: who changes them, what they take, what they say."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from service.db.models import AuditEntry
from service.deps import Deps
from service.usecases import saved
from tests.web.desk import post

GIVEN = {"name": "Wait", "language": "en", "text": "Hello {name}, wait until {date}."}


def test_who_only_drafts_reads_them_and_changes_none(as_role: Callable[[str], FlaskClient], deps: Deps) -> None:
    post(as_role("manager"), "/saved", **GIVEN)
    client = as_role("responder")
    page = client.get("/saved").text
    assert "wait until {date}" in page
    assert "A new one" not in page
    for address in ("/saved", "/saved/1", "/saved/1/drop", "/answering/rules"):
        assert post(client, address, **GIVEN).status_code == 403
    assert as_role("analyst").get("/saved").status_code == 403
    assert len(saved.saved_replies(deps)) == 1


@pytest.mark.parametrize(
    "wrong", [{"name": " "}, {"name": "x" * 81}, {"language": "English"}, {"text": " "}, {"text": "x" * 20_001}]
)
def test_what_is_no_saved_reply_is_refused_and_stays_in_the_form(
    as_role: Callable[[str], FlaskClient], deps: Deps, wrong: dict[str, str]
) -> None:
    answer = post(as_role("manager"), "/saved", **(GIVEN | wrong))
    assert answer.status_code == 422
    assert (GIVEN | wrong)["text"].strip()[:200] in answer.text
    assert saved.saved_replies(deps) == []


def test_one_name_is_there_once_in_a_language(as_role: Callable[[str], FlaskClient], deps: Deps) -> None:
    client = as_role("manager")
    assert post(client, "/saved", **GIVEN).status_code == 303
    assert post(client, "/saved", **GIVEN).status_code == 422
    assert post(client, "/saved", **(GIVEN | {"language": "fr"})).status_code == 303
    assert post(client, "/saved/2", **GIVEN).status_code == 422
    assert post(client, "/saved/4711", **(GIVEN | {"name": "New"})).status_code == 422
    assert len(saved.saved_replies(deps)) == 2


def test_blanks_are_shown_changed_words_are_kept_and_dropped_ones_are_gone(
    as_role: Callable[[str], FlaskClient], deps: Deps
) -> None:
    client = as_role("manager")
    post(client, "/saved", **GIVEN, asks="1")
    page = client.get("/saved").text
    assert '<span class="blank">date</span>' in page
    assert '<span class="blank">name</span>' not in page
    assert "asks whether it helped" in page
    post(client, "/saved/1", **(GIVEN | {"text": "<b>Hello</b>"}))
    assert "&lt;b&gt;Hello" in client.get("/saved").text
    assert not saved.saved_replies(deps)[0].asks
    post(client, "/saved/1/drop")
    assert saved.saved_replies(deps) == []
    with deps.store.read() as session:
        kinds = session.scalars(select(AuditEntry.kind).where(AuditEntry.kind.like("saved:%"))).all()
    assert kinds == ["saved:keep", "saved:keep", "saved:drop"]


def test_replies_of_the_answers_language_come_first(as_role: Callable[[str], FlaskClient], deps: Deps) -> None:
    client = as_role("manager")
    for language, name in (("en", "A"), ("fr", "B"), ("en", "C")):
        post(client, "/saved", **(GIVEN | {"language": language, "name": name}))
    assert [s.name for s in saved.saved_replies(deps, "fr")] == ["B", "A", "C"]
    assert [s.name for s in saved.saved_replies(deps)] == ["A", "B", "C"]


# ------------------------------------------------------------------ rules


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("moon", "full"),
        ("role", "analyst"),
        ("topic", "weather"),
        ("rule", "nothing"),
        ("amount", "much"),
        ("amount", "5 € or 10 €"),
        ("amount", ""),
        ("amount", "9" * 50),
    ],
)
def test_a_rule_that_says_nothing_is_refused(
    as_role: Callable[[str], FlaskClient], deps: Deps, kind: str, value: str
) -> None:
    assert post(as_role("owner"), "/answering/rules", kind=kind, value=value).status_code == 422
    assert saved.rules(deps) == []


def test_rules_are_set_shown_in_words_and_taken_out(as_role: Callable[[str], FlaskClient], deps: Deps) -> None:
    client = as_role("owner")
    given = [("role", "responder"), ("topic", "billing"), ("rule", "*"), ("amount", "50 €"), ("amount", "80 €")]
    for kind, value in given:
        assert post(client, "/answering/rules", kind=kind, value=value).status_code == 303
    page = client.get("/answering").text
    assert "more than 80 €" in page
    assert "50 €</span>" not in page
    assert "a responder" in page
    assert [(r.kind, r.value) for r in saved.rules(deps)] == [
        ("amount", "80 €"),
        ("role", "responder"),
        ("rule", "*"),
        ("topic", "billing"),
    ]
    for rule in saved.rules(deps):
        post(client, f"/answering/rules/{rule.id}/drop")
    assert saved.rules(deps) == []
    assert post(client, "/answering/rules/1/drop").status_code == 400
