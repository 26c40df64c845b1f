"""Looking again at what was left: what is gone over there is gone here, over the real sandbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select, update

from plugins.contract import Delivery, Gone, MissingRight
from plugins.discourse import DiscourseSession
from service.app import create_app
from service.config import load_settings
from service.db.base import Base
from service.db.models import Case, Community, Connection, Message, Thread, Tombstone
from service.deps import Deps, deps_of
from service.sandbox.story import Category, Conversation, Line, Member, Story
from service.usecases.connections import connect
from service.usecases.importing import import_file
from service.usecases.intake import accept, process_deliveries
from service.usecases.looking import PER_TURN, look_again
from service.usecases.polling import poll_connection
from service.usecases.storage import ready_schema
from service.usecases.triage import triage_due
from tests.sandbox_server import Running, running_sandbox

SECRET = "zanzibar quokka"
TITLE = "Gooseneck"


@dataclass
class Clock:
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.at

    def later(self, **length: float) -> None:
        self.at += timedelta(**length)


@dataclass
class Desk:
    """A service with one connection, which has read everything."""

    deps: Deps
    box: Running
    clock: Clock
    connection_id: int

    def read(self) -> None:
        poll_connection(self.deps, self.connection_id)
        self.process()

    def process(self) -> None:
        while process_deliveries(self.deps):
            pass
        with self.deps.store.write() as session:
            session.execute(update(Community).values(triage_due_at=self.clock()))
        triage_due(self.deps)

    def leave(self, *threads: str) -> None:
        """These threads are left and due to be looked at, and no other is."""
        with self.deps.store.write() as session:
            session.execute(update(Case).values(look_again_at=None))
            ids = select(Thread.id).where(Thread.remote_id.in_(threads))
            due = {"lane": "left", "state": "left", "open": False, "look_again_at": self.clock() - timedelta(minutes=1)}
            session.execute(update(Case).where(Case.thread_id.in_(ids)).values(**due))

    def look(self, *threads: str) -> int:
        self.leave(*threads)
        found = look_again(self.deps)
        self.process()
        return found

    def give(self, kind: str, key: str, **body: Any) -> None:
        delivery = Delivery(key, kind, json.dumps(body).encode())
        assert accept(self.deps, self.connection_id, "hook", [delivery]) == 1
        self.process()

    def case(self, thread: str) -> Case:
        with self.deps.store.read() as session:
            query = select(Case).join(Thread, Thread.id == Case.thread_id)
            return session.scalars(query.where(Thread.remote_id == thread)).one()

    def texts(self, thread: str) -> dict[str, str]:
        """What is stored of a thread, deleted messages left out."""
        query = select(Message.remote_id, Message.text).join(Thread, Thread.id == Message.thread_id)
        with self.deps.store.read() as session:
            rows = session.execute(query.where(Thread.remote_id == thread, Message.deleted_at.is_(None)))
            return {row.remote_id: row.text for row in rows}

    def threads(self, connection_id: int = 0) -> list[str]:
        """The threads of a connection, by their remote ids."""
        mine = Thread.connection_id == (connection_id or self.connection_id)
        with self.deps.store.read() as session:
            return list(session.scalars(select(Thread.remote_id).where(mine)))

    def ended(self) -> set[str]:
        with self.deps.store.read() as session:
            return set(session.scalars(select(Tombstone.remote_id)))

    def holds(self, words: str) -> list[str]:
        """The tables in which these words stand, whatever the column."""
        with self.deps.store.read() as session:
            tables = Base.metadata.sorted_tables
            return [t.name for t in tables if any(words in shown(row) for row in session.execute(select(t)))]


def shown(row: Any) -> str:
    parts = (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in row)
    return "\n".join(parts).replace("\\u00a0", " ")


def story() -> Story:
    start = datetime.now(UTC) - timedelta(days=2)
    members = (
        Member("brava", "Brava", "en", "brand", 4, on_fediverse=True),
        Member("ines", "Ines", "en", "customer", on_fediverse=True),
        Member("tomoko", "Tomoko", "en", "member", 2, on_fediverse=True),
    )

    def talk(key: str, channel: Literal["forum", "fediverse"], title: str, hours: int, *words: str) -> Conversation:
        at = start + timedelta(hours=hours)
        who = ("ines", "tomoko")
        lines = tuple(
            Line(who[n % 2], at + timedelta(minutes=n), said, 0 if n else None) for n, said in enumerate(words)
        )
        return Conversation(key, channel, title, lines, category="help", hashtags=("bravahelp",))

    topics = [
        talk(f"t{n}", "forum", f"Coffee number {n}", n, f"Which cup for number {n}?", "A white one.", "Thank you.")
        for n in range(6)
    ]
    hot = talk("hot", "forum", TITLE, 8, f"The {SECRET} kettle?", f"You stupid {SECRET}, shut up.", "A quiet answer.")
    milk = talk("milk", "fediverse", "Milk", 9, f"The {SECRET} frother @brava", "Which one?", "The small one.")
    return Story(members, (Category(5, "help", "Help"),), (hot, *topics, milk), (), hashtags=("bravahelp",))


@pytest.fixture(scope="module")
def world() -> Iterator[Running]:
    with running_sandbox(story()) as box:
        yield box


@pytest.fixture
def box() -> Iterator[Running]:
    with running_sandbox(story()) as box:
        yield box


def desk_at(tmp_path: Path, box: Running, connector: str = "discourse", **settings: Any) -> Desk:
    hosts = frozenset({urlsplit(box.url).netloc})
    app = create_app(load_settings(data_dir=tmp_path, allow_private_hosts=hosts), web=False)
    ready_schema(app)
    clock, wired = Clock(), deps_of(app)
    deps = replace(wired, now=clock, io_for=lambda host: replace(wired.io_for(host), now=clock))
    given: dict[str, Any] = {"url": box.discourse.url, "api_key": box.discourse.api_key, "api_username": "brava"}
    if connector == "mastodon":
        given = {"url": box.mastodon.url, "token": box.mastodon.token}
    connection_id, _ = connect(deps, connector, connector, given | settings, "test")
    desk = Desk(deps, box, clock, connection_id)
    desk.read()
    return desk


@pytest.fixture
def desk(tmp_path: Path, box: Running) -> Desk:
    return desk_at(tmp_path, box, calls_per_minute=6000)


@pytest.fixture
def quiet(tmp_path: Path, world: Running) -> Desk:
    """A desk for tests that change nothing on the forum."""
    return desk_at(tmp_path, world, calls_per_minute=6000)


def vanish(box: Running, *posts: int) -> None:
    """Posts that nobody is shown any more."""
    with box.world.lock:
        forum = box.world.forum
        for number in posts:
            post = forum.posts.pop(number)
            forum.topics[post.topic_id].post_ids.remove(number)


def hot_topic(desk: Desk) -> tuple[int, int]:
    """The id of the topic with the words, and of its second post."""
    with desk.box.world.lock:
        topic = next(t for t in desk.box.world.forum.topics.values() if t.title == TITLE)
        return topic.id, topic.post_ids[1]


# ------------------------------------------------------------------ looking


def test_what_was_left_is_looked_at_when_its_time_has_come(desk: Desk) -> None:
    topic, _ = hot_topic(desk)
    desk.box.control("POST", "/posts", username="ines", topic_id=topic, text="And one more question about it.")
    desk.leave()
    assert look_again(desk.deps) == 0
    assert desk.look(str(topic)) == 1
    case = desk.case(str(topic))
    assert (case.looks, case.looked_at) == (1, desk.clock())
    assert "And one more question about it." in desk.texts(str(topic)).values()
    assert case.look_again_at is None or case.look_again_at > desk.clock()


@pytest.mark.parametrize("moderator", [True, False])
def test_the_text_of_a_deleted_post_is_gone_everywhere(desk: Desk, moderator: bool) -> None:
    topic, post = hot_topic(desk)
    desk.box.control("PUT", f"/posts/{post}", text=f"You foolish {SECRET}, shut up at once.")
    desk.read()
    assert {"message", "revision", "score", "delivery"} <= set(desk.holds("foolish") + desk.holds("stupid"))
    if moderator:
        desk.box.control("DELETE", f"/posts/{post}")
    else:
        vanish(desk.box, post)
    desk.clock.later(minutes=15)
    desk.look(str(topic))
    assert desk.holds("foolish") == desk.holds("stupid") == desk.holds("shut up") == []
    assert set(desk.texts(str(topic))) == {str(post - 1), str(post + 1)}
    assert str(post) in desk.ended()
    assert desk.holds("A quiet answer.")


def test_a_deleted_topic_goes_with_its_title(desk: Desk) -> None:
    topic, post = hot_topic(desk)
    assert desk.holds(TITLE)
    assert desk.holds(SECRET)
    with desk.box.world.lock:
        first = desk.box.world.forum.posts[post - 1]
        ids = list(desk.box.world.forum.topics[first.topic_id].post_ids)
        del desk.box.world.forum.topics[first.topic_id]
        for number in ids:
            del desk.box.world.forum.posts[number]
    desk.look(str(topic))
    assert desk.texts(str(topic)) == {}
    assert desk.holds(TITLE) == desk.holds("quokka") == []


def test_a_topic_that_turned_private_goes(desk: Desk) -> None:
    topic, post = hot_topic(desk)
    desk.box.control("PUT", f"/posts/{post}", private=True)
    desk.look(str(topic))
    assert desk.texts(str(topic)) == {}
    assert desk.holds("quokka") == []


def test_a_deleted_root_on_the_fediverse_takes_no_replies_along(tmp_path: Path, box: Running) -> None:
    desk = desk_at(tmp_path, box, "mastodon", hashtags=("bravahelp",))
    with box.world.lock:
        root = next(one for one in box.world.fedi.statuses.values() if SECRET in one.text)
        box.world.fedi.delete(root)
    assert desk.holds(SECRET)
    desk.look(root.id)
    assert desk.holds(SECRET) == []
    assert sorted(desk.texts(root.id).values()) == ["The small one.", "Which one?"]


def test_a_look_that_changes_nothing_erases_nothing(quiet: Desk) -> None:
    topic, _ = hot_topic(quiet)
    before = quiet.texts(str(topic))
    quiet.look(str(topic))
    quiet.clock.later(hours=2)
    quiet.look(str(topic))
    assert quiet.texts(str(topic)) == before
    assert quiet.ended() == set()


# ------------------------------------------------------------------ when the platform does not answer


def test_a_rate_limit_postpones_until_the_time_it_names(quiet: Desk) -> None:
    topic, _ = hot_topic(quiet)
    quiet.box.fail("discourse_global_429", times=9, seconds=120)
    try:
        quiet.leave(str(topic))
        look_again(quiet.deps)
    finally:
        quiet.box.heal()
    case = quiet.case(str(topic))
    assert case.looks == 0
    assert case.look_again_at is not None
    assert timedelta(seconds=60) < case.look_again_at - quiet.clock() < timedelta(seconds=300)


@pytest.mark.parametrize("status", [403, 404, 500, 502, 503])
def test_a_platform_that_refuses_everything_erases_nothing(quiet: Desk, status: int) -> None:
    """A forum that moved answers 404 to every address: that is no proof that a topic was deleted."""
    topic, _ = hot_topic(quiet)
    before = quiet.texts(str(topic))
    quiet.box.fail("server_error", status=status, times=99)
    try:
        quiet.look(str(topic))
    finally:
        quiet.box.heal()
    assert quiet.texts(str(topic)) == before
    assert quiet.ended() == set()


@pytest.mark.parametrize("status", [403, 500])
def test_a_topic_that_is_refused_is_not_gone(quiet: Desk, status: int) -> None:
    topic, _ = hot_topic(quiet)
    before = quiet.texts(str(topic))
    quiet.box.fail("server_error", path="/t/", status=status, times=99)
    quiet.leave(str(topic))
    try:
        look_again(quiet.deps)
    finally:
        quiet.box.heal()
    case = quiet.case(str(topic))
    quiet.process()
    assert quiet.texts(str(topic)) == before
    assert quiet.ended() == set()
    assert case.looks == 0
    assert case.look_again_at is not None
    assert case.look_again_at > quiet.clock()


@pytest.mark.parametrize("error", [Gone("not there"), MissingRight("no", missing="read")])
def test_an_error_is_never_proof(quiet: Desk, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse(self: DiscourseSession, thread_id: str) -> Any:
        raise error

    monkeypatch.setattr(DiscourseSession, "fetch_thread", refuse)
    topic, _ = hot_topic(quiet)
    before = quiet.texts(str(topic))
    quiet.look(str(topic))
    assert quiet.texts(str(topic)) == before


def test_one_connection_keeps_no_other_waiting(quiet: Desk) -> None:
    """One with more to look at than fits in a turn, and one whose settings open nothing."""
    threads = tuple(sorted(quiet.threads()))
    assert len(threads) > PER_TURN
    given = {"url": quiet.box.mastodon.url, "token": quiet.box.mastodon.token, "hashtags": ("bravahelp",)}
    other, _ = connect(quiet.deps, "mastodon", "other", given, "test")
    poll_connection(quiet.deps, other)
    quiet.process()
    with quiet.deps.store.write() as session:
        session.execute(update(Connection).where(Connection.id == quiet.connection_id).values(connector="unknown"))
    quiet.leave(*threads, *quiet.threads(other))
    assert look_again(quiet.deps) == PER_TURN + 1
    with quiet.deps.store.read() as session:
        looked = session.scalars(select(Case.connection_id).where(Case.looks > 0)).all()
    assert looked == [other]


def test_an_archive_is_only_triaged_again(quiet: Desk, tmp_path: Path) -> None:
    connection_id, check = connect(quiet.deps, "archive", "old", {}, "test")
    assert check is None
    line = {"thread": "old-1", "id": 1, "author": "ann", "created_at": "2024-05-01T12:00:00Z", "text": "Which cup?"}
    path = tmp_path / "old.jsonl"
    path.write_text(json.dumps(line))
    with path.open("rb") as stream:
        import_file(quiet.deps, "old", stream, lambda bad: None, lambda *_: None)
    quiet.leave("old-1")
    before = quiet.case("old-1").looks
    assert look_again(quiet.deps) == 1
    case = quiet.case("old-1")
    assert (case.looks, case.look_again_at, case.looked_at) == (before + 1, None, quiet.clock())
    with quiet.deps.store.read() as session:
        community = session.scalars(select(Community).where(Community.connection_id == connection_id)).one()
        assert community.triage_due_at == quiet.clock()
    assert triage_due(quiet.deps) >= 1
    assert quiet.texts("old-1") == {"1": "Which cup?"}


# ------------------------------------------------------------------ a list of what is there


def listing(desk: Desk, topic: int, ids: list[int], at: datetime, key: str = "stream:1") -> None:
    body = {"topic": {"id": topic, "category_id": 5}, "category": {"name": "Help"}, "stream": ids}
    desk.give("stream", key, **body, listed_at=at.isoformat())


def written(desk: Desk, topic: int, number: int, at: datetime, key: str = "", **more: Any) -> None:
    post: dict[str, Any] = {
        "id": number,
        "topic_id": topic,
        "category_id": 5,
        "post_number": number,
        "post_type": 1,
        "user_id": 3,
    }
    post |= {"username": "ines", "created_at": at.isoformat(), "version": 1, "raw": f"Words of {number}."} | more
    desk.give("post", key or f"post:{number}:hand", post=post, category={"name": "Help"})


def test_a_list_older_than_a_message_does_not_touch_it(quiet: Desk) -> None:
    topic, _ = hot_topic(quiet)
    now, ids = quiet.clock(), [int(i) for i in quiet.texts(str(topic))]
    written(quiet, topic, 901, now - timedelta(minutes=1))
    written(quiet, topic, 902, now - timedelta(hours=3))
    listing(quiet, topic, ids, now - timedelta(hours=2))
    assert set(quiet.texts(str(topic))) == {*map(str, ids), "901"}


def test_a_list_leaves_what_the_platforms_clock_may_have_dated_too_early(quiet: Desk) -> None:
    topic, _ = hot_topic(quiet)
    ids = [int(i) for i in quiet.texts(str(topic))]
    written(quiet, topic, 901, quiet.clock() - timedelta(minutes=5))
    listing(quiet, topic, ids, quiet.clock())
    assert "901" in quiet.texts(str(topic))


def test_a_list_leaves_what_was_changed_after_it(quiet: Desk) -> None:
    """A post that was restored counts as changed then, however old its text is."""
    topic, _ = hot_topic(quiet)
    ids = [int(i) for i in quiet.texts(str(topic))]
    back = (quiet.clock() - timedelta(minutes=1)).isoformat()
    written(quiet, topic, 901, quiet.clock() - timedelta(hours=5), recovered_at=back)
    listing(quiet, topic, ids, quiet.clock() - timedelta(hours=1))
    assert "901" in quiet.texts(str(topic))


def test_what_a_list_and_a_late_message_say_in_one_batch_is_settled_at_once(quiet: Desk) -> None:
    topic, _ = hot_topic(quiet)
    ids = [int(i) for i in quiet.texts(str(topic))]
    old = (quiet.clock() - timedelta(hours=4)).isoformat()
    post = {"id": 903, "topic_id": topic, "category_id": 5, "post_number": 9, "username": "ines", "user_id": 3}
    post |= {"created_at": old, "version": 1, "raw": "An unheard of axolotl."}
    body = {"topic": {"id": topic, "category_id": 5}, "stream": ids, "listed_at": quiet.clock().isoformat()}
    found = [
        Delivery("stream:x", "stream", json.dumps(body).encode()),
        Delivery("post:903:x", "post", json.dumps({"post": post}).encode()),
    ]
    accept(quiet.deps, quiet.connection_id, "hook", found)
    quiet.process()
    assert "903" not in quiet.texts(str(topic))
    assert quiet.holds("axolotl") == []


def test_replays_of_a_list_and_of_what_it_took_are_harmless(quiet: Desk) -> None:
    topic, post = hot_topic(quiet)
    ids = [int(i) for i in quiet.texts(str(topic)) if int(i) != post]
    at = quiet.clock()
    listing(quiet, topic, ids, at)
    after = quiet.texts(str(topic))
    assert set(after) == set(map(str, ids))
    listing(quiet, topic, ids, at, key="again")
    written(quiet, topic, post, at - timedelta(days=1), key="late", raw="A late axolotl.")
    assert quiet.texts(str(topic)) == after
    assert quiet.holds("axolotl") == []
    written(quiet, topic, 904, at - timedelta(minutes=1))
    listing(quiet, topic, ids, at - timedelta(days=1), key="oldest")
    assert "904" in quiet.texts(str(topic))


def test_a_list_of_an_unknown_thread_and_one_from_the_future_do_no_harm(quiet: Desk) -> None:
    topic, _ = hot_topic(quiet)
    ids = [int(i) for i in quiet.texts(str(topic))]
    quiet.give("gone", "gone:topic:777", topic_id="777", at=quiet.clock().isoformat())
    written(quiet, topic, 901, quiet.clock() - timedelta(seconds=1))
    listing(quiet, topic, ids, quiet.clock() + timedelta(days=9))
    assert "901" in quiet.texts(str(topic))


def test_a_list_that_is_not_known_to_be_complete_takes_nothing(quiet: Desk) -> None:
    topic, _ = hot_topic(quiet)
    before = quiet.texts(str(topic))
    quiet.give("stream", "stream:partial", topic={"id": topic, "category_id": 5}, stream=[1])
    assert quiet.texts(str(topic)) == before


def test_a_thread_that_is_gone_keeps_no_words_that_come_late(quiet: Desk) -> None:
    topic, post = hot_topic(quiet)
    at = quiet.clock()
    quiet.give("gone", f"gone:topic:{topic}", topic_id=str(topic), at=at.isoformat())
    assert quiet.holds(TITLE) == quiet.holds("quokka") == []
    quiet.give("topic_edited", "late", topic={"id": topic, "category_id": 5, "title": f"{TITLE} again"})
    written(quiet, topic, post, at - timedelta(days=1), topic_title=f"{TITLE} again", raw="An axolotl.")
    assert quiet.holds(TITLE) == quiet.holds("axolotl") == []
