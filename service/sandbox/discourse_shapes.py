"""Forum records as Discourse writes them in JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from service.sandbox.forum import FLAG_TYPES, LIKE, Category, Forum, Group, Post, Reviewable, Topic, User
from service.sandbox.ids import iso, iso_or_none, paragraphs, slug
from service.sandbox.review import actions_for, category_of, flags_in_words

Json = dict[str, Any]
#: A picture in a post's source, after its text was escaped.
PICTURE = re.compile(r"!\[([^\]|]*)(?:\|(\d+)x(\d+))?\]\(upload://([\w.]+)\)")
AVATAR = "/letter_avatar_proxy/v4/letter/{}/ee59a6/{{size}}.png"


def basic_user(user: User) -> Json:
    return {
        "id": user.id,
        "username": user.username,
        "name": user.name,
        "avatar_template": AVATAR.format(user.username[0]),
    }


def user_shape(forum: Forum, user: User) -> Json:
    mine = [p for p in forum.posts.values() if p.username == user.username]
    groups = [g for g in forum.groups.values() if user.username in g.members]
    return basic_user(user) | {
        "created_at": iso(user.created_at),
        "last_posted_at": iso(max(p.created_at for p in mine)) if mine else None,
        "trust_level": user.trust_level,
        "moderator": user.moderator,
        "admin": user.admin,
        "title": None,
        "post_count": len(mine),
        "topic_count": sum(t.username == user.username for t in forum.topics.values()),
        "silenced_till": iso_or_none(user.silenced_till),
        "suspended_till": iso_or_none(user.suspended_till),
        "groups": [{"id": g.id, "name": g.name, "automatic": g.id < 40} for g in groups],
        "staged": False,
    }


def cooked(raw: str) -> str:
    """The text as HTML, with its pictures."""

    def shown(found: re.Match[str]) -> str:
        size = f' width="{found[2]}" height="{found[3]}"' if found[2] else ""
        return f'<img src="/uploads/short-url/{found[4]}" alt="{found[1]}"{size}>'

    return PICTURE.sub(shown, paragraphs(raw))


def base_post(forum: Forum, post: Post) -> Json:
    """What the API and the webhooks have in common."""
    author, topic = forum.user(post.username), forum.topics[post.topic_id]
    entries = [r for r in forum.reviewables.values() if r.post_id == post.id]
    return {
        "id": post.id,
        "name": author.name,
        "username": author.username,
        "avatar_template": AVATAR.format(author.username[0]),
        "created_at": iso(post.created_at),
        "cooked": cooked(post.raw),
        "post_number": post.number,
        "post_type": 1,
        "posts_count": len(topic.post_ids),
        "updated_at": iso(post.updated_at),
        "reply_count": sum(forum.posts[i].reply_to == post.number for i in topic.post_ids),
        "reply_to_post_number": post.reply_to,
        "quote_count": 0,
        "incoming_link_count": 0,
        "reads": 0,
        "score": 0,
        "topic_id": topic.id,
        "topic_slug": slug(topic.title),
        "topic_title": topic.title,
        "category_id": topic.category_id,
        "display_username": author.name,
        "primary_group_name": None,
        "version": len(post.versions),
        "user_title": None,
        "bookmarked": False,
        "raw": post.raw,
        "moderator": author.moderator,
        "admin": author.admin,
        "staff": author.staff,
        "user_id": author.id,
        "hidden": post.hidden,
        "trust_level": author.trust_level,
        "deleted_at": iso_or_none(post.deleted_at),
        "user_deleted": post.user_deleted,
        "edit_reason": post.edit_reason,
        "wiki": False,
        "reviewable_id": entries[-1].id if entries else None,
        "reviewable_score_count": sum(len(r.flags) for r in entries),
        "reviewable_score_pending_count": sum(len(r.flags) for r in entries if r.status == 0),
    }


def post_shape(forum: Forum, post: Post, actor: User, *, raw: bool = True) -> Json:
    topic = forum.topics[post.topic_id]
    moderates = forum.moderates(actor, topic.category_id)
    mine = actor.username == post.username
    shape = base_post(forum, post) | {
        "topic_html_title": topic.title,
        "yours": mine,
        "readers_count": 0,
        "can_edit": mine or moderates,
        "can_delete": (mine or moderates) and post.deleted_at is None,
        "can_recover": moderates and post.deleted_at is not None,
        "can_see_hidden_post": moderates,
        "can_wiki": actor.staff,
        "can_view_edit_history": True,
        "locked": post.locked,
        "actions_summary": actions_summary(post, actor),
        "accepted_answer": topic.accepted_post_id == post.id,
        "can_accept_answer": moderates or topic.username == actor.username,
        "post_url": f"/t/{slug(topic.title)}/{topic.id}/{post.number}",
    }
    if post.hidden and not moderates:
        shape |= {"raw": "", "cooked": "<p>This post was flagged by the community and is temporarily hidden.</p>"}
    return shape if raw else {k: v for k, v in shape.items() if k != "raw"}


def actions_summary(post: Post, actor: User) -> list[Json]:
    """Discourse leaves `count` out where it is zero."""
    like: Json = {"id": LIKE, "can_act": True}
    if post.likes:
        like["count"] = post.likes
    if actor.username in post.liked_by:
        like |= {"acted": True, "can_undo": True, "can_act": False}
    return [like, *({"id": i, "can_act": True} for i in FLAG_TYPES)]


def webhook_post(forum: Forum, post: Post) -> Json:
    topic = forum.topics[post.topic_id]
    category = forum.categories.get(topic.category_id or 0)
    return base_post(forum, post) | {
        "topic_posts_count": len(topic.post_ids),
        "topic_filtered_posts_count": len(topic.post_ids),
        "topic_archetype": topic.archetype,
        "category_slug": category.slug if category else "",
    }


def topic_row(forum: Forum, topic: Topic) -> Json:
    posts = [forum.posts[i] for i in topic.post_ids]
    alive = [p for p in posts if p.deleted_at is None] or posts
    last = alive[-1]
    return {
        "id": topic.id,
        "title": topic.title,
        "fancy_title": topic.title,
        "slug": slug(topic.title),
        "posts_count": len(alive),
        "reply_count": sum(p.reply_to is not None for p in alive),
        "highest_post_number": len(posts),
        "image_url": None,
        "created_at": iso(topic.created_at),
        "last_posted_at": iso(last.created_at),
        "bumped": True,
        "bumped_at": iso(last.created_at),
        "archetype": topic.archetype,
        "unseen": False,
        "pinned": topic.pinned,
        "visible": topic.visible,
        "closed": topic.closed,
        "archived": topic.archived,
        "views": len(posts) * 7,
        "like_count": sum(p.likes for p in alive),
        "has_accepted_answer": topic.accepted_post_id is not None,
        "last_poster_username": last.username,
        "category_id": topic.category_id,
        "tags": topic.tags,
        "posters": [{"user_id": forum.user(name).id, "extras": None} for name in {p.username: 0 for p in alive}],
    }


def topic_shape(forum: Forum, topic: Topic, actor: User, posts: Iterable[Post], *, raw: bool = False) -> Json:
    visible = [i for i in topic.post_ids if forum.sees(actor, forum.posts[i])]
    author, last = forum.user(topic.username), forum.posts[topic.post_ids[-1]]
    shape = topic_row(forum, topic) | {
        "post_stream": {"posts": [post_shape(forum, p, actor, raw=raw) for p in posts], "stream": visible},
        "user_id": author.id,
        "word_count": sum(len(forum.posts[i].raw.split()) for i in topic.post_ids),
        "deleted_at": iso_or_none(topic.deleted_at),
        "chunk_size": 20,
        "details": {
            "can_edit": True,
            "notification_level": 1,
            "participants": [basic_user(forum.user(n)) for n in {forum.posts[i].username: 0 for i in visible}],
            "created_by": basic_user(author),
            "last_poster": basic_user(forum.user(last.username)),
        },
    }
    if topic.archetype == "private_message":
        shape["is_warning"] = topic.warning
        shape["details"]["allowed_users"] = [basic_user(forum.user(n)) for n in sorted(topic.participants)]
    if topic.accepted_post_id is not None:
        answer = forum.posts[topic.accepted_post_id]
        shape["accepted_answer"] = {"post_number": answer.number, "username": answer.username, "excerpt": answer.raw}
    return shape


def category_shape(forum: Forum, category: Category, actor: User | None = None) -> Json:
    """With an actor it is the page of the category itself; who may edit it is shown its permissions, too."""
    topics = [t for t in forum.topics.values() if t.category_id == category.id]
    shape: Json = {
        "id": category.id,
        "name": category.name,
        "color": category.color,
        "text_color": category.text_color,
        "slug": category.slug,
        "topic_count": len(topics),
        "post_count": sum(len(t.post_ids) for t in topics),
        "position": category.id,
        "description": None,
        "read_restricted": category.restricted,
        "permission": 1,
        "can_edit": True,
        "has_children": False,
    }
    if actor is not None and forum.options.category_group_moderation:
        shape["moderating_group_ids"] = list(category.moderating_group_ids)
    if actor is not None and actor.admin:
        by_name = {g.name: g.id for g in forum.groups.values()}
        shape["group_permissions"] = [
            {"permission_type": level, "group_name": name, "group_id": by_name.get(name, 0)}
            for name, level in (category.permissions or {"everyone": 1}).items()
        ]
    return shape


def group_shape(group: Group) -> Json:
    return {
        "id": group.id,
        "automatic": group.id < 40,
        "name": group.name,
        "full_name": group.full_name,
        "user_count": len(group.members),
        "visibility_level": 0,
        "members_visibility_level": 0,
        "public_admission": False,
        "public_exit": False,
        "allow_membership_requests": False,
        "automatic_membership_email_domains": None,
        "grant_trust_level": None,
    }


def reviewable_shape(forum: Forum, entry: Reviewable, actor: User | None = None) -> Json:
    post = forum.posts[entry.post_id]
    url = f"/t/{slug(forum.topics[post.topic_id].title)}/{post.topic_id}/{post.number}"
    shape: Json = {
        "id": entry.id,
        "type": "ReviewableFlaggedPost",
        "topic_id": post.topic_id,
        "topic_url": url,
        "target_url": url,
        "topic_tags": [],
        "category_id": category_of(forum, entry),
        "created_at": iso(entry.created_at),
        "can_edit": False,
        "score": 2.0 * len(entry.flags),
        "version": entry.version,
        "target_id": post.id,
        "target_type": "Post",
        "target_created_by_id": forum.user(post.username).id,
        "status": entry.status,
        "cooked": paragraphs(post.raw),
        "raw": post.raw,
        "created_by_id": forum.user(entry.flags[0].username).id,
        "reviewable_scores": [_score(forum, entry, i) for i in range(len(entry.flags))],
    }
    if actor is not None:
        actions = [action_shape(a) for a in actions_for(forum, actor, entry)]
        shape["bundled_action_ids"] = [f"{entry.id}-all"] if actions else []
        shape["bundled_actions"] = [{"id": f"{entry.id}-all", "actions": actions}] if actions else []
    return shape


def review_side(forum: Forum, entries: Iterable[Reviewable]) -> Json:
    """The people and topics that the review queue speaks of by number, beside its entries."""
    listed = list(entries)
    posts = [forum.posts[e.post_id] for e in listed]
    names = {p.username for p in posts} | {f.username for e in listed for f in e.flags}
    topics = {p.topic_id: forum.topics[p.topic_id] for p in posts}
    return {
        "users": [basic_user(forum.user(name)) for name in sorted(names)],
        "topics": [{"id": t.id, "title": t.title, "archetype": t.archetype} for t in topics.values()],
    }


def _score(forum: Forum, entry: Reviewable, index: int) -> Json:
    flag = entry.flags[index]
    return {
        "id": flag.id,
        "score": 2.0,
        "agree_stats": {"agreed": 0, "disagreed": 0, "ignored": 0},
        "status": entry.status,
        "reason": None,
        "created_at": iso(flag.at),
        "user_id": forum.user(flag.username).id,
        "score_type": {"id": flag.type_id, "title": FLAG_TYPES[flag.type_id].replace("_", " ").capitalize()},
        **({"reviewable_conversation": flags_in_words(forum, flag)} if flag.message else {}),
    }


def action_shape(action: str) -> Json:
    return {"id": action, "server_action": action, "label": action.replace("_", " ").capitalize()}
