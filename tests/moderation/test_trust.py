"""Reputation, for every history: help never harms, hostility never helps, order and rings change nothing."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.outcomes import Heard
from moderation.trust import Against, Reports, Reputation, against, reputation
from moderation.trust_threads import Praise, Read, areas_of, read_thread
from moderation.trust_voices import HALF_LIFE_DAYS, Circle, Giver, Voices, circle, decay, voices

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ME = 0
Thread = list[Heard]


def said(author: int, days: float, place: int = 0, **more: object) -> Heard:
    at = NOW - timedelta(days=days)
    return Heard(f"{place}-{days}-{author}", at, author, "customer", more.pop("sentiment", 0.0), **more)  # type: ignore[arg-type]


def standing(history: Iterable[Sequence[Heard]], author: int = ME, reports: Reports = Reports()) -> Reputation:
    """The reputation of an author from whole threads, as the service makes it from its tables."""
    reads = [read_thread(thread) for thread in history]
    deeds = [deed for read in reads for deed in read.deeds if deed.author == author]
    praise = [p for read in reads for p in read.praise]
    return reputation(deeds, deeds, _voices(reads, praise, author), reports, NOW)


def _voices(reads: list[Read], praise: list[Praise], author: int) -> Voices:
    times, company = defaultdict(list), defaultdict(set)
    for one in praise:
        times[one.giver].append(one.at)
    for read in reads:
        company[read.asker] |= {d.author for d in read.deeds} - {read.asker, author}
    givers = {g: Giver(tuple(times[g]), alone=not company[g]) for g in times}
    got, gave = [p for p in praise if p.author == author], [p for p in praise if p.giver == author]
    return voices(got, gave, givers, NOW)


def helped(asker: int, helper: int, days: float, others: Iterable[int] = ()) -> Thread:
    """Somebody asks, others remark, one answers and is accepted."""
    remarks = [said(other, days - 0.1, n + 1) for n, other in enumerate(others)]
    return [said(asker, days), *remarks, said(helper, days - 0.2, 9, accepted=True)]


# ------------------------------------------------------------------ what holds for every history

messages = st.builds(
    said,
    st.integers(0, 4),
    st.floats(0.0, 700.0, allow_nan=False),
    st.integers(0, 1_000_000),
    sentiment=st.sampled_from([-0.6, 0.0, 0.3, 0.8]),
    toxicity=st.sampled_from([0.0, 0.0, 0.7]),
    urgency=st.sampled_from([0.0, 0.0, 0.8]),
)


@st.composite
def threads(draw: st.DrawFn) -> Thread:
    found = draw(st.lists(messages, min_size=1, max_size=7, unique_by=lambda m: m.id))
    accepted, answers = draw(st.integers(0, 20)), draw(st.integers(0, 6))
    found = [replace(m, accepted=n == accepted) for n, m in enumerate(found)]
    return [replace(m, to=found[(n + answers) % len(found)].id if answers else None) for n, m in enumerate(found)]


histories = st.lists(threads(), max_size=6)
LEAST = 1e-12


@settings(max_examples=120, deadline=None)
@given(histories, st.integers(1, 4), st.floats(0.5, 700.0), st.data())
def test_an_accepted_answer_more_never_lowers(
    history: list[Thread], asker: int, days: float, data: st.DataObject
) -> None:
    before = standing(history)
    assert standing([*history, helped(asker, ME, days)]).score >= before.score - LEAST
    open_ = [n for n, t in enumerate(history) if not any(m.accepted for m in t) and _asker(t) != ME]
    if open_:
        which = data.draw(st.sampled_from(open_))
        begun = min(m.at for m in history[which])
        ago = min(days, (NOW - begun).total_seconds() / 86_400)
        more = [*history[which], said(ME, ago, 2_000_000, accepted=True)]
        if _asker(more) != ME:
            assert standing([*history[:which], more, *history[which + 1 :]]).score >= before.score - LEAST


def _asker(thread: Thread) -> int:
    return min(thread, key=lambda m: (m.at, m.id)).author


@settings(max_examples=120, deadline=None)
@given(histories, messages, st.data())
def test_a_hostile_message_more_never_raises(history: list[Thread], message: Heard, data: st.DataObject) -> None:
    before = standing(history)
    hostile = replace(message, author=ME, toxicity=0.9, id="hostile")
    assert standing([*history, [hostile]]).score <= before.score + LEAST
    if history:
        which = data.draw(st.integers(0, len(history) - 1))
        later = max(hostile.at, min(m.at for m in history[which]) + timedelta(seconds=1))
        more = [*history[which], replace(hostile, at=later)]
        assert standing([*history[:which], more, *history[which + 1 :]]).score <= before.score + LEAST


@settings(max_examples=120, deadline=None)
@given(histories)
def test_a_message_that_turns_hostile_never_raises(history: list[Thread]) -> None:
    before = standing(history)
    for which, thread in enumerate(history):
        for place, message in enumerate(thread):
            if message.author == ME:
                turned = [*thread[:place], replace(message, toxicity=0.9), *thread[place + 1 :]]
                assert standing([*history[:which], turned, *history[which + 1 :]]).score <= before.score + LEAST


@settings(max_examples=60, deadline=None)
@given(histories, st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(history: list[Thread], rng: random.Random) -> None:
    mixed = [rng.sample(thread, len(thread)) for thread in rng.sample(history, len(history))]
    assert standing(mixed) == standing(history)


@settings(max_examples=60, deadline=None)
@given(histories, st.integers(0, 50), st.integers(0, 50))
def test_total_and_bounded(history: list[Thread], upheld: int, rejected: int) -> None:
    found = standing(history, reports=Reports(upheld, rejected))
    assert 0.0 <= found.score <= 1.0
    assert 0.0 <= found.helped.low <= found.helped.high <= 1.0
    assert Reputation.from_json(found.to_json()) == found
    better = standing(history, reports=Reports(upheld + 1, rejected))
    worse = standing(history, reports=Reports(upheld, rejected + 1))
    assert worse.score <= found.score <= better.score
    assert isinstance(against(found), tuple)


# ------------------------------------------------------------------ what it is for


def test_ten_good_answers_beat_one_lucky_one() -> None:
    ten = [helped(asker, ME, days=asker, others=(50,)) for asker in range(1, 11)]
    assert standing(ten).score > 3 * standing(ten[:1]).score > 0.0


def test_last_years_hero_fades() -> None:
    hero = [helped(asker, ME, days=400 + asker, others=(50,)) for asker in range(1, 31)]
    today = [helped(asker, ME, days=asker, others=(50,)) for asker in range(1, 11)]
    assert standing(hero).score < standing(today).score
    assert decay(NOW - timedelta(days=HALF_LIFE_DAYS), NOW) == pytest.approx(0.5)
    assert decay(NOW + timedelta(days=3), NOW) == 1.0


def test_many_people_count_for_more_than_one_who_praises_much() -> None:
    one = [helped(1, ME, days=n, others=(50,)) for n in range(1, 21)]
    many = [helped(asker, ME, days=asker, others=(50,)) for asker in range(1, 21)]
    assert standing(one).voices < 2.0 < standing(many).voices / 5


def test_praise_that_is_returned_does_not_count() -> None:
    mutual = [helped(1, ME, 3, (50,)), helped(ME, 1, 3, (50,))]
    assert standing(mutual).voices == 0.0


def test_those_whom_nobody_else_knows_count_no_more_than_those_who_are_known() -> None:
    puppets = [helped(asker, ME, days=asker) for asker in range(1, 20)]
    assert standing(puppets).voices == 0.0
    known = [helped(asker, ME, days=1, others=(50,)) for asker in (60, 61)]
    assert standing([*puppets, *known]).voices == pytest.approx(2 * standing(known).voices)


def test_the_brands_own_praise_is_capped() -> None:
    got = [Praise(giver, ME, NOW) for giver in range(1, 30)]
    assert voices(got, [], {g: Giver((NOW,), staff=True) for g in range(1, 30)}, NOW).total == 1.0


@pytest.mark.parametrize("shape", ["all of all", "each the next", "at random", "two halves"])
def test_a_ring_can_give_itself_two_voices_a_member_at_most(shape: str) -> None:
    rng, ring = random.Random(4), range(20)
    pairs = {
        "all of all": [(a, b) for a in ring for b in ring if a != b],
        "each the next": [(a, (a + 1) % 20) for a in ring for _ in range(9)],
        "at random": [(a, b) for a in ring for b in rng.sample([x for x in ring if x != a], 6)],
        "two halves": [(a, b) for a in range(10) for b in range(10, 20) for _ in range(3)],
    }[shape]
    history = []
    for n, (asker, helper) in enumerate(pairs):
        others = rng.sample([member for member in ring if member not in (asker, helper)], 3)
        history.append(helped(asker, helper, days=n % 50, others=others))
    total = sum(standing(history, member).voices for member in ring)
    assert total <= 2 * len(ring)


def test_thanks_and_remarks_are_told_apart() -> None:
    thread = [
        said(1, 2.0),
        said(ME, 1.9, 1),
        said(2, 1.8, 2, toxicity=0.8),
        said(3, 1.7, 3, urgency=0.9),
        said(1, 1.6, 4, sentiment=0.5),
    ]
    found = read_thread(thread)
    assert [(p.giver, p.author, p.accepted) for p in found.praise] == [(1, ME, False)]
    deeds = {d.author: d for d in found.deeds}
    assert deeds[ME].thanked and not deeds[2].answered and deeds[2].toxic == 1 and not deeds[3].answered
    assert deeds[ME].delay == pytest.approx(0.1 * 86_400, abs=1)


def test_a_calmed_thread_counts_and_one_that_burns_on_does_not() -> None:
    heated = [said(1, 2.0, toxicity=0.8), said(ME, 1.9, 1)]
    deeds = {d.author: d for d in read_thread(heated).deeds}
    assert deeds[ME].calmed is True
    on = [*heated, said(2, 1.8, 2, toxicity=0.8)]
    assert {d.author: d.calmed for d in read_thread(on).deeds}[ME] is False
    assert {d.author: d.calmed for d in read_thread(on, closed=True).deeds}[ME] is True
    assert {d.author: d.calmed for d in read_thread([said(1, 2.0), said(ME, 1.9, 1)]).deeds}[ME] is None


def test_areas_are_the_community_its_tags_and_products() -> None:
    found = areas_of(3, "My Duetto-X leaks #BravaHelp see https://a.example/#top &#39;", ("Duetto-X", "Trio"))
    assert found == ("community:3", "tag:bravahelp", "product:duetto-x")
    assert areas_of(3, "A #leak", (), ("grinder", "leak")) == ("community:3", "tag:grinder", "tag:leak")


def test_a_circle_is_closed_when_only_its_own_look_at_it() -> None:
    ring = set(range(1, 20))
    closed = {a: {b: 3 for b in ring | {0} if b != a} for a in range(20)}
    found = circle(0, ring, closed)
    assert found == Circle(20, found.attention, 0.0) and found.closed(100) and not found.closed(30)
    helper = closed | {40: {0: 1}}
    assert circle(0, ring, {a: c | {40: 2} for a, c in closed.items()} | {40: {1: 1}}).closed(100)
    seen = {a: c | {50: 20} for a, c in helper.items()} | {50: {77: 1}}
    assert not circle(0, ring, seen).closed(100)
    assert not circle(0, ring, {a: c | {60: 20} for a, c in closed.items()}, staff={60}).closed(100)


def test_what_speaks_against_somebody_is_told_gravest_first() -> None:
    found = standing([helped(1, ME, 3)])
    ring = Circle(20, 50, 0.0)
    told = against(found, ties=[Against.STAFF], around=ring, people=100)
    assert told == (Against.STAFF, Against.CIRCLE, Against.FEW, Against.NEW)
    wrong = standing([helped(n, ME, 7 * n, (50,)) for n in range(1, 9)], reports=Reports(1, 9))
    assert against(wrong) == (Against.REPORTS,)
