"""Everything the sandbox remembers, behind one lock: the forum, the fediverse server, tokens and subscriptions."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any

from service.sandbox.discourse_shapes import reviewable_shape, topic_row, webhook_post
from service.sandbox.faults import Faults
from service.sandbox.fediverse import Fediverse, Wish
from service.sandbox.forum import Category, Draft, Forum
from service.sandbox.ids import HASHTAG
from service.sandbox.limits import Windows
from service.sandbox.options import ALL_SCOPES, CLIENT_ID, CLIENT_SECRET, Options
from service.sandbox.story import Conversation, Line, Member, Story
from service.sandbox.webhooks import Webhooks

Clock = Callable[[], datetime]
JOINED_DAYS_BEFORE = (2, 60, 200, 500, 900)  # by trust level: a newcomer is new
PAYLOADS: dict[str, Callable[[Forum, Any], dict[str, Any]]] = {
    "post": webhook_post,
    "topic": topic_row,
    "reviewable": reviewable_shape,
    "solved": webhook_post,
    "like": webhook_post,
}


@dataclass(frozen=True, slots=True)
class App:
    client_id: str
    client_secret: str
    name: str
    redirect_uris: tuple[str, ...]
    scopes: str
    website: str | None = None


@dataclass(frozen=True, slots=True)
class Token:
    value: str
    scopes: str
    account_id: str | None  # None for an app's own token
    client_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Code:
    value: str
    app: App
    account_id: str
    redirect_uri: str
    scopes: str
    challenge: str
    at: datetime


@dataclass(frozen=True, slots=True)
class UserKey:
    key: str
    username: str
    scopes: tuple[str, ...]
    client_id: str


@dataclass(slots=True)
class Access:
    """Credentials the sandbox gave out."""

    apps: dict[str, App] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    user_keys: dict[str, UserKey] = field(default_factory=dict)


class World:
    """Hold `lock` while reading or writing; every request of the server does."""

    def __init__(self, story: Story, options: Options | None = None, now: Clock | None = None) -> None:
        self.options = options or Options()
        self.now: Clock = now or (lambda: datetime.now(UTC))
        self.story = story
        self.lock = RLock()
        self.base_url = "http://sandbox.test"
        self.forum = Forum(self.options, self.now)
        self.fedi = Fediverse(self.options, self.now)
        self.access = Access()
        self.faults = Faults()
        self.windows = Windows()
        # key of account and Idempotency-Key to (when, status id)
        self.idempotency: dict[tuple[str, str], tuple[datetime, str]] = {}
        self.markers: dict[str, dict[str, dict[str, Any]]] = {}
        self.webhooks = Webhooks(lambda: self.base_url)
        _Seeder(self).seed()
        self.forum.emit = self._announce

    def issue(self, app: App, account_id: str | None, scopes: str, value: str | None = None) -> Token:
        token = Token(value or secrets.token_urlsafe(32), scopes, account_id, app.client_id, self.now())
        self.access.tokens[token.value] = token
        return token

    def _announce(self, kind: str, event: str, record: Any) -> None:
        """What the forum tells its subscribers, private messages and closed categories included."""
        self.webhooks.emit(kind, event, PAYLOADS[kind](self.forum, record))

    def brand_token(self) -> None:
        app = App(CLIENT_ID, CLIENT_SECRET, "Tenth", ("urn:ietf:wg:oauth:2.0:oob",), ALL_SCOPES)
        self.access.apps[app.client_id] = app
        brand = self.fedi.account_named(self.story.brand)
        self.issue(app, brand.id if brand else None, ALL_SCOPES, self.options.access_token)


class _Seeder:
    """Turns a story into records, in the order of time, so that ids grow as they do on a real server."""

    def __init__(self, world: World) -> None:
        self.story = world.story
        self.world, self.forum, self.fedi = world, world.forum, world.fedi
        self.spoke = {(line.username, c.where) for c in self.story.conversations for line in c.lines}
        self.begins = min((line.at for c in self.story.conversations for line in c.lines), default=world.now())
        self.topics: dict[str, int] = {}
        self.statuses: dict[tuple[str, int], str] = {}

    def seed(self) -> None:
        for member in self._members():
            self._add(member)
        for category in self.story.categories:
            permissions = {"staff": 1} if category.restricted else {}
            self.forum.categories[category.id] = Category(category.id, category.slug, category.name, permissions)
        lines = [(line.at, c, i) for c in self.story.conversations for i, line in enumerate(c.lines)]
        for _, conversation, index in sorted(lines, key=lambda item: (item[0], item[1].key, item[2])):
            add = self._forum_line if conversation.where == "forum" else self._fediverse_line
            add(conversation, index, conversation.lines[index])
        self.world.brand_token()

    def _members(self) -> list[Member]:
        """The story's members, the brand, and whoever speaks without having been introduced."""
        known = {m.username: m for m in self.story.members}
        for name in [self.story.brand, *sorted(name for name, _ in self.spoke)]:
            known.setdefault(name, Member(name, name.capitalize(), "en", on_forum=name == self.story.brand))
        return list(known.values())

    def _add(self, member: Member) -> None:
        name, staff, brand = member.username, member.role == "staff", member.username == self.story.brand
        level = 4 if brand else member.trust_level
        joined = self.begins - timedelta(days=JOINED_DAYS_BEFORE[min(level, 4)])
        if member.on_forum or brand or (name, "forum") in self.spoke:
            user = self.forum.add_user(name, member.name, joined)
            user.trust_level, user.admin, user.moderator = level, brand, staff
        if member.on_fediverse or brand or (name, "fediverse") in self.spoke:
            self.fedi.add_account(name, member.name, joined, staff=brand or staff)

    def _forum_line(self, conversation: Conversation, index: int, line: Line) -> None:
        answers = None if line.reply_to is None else line.reply_to + 1
        draft = Draft(line.username, line.text, answers if index else None, line.at, line.likes)
        if conversation.key not in self.topics:
            category = next((c.id for c in self.story.categories if c.slug == conversation.category), None)
            tags = list(conversation.hashtags)
            first = self.forum.create_topic(conversation.title, draft, category, tags=tags)
            self.topics[conversation.key] = first.topic_id
            return
        topic = self.forum.topics[self.topics[conversation.key]]
        post = self.forum.reply(topic, draft)
        if line.accepted_answer:
            topic.accepted_post_id = post.id

    def _fediverse_line(self, conversation: Conversation, index: int, line: Line) -> None:
        account = self.fedi.account_named(line.username)
        assert account is not None
        parent = None if index == 0 else self.statuses.get((conversation.key, line.reply_to or 0))
        status = self.fedi.post(
            Wish(
                account.id,
                _tagged(line.text, conversation.hashtags) if index == 0 else line.text,
                in_reply_to=parent,
                spoiler=line.content_warning,
                language=line.language,
                at=line.at,
                favourites=line.likes,
            )
        )
        self.statuses[conversation.key, index] = status.id


def _tagged(text: str, hashtags: tuple[str, ...]) -> str:
    present = {tag.lower() for tag in HASHTAG.findall(text)}
    missing = [f"#{tag.lstrip('#')}" for tag in hashtags if tag.lstrip("#").lower() not in present]
    return " ".join([text, *missing])
