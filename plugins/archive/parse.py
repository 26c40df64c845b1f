"""One message of an archive: checked, brought to one spelling, and turned into an event. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from moderation.errors import BadInput
from moderation.model import AuthorRole, AuthorSeen, CommunitySeen, Events, Ignored, MessageSeen, ThreadSeen
from plugins.contract import Delivery

KIND = "line"
MAX_ID = 200
MAX_TEXT = 100_000
MAX_TITLE = 1_000
MAX_URL = 2_000
MAX_LANG = 35
#: Largest whole number that every database column for counts takes.
MAX_COUNT = 2_147_483_647
#: The first year a message may come from; an earlier one is a date gone wrong.
FIRST_YEAR = 1990
DEFAULT_COMMUNITY = "archive"
REQUIRED = ("thread", "id", "author", "created_at", "text")

Record = dict[str, str | int]

#: Lets raw control characters pass inside strings: a NUL or a tab in a text is no reason to lose the message.
_decode = json.JSONDecoder(strict=False).decode
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def load(raw: bytes) -> Any:
    """JSON out of bytes. Raises BadInput, whatever the bytes."""
    try:
        return _decode(raw.decode())
    except UnicodeDecodeError as error:
        raise BadInput(f"line is not UTF-8 text (byte {error.start + 1})") from error
    except json.JSONDecodeError as error:
        raise BadInput(f"line is not JSON: {error.msg} at character {error.pos + 1}") from error
    except RecursionError as error:
        raise BadInput("line is nested too deeply") from error
    except ValueError as error:
        raise BadInput("line holds a number of too many digits") from error


def check(line: Any) -> Record:
    """The known fields in one spelling and one order, so that the same message always gives the same bytes."""
    if not isinstance(line, dict):
        raise BadInput("line is not a JSON object")
    record: Record = {}
    for name, read in _FIELDS.items():
        value = line.get(name)
        if value is not None and value != "":  # a CSV turned into JSON writes "" for "none"
            record[name] = read(name, value)
    if record.get("lang") == "und":
        del record["lang"]
    missing = [name for name in REQUIRED if name not in record]
    if missing:
        raise BadInput(f"line lacks {', '.join(f'“{name}”' for name in missing)}")
    return record


def canonical(record: Record) -> bytes:
    """The record as JSON."""
    return _encode(record).encode()


def parse(delivery: Delivery) -> Events:
    """The message of one delivery. Raises BadInput naming the field."""
    if not delivery.admitted:
        return Events((Ignored("not public: only its key was kept"),))
    if delivery.kind != KIND:
        raise BadInput(f"“{delivery.kind}” is not a kind of delivery that an archive has; it is “{KIND}”")
    return Events((_message(check(load(delivery.body))),))


def _message(record: Record) -> MessageSeen:
    edited_at = _optional_time(record, "edited_at")
    author = str(record["author"])
    return MessageSeen(
        remote_id=str(record["id"]),
        thread=_thread(record),
        author=AuthorSeen(author, author, author, AuthorRole(str(record.get("role", AuthorRole.CUSTOMER.value)))),
        text=str(record["text"]),
        created_at=datetime.fromisoformat(str(record["created_at"])),
        version=edited_at.timestamp() if edited_at else 0.0,
        edited_at=edited_at,
        in_reply_to=_optional(record, "in_reply_to"),
        url=str(record.get("url", "")),
        language=str(record.get("lang", "")),
        content_warning=str(record.get("content_warning", "")),
        likes=int(record.get("likes", 0)),
    )


def _thread(record: Record) -> ThreadSeen:
    return ThreadSeen(remote_id=str(record["thread"]), community=_community(record), title=_optional(record, "title"))


def _community(record: Record) -> CommunitySeen:
    """`community` decides alone; `category` stands in for it, below the archive's own name."""
    if "community" in record:
        name = str(record["community"])
        return CommunitySeen(name, name)
    if "category" in record:
        category = str(record["category"])
        return CommunitySeen(f"{DEFAULT_COMMUNITY}/{category}", f"Archive: {category}")
    return CommunitySeen(DEFAULT_COMMUNITY, "Archive")


def _optional(record: Record, name: str) -> str | None:
    return str(record[name]) if name in record else None


def _optional_time(record: Record, name: str) -> datetime | None:
    return datetime.fromisoformat(str(record[name])) if name in record else None


# ------------------------------------------------------------------ one reader per sort of field


def _string(limit: int) -> Callable[[str, Any], str]:
    def read(name: str, value: Any) -> str:
        if not isinstance(value, str):
            raise BadInput(f"“{name}” must be text")
        text = value.replace("\x00", "")  # PostgreSQL stores no NUL, and nothing stores a lone surrogate
        if not text.isascii():
            text = text.encode("utf-8", "replace").decode()
        if not text or text.isspace():
            raise BadInput(f"“{name}” is empty")
        if len(text) > limit:
            raise BadInput(f"“{name}” is longer than {limit:,} characters")
        return text

    return read


_short = _string(MAX_ID)
_long_url = _string(MAX_URL)


def _identifier(name: str, value: Any) -> str:
    return _short(name, str(value) if type(value) is int else value)


def _time(name: str, value: Any) -> str:
    text = _short(name, value)
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"“{name}” is not a date in ISO 8601, such as 2024-05-01T12:00:00+00:00") from error
    if time.tzinfo is None:
        raise BadInput(f"“{name}” has no offset from UTC; add Z or, for example, +02:00")
    try:
        utc = time.astimezone(UTC)
    except OverflowError as error:
        raise BadInput(f"“{name}” is outside of the calendar") from error
    if utc.year < FIRST_YEAR:
        raise BadInput(f"“{name}” is in the year {utc.year}; messages are from {FIRST_YEAR} on")
    return utc.isoformat()


def _role(name: str, value: Any) -> str:
    try:
        return AuthorRole(value).value
    except ValueError as error:
        raise BadInput(f"“{name}” must be one of {', '.join(AuthorRole)}") from error


def _url(name: str, value: Any) -> str:
    url: str = _long_url(name, value)
    if not url.startswith(("https://", "http://")):
        raise BadInput(f"“{name}” must start with https:// or http://")
    return url


def _count(name: str, value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MAX_COUNT:
        raise BadInput(f"“{name}” must be a whole number from 0 to {MAX_COUNT:,}")
    return value


_FIELDS: dict[str, Callable[[str, Any], str | int]] = {
    "thread": _identifier,
    "id": _identifier,
    "author": _identifier,
    "created_at": _time,
    "text": _string(MAX_TEXT),
    "title": _string(MAX_TITLE),
    "community": _identifier,
    "category": _identifier,
    "lang": _string(MAX_LANG),
    "in_reply_to": _identifier,
    "role": _role,
    "url": _url,
    "likes": _count,
    "edited_at": _time,
    "content_warning": _string(MAX_TITLE),
}
