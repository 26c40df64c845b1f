"""Statuses to deliveries: what may be kept, what of it is kept, and under which key. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from plugins.contract import Delivery
from plugins.mastodon.text import from_html
from plugins.tags import tags_of

Raw = dict[str, Any]

#: Everything else (followers only, direct, a server's own inventions) is private and never stored.
PUBLIC = ("public", "unlisted")
_NOBOT = re.compile(r"#\s?nobot\b", re.IGNORECASE)
#: What a delivery keeps of a status: no avatars, no follower counts, no profile text. Less to keep about people, and
#: the same state always gives the same bytes.
_KEPT = (
    "id", "uri", "url", "created_at", "edited_at", "in_reply_to_id", "in_reply_to_account_id", "visibility", "language",
    "spoiler_text", "content", "favourites_count", "reblogs_count",
)  # fmt: skip
_KEPT_OF_AUTHOR = ("id", "username", "acct", "display_name", "url", "bot")
_KEPT_OF_REPORT = ("id", "action_taken", "category", "comment", "created_at", "updated_at")
_KEPT_OF_MENTION = ("id", "acct")
_KEPT_OF_MEDIA = ("type", "description")


@dataclass(frozen=True, slots=True)
class Own:
    """The brand's account: its id on the server, and its full address (name@domain)."""

    id: str
    acct: str

    @property
    def domain(self) -> str:
        return self.acct.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Place:
    """The thread of a status. `with_brand`: the brand wrote in it or was spoken to."""

    root: str
    with_brand: bool = False


def objects(body: Any) -> list[Raw]:
    """The objects of a JSON list; nothing where it is no list."""
    return [one for one in body if isinstance(one, dict)] if isinstance(body, list) else []


def status_id(status: Raw) -> str:
    """The opaque id as text; "" where there is none."""
    value = status.get("id")
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def account_of(status: Raw) -> Raw:
    account = status.get("account")
    return account if isinstance(account, dict) else {}


def parent_of(status: Raw) -> str:
    return str(status.get("in_reply_to_id") or "")


def is_reblog(status: Raw) -> bool:
    return bool(status.get("reblog"))


def is_own(status: Raw, own: Own) -> bool:
    return status_id(account_of(status)) == own.id


def is_addressed(status: Raw, own: Own) -> bool:
    """It names the brand or answers it. The brand's own posts are addressed to others."""
    if is_own(status, own):
        return False
    mentions = objects(status.get("mentions"))
    return str(status.get("in_reply_to_account_id") or "") == own.id or any(status_id(m) == own.id for m in mentions)


def may_keep(status: Raw, own: Own, with_brand: bool = False) -> bool:
    """Only public words; unlisted ones only where the brand is part of the talk; nobody's who asked to be left out."""
    visibility = status.get("visibility")
    if visibility not in PUBLIC or is_reblog(status):
        return False
    if is_own(status, own) or is_addressed(status, own):
        return True
    return not wants_out(account_of(status)) and (visibility == "public" or with_brand)


def wants_out(account: Raw) -> bool:
    """`#nobot` in the profile, or a refusal to be indexed that is said and not just absent."""
    if account.get("indexable") is False or account.get("noindex") is True:
        return True
    return bool(_NOBOT.search(from_html(account.get("note"))))


def of_status(status: Raw, own: Own, place: Place) -> Delivery:
    """One delivery. The key changes with every change that a reader of the desk could see, and with no other."""
    state = f"status:{status_id(status)}:{status.get('edited_at') or status.get('created_at')}"
    if not may_keep(status, own, place.with_brand):
        return Delivery(key=f"{state}:-", kind="status", body=b"", admitted=False)
    body = _encoded({"status": _kept(status), "thread": {"root": place.root}, "own": {"id": own.id, "acct": own.acct}})
    return Delivery(key=f"{state}:{hashlib.sha256(body).hexdigest()[:16]}", kind="status", body=body)


def of_thread(own: Own, root: str, total: int, known: Iterable[str]) -> Delivery:
    """The count of a thread, apart from its posts: on every post, one new reply would send the whole thread again.

    A count that falls and rises again is news each time, so that `known`, the posts behind it, is part of the key.
    """
    state = hashlib.sha256("\n".join(sorted(known)).encode()).hexdigest()[:16]
    body = _encoded({"root": root, "total": total, "own": {"id": own.id, "acct": own.acct}, "state": state})
    return Delivery(key=f"thread:{root}:{total}:{state}", kind="thread", body=body)


def of_gone(gone_id: str, at: datetime) -> Delivery:
    return Delivery(key=f"gone:{gone_id}", kind="gone", body=_encoded({"id": gone_id, "at": at.isoformat()}))


def of_report(report: Raw, own: Own) -> Delivery:
    """A report, with the public posts it is about by their ids. One about private posts leaves its key alone.

    Staff is shown e-mail and IP addresses with each report; nothing of that is kept.
    """
    state = f"report:{status_id(report)}:{report.get('updated_at') or report.get('created_at')}"
    statuses = objects(report.get("statuses"))
    public = [status_id(one) for one in statuses if one.get("visibility") in PUBLIC]
    if statuses and not public:
        return Delivery(key=f"{state}:-", kind="report", body=b"", admitted=False)
    kept = _only(report, _KEPT_OF_REPORT) | {"statuses": public}
    for name in ("account", "target_account"):
        person = report.get(name)
        kept[name] = _only(account_of(person), _KEPT_OF_AUTHOR) if isinstance(person, dict) else {}
    body = _encoded({"report": kept, "own": {"id": own.id, "acct": own.acct}})
    return Delivery(key=f"{state}:{hashlib.sha256(body).hexdigest()[:16]}", kind="report", body=body)


def replies_of(status: Raw) -> int:
    """Direct replies by the server's count, those we cannot see included."""
    count = status.get("replies_count")
    return count if isinstance(count, int) else 0


def _kept(status: Raw) -> Raw:
    kept = _only(status, _KEPT)
    kept["account"] = _only(account_of(status), _KEPT_OF_AUTHOR)
    kept["mentions"] = [_only(m, _KEPT_OF_MENTION) for m in objects(status.get("mentions"))]
    media = [_only(m, _KEPT_OF_MEDIA) for m in objects(status.get("media_attachments"))]
    tags = tags_of(status.get("tags"))
    kept |= {} if tags is None else {"tags": list(tags)}
    return kept | ({"media_attachments": media} if media else {})


def _only(whole: Raw, names: tuple[str, ...]) -> Raw:
    return {name: whole[name] for name in names if name in whole}


def _encoded(body: Raw) -> bytes:
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
