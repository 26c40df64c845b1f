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
    KEEP = "keep"
    JUDGE = "judge"
    GRANT = "grant"
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
    NOTIFY = "notify"


#: What happens in the desk: to enter the keepers' page, to judge an appeal, to give and take back grants, and the rest.
_IN_THE_DESK = frozenset(
    {
        Capability.VISIT,
        Capability.ACCOUNT,
        Capability.SEE,
        Capability.MEASURE,
        Capability.TRIAGE,
        Capability.DRAFT,
        Capability.APPROVE,
        Capability.KEEP,
        Capability.JUDGE,
        Capability.GRANT,
        Capability.MANAGE,
        Capability.ADMINISTER,
    }
)
#: Those that happen on a platform: an action is of such a kind.
ACTS = frozenset(Capability) - _IN_THE_DESK
#: For our own posts only.
OWN_POSTS = frozenset({Capability.REPLY, Capability.EDIT, Capability.DELETE})
#: Those that touch what others wrote, or who they are.
MODERATING = ACTS - OWN_POSTS
#: What takes an act back; a move is taken back by a move to where the thread was. What is not here stays done.
INVERSES = {
    Capability.HIDE: Capability.RESTORE,
    Capability.RESTORE: Capability.HIDE,
    Capability.LOCK: Capability.UNLOCK,
    Capability.UNLOCK: Capability.LOCK,
    Capability.MOVE: Capability.MOVE,
    Capability.SILENCE: Capability.UNSILENCE,
    Capability.UNSILENCE: Capability.SILENCE,
    Capability.SUSPEND: Capability.UNSUSPEND,
    Capability.UNSUSPEND: Capability.SUSPEND,
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

    `total_replies` is a lower bound: a server counts only the replies it knows. `tags` are without "#" and case.
    """

    remote_id: str
    community: CommunitySeen
    title: str | None = None
    url: str | None = None
    total_replies: int | None = None
    accepted_answer: str | None = None
    closed: bool | None = None
    tags: tuple[str, ...] | None = None


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


class ReportReason(StrEnum):
    """What a report complains of, in words that every platform's own reasons map to."""

    SPAM = "spam"
    ABUSE = "abuse"
    OFF_TOPIC = "off_topic"
    RULES = "rules"
    LEGAL = "legal"
    OTHER = "other"


class ReportOutcome(StrEnum):
    """What became of a report: upheld, rejected (the post was fine), or closed without saying which."""

    OPEN = "open"
    UPHELD = "upheld"
    REJECTED = "rejected"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class ReportSeen:
    """A report (flag): an author's complaint about a message, or about an author where `message_id` is None.

    `reporter` is None where the platform does not tell; `text` is what they wrote. `version` orders the states of a
    report as a message's does.
    """

    remote_id: str
    at: datetime
    reason: ReportReason = ReportReason.OTHER
    outcome: ReportOutcome = ReportOutcome.OPEN
    message_id: str | None = None
    about: AuthorSeen | None = None
    reporter: AuthorSeen | None = None
    text: str = ""
    version: float = 0.0


@dataclass(frozen=True, slots=True)
class Ignored:
    """A payload that is understood and rightly leaves nothing: a ping, a like by name, an unknown event."""

    why: str


Event = MessageSeen | MessageGone | ThreadChanged | ThreadListed | ReportSeen | Ignored


@dataclass(frozen=True, slots=True)
class Events:
    """What one delivery said, in the order the platform gave it."""

    events: tuple[Event, ...] = field(default=())
