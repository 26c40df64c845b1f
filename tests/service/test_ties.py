"""Independence and identity: ties are declared, audited and counted; several accounts are one person only by proof."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select, update

from moderation.errors import BadInput
from moderation.model import CommunitySeen
from moderation.trust import Against
from service.db import audit, trust
from service.db.identity_tables import Identity
from service.db.models import AuditEntry, Author, Person
from service.usecases import ties
from service.usecases.reputation import Found
from tests.support.board import NOW, Board, boarding, crowd


@pytest.fixture
def board() -> Iterator[Board]:
    with boarding() as found:
        yield found


def names(found: Found) -> list[str]:
    return [c.account.handle for c in found.candidates]


# ------------------------------------------------------------------ independence


def test_staff_and_bots_are_never_proposed(board: Board) -> None:
    crowd(board, experts=2)
    for number in range(20):
        board.thread(f"member{number}", [f"member{number + 1}", "hanna"], number + 1, "hanna", roles={"hanna": "staff"})
        board.thread(f"member{number}", [f"member{number + 1}", "robo"], number + 1, "robo")
    board.flush()
    with board.deps.store.write() as session:
        session.execute(update(Author).where(Author.handle == "robo").values(bot=True))
    found = board.found()
    assert not {"hanna", "robo"} & set(names(found))
    assert next(c for c in found.others if c.account.handle == "hanna").against == (Against.STAFF,)


def test_a_mark_needs_a_reason_an_author_and_a_known_kind(board: Board) -> None:
    crowd(board, threads=6)
    board.flush()
    who = board.author("expert0")
    for author, kind, area, reason in (
        (who, "paid", "", " "),
        (who, "friend", "", "why"),
        (10_000, "paid", "", "why"),
        (who, "conflict", "", "why"),
        (who, "paid", "community:1", "why"),
    ):
        with pytest.raises(BadInput):
            ties.mark(board.deps, author, kind, area, reason, "mia")
    with pytest.raises(BadInput):
        ties.mark_domain(board.deps, "no domain", "staff", "why", "mia")
    with pytest.raises(BadInput):
        ties.end_mark(board.deps, 1, "why", "mia")


def test_whoever_is_marked_is_not_proposed_until_the_mark_ends(board: Board) -> None:
    crowd(board)
    assert "expert1" in names(board.found())
    number = ties.mark(board.deps, board.author("expert1"), "paid", "", "Reviews for money", "mia")
    found = board.found()
    assert "expert1" not in names(found)
    marked = next(c for c in found.others if c.account.handle == "expert1")
    assert marked.against == (Against.PAID,) and marked.marks[0].reason == "Reviews for money"
    ties.end_mark(board.deps, number, "Ended in May", "mia")
    assert "expert1" in names(board.found())
    with board.deps.store.read() as session:
        kinds = [(e.kind, e.actor, e.reason) for e in session.scalars(select(AuditEntry).order_by(AuditEntry.seq))]
        assert audit.verify(session, board.deps.vault) == []
    assert kinds == [("trust:mark", "mia", "paid: Reviews for money"), ("trust:unmark", "mia", "paid: Ended in May")]


def test_a_conflict_of_interest_counts_in_its_area_only(board: Board) -> None:
    crowd(board)
    for number in range(12):
        beans = CommunitySeen("2", "Beans")
        board.thread(f"member{number}", ["member50", "expert1"], number * 3 + 1, "expert1", community=beans)
    board.found()
    ties.mark(board.deps, board.author("expert1"), "conflict", "community:2", "Sells beans", "mia")
    assert "expert1" in names(board.found("community:1")) and "expert1" in names(board.found())
    found = board.found("community:2")
    assert "expert1" not in names(found)
    assert found.others[0].against == (Against.CONFLICT,)


def test_a_domain_marks_everybody_at_it_and_below(board: Board) -> None:
    crowd(board)
    for handle in ("ann@brava.example", "bob@mail.brava.example", "cem@notbrava.example"):
        for number in range(12):
            board.thread(f"member{number}", ["member50", handle], number * 3 + 1, handle)
    board.found()
    ties.mark_domain(board.deps, "@Brava.example", "staff", "Our own", "mia")
    shown = names(board.found())
    assert "cem@notbrava.example" in shown and not {"ann@brava.example", "bob@mail.brava.example"} & set(shown)
    assert [m.domain for m in ties.domains(board.deps)] == ["brava.example"]


def test_praise_by_those_who_are_marked_is_capped(board: Board) -> None:
    for number in range(10):
        board.thread(f"friend{number}", ["other", "helper"], number * 7 + 1, "helper")
    before = board.found().candidates[0].reputation.voices
    for number in range(10):
        ties.mark(board.deps, board.author(f"friend{number}"), "partner", "", "Sells for us", "mia")
    found = board.found()
    assert before > 3 > found.others[0].reputation.voices == 1.0


def test_products_are_areas_and_threads_are_read_again_for_them(board: Board) -> None:
    for number in range(6):
        board.thread(f"member{number}", ["other", "helper"], number * 7 + 1, "helper", title="My Duetto leaks")
    board.found()
    ties.set_products(board.deps, ["Duetto", " ", "Trio"], "mia")
    assert ties.products(board.deps) == ["Duetto", "Trio"]
    assert names(board.found("product:duetto")) == ["helper"]


# ------------------------------------------------------------------ one person, several accounts


def test_accounts_are_one_only_by_proof(board: Board) -> None:
    for number in range(4):
        board.thread(f"member{number}", ["other", "ann"], number * 7 + 1, "ann")
        board.thread(f"member{number + 10}", ["other", "ann_too"], number * 7 + 1, "ann_too")
        board.thread("ann_too", ["other", "ann"], number * 7 + 2, "ann")
    apart = board.found()
    assert {"ann", "ann_too"} <= set(names(apart))
    with board.deps.store.write() as session:
        person = Person(username="ann", password_hash="!", created_at=NOW)
        session.add(person)
        session.flush()
        for subject in ("ann", "ann_too"):
            row = {"provider": "discourse", "issuer": "https://forum.example", "subject": subject}
            session.add(Identity(person_id=person.id, handle=f"{subject}@forum.example", linked_at=NOW, **row))
        trust.touch_authors(session, session.scalars(select(Author.id).where(Author.handle.like("ann%"))).all())
    found = board.found()
    assert names(found) == ["ann"]
    assert [a.handle for a in found.candidates[0].accounts] == ["ann", "ann_too"]
    assert found.candidates[0].reputation.people == 8
