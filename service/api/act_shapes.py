"""What the API says of acts of moderation and of grants."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints
from pydantic.json_schema import SkipJsonSchema

from moderation.statements import LAW
from service.api.shapes import Id, In, Out
from service.usecases.wishing import LONGEST

Kind = Literal[
    "hide",
    "restore",
    "lock",
    "unlock",
    "mark_answer",
    "move",
    "warn",
    "silence",
    "unsilence",
    "suspend",
    "unsuspend",
]
State = Literal["waiting", "approved", "sending", "done", "failed", "unknown", "cancelled"]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000, pattern=r"^[^\x00]+$")]


class ActIn(In):
    """An act that a program asks for. `message_id` is of that conversation, needed for all but lock, unlock and move;
    `to` is the community to move to; `hours` until it ends by itself; `rule_id` the rule that was broken; `law`
    the one under which it is illegal (without it, it breaks the community's rules)."""

    kind: Kind
    thread_id: Id
    reason: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000, pattern=r"^[^\x00]+$")
    ]
    message_id: Id | SkipJsonSchema[None] = None
    hours: Annotated[int, Field(ge=1, le=LONGEST)] | SkipJsonSchema[None] = None
    to: Id | SkipJsonSchema[None] = None
    rule_id: Id | SkipJsonSchema[None] = None
    law: (
        Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LAW, pattern=r"^[^\x00]+$")]
        | SkipJsonSchema[None]
    ) = None


class ActsQuery(In):
    before: Id | SkipJsonSchema[None] = None
    size: int = Field(50, ge=1, le=200)
    community: Id | SkipJsonSchema[None] = None


class ActOut(Out):
    """An act. State: waiting (for a person's yes), approved (held for undo), sending, done, failed, unknown, cancelled.

    `role` is that of whoever asked for it, `taken_back_by` of whoever took it back ("": nobody); names are not told.
    `law` is the one under which it was illegal ("": it broke the community's rules).
    """

    id: int
    kind: Kind
    state: State
    thread_id: int
    message_id: int | None
    community_id: int
    community: str
    connection: str
    reason: str
    law: str
    error: str
    role: str
    hours: int | None
    automated: bool
    at: datetime
    ends_at: datetime | None
    undoes_id: int | None
    taken_back_by: str
    appeal: Literal["", "open", "upheld", "overturned"]


class ActsOut(Out):
    """The newest first; it is the last page when `next` is null."""

    items: list[ActOut]
    next: str | None


class GrantsQuery(In):
    state: (
        Literal["proposed", "offered", "active", "suspended", "expired", "revoked", "declined"] | SkipJsonSchema[None]
    ) = None


class ObstacleOut(Out):
    """Acts that cannot be carried out on the platform as it is, and why: `words` say what our own account there lacks
    and how to give it ("": the platform has no such acts)."""

    kinds: list[str]
    words: str


class GrantOut(Out):
    """A grant: capabilities, where (`community` "": the whole connection; `tag` "": whatever the tags), until when, and
    its limits. `obstacles` say which of its acts cannot be carried out (none: each can)."""

    id: int
    state: str
    handle: str
    connection: str
    community: str
    tag: str
    template: str
    capabilities: list[str]
    days: int
    hourly: int
    daily: int
    silence_hours: int
    starts_at: datetime | None
    ends_at: datetime | None
    obstacles: list[ObstacleOut]


class GrantsOut(Out):
    """The newest first."""

    items: list[GrantOut]
