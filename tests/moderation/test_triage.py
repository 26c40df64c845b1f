"""The tenth: what the judgement promises for any thread, whatever it holds."""

from __future__ import annotations

import math
import random
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.model import AuthorRole
from moderation.triage import (
    Candidate,
    MessageFact,
    ThreadFacts,
    as_time,
    assess,
    cut,
    dangers,
    digest,
    look_again,
    places,
    window_start,
)
from moderation.tuning import Tuning

AS_OF = datetime(2026, 11, 22, 9, tzinfo=UTC)
NOW = AS_OF.timestamp()
HOUR = 3600.0
RULES = ("safety", "threat", "legal", "self_harm")

unit = st.floats(0, 1).map(lambda x: round(x, 3))
sentiment = st.floats(-1, 1).map(lambda x: round(x, 3))
role = st.sampled_from([r.value for r in AuthorRole])
when = st.integers(0, 26 * 24 * 3600).map(lambda ago: NOW - ago)


@st.composite
def message_lists(draw: st.DrawFn, most: int = 9, loudest: float = 1.0) -> list[MessageFact]:
    count = draw(st.integers(1, most))
    return [
        MessageFact(
            id=number,
            at=draw(when),
            author=draw(st.integers(1, 4)),
            role=draw(role),
            toxicity=min(loudest, draw(unit)),
            urgency=draw(unit),
            sentiment=draw(sentiment),
            rules=draw(st.sampled_from(((), (), (), ("safety",), ("legal", "threat")))),
            addressed=draw(st.booleans()),
            likes=draw(st.integers(0, 50)),
            trust=draw(st.sampled_from((None, 1, 4))),
            accepted=draw(st.sampled_from((False, False, False, True))),
        )
        for number in range(1, count + 1)
    ]


facts_of_any = message_lists().map(lambda m: digest(m, AS_OF))


def priority(facts: ThreadFacts) -> float:
    return assess(facts, AS_OF).priority


def asking(number: int, urgency: float = 0.8, ago: float = 5, **changes: object) -> MessageFact:
    plain = MessageFact(number, NOW - ago * HOUR, number, AuthorRole.CUSTOMER, 0.05, urgency, -0.2)
    return replace(plain, **changes)


def candidates(count: int, **changes: object) -> list[Candidate]:
    dice = random.Random(count)
    return [Candidate(n, digest([asking(n, dice.random() * 0.9, **changes)], AS_OF)) for n in range(1, count + 1)]


# ------------------------------------------------------------------ facts


@given(message_lists(), st.randoms(use_true_random=False))
def test_the_order_in_which_messages_come_changes_nothing(messages: list[MessageFact], dice: random.Random) -> None:
    shuffled = messages[:]
    dice.shuffle(shuffled)
    assert digest(shuffled, AS_OF) == digest(messages, AS_OF)


@given(message_lists())
def test_what_was_written_after_the_moment_asked_for_is_not_known_yet(messages: list[MessageFact]) -> None:
    moment = sorted(m.at for m in messages)[len(messages) // 2]
    earlier = [m for m in messages if m.at <= moment]
    at = datetime.fromtimestamp(moment, UTC)
    assert digest(messages, at) == digest(earlier, at)
    assert digest(messages, AS_OF - timedelta(days=60)) == ThreadFacts()


@given(facts_of_any)
def test_facts_survive_being_kept_as_json(facts: ThreadFacts) -> None:
    assert ThreadFacts.from_json(facts.to_json()) == facts


# ------------------------------------------------------------------ priority


@given(facts_of_any, st.integers(0, 40))
def test_priority_is_a_probability_with_finite_reasons_strongest_first(facts: ThreadFacts, days: int) -> None:
    found = assess(facts, AS_OF + timedelta(days=days))
    assert 0.0 <= found.priority <= 1.0
    weights = [abs(b.weight) for b in found.because]
    assert all(math.isfinite(w) and w > 0 for w in weights)
    assert weights == sorted(weights, reverse=True)
    assert found.always == facts.rules


@given(message_lists(loudest=0.55), unit)
def test_more_urgency_of_the_marked_message_never_lowers(messages: list[MessageFact], more: float) -> None:
    before = digest(messages, AS_OF)
    raised = [replace(m, urgency=max(m.urgency, more)) if m.id == before.marked else m for m in messages]
    marked = next((m for m in messages if m.id == before.marked), None)
    if marked is None or before.need_at != marked.at:
        return  # nobody waits: the marked message is only the last one
    assert priority(digest(raised, AS_OF)) >= priority(before)


@given(message_lists(), unit)
def test_more_toxicity_of_the_marked_message_never_lowers(messages: list[MessageFact], more: float) -> None:
    before = digest(messages, AS_OF)
    if before.need_at == 0:
        return  # nobody waits
    raised = [replace(m, toxicity=max(m.toxicity, more)) if m.id == before.marked else m for m in messages]
    assert priority(digest(raised, AS_OF)) >= priority(before)


@given(facts_of_any, unit, st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 40))
def test_each_cause_for_concern_alone_never_lowers(
    facts: ThreadFacts, more: float, earlier: int, named: int, people: int
) -> None:
    base = priority(facts)
    assert priority(replace(facts, need=max(facts.need, more))) >= base
    assert priority(replace(facts, toxicity=max(facts.toxicity, more))) >= base
    assert priority(replace(facts, addressed=facts.addressed + named)) >= base
    assert priority(replace(facts, authors=facts.authors + people, likes=facts.likes + people)) >= base
    assert priority(replace(facts, rules=(*facts.rules, "safety"))) >= base
    if facts.open_at:
        assert priority(replace(facts, open_at=facts.open_at - earlier)) >= base


@given(facts_of_any, st.integers(1, 4))
def test_each_kind_of_help_alone_never_raises(facts: ThreadFacts, more: int) -> None:
    base = priority(facts)
    assert priority(replace(facts, helped=facts.helped + more)) <= base
    assert priority(replace(facts, answered=facts.answered + more)) <= base
    assert priority(replace(facts, accepted=True)) <= base
    assert priority(replace(facts, settled=True)) <= base


@given(message_lists())
def test_an_answer_of_the_brand_to_somebody_who_waits_lowers(messages: list[MessageFact]) -> None:
    waiting = digest(messages, AS_OF)
    if waiting.need < 0.3 and not waiting.rules:
        return
    answer = MessageFact(99, max(m.at for m in messages) + 1, 77, AuthorRole.BRAND, 0.0, 0.0, 0.5)
    after = digest([*messages, answer], AS_OF + timedelta(seconds=1))
    assert (after.need, after.open_at, after.addressed, after.toxicity, after.rules) == (0.0, 0.0, 0, 0.0, ())
    assert assess(after, AS_OF + timedelta(seconds=1)).priority < priority(waiting)


def test_a_new_message_after_the_answer_waits_anew() -> None:
    answer = MessageFact(2, NOW - 3 * HOUR, 9, AuthorRole.BRAND, 0, 0, 0.3)
    again = asking(3, 0.9, ago=1, author=1)
    facts = digest([asking(1), answer, again], AS_OF)
    assert (facts.marked, facts.open_at) == (3, again.at)
    assert priority(facts) > priority(digest([asking(1), answer], AS_OF))


def test_the_message_a_person_should_see_first_is_the_one_in_need_unless_somebody_is_loud() -> None:
    calm, urgent = asking(1, 0.2), asking(2, 0.9, ago=4)
    loud = asking(3, 0.1, ago=3, toxicity=0.97)
    assert digest([calm, urgent], AS_OF).marked == 2
    assert digest([calm, urgent, loud], AS_OF).marked == 3
    assert digest([calm, replace(urgent, rules=("safety",)), loud], AS_OF).marked == 2


# ------------------------------------------------------------------ the line


@pytest.mark.parametrize(
    ("threads", "expected"),
    [
        (0, 0),
        (1, 1),
        (9, 1),
        (10, 1),
        (11, 2),
        (30, 3),
        (91, 10),
        (99, 10),
        (100, 10),
        (104, 10),
        (106, 11),
        (1000, 100),
    ],
)
def test_a_small_community_rounds_its_tenth_up_and_a_large_one_to_the_nearest(threads: int, expected: int) -> None:
    assert places(threads, 0.1) == expected


@given(st.integers(0, 99), st.sampled_from((0.05, 0.1, 0.15, 0.2)))
def test_places_below_a_hundred_are_rounded_up(threads: int, budget: float) -> None:
    exact = threads * round(budget * 100) / 100
    assert places(threads, budget) == math.ceil(round(exact, 9))


@settings(max_examples=60)
@given(st.integers(0, 130), st.integers(0, 6), st.integers(0, 6), st.integers(0, 4))
def test_the_budget_counts_exactly_its_places(count: int, held: int, decided: int, ruled: int) -> None:
    """Held and decided threads use places first; rules use none; everything else that is above fits what is left."""
    plain = candidates(count)
    marked = [
        replace(
            c,
            held=i < held,
            decided=held <= i < held + decided,
            facts=replace(c.facts, rules=("safety",) if held + decided <= i < held + decided + ruled else ()),
        )
        for i, c in enumerate(plain)
    ]
    found = cut(marked, AS_OF)
    held, decided = min(held, count), max(0, min(decided, count - held))
    ruled = max(0, min(ruled, count - held - decided))
    room = places(count, 0.1)
    rest = count - held - decided - ruled
    assert found.count("always") == ruled
    assert found.count("decided") == decided
    used = held + decided
    least, most = (places(count, share) - used for share in ((0.09, 0.11) if used else (0.1, 0.1)))
    assert held + min(rest, max(0, least)) <= found.count("needs") <= held + min(rest, max(0, most))
    assert found.count("left") == count - found.count("needs") - ruled - decided
    assert (found.threads, found.budget) == (count, room)
    assert [p.id for p in found.placed] == [c.id for c in marked]


@settings(max_examples=60)
@given(st.lists(message_lists(most=3), max_size=25), st.randoms(use_true_random=False))
def test_the_line_does_not_depend_on_the_order_and_every_thread_is_explained(
    threads: list[list[MessageFact]], dice: random.Random
) -> None:
    found = [Candidate(n, digest(messages, AS_OF)) for n, messages in enumerate(threads, 1)]
    shuffled = found[:]
    dice.shuffle(shuffled)
    line, again = cut(found, AS_OF), cut(shuffled, AS_OF)
    assert {p.id: p.lane for p in line.placed} == {p.id: p.lane for p in again.placed}
    assert line.value == again.value
    for placed, candidate in zip(line.placed, found, strict=True):
        assert placed.lane == ("always" if candidate.facts.rules else placed.lane)
        if placed.lane == "left":
            assert placed.look_again_at > NOW
        if placed.lane == "always":
            assert "rule" in [b.code for b in placed.assessment.because]
        if candidate.facts.need >= 0.1:
            assert placed.assessment.because


def test_the_cut_value_is_the_lowest_priority_above_the_line() -> None:
    line = cut(candidates(40), AS_OF)
    above = [p.assessment.priority for p in line.placed if p.lane == "needs"]
    below = [p.assessment.priority for p in line.placed if p.lane == "left"]
    assert len(above) == 4
    assert line.value == min(above) >= max(below)
    assert cut([], AS_OF).value == 1.0


def test_ties_go_to_the_older_need_and_then_to_the_lower_id() -> None:
    same = [asking(1, 0.5, ago=5, author=1)]
    older = replace(digest(same, AS_OF), need_at=NOW - 6 * HOUR)
    facts = digest(same, AS_OF)
    three = [Candidate(7, facts), Candidate(3, facts), Candidate(9, older)]
    lanes = {p.id: p.lane for p in cut(three, AS_OF).placed}
    assert lanes == {9: "needs", 3: "left", 7: "left"}
    lanes = {p.id: p.lane for p in cut(three[:2], AS_OF).placed}
    assert lanes == {3: "needs", 7: "left"}


def test_a_rule_passes_without_a_place_even_where_the_budget_is_zero() -> None:
    ruled = Candidate(1, digest([asking(1, 0.1, rules=("self_harm",))], AS_OF))
    line = cut([ruled, Candidate(2, digest([asking(2, 1.0)], AS_OF))], AS_OF, budget=0.0)
    assert [p.lane for p in line.placed] == ["always", "left"]
    assert line.budget == 0


def test_a_decided_thread_stays_decided_whatever_a_rule_says() -> None:
    ruled = Candidate(1, digest([asking(1, 0.9, rules=("safety",))], AS_OF), decided=True)
    assert cut([ruled], AS_OF).placed[0].lane == "decided"


@given(facts_of_any)
def test_a_look_is_always_ahead_and_within_three_days(facts: ThreadFacts) -> None:
    assert HOUR <= look_again(facts, AS_OF) - NOW <= 72 * HOUR


def test_what_moves_or_waits_is_looked_at_sooner() -> None:
    waiting = digest([asking(1, 0.6, ago=10)], AS_OF)
    moving = digest([asking(1, 0.1, ago=1)], AS_OF)
    calm = digest([asking(1, 0.1, ago=10)], AS_OF)
    answered = digest([asking(1), MessageFact(2, NOW - 3 * HOUR, 9, AuthorRole.BRAND, 0, 0, 0)], AS_OF)
    looks = [look_again(f, AS_OF) - NOW for f in (moving, waiting, calm, answered)]
    assert looks == sorted(looks)
    assert len(set(looks)) == 4


def test_what_somebody_saw_keeps_its_place() -> None:
    """A better newcomer takes no place that a person has seen taken; some room is kept for it all the same."""
    old = [Candidate(i, digest([asking(1, 0.4, ago=10)], AS_OF), seen=i <= 10) for i in range(1, 101)]
    new = Candidate(101, digest([asking(1, 0.9, ago=1)], AS_OF))
    line = cut([*old, new], AS_OF)
    above = {p.id for p in line.placed if p.lane == "needs"}
    assert above == {*range(1, 11), 101}
    assert line.budget == 10


def test_a_probe_is_shown_and_uses_no_place() -> None:
    threads = [Candidate(i, digest([asking(1, 0.5, ago=i)], AS_OF), probe=i == 50) for i in range(1, 51)]
    line = cut(threads, AS_OF)
    assert line.count("needs") == line.budget + 1
    assert line.value > assess(threads[-1].facts, AS_OF).priority


def test_a_tuning_moves_the_reasons_it_names_and_no_other() -> None:
    facts = digest([replace(asking(1, 0.6, ago=10), intents={"billing": 0.8})], AS_OF)
    plain = {b.code: b.weight for b in assess(facts, AS_OF).because}
    tuned = {b.code: b.weight for b in assess(facts, AS_OF, Tuning(0.0, {"waiting": 2.0}, {"billing": 0.7})).because}
    assert tuned.pop("topic") == pytest.approx(0.56)
    assert tuned.pop("waiting") == 2 * plain.pop("waiting")
    assert tuned == plain
    assert assess(facts, AS_OF, Tuning()) == assess(facts, AS_OF)


def test_times() -> None:
    assert window_start(AS_OF, 28) == AS_OF - timedelta(days=28)
    assert as_time(0.0) is None
    assert as_time(NOW) == AS_OF


def test_every_fact_is_read_by_the_property_tests_above() -> None:
    """A new fact needs a property: whoever adds one finds this list."""
    known = {
        *("marked", "need", "need_at", "open_at", "toxicity", "toxic_messages", "rules", "addressed", "brand_at"),
        *("helped", "answered", "accepted", "settled", "authors", "likes", "messages", "first_at", "last_at"),
        *("sentiment_start", "sentiment_end", "recent", "topics"),
    }
    assert {f.name for f in fields(ThreadFacts)} == known


def test_a_watched_word_is_no_rule_of_danger() -> None:
    assert dangers(["", "watched"]) == frozenset()
    assert dangers(["threat", "watched"]) == {"threat"}
