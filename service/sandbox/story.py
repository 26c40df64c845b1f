"""What the sandbox community said: plain records, filled by `writer.py`, served by the API modules."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Language = Literal["en", "fr"]
Role = Literal["customer", "member", "expert", "brand", "staff"]


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody with an account; `username` is the same on the forum and the fediverse when they have both."""

    username: str
    name: str
    language: Language
    role: Role = "customer"
    trust_level: int = 1
    on_forum: bool = True
    on_fediverse: bool = False


@dataclass(frozen=True, slots=True)
class Category:
    id: int
    slug: str
    name: str
    restricted: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One message of a conversation. `reply_to` is the index of the line it answers, None for the first."""

    username: str
    at: datetime
    text: str
    reply_to: int | None = None
    likes: int = 0
    language: Language = "en"
    accepted_answer: bool = False
    content_warning: str = ""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A forum topic (with a category) or a fediverse thread (with hashtags), oldest line first.

    `category` is a slug; the hashtags and the brand's mention of a fediverse thread already stand in its texts.
    `key` is stable from seed to seed of the same story and names the conversation in the planted list.
    """

    key: str
    where: Literal["forum", "fediverse"]
    title: str
    lines: tuple[Line, ...]
    category: str = ""
    hashtags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Planted:
    """What a checker should find. `expected`: "surface" (in the tenth or by rule) or "leave"."""

    key: str
    kind: str
    expected: Literal["surface", "leave"]
    by_rule: bool
    why: str


@dataclass(frozen=True, slots=True)
class Story:
    members: tuple[Member, ...]
    categories: tuple[Category, ...]
    conversations: tuple[Conversation, ...]
    planted: tuple[Planted, ...]
    brand: str = "brava"
    hashtags: tuple[str, ...] = field(default=())
