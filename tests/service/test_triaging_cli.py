"""`tenth triage`: explain, replay, quality and revert over a real archive."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import update

from moderation.errors import BadInput
from moderation.tuning import Tuning
from service.cli import cli, triaging
from service.db.models import Case, Community, DecisionRow, Person, ProbeRow, Thread, TuningRow
from service.usecases.cases import Intent, act
from service.usecases.people import create_person, sign_in
from service.usecases.quality import quality
from tests.support.office import NEWEST, Office, chatter, line, office

QUIET = [line(9000 + n, 9000 + n, f"I use the fine grind for it. {n}", hours_ago=60 + n) for n in range(30)]


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    desk = office()
    desk.archive()
    desk.take_in([*chatter(20), *QUIET])
    monkeypatch.setattr(triaging, "deps", lambda: desk.deps)
    yield desk
    desk.close()


def ask(*arguments: str) -> str:
    answer = CliRunner().invoke(cli, ["triage", *arguments], catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    return answer.output


def asked(*arguments: str) -> Any:
    return json.loads(ask(*arguments, "--json"))


def learned(desk: Office, **weights: Any) -> None:
    figures = {"decisions": 80, "judged": 60, "prior_auc": 0.71, "tuned_auc": 0.83}
    when = {"made_at": NEWEST - timedelta(days=1), "changed_at": NEWEST - timedelta(days=1)}
    with desk.deps.store.write() as session:
        row = TuningRow(community_id=1, state="active", weights=Tuning(**weights).to_json(), **figures, **when)
        session.add(row)
        session.execute(update(Community).values(triage_due_at=desk.deps.now()))


# ------------------------------------------------------------------ explain


@pytest.mark.parametrize("arguments", [("explain", "no such thread"), ("revert", "nowhere"), ("revert", "1")])
def test_what_is_not_there_is_said_so(desk: Office, arguments: tuple[str, ...]) -> None:
    with pytest.raises(BadInput):
        ask(*arguments)


def test_a_thread_is_explained_with_its_reasons_and_the_line(desk: Office) -> None:
    for case, thread in zip(desk.rows(Case), desk.rows(Thread), strict=True):
        found = asked("explain", thread.remote_id)
        assert found["priority"] == pytest.approx(case.priority, abs=0.001)
        assert found["lane"] == case.lane
        assert found["place"] in {"needs": ("above",), "always": ("rule",), "left": ("below", "full")}[case.lane]
        assert (found["place"] == "below") is (found["priority"] < found["line"] and case.lane == "left")
        assert found["weights"] == "shipped"
        assert all(r["shipped"] == r["learned"] for r in found["reasons"])
        assert found["facts"]["messages"] == thread.messages
    words = ask("explain", "1")
    assert "the line is at" in words
    assert "A need that waits" in words


def test_learned_weights_stand_beside_the_shipped_ones(desk: Office) -> None:
    learned(desk, shift=0.5, terms={"need": 2.0}, topics={})
    found = asked("explain", "1")
    by_code = {r["code"]: r for r in found["reasons"]}
    assert by_code["need"]["learned"] == pytest.approx(2 * by_code["need"]["shipped"], abs=0.002)
    assert by_code["shift"]["learned"] == 0.5
    assert found["priority"] > found["shipped_priority"]
    assert found["weights"] == "learned"


def test_what_is_held_or_was_seen_is_explained_so(desk: Office) -> None:
    create_person(desk.deps, "ada", "manager", "a password long enough")
    ada = sign_in(desk.deps, "ada", "a password long enough")
    assert ada is not None
    case = desk.rows(Case, Case.lane == "needs")[0]
    act(desk.deps, case.id, Intent("claim", case.version), ada)
    name = desk.rows(Thread, Thread.id == case.thread_id)[0].remote_id
    assert asked("explain", name)["place"] == "held"
    with desk.deps.store.write() as session:
        session.execute(update(Case).where(Case.id == case.id).values(state="open", seen_at=NEWEST))
        session.execute(update(Community).values(summary={**desk.rows(Community)[0].summary, "cut": 1.0}))
    assert asked("explain", name)["place"] == "kept"


# ------------------------------------------------------------------ replay


def period() -> tuple[str, ...]:
    return ("--from", (NEWEST - timedelta(days=2)).isoformat(), "--to", NEWEST.isoformat(), "--every", "6")


@pytest.mark.parametrize(
    "more", [("--budget", "0"), ("--budget", "1.5"), ("--every", "0.1", "--from", "2020-01-01"), ("--to", "2020-01-01")]
)
def test_settings_that_make_no_sense_are_refused(desk: Office, more: tuple[str, ...]) -> None:
    with pytest.raises(BadInput):
        ask("replay", *period(), *more)


def test_the_same_settings_surface_the_same(desk: Office) -> None:
    found = asked("replay", *period())["communities"]
    assert len(found) == 1
    assert found[0]["was"] == found[0]["would"] == found[0]["both"] > 0
    assert found[0]["only_was"] == found[0]["only_would"] == []
    assert found[0]["steps"] == 9


def test_the_last_moment_of_a_replay_is_the_queue(desk: Office) -> None:
    moment = ("--from", NEWEST.isoformat(), "--to", NEWEST.isoformat())
    found = asked("replay", *moment)["communities"][0]
    assert found["was"] == len(desk.rows(Case, Case.lane.in_(("needs", "always"))))


def test_a_smaller_budget_surfaces_less_of_the_same(desk: Office) -> None:
    found = asked("replay", *period(), "--budget", "0.02", "--community", "old-forum")["communities"][0]
    assert found["would"] < found["was"]
    assert found["only_would"] == []
    assert len(found["only_was"]) == found["was"] - found["would"]
    assert "only then" in ask("replay", *period(), "--budget", "0.02")


def test_weights_change_what_is_surfaced_and_decisions_judge_it(desk: Office) -> None:
    learned(desk, terms={"need": 0.0, "waiting": 0.0, "fresh": 0.0}, topics={})
    create_person(desk.deps, "ada", "manager", "a password long enough")
    case, person = desk.rows(Case, Case.lane == "needs")[0], desk.rows(Person)[0]
    row = {"community_id": 1, "thread_id": case.thread_id, "case_id": case.id, "person_id": person.id, "lane": "needs"}
    with desk.deps.store.write() as session:
        row |= {"at": NEWEST, "as_of": NEWEST, "verb": "decide", "facts": {}, "priority": 0.5}
        session.add(DecisionRow(needs=True, **row))
    moment = ("--from", NEWEST.isoformat(), "--to", NEWEST.isoformat())
    found = asked("replay", *moment, "--weights", "shipped")["communities"][0]
    assert found["needed"] == found["would_needed"] == 1
    same = asked("replay", *moment, "--weights", "learned")["communities"][0]
    assert same["was"] == same["would"] == same["both"]


# ------------------------------------------------------------------ quality, revert


def test_quality_says_what_is_not_known_yet(desk: Office) -> None:
    found = asked("quality")["communities"][0]
    assert (found["recall"], found["learned"], found["alarm"]) == (None, None, None)
    assert found["agreement"] == {"pairs": 0, "same": 0, "kappa": None}
    assert 0 < found["share"] <= 0.11
    assert "not enough judgements yet (0 of 20)" in ask("quality")


def test_quality_counts_probes_decisions_and_what_was_learned(desk: Office) -> None:
    create_person(desk.deps, "ada", "manager", "a password long enough")
    create_person(desk.deps, "bo", "manager", "a password long enough")
    people, case = desk.rows(Person), desk.rows(Case)[0]
    learned(desk, topics={"billing": 0.9}, terms={"velocity": 0.4})
    now = desk.deps.now()
    with desk.deps.store.write() as session:
        for n in range(20):
            thread = desk.rows(Thread)[n].id
            judged = {"judged_at": now, "person_id": people[0].id, "needs": n == 0}
            session.add(ProbeRow(community_id=1, thread_id=thread, drawn_at=now, **judged))
        for n, (who, needs) in enumerate([(0, True), (1, True), (0, False)]):
            row = {"community_id": 1, "thread_id": desk.rows(Thread)[n // 2].id, "case_id": case.id, "lane": "needs"}
            row |= {"person_id": people[who].id, "at": now, "as_of": NEWEST, "verb": "decide", "priority": 0.5}
            facts = desk.rows(Thread)[n // 2].facts
            session.add(DecisionRow(needs=needs, facts=facts, **row))
    found = quality(desk.deps)[0]
    below = desk.rows(Community)[0].summary["left"]
    assert (found.counts.found, found.counts.judged, found.counts.needed, found.counts.below) == (1, 20, 1, below)
    assert found.recall is not None
    assert found.recall.value == pytest.approx(1 / (1 + below / 20))
    assert (found.agreement.pairs, found.agreement.same) == (1, 1)
    words = ask("quality")
    assert "Conversations about money: answered much more often" in words
    assert "Many messages in a short time: counts much less" in words
    assert asked("quality")["communities"][0]["learned"]["tuned_auc"] == 0.83


def test_revert_puts_the_shipped_weights_back(desk: Office) -> None:
    learned(desk, topics={"billing": 0.9})
    assert "shipped weights are back" in ask("revert", "old-forum")
    assert [r.state for r in desk.rows(TuningRow)] == ["reverted"]
    assert "somebody put the shipped weights back" in ask("quality")
