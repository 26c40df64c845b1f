"""What goes in and out where programs draft answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints
from pydantic.json_schema import SkipJsonSchema

from service.api.shapes import Id, In, Locale, Out, Word


class DraftIn(In):
    """An answer that a program proposes to a conversation. `account` is the brand account's name on the platform, the
    first one there when left out; warning, visibility and language are those of what is answered when left out."""

    thread_id: Id
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
    account: Word | SkipJsonSchema[None] = None
    language: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=20)] = ""
    content_warning: str = Field("", max_length=500)
    visibility: Literal["public", "unlisted"] = "public"
    locale: Locale = "en"


class DraftPath(In):
    reply_id: Id


class DraftQuery(In):
    locale: Locale = "en"


class DraftsQuery(In):
    before: Id | SkipJsonSchema[None] = None
    size: int = Field(50, ge=1, le=200)
    locale: Locale = "en"


class FindingOut(Out):
    """What a guard says of a draft. `final`: nobody may send it like this; else a person may, with a reason.

    `start` and `end` are places in the text in characters; 0 and 0 mean all of it.
    """

    guard: str
    final: bool
    text: str
    start: int
    end: int


class DraftOut(Out):
    """A program's draft. State: draft (a person may take it over), taken (by a person, not public), sent, deleted (in
    public), dropped.

    `text` are the program's words; what a person makes of them is not told, but stands at `url` once it is sent.
    `length` is what the platform counts, of `most` (null: no limit known); these and `findings` are told of a draft
    that nobody took over yet. Links are tried only at the send.
    """

    id: int
    thread_id: int
    account: str
    state: Literal["draft", "taken", "sent", "deleted", "dropped"]
    text: str
    language: str
    length: int | None
    most: int | None
    findings: list[FindingOut]
    url: str
    created_at: datetime
    updated_at: datetime


class DraftsOut(Out):
    """The newest first; it is the last page when `next` is null."""

    items: list[DraftOut]
    next: str | None
