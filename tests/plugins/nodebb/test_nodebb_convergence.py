"""Whatever happens on the forum, and whenever it is read: in the end what was read is what the forum shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.model import Event, MessageGone, MessageSeen, ThreadChanged, ThreadListed
from service.sandbox.nodebb_rules import is_deleted
from tests.plugins.nodebb.nodebb_desk import Desk, forum_desk

STEPS = st.lists(
    st.tuples(st.sampled_from(["edit", "delete", "purge", "drop", "lock", "answer", "move"]), st.integers(0, 9)),
    max_size=10,
)


@dataclass
class Kept:
    """What the desk would have stored: the newest state of each message, unless it went after that."""

    messages: dict[str, MessageSeen] = field(default_factory=dict)
    went: dict[str, datetime] = field(default_factory=dict)
    closed: dict[str, bool | None] = field(default_factory=dict)

    def take(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, MessageSeen):
                before = self.messages.get(event.remote_id)
                if before is None or event.version >= before.version:
                    self.messages[event.remote_id] = event
            elif isinstance(event, MessageGone):
                self.went[event.remote_id] = event.at
            elif isinstance(event, ThreadListed):
                self._listed(event)
            elif isinstance(event, ThreadChanged):
                self.closed[event.thread.remote_id] = event.thread.closed

    def _listed(self, event: ThreadListed) -> None:
        for one in self.messages.values():
            if one.thread.remote_id == event.thread_id and one.remote_id not in event.present and dated(one) < event.at:
                self.went[one.remote_id] = event.at

    def shown(self) -> dict[str, str]:
        return {
            i: one.text for i, one in self.messages.items() if i not in self.went or dated(one) > self.went[i]
        }  # fmt: skip


def dated(one: MessageSeen) -> datetime:
    return one.edited_at or one.created_at


def happen(made: Desk, what: str, number: int) -> None:
    """One change, by an administrator; what was done is undone by the same change again."""
    forum = made.box.world.forum
    pid = 1 + number % len(forum.posts)
    post, topic = forum.posts[pid], forum.topics[forum.posts[pid].topic_id]
    if pid in made.state.purged or (what == "purge" and topic.post_ids[0] == pid):
        return
    if what == "edit":
        made.call("PUT", f"/api/v3/posts/{pid}", content=f"{post.raw} And {number}.")
    elif what == "delete":
        made.call("PUT" if is_deleted(post) else "DELETE", f"/api/v3/posts/{pid}/state")
    elif what == "purge":
        made.call("DELETE", f"/api/v3/posts/{pid}")
    elif what == "drop":
        made.call("PUT" if topic.deleted_at else "DELETE", f"/api/v3/topics/{topic.id}/state")
    elif what == "lock":
        made.call("DELETE" if topic.closed else "PUT", f"/api/v3/topics/{topic.id}/lock")
    elif what == "move":
        made.call("PUT", f"/api/v3/topics/{topic.id}/move", cid=5 + number % 3)
    elif topic.deleted_at is None:
        made.call("POST", f"/api/v3/topics/{topic.id}", content=f"Answer number {number}.")


@settings(max_examples=25, deadline=None)
@given(steps=STEPS, pauses=st.lists(st.integers(0, 2), min_size=10, max_size=10))
def test_in_the_end_what_was_read_is_what_is_shown(steps: list[tuple[str, int]], pauses: list[int]) -> None:
    with forum_desk() as made:
        kept = Kept()
        for (what, number), pause in zip(steps, pauses, strict=False):
            happen(made, what, number)
            for _ in range(pause):
                kept.take(made.turn())
        for _ in range(6):
            kept.take(made.turn())
        forum = made.box.world.forum
        there = [t for t in forum.topics.values() if t.deleted_at is None]
        alive = [forum.posts[i] for t in there for i in t.post_ids if i not in made.state.purged]
        assert kept.shown() == {str(p.id): p.raw for p in alive if not is_deleted(p)}
        assert {i: kept.closed[i] for i in (str(t.id) for t in there)} == {str(t.id): t.closed for t in there}
