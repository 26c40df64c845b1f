"""What a Lemmy server keeps beside the forum's memory, and its own rules of who may do what.

The forum's categories are its communities, topics its posts, and later posts in a topic its comments.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from service.sandbox.forum import IGNORED, PENDING, Category, Draft, Flag, Post, Reviewable, Topic, User
from service.sandbox.media import Picture
from service.sandbox.refusal import Refusal
from service.sandbox.world import World

#: Characters of a comment or of a reason, as in Lemmy's source.
MAX_BODY = 10_000
FOR_EVER = datetime(9999, 12, 31, tzinfo=UTC)


def refused(word: str, status: int = 400) -> Refusal:
    """Lemmy's refusals are one word each, nearly all with status 400."""
    return Refusal(status, word)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the public log of what moderators did. `undone` is set for what takes another act back."""

    id: int
    kind: str
    moderator: str
    at: datetime
    undone: bool = False
    reason: str = ""
    community: int | None = None
    person: str = ""
    post: int | None = None
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """One person's flag on a post or comment, as Lemmy counts reports."""

    entry: Reviewable
    flag: Flag
    post: Post

    @property
    def kind(self) -> str:
        return "post" if self.post.number == 1 else "comment"


@dataclass(slots=True)
class Lemmy:
    """The moderators of each community in the order of their appointment, who is banned, and what was done.

    Callers hold the world's lock.
    """

    world: World
    moderators: dict[int, list[str]] = field(default_factory=dict)
    bans: dict[tuple[int, str], datetime] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    log: list[Entry] = field(default_factory=list)
    closed: dict[int, tuple[str, datetime]] = field(default_factory=dict)
    pictures: dict[str, Picture] = field(default_factory=dict)

    # who

    def named(self, token: str) -> User | None:
        """Whose token it is. None for one that is not known: that reads as anybody may."""
        brand = self.world.story.brand if token == self.world.options.lemmy_token else ""
        return self.world.forum.users.get((self.tokens.get(token) or brand).lower())

    def sign_in(self, name: str, password: str) -> str:
        user = self.world.forum.users.get(name.lower())
        if user is None or password != self.world.options.lemmy_password:
            raise refused("incorrect_login", 401)
        token = secrets.token_urlsafe(32)
        self.tokens[token] = user.username
        return token

    def moderators_of(self, community: int) -> list[str]:
        """The brand first, who opened the community, then the forum's staff."""
        if community not in self.moderators:
            staff = [u.username for u in self.world.forum.users.values() if u.moderator and not u.admin]
            self.moderators[community] = [self.world.story.brand, *staff]
        return self.moderators[community]

    def moderates(self, user: User | None, community: int) -> bool:
        return user is not None and (user.admin or user.username in self.moderators_of(community))

    def must_moderate(self, user: User, community: int) -> None:
        if not self.moderates(user, community):
            raise refused("not_a_mod_or_admin")

    def must_be_higher(self, user: User, target: User, community: int) -> None:
        """Administrators by id, then moderators by appointment: of the two, the actor has to come first."""
        ranked = [u.username for u in self.world.forum.users.values() if u.admin] + self.moderators_of(community)
        first = next((name for name in ranked if name in (user.username, target.username)), "")
        if first != user.username:
            raise refused("not_higher_mod")

    def is_banned(self, user: User, community: int) -> bool:
        until = self.bans.get((community, user.username))
        return until is not None and until > self.world.now()

    def is_banned_everywhere(self, user: User) -> bool:
        return user.suspended_till is not None and user.suspended_till > self.world.now()

    # what is there

    def community(self, number: int, user: User | None) -> Category:
        found = self.world.forum.categories.get(number)
        if found is None or (found.restricted and not self.moderates(user, number)):
            raise refused("not_found", 404)
        return found

    def community_named(self, name: str, user: User | None) -> Category:
        wanted = name.partition("@")[0].casefold()
        found = next((c for c in self.world.forum.categories.values() if called(c) == wanted), None)
        if found is None:
            raise refused("not_found", 404)
        return self.community(found.id, user)

    def topic(self, number: int, user: User | None) -> Topic:
        """A post that is public; a removed one for its moderators and its author."""
        topic = self.world.forum.topics.get(number)
        if topic is None or topic.archetype != "regular" or topic.category_id is None:
            raise refused("not_found", 404)
        self.community(topic.category_id, user)
        if is_dead(self.first(topic)) and not (self.moderates(user, topic.category_id) or _wrote(user, topic.username)):
            raise refused("not_found", 404)
        return topic

    def first(self, topic: Topic) -> Post:
        return self.world.forum.posts[topic.post_ids[0]]

    def comment(self, number: int, user: User | None) -> Post:
        post = self.world.forum.posts.get(number)
        if post is None or post.number == 1:
            raise refused("not_found", 404)
        self.topic(post.topic_id, user)
        return post

    def community_of(self, post: Post) -> int:
        return self.world.forum.topics[post.topic_id].category_id or 0

    def posts_in(self, community: int) -> list[Topic]:
        found = (t for t in self.world.forum.topics.values() if t.category_id == community)
        return [t for t in found if t.archetype == "regular" and t.visible and not is_dead(self.first(t))]

    def comments_in(self, topics: Iterable[Topic]) -> list[Post]:
        return [self.world.forum.posts[i] for topic in topics for i in topic.post_ids[1:]]

    def path(self, comment: Post) -> str:
        """ "0", the ids from the top down, and its own. Who answers the post itself stands right below "0"."""
        ids, topic, at = [comment.id], self.world.forum.topics[comment.topic_id], comment
        while at.reply_to is not None and 1 < at.reply_to < at.number:
            at = self.world.forum.posts[topic.post_ids[at.reply_to - 1]]
            ids.append(at.id)
        return ".".join(str(i) for i in (0, *reversed(ids)))

    # writing

    def may_write(self, user: User, topic: Topic) -> None:
        if self.is_banned_everywhere(user):
            raise refused("site_ban")
        if self.is_banned(user, topic.category_id or 0):
            raise refused("person_is_banned_from_community")
        if is_dead(self.first(topic)):
            raise refused("deleted")
        if topic.closed and not self.moderates(user, topic.category_id or 0):
            raise refused("locked")

    def write(self, user: User, topic: Topic, text: str, parent: Post | None) -> Post:
        return self.world.forum.reply(topic, Draft(user.username, checked(text), parent.number if parent else None))

    def delete(self, post: Post, *, deleted: bool) -> None:
        """By its author. The words stay with the server, which shows them to nobody."""
        post.user_deleted = deleted
        self._told(post, gone=deleted)

    def remove(self, post: Post, *, removed: bool) -> None:
        post.deleted_at = self.world.now() if removed else None
        topic = self.world.forum.topics[post.topic_id]
        if post.number == 1:
            topic.deleted_at = post.deleted_at
        self._told(post, gone=removed)

    def _told(self, post: Post, *, gone: bool) -> None:
        self.world.forum.emit("post", "post_destroyed" if gone else "post_recovered", post)

    def note(self, kind: str, moderator: User, **more: object) -> None:
        self.log.append(Entry(len(self.log) + 1, kind, moderator.username, self.world.now(), **more))  # type: ignore[arg-type]

    # reports

    def reports(self, kind: str, user: User) -> list[Report]:
        """Newest first, those of communities that somebody moderates."""
        forum = self.world.forum
        found = [
            Report(entry, flag, forum.posts[entry.post_id])
            for entry in forum.reviewables.values()
            for flag in entry.flags
            if entry.post_id in forum.posts
        ]
        mine = [r for r in found if r.kind == kind and self.moderates(user, self.community_of(r.post))]
        return sorted(mine, key=lambda report: report.flag.id, reverse=True)

    def is_closed(self, report: Report) -> bool:
        return report.entry.status != PENDING or report.flag.id in self.closed

    def close(self, report: Report, user: User, *, resolved: bool) -> None:
        """The forum's entry is done with when each of its reports is."""
        if resolved:
            self.closed[report.flag.id] = (user.username, self.world.now())
        else:
            self.closed.pop(report.flag.id, None)
        entry = report.entry
        done = all(flag.id in self.closed for flag in entry.flags)
        entry.status = IGNORED if done else PENDING
        entry.version += 1
        self.world.forum.emit("reviewable", "reviewable_transitioned_to", entry)


def called(category: Category) -> str:
    """A community's name: letters, digits and "_" only."""
    return category.slug.replace("-", "_").casefold()


def is_dead(post: Post) -> bool:
    return post.deleted_at is not None or post.user_deleted


def checked(text: str) -> str:
    if not text.strip() or len(text) > MAX_BODY:
        raise refused("invalid_body_field")
    return text


def _wrote(user: User | None, username: str) -> bool:
    return user is not None and user.username == username
