"""The forum's memory: members, categories, topics, posts, groups and the review queue, with the forum's own rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from service.sandbox.ids import MENTION
from service.sandbox.media import Picture
from service.sandbox.options import Options
from service.sandbox.refusal import Refusal, forbidden, not_found

STAFF_GROUPS = {0: "everyone", 1: "admins", 2: "moderators", 3: "staff"}
LIKE = 2
FLAG_TYPES = {3: "off_topic", 4: "inappropriate", 7: "notify_moderators", 8: "spam"}
#: How long, and by how many characters, an author may change a post without a new version.
GRACE, GRACE_CHARACTERS = timedelta(minutes=5), 400
PENDING, APPROVED, REJECTED, IGNORED, DELETED = range(5)


@dataclass(slots=True)
class User:
    id: int
    username: str
    name: str
    created_at: datetime
    trust_level: int = 1
    admin: bool = False
    moderator: bool = False
    silenced_till: datetime | None = None
    suspended_till: datetime | None = None
    bio: str = ""

    @property
    def staff(self) -> bool:
        return self.admin or self.moderator


@dataclass(slots=True)
class Category:
    id: int
    slug: str
    name: str
    permissions: dict[str, int] = field(default_factory=dict)  # group name to level; empty means everyone
    color: str = "0088CC"
    text_color: str = "FFFFFF"
    moderating_group_ids: list[int] = field(default_factory=list)

    @property
    def restricted(self) -> bool:
        return bool(self.permissions) and "everyone" not in self.permissions


@dataclass(slots=True)
class Topic:
    id: int
    title: str
    category_id: int | None
    username: str
    created_at: datetime
    archetype: str = "regular"
    participants: set[str] = field(default_factory=set)
    warning: bool = False
    post_ids: list[int] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    closed: bool = False
    archived: bool = False
    visible: bool = True
    pinned: bool = False
    accepted_post_id: int | None = None
    deleted_at: datetime | None = None


@dataclass(slots=True)
class Post:
    id: int
    topic_id: int
    number: int
    username: str
    raw: str
    created_at: datetime
    updated_at: datetime
    reply_to: int | None = None
    seeded_likes: int = 0
    liked_by: set[str] = field(default_factory=set)
    versions: list[tuple[datetime, str]] = field(default_factory=list)
    edit_reason: str | None = None
    hidden: bool = False
    locked: bool = False
    user_deleted: bool = False
    deleted_at: datetime | None = None

    @property
    def likes(self) -> int:
        return self.seeded_likes + len(self.liked_by)


@dataclass(slots=True)
class Group:
    id: int
    name: str
    full_name: str = ""
    members: set[str] = field(default_factory=set)
    owners: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Flag:
    id: int
    username: str
    type_id: int
    message: str
    at: datetime


@dataclass(slots=True)
class Reviewable:
    id: int
    post_id: int
    created_at: datetime
    flags: list[Flag] = field(default_factory=list)
    status: int = PENDING
    version: int = 0


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants to write."""

    username: str
    raw: str
    reply_to: int | None = None
    at: datetime | None = None
    likes: int = 0


@dataclass(frozen=True, slots=True)
class Notice:
    id: int
    username: str
    type_id: int
    post_id: int
    by: str
    at: datetime


Emit = Callable[[str, str, Any], None]


class Forum:
    """State and rules. Callers hold the world's lock; `emit(type, event, record)` is called for each change."""

    def __init__(self, options: Options, now: Callable[[], datetime]) -> None:
        self.options = options
        self.now = now
        self.users: dict[str, User] = {}
        self.categories: dict[int, Category] = {}
        self.topics: dict[int, Topic] = {}
        self.posts: dict[int, Post] = {}
        self.groups: dict[int, Group] = {i: Group(i, name) for i, name in STAFF_GROUPS.items()}
        self.reviewables: dict[int, Reviewable] = {}
        self.notices: list[Notice] = []
        self.uploads: dict[str, Picture] = {}
        self.emit: Emit = lambda *_: None

    # who may do what

    def user(self, username: str) -> User:
        found = self.users.get(username.lower())
        if found is None:
            raise not_found()
        return found

    def user_by_id(self, user_id: int) -> User:
        for user in self.users.values():
            if user.id == user_id:
                return user
        raise not_found()

    def moderates(self, actor: User, category_id: int | None) -> bool:
        if actor.staff:
            return True
        category = self.categories.get(category_id or 0)
        if category is None or not self.options.category_group_moderation:
            return False
        return any(actor.username in self.groups[i].members for i in category.moderating_group_ids if i in self.groups)

    def sees_topic(self, actor: User, topic: Topic) -> bool:
        if topic.archetype == "private_message":
            return actor.username in topic.participants or actor.admin
        category = self.categories.get(topic.category_id or 0)
        if category is None or not category.restricted or actor.staff:
            return True
        allowed = [g for g in self.groups.values() if g.name in category.permissions]
        return any(actor.username in group.members for group in allowed) or self.moderates(actor, category.id)

    def sees(self, actor: User, post: Post) -> bool:
        topic = self.topics[post.topic_id]
        if not self.sees_topic(actor, topic):
            return False
        return post.deleted_at is None or self.moderates(actor, topic.category_id)

    def post(self, post_id: int, actor: User | None = None) -> Post:
        found = self.posts.get(post_id)
        if found is None or (actor is not None and not self.sees(actor, found)):
            raise not_found()
        return found

    def topic(self, topic_id: int, actor: User | None = None) -> Topic:
        found = self.topics.get(topic_id)
        if found is None:
            raise not_found()
        if actor is not None and not self.sees_topic(actor, found):
            raise forbidden()
        return found

    def must_moderate(self, actor: User, topic: Topic) -> None:
        if not self.moderates(actor, topic.category_id):
            raise forbidden()

    # writing

    def add_user(self, username: str, name: str, joined: datetime) -> User:
        user = User(len(self.users) + 1, username, name, joined)
        self.users[username.lower()] = user
        return user

    def create_topic(self, title: str, draft: Draft, category_id: int | None, **more: Any) -> Post:
        at = draft.at or self.now()
        topic = Topic(len(self.topics) + 1, title, category_id, draft.username, at, **more)
        self.topics[topic.id] = topic
        post = self._append(topic, draft)
        self.emit("topic", "topic_created", topic)
        self.emit("post", "post_created", post)
        return post

    def reply(self, topic: Topic, draft: Draft) -> Post:
        if topic.closed and not self.moderates(self.user(draft.username), topic.category_id):
            raise Refusal(422, "This topic is closed.")
        post = self._append(topic, draft)
        self.emit("post", "post_created", post)
        return post

    def _append(self, topic: Topic, draft: Draft) -> Post:
        at = draft.at or self.now()
        number = len(topic.post_ids) + 1
        post = Post(len(self.posts) + 1, topic.id, number, draft.username, draft.raw, at, at, draft.reply_to)
        post.seeded_likes = draft.likes
        post.versions.append((at, draft.raw))
        self.posts[post.id] = post
        topic.post_ids.append(post.id)
        self._notify(topic, post)
        return post

    def _notify(self, topic: Topic, post: Post) -> None:
        """Mentioned is type 1, replied is type 2, as Discourse counts them; nobody is told twice of one post."""
        told: dict[str, int] = {}
        for name in MENTION.findall(post.raw):
            if name.lower() in self.users:
                told.setdefault(self.users[name.lower()].username, 1)
        if post.reply_to is not None and 0 < post.reply_to <= len(topic.post_ids):
            told.setdefault(self.posts[topic.post_ids[post.reply_to - 1]].username, 2)
        told.pop(post.username, None)
        for name, kind in told.items():
            self.notices.append(Notice(len(self.notices) + 1, name, kind, post.id, post.username, post.created_at))

    def edit(self, post: Post, raw: str, reason: str | None = None, *, quick: bool = False) -> None:
        """A new version; a `quick` change by the author, small, soon and without a reason, only amends the last one."""
        made, before = post.versions[-1]
        near = abs(len(raw) - len(before)) <= GRACE_CHARACTERS and self.now() - made <= GRACE
        post.raw, post.edit_reason, post.updated_at = raw, reason, self.now()
        if quick and near and not reason:
            post.versions[-1] = (made, raw)
        else:
            post.versions.append((post.updated_at, raw))
        self.emit("post", "post_edited", post)

    def delete(self, post: Post, actor: User) -> None:
        topic = self.topics[post.topic_id]
        if self.moderates(actor, topic.category_id):
            post.deleted_at = self.now()
            if post.number == 1:
                topic.deleted_at = post.deleted_at
                self.emit("topic", "topic_destroyed", topic)
        elif post.username == actor.username:
            post.raw, post.user_deleted = "(post deleted by author)", True
        else:
            raise forbidden()
        self.emit("post", "post_destroyed", post)

    def recover(self, post: Post, actor: User) -> None:
        topic = self.topics[post.topic_id]
        if not (self.moderates(actor, topic.category_id) or (post.user_deleted and post.username == actor.username)):
            raise forbidden()
        post.deleted_at, post.user_deleted = None, False
        post.raw = post.versions[-1][1]
        if post.number == 1:
            topic.deleted_at = None
            self.emit("topic", "topic_recovered", topic)
        self.emit("post", "post_recovered", post)
