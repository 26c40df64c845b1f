"""Reports for whoever holds a grant by tag: those in conversations that bear it and no others, however asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from moderation.errors import NotAllowed
from moderation.grants import Grant, GrantState, Place, Scope
from moderation.model import Capability
from moderation.policy import Actor
from moderation.reports import Verdict
from service.db.models import Community, Connection, Thread
from service.usecases.report_closing import close_again
from service.usecases.report_deciding import Ruling
from service.usecases.report_subjects import decided_by, may_decide, permit_here
from service.usecases.reports import groups, waiting_count
from service.usecases.reports_decided import lately
from tests.service.reports_support import FRENCH, INSULT, Flags, reported
from tests.support.office import Office, office

RIGHT = Ruling(Verdict.UPHELD, "Rule 2: no insults.")
NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def flags(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flags]:
    with reported(tmp_path_factory.mktemp("tagged")) as found:
        yield found


def tag(flags: Flags, words: str, *tags: str) -> None:
    """The tags of the conversation of a message, as they were read last."""
    number = flags.message(words).thread_id
    with flags.trust.deps.store.write() as session:
        session.execute(update(Thread).where(Thread.id == number).values(tags=[*tags]))


def shown(flags: Flags) -> list[int]:
    """What the list shows to the member; the number beside it says the same."""
    found = groups(flags.trust.deps, flags.trust.expert())
    assert found.total == len(found.groups) == waiting_count(flags.trust.deps, flags.trust.expert())
    return [one.id for one in found.groups]


def test_without_the_tag_a_report_is_as_one_that_is_not_there(flags: Flags) -> None:
    flags.trust.active(tag="grinder")
    bare, other = flags.flag(INSULT, "tomoko"), flags.flag(FRENCH, "tomoko")
    tag(flags, FRENCH, "grind", "the grinder")
    assert shown(flags) == []
    for number in (bare, other, 10**6):
        with pytest.raises(NotAllowed, match=r"^You hold no right to decide about reports here\.$"):
            flags.decide(number, RIGHT, flags.trust.expert())
    decision = flags.decide(bare, RIGHT, flags.person("rita", "responder"))
    assert lately(flags.trust.deps, flags.trust.expert()) == []
    for number in (decision.id, 10**6):
        with pytest.raises(NotAllowed, match=r"^You hold no right to decide about reports here\.$"):
            close_again(flags.trust.deps, number, flags.trust.expert())


def test_with_the_tag_it_is_shown_decided_and_closed_and_gone_with_it(flags: Flags) -> None:
    flags.trust.active(tag="grinder")
    number, elsewhere = flags.flag(INSULT, "tomoko"), flags.flag(FRENCH, "tomoko")
    tag(flags, INSULT, "grinder", "loud")
    tag(flags, FRENCH, "grinder")
    assert shown(flags) == [number], "the tag alone is not the part that was given"
    (group,) = groups(flags.trust.deps, flags.trust.expert()).groups
    assert Capability.HIDE in group.acts
    tag(flags, INSULT, "loud")
    assert shown(flags) == []
    tag(flags, INSULT, "grinder")
    decision = flags.decide(number, RIGHT, flags.person("rita", "responder"))
    assert flags.row(number).action_id is None, "she may not close it there"
    assert [one.id for one in lately(flags.trust.deps, flags.trust.expert())] == [decision.id]
    assert close_again(flags.trust.deps, decision.id, flags.trust.expert()) == 1
    tag(flags, INSULT)
    assert lately(flags.trust.deps, flags.trust.expert()) == []
    assert flags.row(elsewhere).outcome == "open"


TAGS = ("a", "b", 'a"b', 'b"', "a\\", ', "a', '["b"', "é", "a%", "a_", "ab")
PLACED = ([], *([one] for one in TAGS), ["a", "é"], ['a"b', "ab"], ["a_", "a\\", "b"])
WAYS = (Capability.SEE, Capability.DRAFT, Capability.TRIAGE, Capability.HIDE, Capability.SILENCE)


def filled(desk: Office) -> dict[int, Place]:
    """Conversations with each of these tags in two communities of each of two connections."""
    with desk.deps.store.write() as session:
        for on in range(2):
            session.add(Connection(id=on + 1, name=f"on {on}", connector="discourse", settings={}, created_at=NOW))
            session.flush()
            for inside in range(2):
                community = Community(connection_id=on + 1, remote_id=str(inside))
                session.add(community)
                session.flush()
                here = {"connection_id": on + 1, "community_id": community.id}
                session.add_all(
                    Thread(**here, remote_id=f"{inside} {n}", tags=t) for n, t in enumerate((*PLACED, None))
                )
        session.flush()
        return {thread.id: thread.place for thread in session.scalars(select(Thread))}


def actors(communities: list[int]) -> st.SearchStrategy[Actor]:
    """Members with up to two grants, and people with a role, closed ones too."""
    scopes = st.builds(
        Scope, st.integers(1, 2), st.sampled_from([None, *communities]), st.sampled_from(["", "x", *TAGS])
    )
    ends = st.sampled_from([NOW, NOW + timedelta(days=1)])
    some = st.frozensets(st.sampled_from(WAYS), min_size=1)
    states = st.sampled_from([GrantState.ACTIVE, GrantState.SUSPENDED])
    held = st.builds(Grant, st.integers(1, 9), some, scopes, st.just(NOW - timedelta(days=1)), ends, states)
    roles = st.sampled_from(["rock_star", "rock_star", "rock_star", "analyst", "responder", "program"])
    active = st.sampled_from([True, True, False])
    return st.builds(Actor, st.just("marc"), roles, active, grants=st.lists(held, max_size=2).map(tuple))


def test_in_sql_the_same_is_said_of_many_places_as_authorize_says_of_each() -> None:
    desk = office()
    try:
        places = filled(desk)

        @given(actors(sorted({place.community for place in places.values() if place.community is not None})))
        def same(actor: Actor) -> None:
            here = decided_by(actor, NOW, Thread.connection_id, Thread.community_id)
            with desk.deps.store.read() as session:
                found = set(session.scalars(select(Thread.id).where(here)))
            assert found == {number for number, place in places.items() if permitted(actor, place)}
            assert may_decide(actor, NOW) or not found

        same()
    finally:
        desk.close()


def permitted(actor: Actor, place: Place) -> bool:
    try:
        permit_here(actor, place, "reports", NOW)
    except NotAllowed:
        return False
    return True
