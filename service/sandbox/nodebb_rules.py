"""NodeBB's own rules over the sandbox's forum: who may do what in which category, flags, the queue, sanctions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from service.sandbox.forum import Category, Draft, Forum, Post, Topic, User
from service.sandbox.media import Picture

if TYPE_CHECKING:
    from service.sandbox.world import World

LEAST, MOST = 8, 32_767
FAR = datetime(9999, 1, 1, tzinfo=UTC)
#: Where topics without a category are.
ELSEWHERE = Category(1, "general-discussion", "General Discussion")
STAFF_GROUPS = {"administrators": "administrators", "global-moderators": "Global Moderators"}
STATES = ("open", "wip", "resolved", "rejected")
NO_RIGHT = "You do not have enough privileges for this action."
_TAG = re.compile(r"<[^>]*>")


class ApiError(Exception):
    """A refusal with NodeBB's status and its sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(slots=True)
class FlagReport:
    uid: int
    reason: str
    at: datetime


@dataclass(slots=True)
class Flag:
    """Complaints about a post, or about an account. `changes` are who set which state when, newest first."""

    id: int
    type: str
    target: int
    at: datetime
    state: str = "open"
    reports: list[FlagReport] = field(default_factory=list)
    changes: list[tuple[int, str, datetime]] = field(default_factory=list)


@dataclass(slots=True)
class Queued:
    id: str
    tid: int
    draft: Draft
    at: datetime


@dataclass(slots=True)
class State:
    """What NodeBB remembers beyond the forum that it shares with Discourse. Rights given here hold here only."""

    tokens: dict[str, int] = field(default_factory=dict)
    moderators: dict[int, set[int]] = field(default_factory=dict)
    #: Names of the forum's groups that moderate a category.
    moderating_groups: dict[int, set[str]] = field(default_factory=dict)
    flags: dict[int, Flag] = field(default_factory=dict)
    queue: list[Queued] = field(default_factory=list)
    queueing: bool = False
    deleters: dict[int, int] = field(default_factory=dict)
    purged: set[int] = field(default_factory=set)
    reasons: dict[int, str] = field(default_factory=dict)
    uploads: dict[str, Picture] = field(default_factory=dict)
    per_page: int = 20


_STATES: WeakKeyDictionary[World, State] = WeakKeyDictionary()


def state_of(world: World) -> State:
    """The state that belongs to a world; made when first asked for."""
    return _STATES.setdefault(world, State())


@dataclass(frozen=True, slots=True)
class Board:
    """The forum as NodeBB sees it. `actor` None: a guest."""

    forum: Forum
    state: State
    actor: User | None

    # what is there

    def category(self, cid: int | None) -> Category | None:
        return ELSEWHERE if cid in (None, ELSEWHERE.id) else self.forum.categories.get(cid)

    def user(self, uid: int) -> User:
        for user in self.forum.users.values():
            if user.id == uid:
                return user
        raise ApiError(404, "User does not exist")

    def topics(self) -> list[Topic]:
        return [t for t in self.forum.topics.values() if self.shows_topic(t)]

    def topic(self, tid: int) -> Topic:
        found = self.forum.topics.get(tid)
        if found is None or found.archetype == "private_message":
            raise ApiError(404, "Topic does not exist")
        return found

    def posts(self, topic: Topic) -> list[Post]:
        return [self.forum.posts[i] for i in topic.post_ids if i not in self.state.purged]

    def post(self, pid: int) -> Post:
        found = self.forum.posts.get(pid)
        if found is None or pid in self.state.purged:
            raise ApiError(404, "Post does not exist")
        if not self.shows_topic(self.topic(found.topic_id)):
            raise ApiError(403, NO_RIGHT)
        return found

    # who may do what

    def moderates(self, cid: int | None, who: User | None = None) -> bool:
        """Staff everywhere; a category's moderators there, by themselves or through a group."""
        user = who or self.actor
        if user is None:
            return False
        groups = self.state.moderating_groups.get(cid or 0, set())
        through = any(user.username in g.members for g in self.forum.groups.values() if g.name in groups)
        return user.staff or through or user.id in self.state.moderators.get(cid or 0, set())

    def moderates_post(self, post: Post) -> bool:
        return self.moderates(self.forum.topics[post.topic_id].category_id)

    def reads(self, cid: int | None) -> bool:
        category = self.category(cid)
        return category is not None and (not category.restricted or self.moderates(cid))

    def shows_topic(self, topic: Topic) -> bool:
        if topic.archetype == "private_message" or not self.reads(topic.category_id):
            return False
        return topic.deleted_at is None or self.moderates(topic.category_id)

    def me(self) -> User:
        if self.actor is None:
            raise ApiError(401, "A valid login session was not found. Please log in and try again.")
        return self.actor

    def must(self, allowed: bool) -> None:
        if not allowed:
            raise ApiError(403, NO_RIGHT)

    # writing

    def reply(self, topic: Topic, content: str, to_pid: int | None) -> Post | Queued:
        self.must(self.actor is not None)
        me = self.me()
        if topic.deleted_at is not None:
            raise ApiError(400, "This topic has been deleted")
        self.may_write(me)
        if topic.closed and not self.moderates(topic.category_id):
            raise ApiError(400, "Topic locked")
        self.check(content)
        answered = self.forum.posts.get(to_pid or 0)
        number = answered.number if answered is not None and answered.topic_id == topic.id else None
        draft = Draft(me.username, content, number)
        if self.state.queueing and not self.moderates(topic.category_id):
            now = self.forum.now()
            made = Queued(f"reply-{int(now.timestamp() * 1000)}", topic.id, draft, now)
            self.state.queue.append(made)
            return made
        return self.forum.reply(topic, draft) if not topic.closed else self._reply_to_locked(topic, draft)

    def _reply_to_locked(self, topic: Topic, draft: Draft) -> Post:
        """The forum below knows only its own moderators."""
        topic.closed = False
        try:
            return self.forum.reply(topic, draft)
        finally:
            topic.closed = True

    def may_write(self, user: User) -> None:
        now = self.forum.now()
        if user.suspended_till is not None and user.suspended_till > now:
            raise ApiError(403, NO_RIGHT)
        if user.silenced_till is not None and user.silenced_till > now:
            minutes = int((user.silenced_till - now).total_seconds() // 60) + 1
            raise ApiError(400, f"You have been muted, you will be able to post in {minutes} minute(s)")

    def check(self, content: str) -> None:
        """UTF-16 units without tags, as JavaScript counts."""
        length = len(_TAG.sub("", content).strip().encode("utf-16-le")) // 2
        if length < LEAST:
            words = f"Please enter a longer post. Posts should contain at least {LEAST} character(s)."
            raise ApiError(400, words)
        if length > MOST:
            raise ApiError(400, f"Please enter a shorter post. Posts can't be longer than {MOST} character(s).")

    def edit(self, post: Post, content: str) -> None:
        self.must(post.username == self.me().username or self.moderates_post(post))
        self.check(content)
        if content != post.raw:
            self.forum.edit(post, content)

    def delete(self, post: Post) -> None:
        self.must(post.username == self.me().username or self.moderates_post(post))
        if is_deleted(post):
            raise ApiError(400, "This post has already been deleted")
        post.deleted_at = self.forum.now()
        self.state.deleters[post.id] = self.me().id
        self.forum.emit("post", "post_destroyed", post)

    def restore(self, post: Post) -> None:
        mine = self.state.deleters.get(post.id) == self.me().id
        self.must(mine or self.moderates_post(post))
        if not is_deleted(post):
            raise ApiError(400, "This post has already been restored")
        post.deleted_at, post.user_deleted, post.raw = None, False, post.versions[-1][1]
        self.state.deleters.pop(post.id, None)
        self.forum.emit("post", "post_recovered", post)

    def purge(self, post: Post) -> None:
        self.must(self.moderates_post(post))
        self.state.purged.add(post.id)
        post.deleted_at = post.deleted_at or self.forum.now()

    def move(self, topic: Topic, cid: int) -> None:
        """Needs the right in both categories."""
        if self.category(cid) is None:
            raise ApiError(404, "Category does not exist")
        self.must(self.moderates(topic.category_id) and self.moderates(cid))
        topic.category_id = cid
        self.forum.emit("topic", "topic_edited", topic)

    def sanctionable(self, uid: int, verb: str) -> User:
        """Only staff of the whole forum may mute and ban, and no administrator."""
        self.must(self.me().staff)
        user = self.user(uid)
        if user.admin:
            raise ApiError(400, f"You can't {verb} other admins!")
        return user

    # flags

    def flags(self) -> list[Flag]:
        found = [f for f in self.state.flags.values() if self.sees_flag(f)]
        return sorted(found, key=lambda f: (f.at, f.id), reverse=True)

    def sees_flag(self, flag: Flag) -> bool:
        if flag.type == "user":
            return self.actor is not None and self.actor.staff
        post = self.forum.posts.get(flag.target)
        return post is not None and self.moderates_post(post)

    def moderates_anything(self) -> bool:
        return any(self.moderates(cid) for cid in (ELSEWHERE.id, *self.forum.categories))

    def flag(self, flag_id: int) -> Flag:
        found = self.state.flags.get(flag_id)
        if found is None or not self.sees_flag(found):
            raise ApiError(404, "Flag does not exist")
        return found

    def complain(self, kind: str, target: int, reason: str) -> None:
        me, now = self.me(), self.forum.now()
        if not reason or kind not in ("post", "user"):
            raise ApiError(400, "Invalid Data")
        self.must(kind == "user" or (target in self.forum.posts and target not in self.state.purged))
        same = (f for f in self.state.flags.values() if (f.type, f.target) == (kind, target))
        found = next(same, None)
        if found is None:
            found = Flag(len(self.state.flags) + 1, kind, target, now, changes=[(me.id, "open", now)])
            self.state.flags[found.id] = found
        if any(one.uid == me.id for one in found.reports):
            raise ApiError(400, f"You have already flagged this {kind}")
        found.reports.insert(0, FlagReport(me.id, reason, now))

    def settle(self, flag: Flag, state: str) -> None:
        """An unknown state changes nothing, and says so nowhere."""
        if state in STATES and state != flag.state:
            flag.state = state
            flag.changes.insert(0, (self.me().id, state, self.forum.now()))


def is_deleted(post: Post) -> bool:
    return post.deleted_at is not None or post.user_deleted
