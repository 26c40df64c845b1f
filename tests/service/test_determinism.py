"""The same events, in any order and any batches, make the same queue."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from intake_support import Desk, deletion, edit, new_desk, post

from service.db.models import Base, Community
from service.usecases import triage
from service.usecases.queue import Queue, queue_page

TEXTS = (
    "Nobody answers me, my order never arrived, help!",
    "The pump smells of smoke and my child got hurt.",
    "Try the other fuse, that helped here.",
    "You are all idiots.",
    "Thanks, it works now.",
    "Bonjour, ma machine fuit, que faire ?",
)
POSTS = 24
STORY = (
    *(post(n, TEXTS[n % len(TEXTS)]) for n in range(POSTS)),
    *(edit(n, 2, TEXTS[(n + 1) % len(TEXTS)]) for n in (2, 9, 16)),
    edit(9, 3, "I will see you in court."),
    *(deletion(n) for n in (3, 16, 21)),
)


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = new_desk()
    yield made
    made.deps.store.engine.dispose()


def told(desk: Desk, order: list[int], batch: int, size: int) -> str:
    """The queue after the story came in this order, `batch` events at a time, `size` read at once."""
    with desk.deps.store.write() as session:
        for table in reversed(Base.metadata.sorted_tables):
            if table.name != "connection":
                session.execute(table.delete())
    for start in range(0, len(order), batch):
        desk.tell(*(STORY[i] for i in order[start : start + batch]))
        desk.read(limit=size)
    for (community,) in desk.rows(Community.id):
        triage.triage_community(desk.deps, community)
    pages = [queue_page(desk.deps, lane, size=None) for lane in ("needs", "left")]
    return json.dumps([_settled(page) for page in pages], sort_keys=True)


def _settled(page: Queue) -> dict[str, Any]:
    """Threads of one priority stand in the order in which they were first seen here, which says nothing of them."""
    items = [item.to_json() | {"lane": item.lane} for item in page.items]
    return page.to_json() | {"items": sorted(items, key=lambda i: (-i["priority"], i["thread"]))}


@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    order=st.permutations(range(len(STORY))),
    batch=st.sampled_from((1, 5, len(STORY))),
    size=st.sampled_from((3, 64)),
)
def test_order_and_batches_decide_nothing(desk: Desk, order: list[int], batch: int, size: int) -> None:
    wanted = told(desk, list(range(len(STORY))), len(STORY), 64)
    assert told(desk, order, batch, size) == wanted
