"""What became of a conversation: when the clock starts, who answered, what it was about; many of them in figures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.clocks import ALWAYS, Targets
from moderation.helped import Conversation, Pile, together
from moderation.outcomes import Heard, outcome, topic_of

BEGAN = datetime(2026, 11, 20, 9, tzinfo=UTC)
NOW = BEGAN + timedelta(days=2)
ROLES = st.sampled_from(["customer", "brand", "member", "staff"])


def heard(minute: int, author: int = 1, role: str = "customer", **more: Any) -> Heard:
    kept = {"sentiment": 0.0} | more
    return Heard(str(minute), BEGAN + timedelta(minutes=minute), author, role, **kept)


def minutes(at: datetime | None) -> float | None:
    return (at - BEGAN) / timedelta(minutes=1) if at is not None else None


def test_the_clock_starts_with_the_first_message_that_asks() -> None:
    calm = heard(0), heard(5, 2, urgency=0.9), heard(9, 9, "brand")
    found = outcome(calm)
    assert (minutes(found.times.asked), minutes(found.times.brand)) == (5, 9)
    assert minutes(outcome([heard(0), heard(1, 2)]).times.asked) == 0
    for reason in ({"ruled": True}, {"addressed": True}):
        assert minutes(outcome([heard(0), heard(3, 2, **reason)]).times.asked) == 3


def test_under_a_post_of_our_own_nobody_waits_until_somebody_asks() -> None:
    ours = heard(0, 9, "brand"), heard(4, 2), heard(6, 3)
    assert outcome(ours).times.asked is None
    found = outcome([*ours, heard(8, 2, urgency=0.5), heard(10, 9, "brand")])
    assert (minutes(found.times.asked), minutes(found.times.brand)) == (8, 10)
    assert outcome([]).times.asked is None


@pytest.mark.parametrize("more", [{"toxicity": 0.8}, {"urgency": 0.7}, {"bot": True}])
def test_a_quarrel_a_further_question_and_a_bot_are_no_answers(more: dict[str, Any]) -> None:
    found = outcome([heard(0, urgency=0.6), heard(3, 2, **more), heard(7, 3)])
    assert minutes(found.times.community) == 7
    own = outcome([heard(0, urgency=0.6), heard(3)])
    assert own.times.community is None, "who asked does not answer themselves"


def test_an_accepted_answer_solves_it_whoever_wrote_it() -> None:
    found = outcome([heard(0, urgency=0.6), heard(5, 2, urgency=0.9, accepted=True)])
    assert (minutes(found.times.community), minutes(found.times.solved)) == (5, 5)
    ours = outcome([heard(0, urgency=0.6), heard(5, 9, "brand", accepted=True)])
    assert (minutes(ours.times.brand), minutes(ours.times.solved)) == (5, 5)


def test_the_answer_names_whom_it_answers() -> None:
    said = [heard(0, 1, sentiment=0.4), heard(1, 2, sentiment=-0.8), heard(2, 9, "brand", to="1"), heard(3, 2)]
    found = outcome(said).feeling
    assert found is not None
    assert (found.author, found.start, found.end) == (2, -0.8, 0.0)


def test_a_topic_must_be_likely() -> None:
    assert topic_of({"bug": 0.6, "billing": 0.9}) == "billing"
    assert topic_of({"bug": 0.49}) == topic_of({}) == ""
    assert topic_of({"bug": 0.7, "billing": 0.7}) == "billing", "the same whenever it is asked"


@given(st.lists(st.tuples(st.integers(1, 4), ROLES, st.floats(-1, 1), st.floats(0, 1), st.booleans()), max_size=15))
def test_nothing_happens_before_it_was_asked(said: list[tuple[int, str, float, float, bool]]) -> None:
    messages = [
        heard(n, author, role, sentiment=mood, urgency=need, accepted=accepted)
        for n, (author, role, mood, need, accepted) in enumerate(said)
    ]
    found = outcome(messages)
    others = [at for at in (found.times.brand, found.times.community, found.times.solved) if at is not None]
    assert not others or (found.times.asked is not None and min(others) > found.times.asked)
    assert (found.by == "") == (found.feeling is None)
    if any(m.ours for m in messages):
        assert found.by in ("", "brand")


def test_the_first_hour_counts_once_it_is_over() -> None:
    pile = Pile()
    for asked, community in ((NOW - timedelta(minutes=5), None), (BEGAN, None), (BEGAN, timedelta(minutes=60))):
        pile.add(Conversation(asked, community=community), ALWAYS, Targets(), NOW)
    pile.add(Conversation(NOW - timedelta(minutes=5), community=timedelta(minutes=1)), ALWAYS, Targets(), NOW)
    share = pile.figures().within_hour
    assert (share.count, share.of) == (2, 3)


CONVERSATIONS = st.builds(
    Conversation,
    st.just(BEGAN),
    *[st.none() | st.timedeltas(timedelta(0), timedelta(days=1))] * 3,
    st.booleans(),
    st.sampled_from(["", "brand", "community"]),
    st.floats(-1, 1),
    st.none() | st.floats(-1, 1),
    st.booleans(),
)


@given(st.lists(st.tuples(st.integers(0, 2), CONVERSATIONS), max_size=25))
def test_groups_put_together_are_what_they_were_apart(said: list[tuple[int, Conversation]]) -> None:
    targets = Targets(timedelta(hours=2), timedelta(hours=9))
    whole, parts = Pile(), [Pile(), Pile(), Pile()]
    for group, one in sorted(said, key=lambda pair: pair[0]):
        whole.add(one, ALWAYS, targets, NOW)
        parts[group].add(one, ALWAYS, targets, NOW)
    figures = whole.figures()
    assert together(parts).figures() == figures
    for share in (figures.within_hour, figures.response, figures.resolution):
        assert 0 <= share.count <= share.of <= len(said)
