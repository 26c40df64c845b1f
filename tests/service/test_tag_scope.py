"""A grant by tag: refused where the tag is not, done where it is, and never a right on the platform."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from moderation.errors import BadInput, NotAllowed
from moderation.model import Capability
from service.db.grant_tables import PlatformRight
from service.db.models import Case, Message, Thread
from service.db.trust_tables import TrustThread
from service.usecases import acting, intake, keeper, polling, triage
from service.usecases.moderating import Wish, act
from service.usecases.reputation import sum_up_all
from tests.service.grants_support import Trust, trusted

WHY = "Rule 2: no insults."
#: A tag, and another that is none of it, however it looks in the database.
TAGS = [("grinder", "grind"), ("moulu à 100%", "moulu à 100 g"), ('a"b', "a"), ("b", 'a"b')]


@pytest.fixture
def trust(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trust]:
    with trusted(tmp_path_factory.mktemp("tags")) as found:
        tag(found, "A loud grinder", "Grinder")
        yield found


def tag(trust: Trust, title: str, *tags: str) -> None:
    """Somebody tags a topic on the forum, and it is read again."""
    with trust.desk.box.world.lock:
        topic = next(t for t in trust.desk.box.world.forum.topics.values() if t.title == title)
        topic.tags = [*tags]
    trust.desk.clock.pass_(minutes=10)
    while polling.poll_connection(trust.deps, trust.desk.connection_id):
        pass
    while intake.process_deliveries(trust.deps):
        pass
    triage.triage_due(trust.deps)


def thread(trust: Trust, title: str) -> Thread:
    with trust.deps.store.read() as session:
        return session.scalars(select(Thread).where(Thread.title == title)).one()


def hiding(trust: Trust, title: str) -> Wish:
    """The last message of a conversation, by somebody else."""
    number = thread(trust, title).id
    with trust.deps.store.read() as session:
        query = select(Message.id).where(Message.thread_id == number, Message.author_id != trust.author_id)
        last = session.scalars(query.order_by(Message.created_at.desc())).first()
    return Wish(Capability.HIDE, number, WHY, last)


def part(trust: Trust) -> set[str]:
    """The conversations that a grant lets the expert see."""
    query = select(Thread.title).join(Case, Case.thread_id == Thread.id)
    with trust.deps.store.read() as session:
        return set(session.scalars(query.where(keeper.in_part_of(trust.expert(), trust.deps.now()))))


@pytest.mark.parametrize("given", ["#", "x" * 101])
def test_what_is_no_tag_is_refused(trust: Trust, given: str) -> None:
    with pytest.raises(BadInput, match="1 to 100"):
        trust.proposed(tag=given)


def test_nothing_is_done_where_the_tag_is_not(trust: Trust) -> None:
    trust.active(tag="#Grinder")
    with pytest.raises(NotAllowed):
        act(trust.deps, hiding(trust, "Leaking machine"), trust.expert())
    with pytest.raises(NotAllowed):
        keeper.opened(trust.deps, trust.expert(), thread(trust, "Leaking machine").id, "en")


def test_where_it_is_acts_are_done_and_only_such_conversations_are_shown(trust: Trust) -> None:
    assert thread(trust, "A loud grinder").tags == ["grinder"]
    trust.active(tag="#Grinder")
    wish = hiding(trust, "A loud grinder")
    act(trust.deps, wish, trust.expert())
    trust.desk.clock.pass_(seconds=11)
    acting.perform_due(trust.deps)
    with trust.deps.store.read() as session:
        post = int(session.get_one(Message, wish.message_id).remote_id)
    with trust.desk.box.world.lock:
        assert trust.desk.box.world.forum.posts[post].deleted_at is not None
    assert keeper.opened(trust.deps, trust.expert(), thread(trust, "A loud grinder").id, "en")


@pytest.mark.parametrize(("on", "off"), TAGS)
def test_the_desk_shows_what_bears_the_tag_and_nothing_else(trust: Trust, on: str, off: str) -> None:
    tag(trust, "A loud grinder", on, "other")
    tag(trust, "Leaking machine", off)
    trust.active(tag=on)
    assert part(trust) == {"A loud grinder"}


def test_a_tag_that_is_taken_off_stops_what_was_asked_for_before(trust: Trust) -> None:
    trust.active(tag="grinder")
    wish = hiding(trust, "A loud grinder")
    action_id = act(trust.deps, wish, trust.expert())
    tag(trust, "A loud grinder")
    assert thread(trust, "A loud grinder").tags == []
    assert trust.desk.step(action_id) == "failed"
    with pytest.raises(NotAllowed):
        act(trust.deps, hiding(trust, "A loud grinder"), trust.expert())


def test_no_right_is_given_on_the_platform_which_would_hold_for_the_whole_community(trust: Trust) -> None:
    trust.active(tag="grinder")
    trust.settle()
    with trust.deps.store.read() as session:
        assert session.scalars(select(PlatformRight)).all() == []
    trust.active()
    trust.settle()
    with trust.deps.store.read() as session:
        assert [row.state for row in session.scalars(select(PlatformRight))] == ["held"]


def test_the_tag_is_one_of_the_areas_that_a_conversation_counts_in(trust: Trust) -> None:
    sum_up_all(trust.deps)
    row = thread(trust, "A loud grinder")
    with trust.deps.store.read() as session:
        assert session.get_one(TrustThread, row.id).areas == [f"community:{row.community_id}", "tag:grinder"]
    tag(trust, "A loud grinder")
    sum_up_all(trust.deps)
    with trust.deps.store.read() as session:
        assert session.get_one(TrustThread, row.id).areas == [f"community:{row.community_id}"]
