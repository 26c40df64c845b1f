"""What the API says of statements of reasons and appeals."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from service.api.shapes import Id, In, Out


class StatementsQuery(In):
    """Of acts that were asked for from `since` on and before `until`; `after` is the last number that was read."""

    since: datetime | SkipJsonSchema[None] = None
    until: datetime | SkipJsonSchema[None] = None
    after: int = Field(0, ge=0)
    size: int = Field(100, ge=1, le=100)


class StatementsOut(Out):
    """At most 100, oldest first, each in the fields of the DSA Transparency Database's API."""

    statements: list[dict[str, Any]]
    next: str | None


class AppealsQuery(In):
    state: Literal["open", "upheld", "overturned"] | SkipJsonSchema[None] = None


class AppealOut(Out):
    """`kind` is the act that is contested; `taken_back` that it was, or is being, reversed. Names nobody."""

    id: Id
    state: Literal["open", "upheld", "overturned"]
    made_at: datetime
    decided_at: datetime | None
    kind: str
    rule: str
    reason: str
    text: str
    language: str
    outcome: str
    action_id: Id
    thread_id: Id
    message_id: Id | None
    reversible: bool
    taken_back: bool


class AppealsOut(Out):
    """Open ones first, then the newest; at most 200."""

    items: list[AppealOut]
