"""Lemmy's records, in the one shape that is kept of them, to events. Pure; a field that cannot be used is named."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from moderation.errors import BadInput
from moderation.model import (
    AuthorRole,
    AuthorSeen,
    CommunitySeen,
    Event,
    Events,
    Ignored,
    MessageGone,
    MessageSeen,
    ReportOutcome,
    ReportReason,
    ReportSeen,
    ThreadChanged,
    ThreadListed,
    ThreadSeen,
)
from plugins.contract import Delivery
from plugins.lemmy.settings import LemmySettings
from plugins.lemmy.shape import COMMENT, POST
from plugins.lemmy.text import cleaned, message_text
from plugins.payloads import loaded, object_in

Json = dict[str, Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SUBJECT = re.compile(r"(?:post|comment)-\d{1,18}")


def parse(delivery: Delivery, settings: LemmySettings) -> Events:
    """Payload to events. Raises BadInput naming what is wrong."""
    if not delivery.admitted or delivery.kind not in _KINDS:
        return Events((Ignored(f"“{delivery.kind}” leaves nothing to keep."),))
    return Events(tuple(_KINDS[delivery.kind](loaded(delivery.body), settings)))


# ------------------------------------------------------------------ kinds of delivery


def _post(body: Json, settings: LemmySettings) -> list[Event]:
    """A post is a thread, and the first message in it. One that only shows a link says nothing but the link."""
    post = object_in(body, POST)
    text = "\n\n".join(one for one in (_text(post, "link"), message_text(_text(post, "text"))) if one)
    return [_seen(POST, post, text or _text(post, "title"), None, settings)]


def _comment(body: Json, settings: LemmySettings) -> list[Event]:
    comment = object_in(body, COMMENT)
    if not isinstance(comment.get("text"), str):
        raise BadInput("comment.text is missing or not a text.")
    above = f"{COMMENT}-{_id(comment, COMMENT, 'parent')}" if comment.get("parent") else None
    parent = above or f"{POST}-{_id(comment, COMMENT, 'thread_id')}"
    answered = comment | {"answers_brand": comment.get("answers_brand") or body.get("answers_ours")}
    return [_seen(COMMENT, answered, message_text(comment["text"]), parent, settings)]


def _thread(body: Json, settings: LemmySettings) -> list[Event]:
    """A post read with all its comments. Without `listed_at` they are not known to be all."""
    thread = object_in(body, "thread")
    thread_id = _id(thread, "thread", "id")
    found: list[Event] = [ThreadChanged(_thread_seen(thread, thread_id, settings))]
    if "listed_at" in body:
        present = thread.get("present")
        if not isinstance(present, list) or not all(isinstance(i, str) and _SUBJECT.fullmatch(i) for i in present):
            raise BadInput("thread.present is missing or not a list of ids.")
        found.append(ThreadListed(thread_id, tuple(present), _time(body, "thread", "listed_at")))
    return found


def _gone(body: Json, _: LemmySettings) -> list[Event]:
    if "thread_id" in body:
        return [ThreadListed(_id(body, "gone", "thread_id"), (), _time(body, "gone", "at"))]
    return [MessageGone(_subject(body, "gone", "id"), _time(body, "gone", "at"))]


def _report(body: Json, settings: LemmySettings) -> list[Event]:
    """Lemmy has no kinds of reports, only what the reporter wrote; 1.0 tells whether the server's rules are meant."""
    report = object_in(body, "report")
    on = report.get("on")
    if on not in (POST, COMMENT):
        raise BadInput("report.on is neither a post nor a comment.")
    at = _time(report, "report", "at")
    changed = _time(report, "report", "updated") if "updated" in report else at
    return [
        ReportSeen(
            remote_id=f"{on}-report-{_id(report, 'report', 'id')}",
            at=at,
            reason=ReportReason.RULES if report.get("server_rules") is True else ReportReason.OTHER,
            outcome=ReportOutcome.CLOSED if report.get("resolved") is True else ReportOutcome.OPEN,
            message_id=f"{on}-{_id(report, 'report', 'subject')}",
            about=_author(object_in(report, "about"), "about", settings),
            reporter=_author(object_in(report, "reporter"), "reporter", settings),
            text=_text(report, "text"),
            version=_seconds(changed) + (report.get("resolved") is True),
        )
    ]


_KINDS: Mapping[str, Callable[[Json, LemmySettings], Sequence[Event]]] = {
    POST: _post,
    COMMENT: _comment,
    "thread": _thread,
    "gone": _gone,
    "report": _report,
}


# ------------------------------------------------------------------ a message


def _seen(kind: str, record: Json, text: str, parent: str | None, settings: LemmySettings) -> MessageSeen:
    number, thread_id = _id(record, kind, "id"), _id(record, kind, "thread_id")
    written = _time(record, kind, "at")
    changes = [_time(record, kind, name) for name in ("updated", "found_again") if name in record]
    return MessageSeen(
        remote_id=f"{kind}-{number}",
        thread=_thread_seen(record, thread_id, settings),
        author=_author(object_in(record, "author"), "author", settings),
        text=text,
        created_at=written,
        version=_seconds(_time(record, kind, "updated") if "updated" in record else written),
        edited_at=max(changes, default=None),
        in_reply_to=parent,
        url=f"{settings.url}/{kind}/{number}",
        content_warning="NSFW" if record.get("nsfw") is True else "",
        likes=_optional_int(record, kind, "likes") or 0,
        addressed=_addressed(record, text),
    )


def _thread_seen(record: Json, thread_id: str, settings: LemmySettings) -> ThreadSeen:
    """`locked` is always told: what is not said of it was said to be false."""
    return ThreadSeen(
        remote_id=thread_id,
        community=_community(object_in(record, "community")),
        title=_text(record, "title") or None,
        url=f"{settings.url}/{POST}/{thread_id}",
        total_replies=_optional_int(record, POST, "replies"),
        closed=record.get("locked") is True,
    )


def _community(found: Json) -> CommunitySeen:
    return CommunitySeen(_id(found, "community", "id"), _text(found, "name"), found.get("restricted") is True)


def _author(person: Json, where: str, settings: LemmySettings) -> AuthorSeen:
    handle = _text(person, "handle")
    if not handle:
        raise BadInput(f"{where}.handle is missing or not a text.")
    role = AuthorRole.STAFF if person.get("staff") is True else AuthorRole.CUSTOMER
    return AuthorSeen(
        remote_id=_id(person, where, "id"),
        handle=handle,
        name=_text(person, "name"),
        role=AuthorRole.BRAND if person.get("brand") is True else role,
        bot=person.get("bot") is True,
        url=f"{settings.url}/u/{quote(handle, safe='@')}",
    )


def _addressed(record: Json, text: str) -> bool:
    """Whether a message names the brand's account outside a quotation, or answers it."""
    if record.get("answers_brand") is True:
        return True
    us = object_in(record, "us")
    name, host = _text(us, "name"), _text(us, "host")
    if not name:
        return False
    own = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith(">"))
    named = rf"(?<![\w@.])@{re.escape(name)}(?:@{re.escape(host)})?(?![\w@-])"
    return re.search(named, own, re.IGNORECASE) is not None


# ------------------------------------------------------------------ fields


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    return cleaned(value) if isinstance(value, str) else ""


def _id(record: Json, where: str, name: str) -> str:
    value = record.get(name)
    plain = isinstance(value, int | str) and not isinstance(value, bool)
    if not plain or not re.fullmatch(r"[0-9]{1,18}", str(value)):
        raise BadInput(f"{where}.{name} is missing or not an id.")
    return str(value)


def _subject(record: Json, where: str, name: str) -> str:
    value = record.get(name)
    if not isinstance(value, str) or not _SUBJECT.fullmatch(value):
        raise BadInput(f"{where}.{name} is missing or not the id of a message.")
    return value


def _optional_int(record: Json, where: str, name: str) -> int | None:
    value = record.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise BadInput(f"{where}.{name} is not a count.")
    return value


def _time(record: Json, where: str, name: str) -> datetime:
    """Servers before 0.19 left the time zone out; it is UTC."""
    value = record.get(name)
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError as error:
        raise BadInput(f"{where}.{name} is not a time.") from error
    if at is None:
        raise BadInput(f"{where}.{name} is missing or not a time.")
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _seconds(at: datetime) -> float:
    return (at - _EPOCH).total_seconds()
