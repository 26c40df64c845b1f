"""Frozen records that flow one way: platform -> event -> message -> score -> priority.

Every id from a platform is an opaque string. Every time is timezone-aware UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class AuthorRole(StrEnum):
    """Who wrote, seen from the brand. `member` is a customer who is known to help others."""

    CUSTOMER = "customer"
    BRAND = "brand"
    MEMBER = "member"
    STAFF = "staff"


class Capability(StrEnum):
    """What somebody may do in the desk, and below that to a subject on a platform: the words of an action's kind."""

    VISIT = "visit"
    ACCOUNT = "account"
    SEE = "see"
    MEASURE = "measure"
    TRIAGE = "triage"
    DRAFT = "draft"
    APPROVE = "approve"
    MANAGE = "manage"
    ADMINISTER = "administer"

    REPLY = "reply"
    EDIT = "edit"
    DELETE = "delete"
    HIDE = "hide"
    RESTORE = "restore"
    LOCK = "lock"
    UNLOCK = "unlock"
    MOVE = "move"
    MARK_ANSWER = "mark_answer"
    WARN = "warn"
    SILENCE = "silence"
    UNSILENCE = "unsilence"
    SUSPEND = "suspend"
    UNSUSPEND = "unsuspend"
    RESOLVE_REPORT = "resolve_report"


#: Those that happen on a platform: an action is of such a kind. `edit` and `delete` are for our own posts only.
ACTS = frozenset(Capability) - {
    Capability.VISIT,
    Capability.ACCOUNT,
    Capability.SEE,
    Capability.MEASURE,
    Capability.TRIAGE,
    Capability.DRAFT,
    Capability.APPROVE,
    Capability.MANAGE,
    Capability.ADMINISTER,
}


@dataclass(frozen=True, slots=True)
class AuthorSeen:
    """A remote account as a message showed it. `trust` is the platform's own level in [0, 4]; None: it has none."""

    remote_id: str
    handle: str
    name: str = ""
    role: AuthorRole = AuthorRole.CUSTOMER
    trust: int | None = None
    bot: bool = False
    url: str = ""


@dataclass(frozen=True, slots=True)
class CommunitySeen:
    """Where a team moderates: a forum category or a fediverse account's surroundings.

    `restricted` communities are visible only to people with that scope.
    """

    remote_id: str
    name: str
    restricted: bool = False


@dataclass(frozen=True, slots=True)
class ThreadSeen:
    """What is known of a thread. None means "this payload does not say", never "no".

    `total_replies` is a lower bound: a server counts only the replies it knows.
    """

    remote_id: str
    community: CommunitySeen
    title: str | None = None
    url: str | None = None
    total_replies: int | None = None
    accepted_answer: str | None = None
    closed: bool | None = None


@dataclass(frozen=True, slots=True)
class MessageSeen:
    """One post at one state. `version` orders the states of a post; arrival never does.

    `version` is a number the platform raises with each edit (Discourse) or the time of the edit in seconds since
    the epoch (fediverse); a state with a lower version than the stored one changes nothing.
    `addressed` means that the post names the brand or answers it.
    """

    remote_id: str
    thread: ThreadSeen
    author: AuthorSeen
    text: str
    created_at: datetime
    version: float = 0.0
    edited_at: datetime | None = None
    in_reply_to: str | None = None
    url: str = ""
    language: str = ""
    content_warning: str = ""
    visibility: str = "public"
    likes: int = 0
    shares: int = 0
    addressed: bool = False


@dataclass(frozen=True, slots=True)
class MessageGone:
    """A post was deleted upstream, or is no longer public. Its text goes with it."""

    remote_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ThreadChanged:
    """Facts about a thread that came without a message (title, category, accepted answer, count)."""

    thread: ThreadSeen


@dataclass(frozen=True, slots=True)
class ThreadListed:
    """These are all the messages of a thread that are there at `at`.

    A stored one that is not among them and was written before `at` is gone; where `present` is empty, all are.
    """

    thread_id: str
    present: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Ignored:
    """A payload that is understood and rightly leaves nothing: a ping, a like by name, an unknown event."""

    why: str


Event = MessageSeen | MessageGone | ThreadChanged | ThreadListed | Ignored


@dataclass(frozen=True, slots=True)
class Events:
    """What one delivery said, in the order the platform gave it."""

    events: tuple[Event, ...] = field(default=())
