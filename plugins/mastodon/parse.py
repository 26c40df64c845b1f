"""A status, or a report, as the server gave it -> its events. Pure; raises BadInput naming the field, nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

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
    ThreadSeen,
)
from plugins.contract import Delivery
from plugins.mastodon.deliveries import Own, Raw, is_addressed, is_own, is_reblog, objects, parent_of
from plugins.mastodon.text import first_words, from_html, plain
from plugins.tags import tags_of

_REASONS = {"spam": ReportReason.SPAM, "legal": ReportReason.LEGAL, "violation": ReportReason.RULES}


def parse(delivery: Delivery) -> Events:
    """What one delivery said."""
    if not delivery.admitted:
        return Events((Ignored("not kept: private, or its author asked not to be indexed"),))
    body = _json(delivery.body)
    if delivery.kind == "status":
        return Events((_message(body),))
    if delivery.kind == "gone":
        return Events((MessageGone(remote_id=_text(body, "id"), at=_time(body, "at")),))
    if delivery.kind == "thread":
        return Events((ThreadChanged(_counted(body)),))
    if delivery.kind == "report":
        return Events(_reports(body))
    raise BadInput(f"kind: “{delivery.kind}” is not one of status, thread, gone, report.")


def _counted(body: Raw) -> ThreadSeen:
    own, total = _own(_dict(body, "own")), body.get("total")
    community = CommunitySeen(remote_id=own.acct, name=f"@{own.acct}")
    return ThreadSeen(_text(body, "root"), community, total_replies=total if isinstance(total, int) else None)


def _reports(body: Raw) -> tuple[Event, ...]:
    """One for each post that is complained of, or one about the account. The server keeps for itself who was right."""
    report, own = _dict(body, "report"), _own(_dict(body, "own"))
    posts = report.get("statuses")
    if not isinstance(posts, list) or not all(isinstance(one, str) and plain(one) for one in posts):
        raise BadInput("report.statuses: a list of ids was expected.")
    report_id, changed = _text(report, "id"), report.get("updated_at")
    whole = ReportSeen(
        remote_id=report_id,
        at=_time(report, "created_at"),
        reason=_REASONS.get(plain(report.get("category")), ReportReason.OTHER),
        outcome=ReportOutcome.CLOSED if report.get("action_taken") is True else ReportOutcome.OPEN,
        about=_person(report.get("target_account"), own),
        reporter=_person(report.get("account"), own),
        text=plain(report.get("comment")),
        version=(_time(report, "updated_at") if changed else _time(report, "created_at")).timestamp(),
    )
    each = [replace(whole, remote_id=f"{report_id}:{plain(one)}", message_id=plain(one)) for one in posts]
    return tuple(each) or (whole,)


def _person(account: Any, own: Own) -> AuthorSeen | None:
    return _author(account, own) if isinstance(account, dict) and account.get("id") else None


def _message(body: Raw) -> Event:
    status, own = _dict(body, "status"), _own(_dict(body, "own"))
    if is_reblog(status):
        return Ignored("a boost: the post itself is the message")
    text = _words(status)
    edited_at = _time(status, "edited_at") if status.get("edited_at") else None
    return MessageSeen(
        remote_id=_text(status, "id"),
        thread=_thread(_dict(body, "thread"), status, own, text),
        author=_author(_dict(status, "account"), own),
        text=text,
        created_at=_time(status, "created_at"),
        version=edited_at.timestamp() if edited_at else 0.0,
        edited_at=edited_at,
        in_reply_to=plain(parent_of(status)) or None,
        url=_address(status),
        language=plain(status.get("language")),
        content_warning=plain(status.get("spoiler_text")),
        visibility=plain(status.get("visibility")) or "public",
        likes=_count(status, "favourites_count"),
        shares=_count(status, "reblogs_count"),
        addressed=is_addressed(status, own),
    )


def _words(status: Raw) -> str:
    """The text, then what the pictures show: a picture alone says something too."""
    media = objects(status.get("media_attachments"))
    shown = [f"[{plain(m.get('type')) or 'file'}] {plain(m.get('description'))}".strip() for m in media]
    return "\n".join(part for part in (from_html(status.get("content")), *shown) if part)


def _thread(place: Raw, status: Raw, own: Own, text: str) -> ThreadSeen:
    root = _text(place, "root")
    community = CommunitySeen(remote_id=own.acct, name=f"@{own.acct}")
    if root != str(status.get("id")):
        return ThreadSeen(remote_id=root, community=community)
    return ThreadSeen(
        remote_id=root,
        community=community,
        title=first_words(plain(status.get("spoiler_text")) or text) or None,
        url=_address(status) or None,
        tags=tags_of(status.get("tags")),
    )


def _author(account: Raw, own: Own) -> AuthorSeen:
    acct = plain(account.get("acct")) or plain(account.get("username"))
    if not acct:
        raise BadInput("account.acct: the author has no address.")
    return AuthorSeen(
        remote_id=_text(account, "id"),
        handle=acct if "@" in acct else f"{acct}@{own.domain}",
        name=plain(account.get("display_name")),
        role=AuthorRole.BRAND if is_own({"account": account}, own) else AuthorRole.CUSTOMER,
        bot=account.get("bot") is True,
        url=_web(account.get("url")),
    )


def _own(body: Raw) -> Own:
    return Own(id=_text(body, "id"), acct=_text(body, "acct"))


def _address(status: Raw) -> str:
    """`url` is for people and may be null; `uri` is the name on the network and mostly opens as well."""
    return _web(status.get("url")) or _web(status.get("uri"))


def _web(value: Any) -> str:
    """A web address or nothing: a remote server chooses this text, and screens make links of it."""
    text = plain(value).strip()
    return text if text.startswith(("https://", "http://")) else ""


def _count(status: Raw, name: str) -> int:
    value = status.get(name)
    return value if isinstance(value, int) and value > 0 else 0


def _json(body: bytes) -> Raw:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadInput("body: not JSON.") from error
    if not isinstance(found, dict):
        raise BadInput("body: a JSON object was expected.")
    return found


def _dict(body: Raw, name: str) -> Raw:
    found = body.get(name)
    if not isinstance(found, dict):
        raise BadInput(f"{name}: a JSON object was expected.")
    return found


def _text(body: Raw, name: str) -> str:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, (str, int)) or not plain(str(value)):
        raise BadInput(f"{name}: text was expected.")
    return plain(str(value))


def _time(body: Raw, name: str) -> datetime:
    moment = when(body.get(name))
    if moment is None:
        raise BadInput(f"{name}: a time like 2026-11-22T04:37:12.411Z was expected.")
    return moment


def when(value: Any) -> datetime | None:
    """A time in UTC, or None for what is not one."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
