"""What the API says of reports."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints
from pydantic.json_schema import SkipJsonSchema

from service.api.shapes import Id, In, Out


class ReportsQuery(In):
    community: Id | SkipJsonSchema[None] = None
    size: int = Field(100, ge=1, le=200)


class ReportPath(In):
    report_id: Id


class ComplaintOut(Out):
    """One report, without who made it: how many of their reports were right and wrong; `sure`: more than a stranger."""

    id: int
    at: datetime
    reason: Literal["spam", "abuse", "off_topic", "rules", "legal", "other"]
    text: str
    right: int
    wrong: int
    sure: bool


class ReportedOut(Out):
    """A subject with its open reports; `id` is the first report's. `weight` and `pressing` are in [0, 1].

    `message_id` null: about the author, or, where `unread`, about a post that was not read here. `gone`: the post was
    deleted on its platform.
    """

    id: int
    connection: str
    community_id: int | None
    community: str
    thread_id: int | None
    message_id: int | None
    author: str
    url: str
    gone: bool
    unread: bool
    first_at: datetime
    reporters: int
    weight: float
    pressing: float
    complaints: list[ComplaintOut]


class ReportsOut(Out):
    """The most pressing first; `total` counts all that this client may see."""

    items: list[ReportedOut]
    total: int


class DecisionIn(In):
    """`reason` is needed where the reports were right."""

    verdict: Literal["upheld", "dismissed"]
    reason: Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00]*$")] = ""


class DecidedOut(Out):
    """The number of the decision."""

    id: int
