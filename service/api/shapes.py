"""What goes in and out of the API. The OpenAPI document is made of these."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.json_schema import SkipJsonSchema

MAX_ID = 2**63 - 1
Id = Annotated[int, Field(ge=1, le=MAX_ID)]
Locale = Literal["en", "fr"]
#: PostgreSQL cannot hold a null byte, so none can be asked for.
Word = Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=r"^[^\x00]+$")]


class In(BaseModel):
    """Input: a name that is not known is a mistake worth telling."""

    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    """Output, read off the records of the use cases."""

    model_config = ConfigDict(from_attributes=True)


class QueueQuery(In):
    lane: Literal["needs", "left", "decided"] = "needs"
    after: (
        Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}(\.[0-9]{1,20})?(e-[0-9]{1,3})?:[0-9]{1,18}$")]
        | (SkipJsonSchema[None])
    ) = None
    size: int = Field(50, ge=1, le=200)
    community: Id | SkipJsonSchema[None] = None
    locale: Locale = "en"


class ExportQuery(In):
    community: Id | SkipJsonSchema[None] = None
    locale: Locale = "en"


class ThreadPath(In):
    thread_id: Id


class ThreadQuery(In):
    locale: Locale = "en"


class FindThreadQuery(In):
    remote_id: Word
    connection: Word | SkipJsonSchema[None] = None


class DeadQuery(In):
    before: Id | SkipJsonSchema[None] = None
    size: int = Field(50, ge=1, le=200)


class RetryIn(In):
    """Which dead deliveries get new tries; all of them when `ids` is left out."""

    ids: Annotated[list[Id], Field(min_length=1, max_length=1000)] | SkipJsonSchema[None] = None


class StopIn(In):
    stopped: bool = Field(strict=True)
    reason: str = Field("", max_length=500)


class ScoreIn(In):
    texts: list[Annotated[str, StringConstraints(max_length=20_000)]] = Field(min_length=1, max_length=100)
    locale: Locale = "en"


class ReasonOut(Out):
    """A reason in words. `against` speaks for leaving the conversation to the community."""

    text: str
    kind: str
    against: bool
    weight: float


class QueueItemOut(Out):
    case_id: int
    thread_id: int
    thread: str
    connection: str
    connector: str
    community: str
    title: str
    url: str
    lane: str
    state: str
    band: str
    priority: float
    toxicity: float
    urgency: float
    reasons: list[ReasonOut]
    rules: list[str]
    waiting_seconds: int
    messages: int
    known_replies: int
    total_replies: int | None
    last_line: str
    language: str
    last_message_at: datetime | None
    look_again_at: datetime | None
    surfaced_at: datetime | None
    shadow: bool


class LineOut(Out):
    """Where the line is, over the communities that the client may see."""

    as_of: datetime
    threads: int
    budget: int
    surfaced: int
    always: int
    left: int
    decided: int
    share: float
    cut: float


class QueueOut(Out):
    """A page may hold fewer items than asked for; it is the last one when `next` is null."""

    line: LineOut
    items: list[QueueItemOut]
    next: str | None


class ExportItemOut(Out):
    thread: str
    connection: str
    community: str
    title: str
    url: str
    priority: float
    toxicity: float
    urgency: float
    reasons: list[str]
    always: bool
    waiting_seconds: int
    messages: int
    known_replies: int
    total_replies: int | None


class ExportOut(Out):
    """The whole queue in the fixed shape of `tenth queue --json`."""

    as_of: datetime
    threads: int
    surfaced: int
    always: int
    share: float
    cut: float
    items: list[ExportItemOut]


class MessageOut(Out):
    id: int
    remote_id: str
    author: str
    handle: str
    role: str
    trust: int | None
    text: str
    content_warning: str
    language: str
    url: str
    created_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None
    likes: int
    toxicity: float
    urgency: float
    sentiment: float
    rules: list[str]
    reasons: list[ReasonOut]
    scorer: str
    revisions: int
    marked: bool
    accepted: bool
    in_reply_to: str | None


class ThreadOut(Out):
    """A conversation, oldest message first; `older` messages before these are not listed."""

    item: QueueItemOut
    messages: list[MessageOut]
    because: list[ReasonOut]
    authors: int
    closed: bool
    version: int
    decided_at: datetime | None
    decision: str
    looked_at: datetime | None
    older: int


class ThreadRefOut(Out):
    id: int
    thread: str
    connection: str
    community: str
    title: str
    url: str


class ThreadRefsOut(Out):
    items: list[ThreadRefOut]


class CommunityOut(Out):
    id: int
    remote_id: str
    name: str
    connection: str
    restricted: bool
    budget: float
    window_days: int
    newest_at: datetime | None
    triaged_at: datetime | None


class CommunitiesOut(Out):
    items: list[CommunityOut]


class ConnectionOut(Out):
    id: int
    name: str
    connector: str
    url: str
    account: str
    server: str
    shadow: bool
    state: str
    error: str
    error_code: str
    error_since: datetime | None
    read_at: datetime | None
    message_at: datetime | None


class ConnectionsOut(Out):
    items: list[ConnectionOut]


class DeadOut(Out):
    """A delivery that could not be read, and why; of its content only the size."""

    id: int
    connection: str
    source: str
    kind: str
    error: str
    attempts: int
    size: int
    received_at: datetime


class DeadPageOut(Out):
    items: list[DeadOut]
    next: str | None


class RetriedOut(Out):
    retried: int


class StopOut(Out):
    stopped: bool
    since: datetime | None


class ScoreOut(Out):
    toxicity: float
    urgency: float
    sentiment: float
    language: str
    rules: list[str]
    reasons: list[ReasonOut]
    classes: dict[str, float]
    intents: dict[str, float]
    scorer: str


class ScoresOut(Out):
    scores: list[ScoreOut]
