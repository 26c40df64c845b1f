"""Reputation on a desk: standings follow what changed, rings stay out, ties are declared, one person is one person."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from moderation.errors import BadInput
from moderation.model import MessageGone
from moderation.trust import Against
from service.db import trust
from service.db.incoming import Incoming
from service.db.intake import settle
from service.db.trust_tables import DeedRow, PraiseRow, StandingRow, TrustAuthor, TrustThread
from service.usecases.reputation import Found, areas, rockstars, sum_up, sum_up_all
from tests.support.board import NOW, Board, boarding, crowd


@pytest.fixture
def board() -> Iterator[Board]:
    with boarding() as found:
        yield found


def names(found: Found) -> list[str]:
    return [c.account.handle for c in found.candidates]


# ------------------------------------------------------------------ who is found


def test_experts_are_found_with_their_evidence(board: Board) -> None:
    crowd(board)
    found = board.found()
    assert set(names(found)[:4]) == {f"expert{n}" for n in range(4)}
    first = found.candidates[0]
    assert first.best and all(e.thread and e.title == "Help" for e in first.best)
    assert first.reputation.people >= 10 and first.reputation.helped.low > 0.3
    assert [a.key for a in first.areas] == ["community:1"]
    assert [a.name for a in areas(board.deps)] == ["Machines"]
    assert names(board.found("community:1"))[:4] == names(found)[:4]


def test_an_unknown_area_is_refused(board: Board) -> None:
    with pytest.raises(BadInput, match="no area"):
        board.found("community:99")


def test_nothing_read_means_nobody(board: Board) -> None:
    found = board.found()
    assert (found.candidates, found.others, found.authors) == ((), (), 0)


@pytest.mark.parametrize(
    "shape", ["all of all", "a hub", "a hub among friends", "each the next", "two halves", "at random"]
)
@pytest.mark.parametrize("disguised", [False, True])
def test_a_ring_of_twenty_stays_out_of_the_top_ten(board: Board, shape: str, disguised: bool) -> None:
    """Whatever they are tied like, and also when each of them writes in other people's threads, too."""
    rng, ring = random.Random(5), [f"ring{n}" for n in range(20)]
    crowd(board, experts=3, people=80, threads=100)
    for number, (asker, helper) in enumerate(_pairs(shape, ring, rng)):
        others = [] if shape == "a hub" else rng.sample([r for r in ring if r not in (asker, helper)], 2)
        board.thread(asker, [*others, helper], days=1 + number % 60, best=helper)
    if disguised:
        for number in range(60):
            board.thread(f"member{number}", [f"expert{number % 3}", rng.choice(ring)], days=1 + number, best="")
    found = board.found()
    assert set(names(found)[:3]) == {"expert0", "expert1", "expert2"}
    assert not [name for name in names(found)[:10] if name.startswith("ring")]


def _pairs(shape: str, ring: list[str], rng: random.Random) -> list[tuple[str, str]]:
    hub, rest = ring[0], ring[1:]
    return {
        "all of all": [(a, b) for a in ring for b in ring if a != b],
        "a hub": [(a, hub) for a in rest for _ in range(3)],
        "a hub among friends": [(a, hub) for a in rest for _ in range(3)],
        "each the next": [(a, ring[(n + 1) % 20]) for n, a in enumerate(ring) for _ in range(6)],
        "two halves": [(a, b) for a in ring[:10] for b in ring[10:]],
        "at random": [(a, b) for a in ring for b in rng.sample([r for r in ring if r != a], 6)],
    }[shape]


def test_a_closed_circle_is_said_so(board: Board) -> None:
    crowd(board, experts=2, people=80, threads=80)
    ring = [f"ring{n}" for n in range(20)]
    for number, asker in enumerate(ring[1:]):
        board.thread(asker, [ring[number], ring[0]], days=1 + 3 * number, best=ring[0])
    hub = next(c for c in board.found().others if c.account.handle == "ring0")
    assert hub.against == (Against.CIRCLE,) and hub.circle and hub.circle.size == 20 and hub.circle.outside == 0.0


def test_whoever_is_hostile_is_not_proposed(board: Board) -> None:
    crowd(board, experts=2)
    for number in range(30):
        board.thread(f"member{number}", ["grumpy", f"member{number + 1}"], number + 1, "grumpy")
    for number in range(8):
        board.thread(f"member{number}", ["grumpy"], number + 1, hostile=["grumpy"])
    found = board.found()
    assert "grumpy" not in names(found)
    assert next(c for c in found.others if c.account.handle == "grumpy").against == (Against.TOXIC,)


# ------------------------------------------------------------------ what changed is made anew


def everything(board: Board) -> list[tuple[Any, ...]]:
    with board.deps.store.read() as session:
        return sorted((r.author_id, r.area, r.score, str(r.facts)) for r in session.scalars(select(StandingRow)))


def test_step_by_step_comes_to_the_same_as_all_at_once(board: Board) -> None:
    crowd(board, people=20, threads=60)
    written, board.seen = board.seen, []
    rng = random.Random(1)
    by_thread = sorted({m.thread.remote_id for m in written}, key=lambda _: rng.random())
    for start in range(0, len(by_thread), 17):
        board.seen = [m for m in written if m.thread.remote_id in by_thread[start : start + 17]]
        board.found()
    stepwise = everything(board)
    with board.deps.store.write() as session:
        for table in (StandingRow, DeedRow, PraiseRow, TrustAuthor):
            session.execute(delete(table))
        trust.touch_all(session)
    sum_up_all(board.deps)
    assert everything(board) == stepwise and stepwise


def test_only_those_concerned_are_made_anew(board: Board) -> None:
    crowd(board, people=60, threads=60)
    board.found()
    assert sum_up(board.deps) == 0
    board.thread("newcomer", ["expert0"], 0.5, "expert0")
    board.flush()
    with board.deps.store.write() as session:
        session.execute(update(TrustAuthor).values(made_at=NOW - timedelta(days=1)))
    sum_up_all(board.deps)
    with board.deps.store.read() as session:
        made = session.scalars(select(TrustAuthor.author_id).where(TrustAuthor.made_at == NOW)).all()
    assert set(made) == {board.author("newcomer"), board.author("expert0")}


def test_a_thread_that_is_read_again_unchanged_concerns_nobody(board: Board) -> None:
    crowd(board, people=20, threads=10)
    board.found()
    with board.deps.store.write() as session:
        trust.touch_all(session)
    assert sum_up(board.deps) == 10


def test_what_changed_while_it_was_read_is_read_again(board: Board) -> None:
    crowd(board, people=20, threads=5)
    board.flush()
    with board.deps.store.read() as session:
        fresh = trust.read(session, trust.changed(session, 100))
        before = session.scalars(select(TrustThread.dirty).distinct()).one()
    with board.deps.store.write() as session:
        trust.touch_all(session)
        trust.keep(session, fresh, NOW)
    with board.deps.store.read() as session:
        assert session.scalars(select(TrustThread.dirty).distinct()).all() == [before + 1]
        assert not session.scalars(select(DeedRow)).all()


def test_an_answer_that_is_deleted_counts_no_more(board: Board) -> None:
    for number in range(6):
        board.thread(f"member{number}", ["other", "helper"], number * 7 + 1, "helper")
    assert names(board.found()) == ["helper"]
    with board.deps.store.write() as session:
        incoming = Incoming(board.connection, NOW)
        for number in range(1, 7):
            incoming.add_gone(MessageGone(f"t{number}-2", NOW))
        settle(session, incoming)
        trust.touch_all(session)
    found = board.found()
    assert not found.candidates and not found.others


def test_standings_fade_though_nothing_happens(board: Board) -> None:
    crowd(board)
    before = board.found().candidates[0].reputation.score
    later = replace(board.deps, now=lambda: NOW + timedelta(days=100))
    assert sum_up_all(later) > 0
    assert 0 < max(c.reputation.score for c in rockstars(later).candidates) < before / 1.2
    gone = replace(board.deps, now=lambda: NOW + timedelta(days=900))
    sum_up_all(gone)
    assert not rockstars(gone).candidates
