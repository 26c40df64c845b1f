"""Learning from decisions: what must never happen first, then what should."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.learning import FEWEST, LEAST, MOST, Decision, learn, logit, trial
from moderation.triage import BASE, ThreadFacts, assess
from moderation.tuning import PRIOR, Tuning

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def facts(rng: random.Random, at: datetime) -> ThreadFacts:
    now = at.timestamp()
    return ThreadFacts(
        need=rng.random(),
        open_at=now - rng.random() * 200_000,
        toxicity=rng.random(),
        addressed=rng.randrange(2),
        helped=rng.randrange(3),
        answered=rng.randrange(4),
        authors=rng.randrange(1, 12),
        messages=rng.randrange(1, 20),
        first_at=now - 300_000,
        last_at=now - rng.random() * 100_000,
        topics={"billing": 0.9} if rng.random() < 0.3 else {},
    )


def decisions(count: int, seed: int, *, wants: str = "billing", people: int = 3) -> list[Decision]:
    """A team that answers what is about `wants`, and a little of the rest."""
    rng = random.Random(seed)
    made = []
    for n in range(count):
        at = START + timedelta(hours=n)
        known = facts(rng, at)
        needs = rng.random() < (0.9 if wants in known.topics else 0.15)
        made.append(Decision(rng.randrange(people), at, known, needs))
    return made


def test_too_few_decisions_recommend_nothing() -> None:
    for some in ([], decisions(8, 1), [replace(d, needs=True) for d in decisions(200, 1)]):
        found = trial(some)
        assert not found.better
        assert found.tuning == PRIOR


def test_noise_is_not_worth_a_switch_more_often_than_not() -> None:
    """Labels drawn by a coin: what was learned must not be taken for knowledge."""
    switched = 0
    for seed in range(20):
        rng = random.Random(seed)
        known = [facts(rng, START + timedelta(hours=n)) for n in range(120)]
        priors = [logit(f, START) for f in known]
        middle = sorted(priors)[60]
        made = [
            Decision(0, START + timedelta(hours=n), f, (p > middle) ^ (rng.random() < 0.2))
            for n, (f, p) in enumerate(zip(known, priors, strict=True))
        ]
        switched += trial(made).better
    assert switched <= 14


def test_a_team_with_a_topic_of_its_own_is_followed() -> None:
    found = trial(decisions(300, 2))
    assert found.better
    assert found.tuned_auc > found.prior_auc + 0.2
    assert found.tuning.topics["billing"] > 1.0


def test_one_person_with_many_decisions_does_not_decide_alone() -> None:
    team = [replace(d, person=n % 4) for n, d in enumerate(decisions(80, 3))]
    rng = random.Random(4)
    loud = []
    for n in range(1000):
        at = START + timedelta(hours=100, minutes=n)
        known = facts(rng, at)
        loud.append(Decision(9, at, known, "billing" not in known.topics))
    assert learn(team + loud).topics["billing"] > 0
    assert learn(team + [replace(d, person=n) for n, d in enumerate(loud)]).topics["billing"] < 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60), st.randoms(use_true_random=False))
def test_a_reason_never_comes_to_mean_its_opposite(seed: int, count: int, rng: random.Random) -> None:
    made = decisions(count, seed)
    tuning = learn(made)
    assert all(LEAST <= value <= MOST for value in tuning.terms.values())
    rng.shuffle(made)
    assert learn(made) == tuning


def test_the_log_odds_are_those_of_the_line() -> None:
    rng = random.Random(5)
    tuning = Tuning(0.4, {"need": 1.5, "helped": 0.2}, {"billing": 1.1})
    for _ in range(50):
        known = facts(rng, START)
        for some in (PRIOR, tuning):
            chance = assess(known, START, some).priority
            assert 1 / (1 + 2.718281828 ** -logit(known, START, some)) == pytest.approx(chance, abs=0.05)


def test_nothing_decided_changes_nothing() -> None:
    assert learn([]) == PRIOR
    assert logit(ThreadFacts(last_at=START.timestamp()), START) == pytest.approx(BASE)
    assert Tuning.from_json(None) is PRIOR
    assert Tuning.from_json(Tuning(0.1, {"need": 2.0}).to_json()) == Tuning(0.1, {"need": 2.0})
    assert FEWEST >= 10
