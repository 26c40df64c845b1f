"""What is decided is written down with its facts, in the same transaction; what was seen stays until it is decided."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from moderation.triage import ThreadFacts, assess
from service.db.facts import refresh_threads
from service.db.models import Author, Case, Community, Connection, DecisionRow, Message, Thread
from service.usecases import learning
from service.usecases.cases import Done, Intent, Stale, act, undo
from service.usecases.people import Known, create_person, sign_in
from service.usecases.queue import queue_page
from service.usecases.seeing import mark_seen
from service.usecases.triage import triage_community
from tests.support.office import NEWEST, Office, line, office

ASKS = "My order has not come and nobody answers. I want my money back."
CALM = "I use the fine grind for it."
HOT = "It burned my hand and there is smoke, please help me now!"


@pytest.fixture
def desk() -> Iterator[Office]:
    desk = office()
    desk.archive()
    yield desk
    desk.close()


@pytest.fixture
def ada(desk: Office) -> Known:
    return person(desk, "ada")


def person(desk: Office, name: str) -> Known:
    create_person(desk.deps, name, "manager", "a password long enough")
    known = sign_in(desk.deps, name, "a password long enough")
    assert known is not None
    return known


def case_of(desk: Office, thread: str) -> Case:
    found: Case = desk.rows(Case, Case.thread_id == desk.rows(Thread, Thread.remote_id == thread)[0].id)[0]
    return found


def do(desk: Office, thread: str, verb: str, who: Known, at: datetime | None = None) -> Done:
    case = case_of(desk, thread)
    until = desk.deps.now() + timedelta(hours=2)
    return act(desk.at(at) if at else desk.deps, case.id, Intent(verb, case.version, until), who)


def brand_answers(desk: Office, thread: int, at: datetime) -> None:
    """As reading does it; twice is once."""
    with desk.deps.store.write() as session:
        if session.query(Author).filter_by(remote_id="brava").first() is None:
            kept = {"connection_id": 1, "remote_id": "brava", "handle": "brava", "role": "brand"}
            author = Author(first_seen_at=NEWEST, **kept)
            session.add(author)
            session.flush()
            post = {"connection_id": 1, "remote_id": "m2", "text": "We are sorry; it is on its way."}
            session.add(Message(thread_id=thread, author_id=author.id, created_at=at, **post))
            session.flush()
        refresh_threads(session, {thread}, at)


def lanes(desk: Office) -> dict[str, str]:
    names = {t.id: t.remote_id for t in desk.rows(Thread)}
    return {names[c.thread_id]: c.lane for c in desk.rows(Case)}


# ------------------------------------------------------------------ decisions


def test_a_decision_that_came_too_late_leaves_no_row(desk: Office, ada: Known) -> None:
    desk.take_in([line(1, 1, ASKS)])
    case = case_of(desk, "1")
    with pytest.raises(Stale):
        act(desk.deps, case.id, Intent("decide", case.version + 1), ada)
    assert desk.rows(DecisionRow) == []


@pytest.mark.parametrize(
    ("verb", "needs"),
    [("decide", True), ("escalate", True), ("leave", False), ("claim", None), ("snooze", None)],
)
def test_each_verb_says_what_it_says(desk: Office, ada: Known, verb: str, needs: bool | None) -> None:
    desk.take_in([line(1, 1, ASKS)])
    known = ThreadFacts.from_json(desk.rows(Thread)[0].facts)
    done = do(desk, "1", verb, ada)
    rows = desk.rows(DecisionRow)
    assert [(r.verb, r.needs, r.person_id) for r in rows] == ([] if needs is None else [(verb, needs, ada.id)])
    for row in rows:
        assert (row.at, row.as_of, row.lane, row.probe) == (done.at, NEWEST - timedelta(hours=1), "needs", False)
        assert ThreadFacts.from_json(row.facts) == known
        assert row.priority == assess(known, row.as_of).priority


def test_bringing_one_up_by_hand_says_that_it_was_missed(desk: Office, ada: Known) -> None:
    desk.take_in([line(1, 1, ASKS), line(2, 2, CALM)])
    do(desk, "2", "reopen", ada)
    assert [(r.needs, r.lane) for r in desk.rows(DecisionRow)] == [(True, "left")]


def test_undo_takes_the_row_away(desk: Office, ada: Known) -> None:
    desk.take_in([line(1, 1, ASKS)])
    do(desk, "1", "escalate", ada)
    done = do(desk, "1", "leave", ada)
    undo(desk.deps, Done.from_json(json.loads(json.dumps(done.to_json()))), ada)
    assert [r.verb for r in desk.rows(DecisionRow)] == ["escalate"]


def test_of_two_words_on_one_state_the_last_counts(desk: Office, ada: Known) -> None:
    desk.take_in([line(1, 1, ASKS)])
    do(desk, "1", "leave", ada)
    do(desk, "1", "reopen", ada)
    do(desk, "1", "leave", person(desk, "bo"))
    with desk.deps.store.read() as session:
        found = learning.judged(session, desk.rows(Community)[0].id)
    assert [(j.person == ada.id, j.needs) for j in found] == [(True, True), (False, False)]


def test_an_answer_on_the_platform_counts_with_the_facts_before_it(desk: Office, ada: Known) -> None:
    desk.take_in([line(1, 1, ASKS)])
    with desk.deps.store.write() as session:
        session.execute(update(Case).values(seen_at=NEWEST))
    before = desk.rows(Thread)[0].facts
    for _ in range(2):
        brand_answers(desk, thread=desk.rows(Thread)[0].id, at=NEWEST + timedelta(hours=1))
    assert len(desk.rows(DecisionRow)) == 1
    row = desk.rows(DecisionRow)[0]
    assert (row.verb, row.needs, row.person_id, row.at) == ("answered", True, None, NEWEST + timedelta(hours=1))
    assert row.facts == before
    assert case_of(desk, "1").seen_at is None
    do(desk, "1", "decide", ada, NEWEST + timedelta(hours=2))
    assert len(desk.rows(DecisionRow)) == 1, "“handled” after the answer says nothing more"


# ------------------------------------------------------------------ seen


def crowd(desk: Office, first: int, text: str, count: int = 8) -> None:
    desk.take_in([line(first + n, first + n, f"{text} {n}", hours_ago=0.5) for n in range(count)])


def test_what_nobody_saw_competes_anew(desk: Office) -> None:
    desk.take_in([line(1, 1, "Does anybody know where to buy the grey filter?", hours_ago=3)])
    assert lanes(desk) == {"1": "needs"}
    crowd(desk, 100, ASKS)
    assert lanes(desk)["1"] == "left"


def test_what_somebody_saw_stays_until_it_is_decided(desk: Office, ada: Known) -> None:
    desk.take_in([line(1, 1, "Does anybody know where to buy the grey filter?", hours_ago=3)])
    assert mark_seen(desk.deps, queue_page(desk.deps).items) == 1
    assert mark_seen(desk.deps, queue_page(desk.deps).items) == 0, "seen once is enough"
    crowd(desk, 100, ASKS)
    assert lanes(desk)["1"] == "needs"
    do(desk, "1", "leave", ada, NEWEST)
    assert case_of(desk, "1").seen_at is None
    assert triage_community(desk.deps, 1)
    assert lanes(desk)["1"] == "decided"


def test_undo_gives_the_seen_mark_back(desk: Office, ada: Known) -> None:
    desk.take_in([line(1, 1, ASKS)])
    mark_seen(desk.deps, queue_page(desk.deps).items)
    before = case_of(desk, "1").seen_at
    undo(desk.deps, do(desk, "1", "decide", ada), ada)
    assert case_of(desk, "1").seen_at == before


def test_nothing_below_the_line_is_marked_as_seen(desk: Office) -> None:
    desk.take_in([line(1, 1, ASKS), line(2, 2, CALM)])
    mark_seen(desk.deps, queue_page(desk.deps, "left").items)
    assert [c.seen_at for c in desk.rows(Case)] == [None, None]


def test_a_mark_ends_with_the_window(desk: Office) -> None:
    desk.take_in([line(1, 1, ASKS, hours_ago=24)])
    mark_seen(desk.deps, queue_page(desk.deps).items)
    with desk.deps.store.write() as session:
        session.execute(update(Connection).values(connector="discourse"))
    assert triage_community(desk.at(NEWEST + timedelta(days=40)), 1)
    assert [(c.lane, c.seen_at) for c in desk.rows(Case)] == [("outside", None)]


def test_rules_pass_a_queue_full_of_what_was_seen(desk: Office) -> None:
    desk.take_in([line(1, 1, "Does anybody know where to buy the grey filter?", hours_ago=3)])
    mark_seen(desk.deps, queue_page(desk.deps).items)
    desk.take_in([line(2, 2, HOT, hours_ago=0)])
    assert lanes(desk) == {"1": "needs", "2": "always"}
