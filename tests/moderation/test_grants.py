"""Grants: no grant, no act; what is ended, elsewhere, too much or among equals is refused; narrowing never widens."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from moderation.errors import BadInput, NotAllowed
from moderation.grants import (
    ENDED,
    GRANTABLE,
    LONGEST_TERM,
    STEPS,
    TEMPLATES,
    Grant,
    GrantState,
    GrantVerb,
    Place,
    Scope,
    after,
    check_terms,
    narrowed,
)
from moderation.model import ACTS, INVERSES, MODERATING, Capability
from moderation.policy import RANKS, STAFF_RANK, Actor, Permit, Subject, authorize

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
HELP, OTHER = Place(1, 5, frozenset({"grinder"})), Place(1, 6)
KEEPER = TEMPLATES["keeper"]
GRANT = Grant(3, KEEPER.capabilities, Scope(1, 5), NOW - timedelta(days=1), NOW + timedelta(days=89), silence_hours=24)
POST = Subject("post 4711", 7, place=HELP, hours=4)


def ask(grant: Grant | None, kind: Capability = Capability.HIDE, subject: Subject = POST) -> Permit:
    return authorize(Actor("person:ab12", "rock_star", grants=(grant,) if grant else ()), kind, subject, NOW)


@pytest.mark.parametrize("kind", sorted(GRANTABLE))
def test_no_grant_no_act(kind: Capability) -> None:
    with pytest.raises(NotAllowed, match="no grant gives it"):
        ask(None, kind)


@pytest.mark.parametrize("state", sorted(set(GrantState) - {GrantState.ACTIVE}))
def test_a_grant_that_is_not_active_lets_nobody_act(state: GrantState) -> None:
    with pytest.raises(NotAllowed):
        ask(replace(GRANT, state=state))


@pytest.mark.parametrize("place", [OTHER, Place(2, 5), Place(1), None])
def test_it_holds_nowhere_else(place: Place | None) -> None:
    with pytest.raises(NotAllowed, match="no grant gives it here"):
        ask(GRANT, subject=replace(POST, place=place))
    assert ask(GRANT).grant == 3


def test_a_tag_is_a_scope_of_its_own() -> None:
    tagged = replace(GRANT, scope=Scope(1, None, "grinder"))
    assert ask(tagged)
    with pytest.raises(NotAllowed):
        ask(tagged, subject=replace(POST, place=replace(HELP, tags=frozenset({"pump"}))))


@pytest.mark.parametrize("moved", [timedelta(days=2), timedelta(days=-90)])
def test_it_holds_neither_before_its_term_nor_after(moved: timedelta) -> None:
    with pytest.raises(NotAllowed):
        ask(replace(GRANT, starts_at=GRANT.starts_at + moved, ends_at=GRANT.ends_at + moved))


@pytest.mark.parametrize("kind", sorted(set(Capability) - GRANTABLE - {Capability.VISIT, Capability.ACCOUNT}))
def test_what_cannot_be_given_is_not_offered(kind: Capability) -> None:
    with pytest.raises(BadInput, match="cannot be given"):
        check_terms(replace(GRANT, capabilities=GRANT.capabilities | {kind}))


@pytest.mark.parametrize(
    "wrong",
    [
        replace(GRANT, capabilities=frozenset()),
        replace(GRANT, ends_at=GRANT.starts_at + LONGEST_TERM + timedelta(seconds=1)),
        replace(GRANT, ends_at=GRANT.starts_at),
        replace(GRANT, hourly=0),
        replace(GRANT, hourly=70),
        replace(GRANT, silence_hours=0),
        replace(GRANT, silence_hours=10_000),
        replace(GRANT, capabilities=frozenset({Capability.HIDE})),
    ],
)
def test_bad_terms_are_told(wrong: Grant) -> None:
    with pytest.raises(BadInput):
        check_terms(wrong)


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_each_template_can_be_offered(name: str) -> None:
    t = TEMPLATES[name]
    ends = NOW + timedelta(days=t.days)
    check_terms(
        Grant(1, t.capabilities, Scope(1, 5), NOW, ends, GrantState.OFFERED, t.hourly, t.daily, t.silence_hours)
    )


def test_nobody_moderates_their_own_thread() -> None:
    with pytest.raises(NotAllowed, match="their own"):
        ask(GRANT, subject=replace(POST, own=True))


@pytest.mark.parametrize("rank", [RANKS["rock_star"], STAFF_RANK, RANKS["owner"]])
def test_nobody_moderates_an_equal_or_staff(rank: int) -> None:
    with pytest.raises(NotAllowed, match="as high as they do"):
        ask(GRANT, subject=replace(POST, rank=rank))


@pytest.mark.parametrize("lately", [(20, 20), (0, 60)])
def test_the_pace_is_limited(lately: tuple[int, int]) -> None:
    with pytest.raises(NotAllowed, match="wait"):
        ask(GRANT, subject=replace(POST, lately=lately))


@pytest.mark.parametrize("hours", [None, 25])
def test_a_silence_is_no_longer_than_the_grant_says(hours: int | None) -> None:
    with pytest.raises(NotAllowed, match="24 hours"):
        ask(GRANT, Capability.SILENCE, replace(POST, hours=hours))
    assert ask(GRANT, Capability.SILENCE)


def test_many_at_once_need_a_second_person_who_is_another() -> None:
    with pytest.raises(NotAllowed, match="second person"):
        ask(GRANT, subject=replace(POST, several=True))
    with pytest.raises(NotAllowed, match="another one"):
        ask(GRANT, subject=replace(POST, several=True, second="person:ab12"))
    assert ask(GRANT, subject=replace(POST, several=True, second="person:cd34"))


@pytest.mark.parametrize("role", ["owner", "manager"])
def test_a_suspension_needs_a_second_person(role: str) -> None:
    with pytest.raises(NotAllowed, match="second person"):
        authorize(Actor("a", role), Capability.SUSPEND, POST, NOW)
    assert authorize(Actor("a", role), Capability.SUSPEND, replace(POST, second="b"), NOW)


@pytest.mark.parametrize(
    ("role", "did", "appealed", "allowed"),
    [
        ("rock_star", "manager", False, False),
        ("rock_star", "manager", True, False),
        ("rock_star", "rock_star", False, False),
        ("manager", "rock_star", False, True),
        ("manager", "manager", False, True),
        ("manager", "owner", False, False),
        ("manager", "owner", True, True),
    ],
)
def test_what_somebody_higher_did_stays_but_for_an_appeal(role: str, did: str, appealed: bool, allowed: bool) -> None:
    subject = replace(POST, doer="b", did=RANKS[did], appealed=appealed)
    for doer, expected in (("b", allowed), ("a", True)):
        assert may((GRANT,), Capability.RESTORE, replace(subject, doer=doer), role) is expected


@pytest.mark.parametrize("role", ["owner", "manager"])
def test_nobody_judges_the_appeal_against_themselves_or_gives_to_themselves(role: str) -> None:
    with pytest.raises(NotAllowed, match="your own decision"):
        authorize(Actor("a", role), Capability.JUDGE, Subject("appeal 1", decider="a"), NOW)
    with pytest.raises(NotAllowed, match="to themselves"):
        authorize(Actor("a", role), Capability.GRANT, Subject("grant 1", own=True), NOW)
    assert authorize(Actor("a", role), Capability.JUDGE, Subject("appeal 1", decider="b"), NOW)


def test_who_holds_a_grant_enters_the_keepers_page_and_nobody_else() -> None:
    assert ask(GRANT, Capability.KEEP, Subject("desk"))
    for none in (None, replace(GRANT, state=GrantState.SUSPENDED)):
        with pytest.raises(NotAllowed):
            ask(none, Capability.KEEP, Subject("desk"))


def test_a_grant_to_draft_writes_and_never_sends() -> None:
    drafts = replace(GRANT, capabilities=frozenset({Capability.SEE, Capability.DRAFT}), silence_hours=0)
    answer = replace(POST, account=1)
    assert ask(drafts, Capability.DRAFT, answer)
    for kind in (Capability.REPLY, Capability.EDIT, Capability.DELETE, Capability.APPROVE):
        with pytest.raises(NotAllowed):
            ask(drafts, kind, answer)
    with pytest.raises(NotAllowed, match="out of use"):
        ask(drafts, Capability.DRAFT, replace(answer, closed=True))


# ------------------------------------------------------------------ rules that always hold

times = st.integers(-200, 200).map(lambda days: NOW + timedelta(days=days))
scopes = st.builds(Scope, st.integers(1, 2), st.sampled_from([None, 5, 6]), st.sampled_from(["", "grinder", "pump"]))
grants = st.builds(
    Grant,
    st.integers(1, 9),
    st.frozensets(st.sampled_from(sorted(GRANTABLE))),
    scopes,
    times,
    times,
    st.sampled_from(list(GrantState)),
    st.integers(0, 30),
    st.integers(0, 60),
    st.integers(0, 48),
)
places = st.builds(
    Place, st.integers(1, 2), st.sampled_from([None, 5, 6]), st.frozensets(st.sampled_from(["grinder", "pump"]))
)
subjects = st.builds(
    Subject,
    st.just("post"),
    stopped=st.booleans(),
    shadow=st.booleans(),
    place=st.none() | places,
    own=st.booleans(),
    rank=st.integers(0, 4),
    hours=st.none() | st.integers(0, 60),
    lately=st.tuples(st.integers(0, 40), st.integers(0, 80)),
    several=st.booleans(),
    second=st.sampled_from(["", "a", "b"]),
    doer=st.sampled_from(["", "a", "b"]),
    did=st.integers(0, 4),
    appealed=st.booleans(),
)
kinds = st.sampled_from(sorted(Capability))


def may(grants: tuple[Grant, ...], kind: Capability, subject: Subject, role: str = "rock_star") -> bool:
    try:
        return authorize(Actor("a", role, grants=grants), kind, subject, NOW).capability == kind
    except NotAllowed:
        return False


@given(st.lists(grants, max_size=4).map(tuple), kinds, subjects)
def test_whoever_acts_holds_an_active_grant_that_covers_the_place(
    held: tuple[Grant, ...], kind: Capability, subject: Subject
) -> None:
    if kind not in MODERATING or not may(held, kind, subject):
        return
    assert not (subject.stopped or subject.shadow or subject.own or subject.rank >= RANKS["rock_star"])
    covering = [g for g in held if g.holds(NOW) and kind in g.capabilities]
    assert subject.place is not None
    assert any(g.scope.covers(subject.place) for g in covering)


@given(grants, grants, kinds, subjects)
def test_narrowing_never_widens(whole: Grant, other: Grant, kind: Capability, subject: Subject) -> None:
    changes = {
        "capabilities": whole.capabilities & other.capabilities,
        "scope": other.scope if other.scope.within(whole.scope) else whole.scope,
        "starts_at": max(whole.starts_at, other.starts_at),
        "ends_at": min(whole.ends_at, other.ends_at),
        "hourly": min(whole.hourly, other.hourly),
        "daily": min(whole.daily, other.daily),
        "silence_hours": min(whole.silence_hours, other.silence_hours),
    }
    less = narrowed(whole, **changes)
    assert may((whole,), kind, subject) or not may((less,), kind, subject)


@given(grants, scopes)
def test_what_is_not_narrower_is_refused(whole: Grant, elsewhere: Scope) -> None:
    assume(not elsewhere.within(whole.scope))
    with pytest.raises(NotAllowed, match="never widened"):
        narrowed(whole, scope=elsewhere)


@given(scopes, scopes, places)
def test_a_scope_within_another_covers_no_place_that_the_other_does_not(inner: Scope, outer: Scope, at: Place) -> None:
    if inner.within(outer) and inner.covers(at):
        assert outer.covers(at)


@given(st.lists(grants, max_size=3).map(tuple), kinds, subjects)
def test_a_grant_never_takes_a_right_away(held: tuple[Grant, ...], kind: Capability, subject: Subject) -> None:
    for role in ("responder", "manager"):
        assert may(held, kind, subject, role) or not may((), kind, subject, role)


@given(st.lists(st.sampled_from(list(GrantVerb)), max_size=12))
def test_nothing_follows_an_end_and_nothing_is_active_without_a_yes(verbs: list[GrantVerb]) -> None:
    state, accepted = GrantState.PROPOSED, False
    for verb in verbs:
        try:
            to = after(state, verb)
        except NotAllowed:
            continue
        assert state not in ENDED
        accepted = accepted or verb is GrantVerb.ACCEPT
        assert accepted or to is not GrantState.ACTIVE
        state = to


def test_the_steps_name_every_state_and_verb() -> None:
    assert set(STEPS) == set(GrantVerb)
    assert {to for _, to in STEPS.values()} | {GrantState.PROPOSED} == set(GrantState)


def test_what_takes_an_act_back_is_an_act_and_is_taken_back_itself() -> None:
    for kind, inverse in INVERSES.items():
        assert {kind, inverse} <= ACTS
        assert INVERSES[inverse] is kind
