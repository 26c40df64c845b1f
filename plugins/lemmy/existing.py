"""Was it done? The look for an effect that was not confirmed. Lemmy has no idempotency keys."""

from __future__ import annotations

from datetime import datetime, timedelta

from moderation.model import Capability
from plugins.contract import Act, Gone, Receipt
from plugins.lemmy import notices
from plugins.lemmy.actions import (
    ACTIONS,
    ADMINS,
    comment_receipt,
    community_of,
    digits,
    done,
    own,
    report_of,
    target_of,
)
from plugins.lemmy.api import Lemmy
from plugins.lemmy.client import Json, unknown_form
from plugins.lemmy.settings import LemmySettings
from plugins.lemmy.shape import COMMENT, POST, is_dead, moment, parent_of, part, published
from plugins.lemmy.text import words_of

#: The server's clock and ours may differ by this much.
SKEW = timedelta(seconds=30)
#: Pages of reports that are looked through, newest first.
REPORT_PAGES = 4


def find_existing(lemmy: Lemmy, settings: LemmySettings, act: Act, since: datetime) -> Receipt | None:
    """Our own earlier effect. For what is a state, not a comment, the state itself is the proof."""
    if act.kind not in ACTIONS:
        return None
    lemmy.me()
    if act.kind == Capability.REPLY:
        found = _own_comment(lemmy, act, since - SKEW)
        return comment_receipt(lemmy, settings, found) if found else None
    if act.kind == Capability.NOTIFY:
        return notices.find(lemmy, settings, act, since - SKEW)
    return done(lemmy, settings, act) if _holds(lemmy, act) else None


def _holds(lemmy: Lemmy, act: Act) -> bool:
    """Whether the server is now as the act wanted it."""
    if act.kind == Capability.EDIT:
        return _says(lemmy, act)
    if act.kind in {Capability.DELETE, Capability.HIDE, Capability.RESTORE}:
        return _is_gone(lemmy, act) == (act.kind != Capability.RESTORE)
    if act.kind in {Capability.LOCK, Capability.UNLOCK}:
        post = part(lemmy.post(digits(act.target)), POST)
        return (post.get("locked") is True) == (act.kind == Capability.LOCK)
    if act.kind == Capability.RESOLVE_REPORT:
        return _is_resolved(lemmy, act)
    banned = _is_banned(lemmy, act) if act.kind in ADMINS else _is_banned_here(lemmy, act)
    return banned == (act.kind in {Capability.SILENCE, Capability.SUSPEND})


def _says(lemmy: Lemmy, act: Act) -> bool:
    kind, number = target_of(act)
    record = own(lemmy, kind, number)
    return words_of(str(record.get("body" if kind == POST else "content") or "")) == words_of(act.text)


def _is_gone(lemmy: Lemmy, act: Act) -> bool:
    kind, number = target_of(act)
    try:
        return is_dead(part(lemmy.view(kind, number), kind))
    except Gone:
        return True


def _own_comment(lemmy: Lemmy, act: Act, since: datetime) -> Json | None:
    """The account's newest comment right below this message with this text, later than `since`."""
    kind, number = target_of(act)
    thread = number if kind == POST else act.options.get("thread") or _thread_of(lemmy, number)
    for view in lemmy.comments_of(digits(str(thread)), "", "New").views:
        comment = part(view, COMMENT)
        mine = comment.get("creator_id") == lemmy.me().id and not is_dead(comment)
        below = parent_of(comment) == (number if kind == COMMENT else None)
        same = words_of(str(comment.get("content") or "")) == words_of(act.text)
        if mine and below and same and _later(comment, since):
            return comment
    return None


def _thread_of(lemmy: Lemmy, comment: str) -> object:
    return part(lemmy.comment(comment), COMMENT).get("post_id")


def _later(record: Json, since: datetime) -> bool:
    at = moment(published(record))
    if at is None:
        raise unknown_form("published is not a time")
    return at >= since


def _is_banned(lemmy: Lemmy, act: Act) -> bool:
    """Versions put it into the person, or beside it."""
    view = lemmy.person(digits(act.target))
    return any(
        found is True for found in (part(view, "person").get("banned"), view.get("banned"), view.get("creator_banned"))
    )


def _is_banned_here(lemmy: Lemmy, act: Act) -> bool:
    """By the newest entry of the public log; no endpoint tells who is banned from a community."""
    kind = "mod_ban_from_community" if lemmy.v4 else "ModBanFromCommunity"
    asked = {"type_": kind, "community_id": community_of(act), "other_person_id": digits(act.target), "limit": "10"}
    answer = lemmy.get("modlog", **asked)
    rows = answer.get("items" if lemmy.v4 else "banned_from_community")
    if not isinstance(rows, list):
        raise unknown_form("modlog is not a list")
    entries = [part(row, "modlog" if lemmy.v4 else "mod_ban_from_community") for row in rows if isinstance(row, dict)]
    newest = max(entries, key=lambda entry: entry.get("id", 0), default={})
    ends = moment(newest.get("expires_at" if lemmy.v4 else "expires"))
    over = ends is not None and ends <= lemmy.client.now()
    banned = newest.get("is_revert") is False if lemmy.v4 else newest.get("banned") is True
    return banned and not over


def _is_resolved(lemmy: Lemmy, act: Act) -> bool:
    kind, number = report_of(act)
    page = ""
    for _ in range(REPORT_PAGES):
        rows = lemmy.reports(f"{kind}-report", page)
        for view in rows.views:
            report = part(view, f"{kind}_report")
            if str(report.get("id")) == number:
                return report.get("resolved") is True
        page = rows.next
        if not page:
            break
    return False
