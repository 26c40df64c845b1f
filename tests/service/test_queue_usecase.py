"""The queue as pages, API and command line show it: its shape, its pages, and what it was in the past."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from moderation.errors import BadInput
from service.db.models import Case, Community, Thread
from service.usecases.conversation import find_thread, thread_page
from service.usecases.past import queue_as_of
from service.usecases.queue import band, first_words, queue_page
from tests.support.office import Office, chatter, line, office

TOP = {"as_of", "threads", "surfaced", "always", "share", "cut", "items"}
ITEM = {
    *("thread", "connection", "community", "title", "url", "priority", "toxicity", "urgency", "reasons", "always"),
    *("waiting_seconds", "messages", "known_replies", "total_replies"),
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("queue")
    desk = office(data_dir=folder, database_url=f"sqlite:///{folder}/queue.db")
    desk.archive()
    desk.archive("second")
    desk.take_in(chatter(60))
    desk.take_in(chatter(15, first=40), "second")
    yield desk
    desk.close()


def shown(found: Any) -> list[dict[str, Any]]:
    """Items in an order of their own: threads of equal priority may stand in any."""
    items = found.to_json()["items"]
    return sorted(items, key=lambda i: (-i["priority"], i["connection"], i["thread"]))


@pytest.mark.parametrize("after", ["", "x", "1:2:3", "nan", "0.5:", ":3", "0.5:x"])
def test_a_made_up_position_is_refused(shared: Office, after: str) -> None:
    if not after:
        assert queue_page(shared.deps, after=after).items
        return
    with pytest.raises(BadInput, match="after"):
        queue_page(shared.deps, after=after)


def test_a_made_up_part_is_refused_with_those_there_are(shared: Office) -> None:
    with pytest.raises(BadInput, match="needs, left, decided"):
        queue_page(shared.deps, lane="everything")


def test_the_json_has_exactly_the_documented_keys_and_types(shared: Office) -> None:
    found = queue_page(shared.deps, size=None).to_json()
    assert set(found) == TOP
    assert datetime.fromisoformat(found["as_of"]).tzinfo is not None
    assert found["threads"] == 75
    assert found["surfaced"] + found["always"] == len(found["items"])
    assert found["share"] == round(found["surfaced"] / 75, 4)
    assert 0 <= found["cut"] <= 1
    for item in found["items"]:
        assert set(item) == ITEM
        assert all(0 <= item[n] <= 1 for n in ("priority", "toxicity", "urgency"))
        assert item["reasons"]
        assert all(isinstance(r, str) and r for r in item["reasons"])
        assert isinstance(item["always"], bool)
        assert item["known_replies"] == item["messages"] - 1
        assert item["waiting_seconds"] >= 0


def test_the_line_keeps_to_the_budget_and_items_stand_by_priority(shared: Office) -> None:
    found = queue_page(shared.deps, size=None)
    assert found.line.surfaced == 6 + 2
    priorities = [i.priority for i in found.items]
    assert priorities == sorted(priorities, reverse=True)
    assert min(i.priority for i in found.items if i.lane == "needs") == pytest.approx(found.line.cut, abs=0.001)


@pytest.mark.parametrize("lane", ["needs", "left"])
@pytest.mark.parametrize("size", [1, 3, 7, 500])
def test_pages_visit_every_row_once(shared: Office, lane: str, size: int) -> None:
    everything = [i.case_id for i in queue_page(shared.deps, lane=lane, size=None).items]
    seen: list[int] = []
    after: str | None = ""
    while after is not None:
        page = queue_page(shared.deps, lane=lane, after=after, size=size)
        assert len(page.items) <= size
        seen += [i.case_id for i in page.items]
        after = page.after
    assert seen == everything
    assert len(set(seen)) == len(seen) > 0


def test_a_community_alone_has_its_own_line(shared: Office) -> None:
    first, second = (queue_page(shared.deps, size=None, community=c.id) for c in shared.rows(Community))
    assert (first.line.threads, second.line.threads) == (60, 15)
    assert {i.connection for i in second.items} == {"second"}


def test_right_after_an_import_the_queue_as_of_now_is_the_queue(shared: Office) -> None:
    live = queue_page(shared.deps, size=None)
    past = queue_as_of(shared.deps, live.line.as_of)
    assert shown(past) == shown(live)
    for name in ("threads", "budget", "surfaced", "always", "left", "cut", "share"):
        assert getattr(past.line, name) == getattr(live.line, name), name
    assert set(past.to_json()) == TOP


def test_the_queue_of_the_past_knows_nothing_of_what_came_later(shared: Office) -> None:
    newest = shared.rows(Community)[0].newest_at
    earlier = queue_as_of(shared.deps, newest - timedelta(hours=10))
    assert 0 < earlier.line.threads < 75
    later = {t.remote_id for t in shared.rows(Thread) if t.first_message_at > newest - timedelta(hours=10)}
    assert later
    assert not later & {i.thread for i in earlier.items if i.connection == "old-forum"}
    assert queue_as_of(shared.deps, newest - timedelta(days=500)).to_json()["items"] == []


def test_asking_for_the_past_changes_nothing(shared: Office) -> None:
    before = [(c.id, c.version, c.lane, c.look_again_at) for c in shared.rows(Case)]
    queue_as_of(shared.deps, shared.rows(Community)[0].newest_at - timedelta(days=2))
    assert [(c.id, c.version, c.lane, c.look_again_at) for c in shared.rows(Case)] == before


def test_french_reasons_are_french(shared: Office) -> None:
    english = [r.text for i in queue_page(shared.deps, size=None).items for r in i.reasons]
    french = [r.text for i in queue_page(shared.deps, size=None, locale="fr").items for r in i.reasons]
    assert len(english) == len(french)
    assert not set(english) & set(french)


# ------------------------------------------------------------------ one conversation


def test_a_thread_is_found_by_its_own_id_and_its_connection_where_two_have_it(shared: Office) -> None:
    with shared.deps.store.read() as session:
        with pytest.raises(BadInput, match="no thread has"):
            find_thread(session, "nobody's")
        with pytest.raises(BadInput, match="--connection"):
            find_thread(session, "45")
        assert find_thread(session, "45", "second") != find_thread(session, "45", "old-forum")


def test_a_conversation_is_whole_in_order_and_marked_once(shared: Office) -> None:
    with shared.deps.store.read() as session:
        number = find_thread(session, "3")
    page = thread_page(shared.deps, number)
    assert [m.remote_id for m in page.messages] == ["m300", "m301", "m302"]
    assert [m.marked for m in page.messages].count(True) == 1
    assert all(m.scorer and m.revisions == 1 for m in page.messages)
    assert page.older == 0
    newest = thread_page(shared.deps, number, limit=2)
    assert [m.remote_id for m in newest.messages] == ["m301", "m302"]
    assert newest.older == 1


def test_an_empty_desk_has_an_empty_queue() -> None:
    desk = office()
    found = queue_page(desk.deps, size=None).to_json()
    assert found | {"as_of": ""} == {
        "as_of": "",
        "threads": 0,
        "surfaced": 0,
        "always": 0,
        "share": 0.0,
        "cut": 1.0,
        "items": [],
    }
    desk.close()


def test_an_archives_clock_stands_still_at_its_newest_message() -> None:
    desk = office()
    desk.archive()
    desk.take_in([line(1, 1, "My order has not come and nobody answers. Where is my money?", hours_ago=5)])
    desk.take_in([line(2, 2, "Thanks!", hours_ago=0)])
    item = queue_page(desk.deps, size=None).items[0]
    assert item.waiting_seconds == 5 * 3600
    desk.close()


@pytest.mark.parametrize(
    ("priority", "lane", "word"),
    [
        (0.9, "always", "rule"),
        (0.1, "always", "rule"),
        (0.6, "needs", "high"),
        (0.25, "left", "medium"),
        (0.2, "left", "low"),
    ],
)
def test_bands(priority: float, lane: str, word: str) -> None:
    assert band(priority, lane) == word


def test_first_words_end_at_a_word() -> None:
    assert first_words("one  two\nthree") == "one two three"
    assert first_words("word " * 50, 12) == "word word…"
