"""Thanks in public: only who said yes themselves, only what is public, gone at once when they say no."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from moderation.errors import BadInput, NotAllowed
from service.db import audit, trust
from service.db.grant_tables import GrantRow
from service.db.identity_tables import Identity
from service.db.models import AuditEntry, Author, Community, Message, Person, Thread
from service.db.thanks_tables import Listing
from service.db.unread import OPTED_OUT, Closed, shut
from service.deps import Deps, deps_of
from service.usecases import reputation, thanks, ties
from service.usecases.helped_whom import helped_year
from service.usecases.people import Known, as_known
from tests.web.desk import Said, Seeder, post, sign_in
from tests.web.desk import _person as person

Enter = Callable[[str], FlaskClient]
SUMMER = datetime(2026, 7, 1, 12, tzinfo=UTC)


@dataclass
class Gina:
    """Who answered six people, holds a grant in “Grinders”, and has proven her account; `author` is its number."""

    deps: Deps
    author: int
    community: int
    grant: int

    @property
    def known(self) -> Known:
        return known(self.deps, "rock_star")

    def change(self, model: Any, **values: Any) -> None:
        with self.deps.store.write() as session:
            session.execute(update(model).values(**values))

    def named(self) -> list[str]:
        return [star.name for star in thanks.stars(self.deps)]


def known(deps: Deps, username: str) -> Known:
    with deps.store.read() as session:
        return as_known(session, session.scalars(select(Person).where(Person.username == username)).one())


@pytest.fixture
def deps(app: Flask) -> Deps:
    """In the middle of a year, so that the weeks before are of the same one."""
    app.extensions["tenth"] = replace(deps_of(app), now=lambda: SUMMER)
    return deps_of(app)


@pytest.fixture
def seed(deps: Deps) -> Seeder:
    return Seeder(deps, SUMMER)


@pytest.fixture
def gina(deps: Deps, seed: Seeder) -> Gina:
    connection = seed.connection()
    community = seed.community(connection, "Grinders <i>")
    me = {"author": "Gina <b>", "handle": "gina@mstdn.example"}
    for number in range(6):
        week = 60 * 24 * number + 60
        asker = {"author": f"Asker {number}", "handle": f"asker{number}@mstdn.example"}
        said = [
            Said("How do I set it?", minutes_ago=week + 50, **asker),
            Said("No idea.", author="Otto", handle="otto@mstdn.example", minutes_ago=week + 40),
            Said("Turn it twice.", minutes_ago=week + 30, url=f"https://mstdn.example/{number}", **me),
            Said("That was it, thank you!", minutes_ago=week, sentiment=0.9, **asker),
        ]
        seed.thread(community, said, title=f"Grind size {number}", accepted=2 if number % 2 else None)
    with deps.store.write() as session:
        trust.touch(session, session.scalars(select(Thread.id)).all())
        holder = person("rock_star")
        session.add(holder)
        session.flush()
        author = session.scalars(select(Author).where(Author.handle == "gina@mstdn.example")).one()
        proof = {"provider": "mastodon", "issuer": "https://mstdn.example", "subject": "9", "handle": author.handle}
        session.add(Identity(person_id=holder.id, linked_at=seed.now, **proof))
        terms = {"capabilities": ["see", "hide"], "days": 90, "hourly": 5, "daily": 9, "made_at": seed.now}
        row = GrantRow(author_id=author.id, person_id=holder.id, connection_id=connection, state="active", **terms)
        row.community_id, row.changed_at = community, seed.now
        row.starts_at, row.ends_at = seed.now - timedelta(days=1), seed.now + timedelta(days=89)
        session.add(row)
        session.flush()
        made = Gina(deps, author.id, community, row.id)
    reputation.sum_up_all(deps)
    return made


# ------------------------------------------------------------------ the refused first


def test_nobody_is_named_who_did_not_say_so(gina: Gina, client: FlaskClient) -> None:
    page = client.get("/stars")
    assert page.status_code == 200 and "Nobody is named here yet" in page.text
    assert "Gina" not in page.text


def test_nobody_decides_for_somebody_else(gina: Gina, as_role: Enter) -> None:
    for name in ("owner", "manager", "responder"):
        with pytest.raises(NotAllowed):
            thanks.decide(gina.deps, gina.author, True, known(gina.deps, name))
        assert post(as_role(name), "/stars/listing", author=gina.author, shown="1").status_code == 303
    assert gina.named() == []


def test_an_account_without_rights_is_not_named(gina: Gina) -> None:
    gina.change(GrantRow, state="expired")
    with pytest.raises(BadInput):
        thanks.decide(gina.deps, gina.author, True, gina.known)
    with pytest.raises(NotAllowed):
        thanks.decide(gina.deps, 999, True, gina.known)


# ------------------------------------------------------------------ named, and gone again


def test_she_names_herself_and_takes_it_back(gina: Gina, app: Flask, client: FlaskClient) -> None:
    mine = app.test_client()
    sign_in(mine, "rock_star")
    assert "not named" in mine.get("/grants").text
    assert post(mine, "/stars/listing", author=gina.author, shown="1").status_code == 303
    page = client.get("/stars").text
    for words in ("Gina &lt;b&gt;", "Grinders &lt;i&gt;", "https://mstdn.example/", "Trusted since", "Grind size"):
        assert words in page
    assert page.count("<li><a href") == 3, "two or three answers, not all"
    assert post(mine, "/stars/listing", author=gina.author, shown="0").status_code == 303
    assert "Gina" not in client.get("/stars").text
    with gina.deps.store.read() as session:
        kinds = session.scalars(select(AuditEntry.kind).where(AuditEntry.kind.like("star:%"))).all()
        assert audit.verify(session, gina.deps.vault) == []
    assert kinds == ["star:show", "star:hide"]


def test_what_ends_her_trust_takes_her_off(gina: Gina) -> None:
    thanks.decide(gina.deps, gina.author, True, gina.known)
    ends: list[tuple[Any, dict[str, Any], dict[str, Any]]] = [
        (GrantRow, {"state": "suspended"}, {"state": "active"}),
        (GrantRow, {"state": "revoked"}, {"state": "active"}),
        (GrantRow, {"ends_at": gina.deps.now()}, {"ends_at": gina.deps.now() + timedelta(days=1)}),
        (Person, {"active": False}, {"active": True}),
        (Author, {"role": "staff"}, {"role": "customer"}),
        (Author, {"bot": True}, {"bot": False}),
        (Listing, {"person_id": 1}, {"person_id": gina.known.id}),
    ]
    for model, over, again in ends:
        assert gina.named() == ["Gina <b>"]
        gina.change(model, **over)
        assert gina.named() == [], (model, over)
        gina.change(model, **again)


def test_whoever_is_tied_to_the_brand_or_asked_not_to_be_read_is_not_shown(gina: Gina) -> None:
    thanks.decide(gina.deps, gina.author, True, gina.known)
    mark = ties.mark(gina.deps, gina.author, "paid", "", "Gets machines", "test")
    assert gina.named() == []
    ties.end_mark(gina.deps, mark, "Not any more", "test")
    assert gina.named() == ["Gina <b>"]
    with gina.deps.store.write() as session:
        author = session.get_one(Author, gina.author)
        shut(session, gina.deps.vault, author.connection_id, author.remote_id, Closed(OPTED_OUT, gina.deps.now()))
    assert gina.named() == []


def test_what_is_not_public_is_neither_named_nor_linked(gina: Gina) -> None:
    thanks.decide(gina.deps, gina.author, True, gina.known)
    gina.change(Message, visibility="private")
    (star,) = thanks.stars(gina.deps)
    assert star.answers == ()
    gina.change(Message, visibility="public")
    gina.change(Community, restricted=True)
    (star,) = thanks.stars(gina.deps)
    assert star.answers == () and "Grinders <i>" not in (*star.places, *star.good_at)


# ------------------------------------------------------------------ the year


def test_a_year_of_help_is_told_to_her_alone(gina: Gina, app: Flask, as_role: Enter) -> None:
    mine = app.test_client()
    sign_in(mine, "rock_star")
    found = helped_year(gina.deps, gina.known)
    assert (found.answered, found.people, found.accepted) == (6, 6, 3)
    assert "conversations you answered in" in mine.get("/stars/year").text
    other = as_role("manager").get("/stars/year").text
    assert "Grind size" not in other and "Link the account" in other
    assert app.test_client().get("/stars/year").status_code == 302


def test_a_year_without_answers_is_said_to_be_one(gina: Gina) -> None:
    gina.change(Message, visibility="public")
    assert helped_year(gina.deps, gina.known, 1999).year == gina.deps.now().year
