"""The line learns only what ranks better, says what it did, and can be put back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from moderation.errors import BadInput
from moderation.learning import Trial, trial
from moderation.triage import ThreadFacts, assess
from moderation.tuning import PRIOR, Tuning
from service.db import audit
from service.db.models import AuditEntry, Case, Community, DecisionRow, Person, Thread, TuningRow
from service.jobs import work
from service.usecases import learning
from service.usecases.people import create_person
from service.usecases.triage import triage_community
from tests.support.office import NEWEST, Office, line, office


@pytest.fixture
def desk() -> Iterator[Office]:
    desk = office()
    desk.archive()
    desk.take_in([line(1, 1, "My order has not come and nobody answers."), line(2, 2, "I use the fine grind.")])
    create_person(desk.deps, "ada", "manager", "a password long enough")
    yield desk
    desk.close()


def facts(need: float, *topics: str) -> ThreadFacts:
    at = NEWEST.timestamp() - 3600
    return ThreadFacts(
        need=need, need_at=at, open_at=at, last_at=at, first_at=at, messages=1, topics=dict.fromkeys(topics, 1.0)
    )


def decided(desk: Office, count: int, wants: str = "billing", leaves: str = "question", before: float = 0.0) -> None:
    """A team that answers one topic and leaves another, whatever the shipped weights say."""
    case, person = desk.rows(Case)[0], desk.rows(Person)[0]
    with desk.deps.store.write() as session:
        for n in range(count):
            needs = n % 2 == 0
            known = facts(0.3 + 0.01 * (n % 7), wants if needs else leaves)
            at = desk.deps.now() - timedelta(seconds=before + count - n)
            row: dict[str, Any] = {"community_id": case.community_id, "thread_id": case.thread_id, "case_id": case.id}
            row |= {"person_id": person.id, "at": at, "as_of": NEWEST + timedelta(seconds=n), "verb": "decide"}
            kept = {**known.to_json(), "last_at": known.last_at + n}
            session.add(DecisionRow(needs=needs, lane="needs", facts=kept, priority=0.1, **row))


def kinds(desk: Office) -> list[str]:
    with desk.deps.store.read() as session:
        assert audit.verify(session, desk.deps.vault) == []
    return [e.kind for e in desk.rows(AuditEntry) if e.kind.startswith("tuning")]


def weights(desk: Office) -> Tuning:
    with desk.deps.store.read() as session:
        return learning.active(session, desk.rows(Community)[0].id)


def test_too_few_decisions_change_nothing_and_it_is_said(desk: Office) -> None:
    decided(desk, 9)
    assert work.learn(desk.deps) == 0
    decided(desk, 1)
    assert work.learn(desk.deps) == 1
    assert work.learn(desk.deps) == 0, "not again before more is known"
    row = desk.rows(TuningRow)[0]
    assert (row.state, row.reason, row.judged, row.prior_auc, row.tuned_auc) == ("refused", "few", 0, None, None)
    assert weights(desk) == PRIOR
    assert kinds(desk) == ["tuning:refused"]


def test_what_ranks_better_is_switched_on_and_moves_the_line(desk: Office) -> None:
    decided(desk, 80)
    assert work.learn(desk.deps) == 1
    row = desk.rows(TuningRow)[0]
    assert (row.state, row.decisions, row.judged) == ("active", 80, 60)
    assert row.tuned_auc > row.prior_auc
    found = weights(desk)
    assert found.topics["billing"] > 0.5 > -0.5 > found.topics["question"]
    before = desk.rows(Case)[0].priority
    with desk.deps.store.write() as session:
        kept = {**desk.rows(Thread)[0].facts, "topics": {"billing": 1.0}}
        session.execute(update(Thread).where(Thread.remote_id == "1").values(facts=kept))
    assert triage_community(desk.deps, 1)
    case, community = desk.rows(Case)[0], desk.rows(Community)[0]
    assert case.priority > before
    wanted = assess(ThreadFacts.from_json(desk.rows(Thread)[0].facts), community.newest_at, found)
    assert case.priority == round(wanted.priority, 3)


def test_what_ranks_worse_is_refused_and_ends_what_was_on(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    decided(desk, 80)
    work.learn(desk.deps)
    assert weights(desk) != PRIOR
    worse = Trial(Tuning(topics={"billing": 3.0}), 90, 70, 0.8, 0.7, False)
    monkeypatch.setattr(learning, "trial", lambda known: worse)
    assert learning.learn(desk.deps, 1)
    assert [(r.state, r.reason) for r in desk.rows(TuningRow)] == [("replaced", ""), ("refused", "worse")]
    assert weights(desk) == PRIOR
    assert kinds(desk) == ["tuning:active", "tuning:refused"]


def test_the_shipped_weights_can_be_put_back_and_stay_for_a_while(desk: Office) -> None:
    with pytest.raises(BadInput):
        learning.revert(desk.deps, desk.rows(Community)[0].id, "cli")
    decided(desk, 80)
    work.learn(desk.deps)
    learning.revert(desk.deps, desk.rows(Community)[0].id, "cli")
    assert weights(desk) == PRIOR
    assert desk.rows(Community)[0].triage_due_at is not None
    assert kinds(desk) == ["tuning:active", "tuning:revert"]
    later = desk.at(desk.deps.now() + timedelta(hours=1))
    decided(Office(desk.app, later), 49)
    assert work.learn(later) == 0
    decided(Office(desk.app, later), 1)
    assert work.learn(later) == 1
    assert weights(desk) != PRIOR


def test_of_two_workers_one_keeps_its_trial(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    decided(desk, 40)

    def overtaken(known: Any) -> Any:
        monkeypatch.setattr(learning, "trial", trial)
        assert learning.learn(desk.deps, 1)
        return trial(known)

    monkeypatch.setattr(learning, "trial", overtaken)
    assert not learning.learn(desk.deps, 1)
    assert len(desk.rows(TuningRow)) == 1


def test_what_was_in_use_at_a_time_is_known(desk: Office) -> None:
    decided(desk, 80)
    made = desk.deps.now()
    work.learn(desk.at(made))
    learning.revert(desk.at(made + timedelta(hours=2)), 1, "cli")
    with desk.deps.store.read() as session:
        used = [learning.active_at(session, 1, made + timedelta(hours=h)) == PRIOR for h in (-1, 1, 3)]
    assert used == [True, False, True]


@pytest.mark.parametrize("name", ["1", "old-forum", "Archive", "old-forum/Archive"])
def test_a_community_is_found_by_number_or_name(desk: Office, name: str) -> None:
    with desk.deps.store.read() as session:
        assert learning.find_community(session, name) == 1
        with pytest.raises(BadInput):
            learning.find_community(session, "nowhere")
