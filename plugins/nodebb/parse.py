"""NodeBB's records to events. Pure; a field that cannot be used is named."""

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
from plugins.nodebb.settings import NodebbSettings
from plugins.nodebb.shape import Json, is_on
from plugins.nodebb.text import cleaned, message_text, shown_name
from plugins.payloads import loaded, object_in
from plugins.tags import tags_of

#: Numbers; posts and people of other servers, which NodeBB 4 lets in, are called by their address.
_ID = re.compile(r"-?[0-9]{1,15}|https?://[!-~]{1,240}")
_REASONS = (
    (ReportReason.SPAM, ("spam", "advert", "publicité")),
    (ReportReason.ABUSE, ("offens", "abus", "insult", "harass", "hate")),
    (ReportReason.OFF_TOPIC, ("off-topic", "off topic", "hors sujet")),
    (ReportReason.LEGAL, ("illegal", "illégal", "copyright")),
    (ReportReason.RULES, ("rule", "règle")),
)
#: NodeBB closes a flag as resolved (something was done) or rejected. Work in progress is open.
_OUTCOMES = {
    "open": ReportOutcome.OPEN,
    "wip": ReportOutcome.OPEN,
    "resolved": ReportOutcome.UPHELD,
    "rejected": ReportOutcome.REJECTED,
}


def parse(delivery: Delivery, settings: NodebbSettings) -> Events:
    """Payload to events. Raises BadInput naming what is wrong."""
    if not delivery.admitted or delivery.kind not in _KINDS:
        return Events((Ignored(f"“{delivery.kind}” leaves nothing to keep."),))
    return Events(tuple(_KINDS[delivery.kind](loaded(delivery.body), settings)))


# ------------------------------------------------------------------ kinds of delivery


def _topic(body: Json, settings: NodebbSettings) -> list[Event]:
    topic = object_in(body, "topic")
    count = _number(topic, "topic", "postcount")
    thread = ThreadSeen(
        **_named(body, settings),
        total_replies=max(count - 1, 0),
        accepted_answer=_answer(topic),
        closed=is_on(topic.get("locked")),
        tags=tags_of(topic.get("tags")),
    )
    return [ThreadChanged(thread)]


def _stream(body: Json, settings: NodebbSettings) -> list[Event]:
    """A topic read as a whole. Without `listed_at` its list of posts is not known to be complete."""
    found = _topic(body, settings)
    if "listed_at" not in body:
        return found
    ids = body.get("stream")
    if not isinstance(ids, list) or not ids:
        raise BadInput("stream is missing or not a list of ids.")
    present = tuple(_id({"pid": one}, "stream", "pid") for one in ids)
    return [*found, ThreadListed(_id(object_in(body, "topic"), "topic", "tid"), present, _time(body, "listed_at"))]


def _gone(body: Json, _: NodebbSettings) -> list[Event]:
    if "topic_id" in body:
        return [ThreadListed(_id(body, "gone", "topic_id"), (), _time(body, "at"))]
    return [MessageGone(_id(body, "gone", "post_id"), _time(body, "at"))]


def _post(body: Json, settings: NodebbSettings) -> list[Event]:
    post = object_in(body, "post")
    content = post.get("content", "")
    if not isinstance(content, str):
        raise BadInput("post.content is not a text.")
    remote_id, text = _id(post, "post", "pid"), message_text(content)
    edited = max((_at(post, "post", name) for name in ("edited", "recovered") if name in post), default=None)
    parent = _id(post, "post", "toPid") if "toPid" in post else None
    message = MessageSeen(
        remote_id=remote_id,
        thread=ThreadSeen(**_named(body, settings)),
        author=_author(object_in(post, "user"), settings, staff=post.get("staff") is True),
        text=text,
        created_at=_at(post, "post", "timestamp"),
        version=edited.timestamp() if edited else 0.0,
        edited_at=edited,
        in_reply_to=parent,
        url=f"{settings.url}/post/{quote(remote_id, safe='')}",
        likes=max(_number(post, "post", "upvotes"), 0),
        addressed=_addressed(post, text, settings),
    )
    return [message]


def _flag(body: Json, settings: NodebbSettings) -> list[Event]:
    """One report for each person who complained: a flag gathers them."""
    flag = object_in(body, "flag")
    reports = flag.get("reports")
    if not isinstance(reports, list):
        raise BadInput("flag.reports is missing or not a list.")
    seen = [_report(flag, one, settings) for one in reports if isinstance(one, dict)]
    return [*seen] or [Ignored("A flag that nobody stands by any more.")]


_KINDS: Mapping[str, Callable[[Json, NodebbSettings], Sequence[Event]]] = {
    "post": _post,
    "topic": _topic,
    "stream": _stream,
    "gone": _gone,
    "flag": _flag,
}


# ------------------------------------------------------------------ a thread, an author, a report


def _named(body: Json, settings: NodebbSettings) -> Json:
    """What a topic is called, wherever it is spoken of."""
    topic = object_in(body, "topic")
    tid = _id(topic, "topic", "tid")
    slug = topic.get("slug")
    path = quote(cleaned(slug), safe="/") if isinstance(slug, str) and slug.startswith(f"{tid}/") else tid
    title = cleaned(topic.get("titleRaw")) or shown_name(topic.get("title"))
    return {
        "remote_id": tid,
        "community": _community(body, topic),
        "title": title or None,
        "url": f"{settings.url}/topic/{path}",
    }


def _community(body: Json, topic: Json) -> CommunitySeen:
    """Restricted unless it was seen that guests may read it."""
    category = body.get("category")
    named: Json = category if isinstance(category, dict) else {}
    restricted = named.get("restricted") is not False
    return CommunitySeen(_id(topic, "topic", "cid"), shown_name(named.get("name")), restricted=restricted)


def _answer(topic: Json) -> str | None:
    """Only a forum with the question and answer plugin says it: None where it is not said, "" where there is none."""
    if topic.get("isSolved") is True and "solvedPid" in topic:
        return _id(topic, "topic", "solvedPid")
    return "" if topic.get("isSolved") is False else None


def _author(user: Json, settings: NodebbSettings, *, staff: bool = False) -> AuthorSeen:
    """Uid 0 is everybody who left no name: guests, and members whose account was deleted."""
    uid = str(user.get("uid", 0)) if user.get("uid", 0) in (0, None) else _id(user, "user", "uid")
    username = shown_name(user.get("username"))
    if not username:
        raise BadInput("user.username is missing or not a text.")
    role = AuthorRole.STAFF if staff else AuthorRole.CUSTOMER
    if uid == str(settings.uid):
        role = AuthorRole.BRAND
    slug = cleaned(user.get("userslug"))
    name = shown_name(user.get("displayname"))
    url = f"{settings.url}/user/{quote(slug, safe='')}" if slug else ""
    return AuthorSeen(uid, username, "" if name == username else name, role, url=url)


def _addressed(post: Json, text: str, settings: NodebbSettings) -> bool:
    """Whether the post names the brand's account outside a quotation, or answers it."""
    if str(post.get("answers_uid", "")) == str(settings.uid):
        return True
    slugs = post.get("brand")
    names = [re.escape(n) for n in slugs if isinstance(n, str) and 0 < len(n) <= 100] if isinstance(slugs, list) else []
    own = "\n".join(line for line in text.splitlines() if not line.startswith(">"))
    wanted = rf"(?<![\w/@.])@(?:{'|'.join(names)})(?![\w-])"
    return bool(names) and re.search(wanted, own, re.IGNORECASE) is not None


def _report(flag: Json, report: Json, settings: NodebbSettings) -> ReportSeen:
    flag_id, reporter = _id(flag, "flag", "flagId"), report.get("reporter")
    by = _author(reporter, settings) if isinstance(reporter, dict) and reporter.get("username") else None
    about = flag.get("about")
    said = cleaned(report.get("value"))
    at = _at(report, "report", "timestamp")
    changed = _at(flag, "flag", "changed") if "changed" in flag else at
    return ReportSeen(
        remote_id=f"{flag_id}:{by.remote_id if by else 0}",
        at=at,
        reason=reason_of(said),
        outcome=_OUTCOMES.get(str(flag.get("state")), ReportOutcome.OPEN),
        message_id=_id(flag, "flag", "targetId") if flag.get("type") == "post" else None,
        about=_author(about, settings) if isinstance(about, dict) and about.get("username") else None,
        reporter=by,
        text=said,
        version=max(changed, at).timestamp(),
    )


def reason_of(said: str) -> ReportReason:
    """People choose a reason in the forum's language or write their own; a guess by its words."""
    words = said.casefold()
    return next((reason for reason, signs in _REASONS if any(s in words for s in signs)), ReportReason.OTHER)


# ------------------------------------------------------------------ fields


def _id(record: Mapping[str, Any], where: str, name: str) -> str:
    value = record.get(name)
    if isinstance(value, bool) or not isinstance(value, int | str) or not _is_id(value):
        raise BadInput(f"{where}.{name} is missing or not an id.")
    return str(value)


def _is_id(value: int | str) -> bool:
    return abs(value) < 10**15 if isinstance(value, int) else _ID.fullmatch(value) is not None


def _number(record: Json, where: str, name: str) -> int:
    value = record.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**53:
        raise BadInput(f"{where}.{name} is not a whole number.")
    return value


def _at(record: Json, where: str, name: str) -> datetime:
    """Milliseconds since the epoch, which the forum writes as a number or as text."""
    value = record.get(name)
    if isinstance(value, str) and re.fullmatch(r"\d{1,15}", value, re.ASCII):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 253_370_764_800_000:
        raise BadInput(f"{where}.{name} is missing or not a time.")
    return datetime.fromtimestamp(value / 1000, UTC)


def _time(record: Json, name: str) -> datetime:
    value = record.get(name)
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError as error:
        raise BadInput(f"{name} is not a time.") from error
    if at is None or at.tzinfo is None:
        raise BadInput(f"{name} is missing or has no time zone.")
    return at
