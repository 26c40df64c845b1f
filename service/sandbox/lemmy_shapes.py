"""Records as Lemmy writes them, in both versions of its API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.sandbox.forum import Category, Post, Topic, User
from service.sandbox.ids import iso, iso_or_none
from service.sandbox.lemmy_rules import Entry, Lemmy, Report, called, is_dead

Json = dict[str, Any]
#: The log's lists in v3, by the name of the kind in v4: where they are, and what the record inside is called.
V3_LOGS = {
    "mod_remove_post": ("removed_posts", "mod_remove_post", "removed"),
    "mod_remove_comment": ("removed_comments", "mod_remove_comment", "removed"),
    "mod_lock_post": ("locked_posts", "mod_lock_post", "locked"),
    "mod_ban_from_community": ("banned_from_community", "mod_ban_from_community", "banned"),
    "mod_add_to_community": ("added_to_community", "mod_add_community", "removed"),
    "admin_ban": ("banned", "mod_ban", "banned"),
}


@dataclass(frozen=True, slots=True)
class Shapes:
    """Shapes for one caller. v4 puts `_at` behind times and counts into the records; v3 has a `counts` beside them."""

    lemmy: Lemmy
    v4: bool
    me: User | None

    def times(self, published: datetime, updated: datetime | None = None) -> Json:
        end = "_at" if self.v4 else ""
        changed = {f"updated{end}": iso(updated)} if updated else {}
        return {f"published{end}": iso(published)} | changed

    def _counted(self, inner: Json, counts: Json) -> tuple[Json, Json]:
        """The record and what goes beside it."""
        return (inner | counts, {}) if self.v4 else (inner, {"counts": counts})

    def _url(self, path: str) -> str:
        return f"{self.lemmy.world.base_url}/lemmy/{path}"

    def person(self, user: User) -> Json:
        shape: Json = {
            "id": user.id,
            "name": user.username,
            "display_name": user.name,
            "ap_id" if self.v4 else "actor_id": self._url(f"u/{user.username}"),
            "local": True,
            "deleted": False,
            "bot_account": False,
            "instance_id": 1,
        }
        if user.bio:
            shape["bio"] = user.bio
        if not self.v4:
            shape["banned"] = self.lemmy.is_banned_everywhere(user)
        return shape | self.times(user.created_at)

    def person_view(self, user: User) -> Json:
        if not self.v4:
            return {"person": self.person(user), "counts": {"person_id": user.id}, "is_admin": user.admin}
        banned = self.lemmy.is_banned_everywhere(user)
        return {"person": self.person(user), "is_admin": user.admin, "banned": banned}

    def community(self, category: Category) -> Json:
        hidden = "private" if self.v4 else "LocalOnly"
        return {
            "id": category.id,
            "name": called(category),
            "title": category.name,
            "ap_id" if self.v4 else "actor_id": self._url(f"c/{called(category)}"),
            "local": True,
            "removed": False,
            "deleted": False,
            "nsfw": False,
            "posting_restricted_to_mods": False,
            "visibility": hidden if category.restricted else "public" if self.v4 else "Public",
        } | self.times(self.lemmy.world.forum.user(self.lemmy.world.story.brand).created_at)

    def community_view(self, category: Category) -> Json:
        inner, beside = self._counted(self.community(category), {"posts": len(self.lemmy.posts_in(category.id))})
        return {"community": inner, **beside}

    def moderators(self, category: Category) -> list[Json]:
        names = self.lemmy.moderators_of(category.id)
        people = [self.lemmy.world.forum.user(name) for name in names]
        return [{"community": self.community(category), "moderator": self.person(user)} for user in people]

    def _state(self, post: Post) -> Json:
        return {"removed": post.deleted_at is not None, "deleted": post.user_deleted}

    def _says(self, post: Post) -> str:
        """Nobody but moderators sees what was taken down."""
        shown = not is_dead(post) or self.lemmy.moderates(self.me, self.lemmy.community_of(post))
        return post.raw if shown else ""

    def _post(self, topic: Topic) -> Json:
        first = self.lemmy.first(topic)
        changed = first.updated_at if len(first.versions) > 1 else None
        return (
            {
                "id": topic.id,
                "name": topic.title,
                "body": self._says(first),
                "creator_id": self.lemmy.world.forum.user(topic.username).id,
                "community_id": topic.category_id,
                "locked": topic.closed,
                "nsfw": False,
                "ap_id": self._url(f"post/{topic.id}"),
                "local": True,
                "language_id": 0,
                "featured_community": topic.pinned,
                "featured_local": False,
            }
            | self._state(first)
            | self.times(first.created_at, changed)
        )

    def post_view(self, topic: Topic) -> Json:
        first = self.lemmy.first(topic)
        alive = [p for p in self.lemmy.comments_in([topic]) if not is_dead(p)]
        counts = {"comments": len(alive), "score": first.likes, "upvotes": first.likes, "downvotes": 0}
        inner, beside = self._counted(self._post(topic), counts)
        return {"post": inner, **self._around(topic, first), **beside}

    def _around(self, topic: Topic, post: Post) -> Json:
        category = self.lemmy.world.forum.categories[topic.category_id or 0]
        author = self.lemmy.world.forum.user(post.username)
        return {
            "creator": self.person(author),
            "community": self.community(category),
            "creator_banned_from_community": self.lemmy.is_banned(author, category.id),
            "creator_is_moderator": author.username in self.lemmy.moderators_of(category.id),
            "creator_is_admin": author.admin,
        }

    def comment_view(self, post: Post) -> Json:
        topic = self.lemmy.world.forum.topics[post.topic_id]
        changed = post.updated_at if len(post.versions) > 1 else None
        record = {
            "id": post.id,
            "creator_id": self.lemmy.world.forum.user(post.username).id,
            "post_id": topic.id,
            "content": self._says(post),
            "ap_id": self._url(f"comment/{post.id}"),
            "local": True,
            "path": self.lemmy.path(post),
            "distinguished": False,
            "language_id": 0,
        }
        counts = {"score": post.likes, "upvotes": post.likes, "downvotes": 0, "child_count": 0}
        inner, beside = self._counted(record | self._state(post) | self.times(post.created_at, changed), counts)
        return {"comment": inner, "post": self._post(topic), **self._around(topic, post), **beside}

    def report_view(self, report: Report) -> Json:
        """In a report `creator` is who reported."""
        forum, kind, flag = self.lemmy.world.forum, report.kind, report.flag
        topic, reporter = forum.topics[report.post.topic_id], forum.user(flag.username)
        closed = self.lemmy.closed.get(flag.id)
        record = {
            "id": flag.id,
            "creator_id": reporter.id,
            f"{kind}_id": topic.id if kind == "post" else report.post.id,
            "reason": flag.message or "no reason given",
            "resolved": self.lemmy.is_closed(report),
        } | self.times(flag.at, closed[1] if closed else None)
        if closed:
            record["resolver_id"] = forum.user(closed[0]).id
        shown = self.post_view(topic) if kind == "post" else self.comment_view(report.post)
        about = forum.user(report.post.username)
        shape = shown | {f"{kind}_report": record, "creator": self.person(reporter)}
        shape[f"{kind}_creator"] = self.person(about)
        return shape | ({"type_": kind} if self.v4 else {})

    def log_row(self, entry: Entry) -> Json:
        forum = self.lemmy.world.forum
        by, person = forum.user(entry.moderator), forum.users.get(entry.person.lower())
        where = forum.categories.get(entry.community or 0)
        record: Json = {"id": entry.id, "reason": entry.reason or None}
        if self.v4:
            record |= {"kind": entry.kind, "is_revert": entry.undone, "published_at": iso(entry.at)}
            shape: Json = {"modlog": record | {"expires_at": iso_or_none(entry.expires)}, "moderator": self.person(by)}
            shape |= {"target_person": self.person(person)} if person else {}
            return shape | ({"target_community": self.community(where)} if where else {})
        _, inner, said = V3_LOGS[entry.kind]
        record |= {"mod_person_id": by.id, "when_": iso(entry.at), "expires": iso_or_none(entry.expires)}
        record |= {said: entry.undone if inner == "mod_add_community" else not entry.undone, "post_id": entry.post}
        shape = {inner: record, "moderator": self.person(by)}
        shape |= {"banned_person": self.person(person)} if person else {}
        return shape | ({"community": self.community(where)} if where else {})
