"""The page of rock stars: managers only, what is outside is escaped, ties are noted with a reason and taken back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

import service.web.pages.rockstars  # noqa: F401 (its routes)
from service.db import audit, trust
from service.db.models import AuditEntry, Author, Thread
from service.db.trust_tables import TrustMark
from service.deps import Deps
from service.usecases import reputation, ties
from tests.web.desk import Said, Seeder, post

Enter = Callable[[str], FlaskClient]


@pytest.fixture
def helped(deps: Deps, seed: Seeder) -> int:
    """Gina answers six people over six weeks, who thank her. Returns her number."""
    community = seed.community(seed.connection(), "Grinders")
    gina = {"author": "Gina <b>", "handle": "gina@mstdn.example"}
    for number in range(6):
        week = 60 * 24 * 7 * number + 60
        asker = {"author": f"Asker {number}", "handle": f"asker{number}@mstdn.example"}
        said = [
            Said("How do I set it?", minutes_ago=week + 50, **asker),
            Said("No idea.", author="Otto", handle="otto@mstdn.example", minutes_ago=week + 40),
            Said("Turn it twice.", minutes_ago=week + 30, url="https://mstdn.example/1", **gina),
            Said("That was it, thank you!", minutes_ago=week, sentiment=0.9, **asker),
        ]
        seed.thread(community, said, title="Grind <i>size</i>", accepted=2 if number % 2 else None)
    read(deps)
    with deps.store.read() as session:
        return session.scalars(select(Author.id).where(Author.handle == "gina@mstdn.example")).one()


def read(deps: Deps) -> None:
    with deps.store.write() as session:
        trust.touch(session, session.scalars(select(Thread.id)).all())
    reputation.sum_up_all(deps)


@pytest.mark.parametrize("role", ["responder", "analyst"])
def test_only_managers_see_or_change_it(as_role: Enter, deps: Deps, helped: int, role: str) -> None:
    client = as_role(role)
    assert client.get("/rock-stars").status_code == 403
    fields = {"kind": "paid", "reason": "why"}
    for address in (f"/rock-stars/authors/{helped}/marks", "/rock-stars/domains", "/rock-stars/marks/1/end"):
        assert post(client, address, **fields).status_code == 403
    assert post(client, "/rock-stars/products", names="Duetto").status_code == 403
    assert ties.products(deps) == []


def test_nobody_yet_is_said_so(as_role: Enter) -> None:
    page = as_role("manager").get("/rock-stars")
    assert page.status_code == 200 and "Nobody can be proposed yet" in page.text


def test_a_candidate_with_evidence_in_words(as_role: Enter, helped: int) -> None:
    page = as_role("manager").get("/rock-stars").text
    for words in ("Gina &lt;b&gt;", "6 of 6", "Grind &lt;i&gt;size&lt;/i&gt;", "95% sure", "https://mstdn.example/1"):
        assert words in page
    assert "<b>Gina" not in page and "Gina <b>" not in page
    assert "Nothing speaks against it" in page


def test_an_area_is_shown_alone_and_an_unknown_one_is_not_found(as_role: Enter, helped: int) -> None:
    client = as_role("manager")
    assert "Candidates in Grinders" in client.get("/rock-stars?area=community:1").text
    assert client.get("/rock-stars?area=community:77").status_code == 404


def test_a_tie_is_noted_with_a_reason_and_taken_back(as_role: Enter, deps: Deps, helped: int) -> None:
    client = as_role("manager")
    address = f"/rock-stars/authors/{helped}/marks"
    for fields in ({"kind": "paid"}, {"kind": "king", "reason": "why"}, {"kind": "conflict", "reason": "why"}):
        refused = post(client, address, **fields)
        assert refused.status_code == 422 and "Choose what the tie is" in refused.text
    assert post(client, address, kind="paid", reason="Gets machines").status_code == 303
    page = client.get("/rock-stars").text
    assert "Is paid by the brand" in page and "Gets machines" in page and "Nobody can be proposed yet" in page
    assert marks(deps) == [("paid", "", False)]
    assert post(client, "/rock-stars/marks/1/end").status_code == 422
    assert post(client, "/rock-stars/marks/1/end", reason="No longer").status_code == 303
    assert marks(deps) == [("paid", "", True)]
    assert "Nothing speaks against it" in client.get("/rock-stars").text
    with deps.store.read() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.kind.like("trust:%"))).all()
        assert audit.verify(session, deps.vault) == []
    assert [(e.kind, e.reason) for e in entries] == [
        ("trust:mark", "paid: Gets machines"),
        ("trust:unmark", "paid: No longer"),
    ]


def marks(deps: Deps) -> list[tuple[Any, ...]]:
    with deps.store.read() as session:
        return [(m.kind, m.area, m.ended_at is not None) for m in session.scalars(select(TrustMark))]


def test_a_conflict_is_weighed_in_its_own_area(as_role: Enter, deps: Deps, helped: int) -> None:
    client = as_role("manager")
    fields = {"kind": "conflict", "area": "community:1", "reason": "Sells grinders"}
    assert post(client, f"/rock-stars/authors/{helped}/marks", **fields).status_code == 303
    assert "A tie to weigh" in client.get("/rock-stars").text
    assert "A conflict of interest here" in client.get("/rock-stars?area=community:1").text


def test_domains_and_products_are_kept(as_role: Enter, deps: Deps, helped: int) -> None:
    client = as_role("manager")
    assert post(client, "/rock-stars/domains", domain="nonsense", kind="staff", reason="x").status_code == 422
    assert post(client, "/rock-stars/domains", domain="mstdn.example", kind="staff", reason="Ours").status_code == 303
    assert post(client, "/rock-stars/products", names="x" * 81).status_code == 422
    assert post(client, "/rock-stars/products", names="Duetto\n\nTrio").status_code == 303
    assert ties.products(deps) == ["Duetto", "Trio"]
    page = client.get("/rock-stars").text
    assert "mstdn.example" in page and "Belongs to the brand" in page and "still to be read" in page


def test_whoever_helped_long_ago_is_no_candidate(as_role: Enter, deps: Deps, helped: int) -> None:
    later = replace(deps, now=lambda: deps.now() + timedelta(days=900))
    reputation.sum_up_all(later)
    assert "Nobody can be proposed yet" in as_role("manager").get("/rock-stars").text


def test_an_address_that_is_no_web_address_is_no_link(as_role: Enter, deps: Deps, helped: int) -> None:
    with deps.store.write() as session:
        session.execute(update(Author).where(Author.id == helped).values(url="javascript:alert(1)"))
    assert "javascript:" not in as_role("manager").get("/rock-stars").text
