"""What Tenth does on the platform: it answers in public. And how it finds its own answer again."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from moderation.model import Capability
from moderation.policy import Permit
from plugins.contract import Act, Ambiguous, Gone, Permanent, Receipt
from plugins.mastodon.client import Client, Position, part
from plugins.mastodon.deliveries import PUBLIC, Own, Raw, account_of, is_own, objects, status_id
from plugins.mastodon.parse import when
from plugins.mastodon.text import from_html, plain

_MENTION = re.compile(r"(?<![\w@/.])@([\w.-]+?)(@[\w.-]+)?(?![\w@-])")
_PAGES = 3
_WIDTH = ("unlisted", "public")


def reply(client: Client, permit: Permit, act: Act, own: Own) -> Receipt:
    """Answers a public post. The parent is read first: Takahe posts an answer to nothing as a new thread."""
    if (
        permit.capability is not Capability.REPLY
        or act.kind is not permit.capability
        or permit.action_id != act.action_id
    ):
        raise Permanent("The permit is for another act; nothing was sent.")
    parent = client.get(f"/api/v1/statuses/{part(act.target)}").body
    if not isinstance(parent, dict) or parent.get("visibility") not in PUBLIC:
        raise Gone("The post to answer is not public any more.")
    form = _form(act, parent, own)
    posted = client.post("/api/v1/statuses", form, {"Idempotency-Key": _key(act)}).body
    if not isinstance(posted, dict) or not status_id(posted):
        raise Ambiguous("The server took the answer but did not say which post it became.")
    return _receipt(posted)


def find_existing(client: Client, act: Act, own: Own, since: datetime) -> Receipt | None:
    """Our own post under the same target, with the same words, made since then."""
    wanted = _same(act.text)
    position: Position = {}
    for _ in range(_PAGES):
        path = f"/api/v1/accounts/{part(own.id)}/statuses"
        page = client.get(path, {"limit": 40, "exclude_reblogs": "true", **position})
        statuses = objects(page.body)
        recent = [one for one in statuses if (when(one.get("created_at")) or since) >= since]
        for one in recent:
            if str(one.get("in_reply_to_id") or "") == act.target and _same(from_html(one.get("content"))) == wanted:
                return _receipt(one)
        if not page.older or len(recent) < len(statuses):
            return None
        position = page.older
    return None


def _form(act: Act, parent: Raw, own: Own) -> dict[str, Any]:
    """Always says the visibility: GoToSocial's default is unlisted, whatever the parent is."""
    form = {
        "status": _addressed_text(act.text, parent, own),
        "in_reply_to_id": act.target,
        "visibility": _visibility(str(parent["visibility"]), act.options.get("visibility")),
    }
    if warning := plain(parent.get("spoiler_text")):
        form["spoiler_text"] = warning
        form["sensitive"] = "true"
    if language := act.options.get("language"):
        form["language"] = str(language)
    return form


def _visibility(parent: str, wished: object) -> str:
    """The narrower of the parent's and the wished one; an answer of the desk is never private."""
    if wished is None:
        return parent
    if wished not in _WIDTH:
        raise Permanent(f"“{wished}” is not a visibility of a public answer. Use public or unlisted.")
    return min(parent, str(wished), key=_WIDTH.index)


def _addressed_text(text: str, parent: Raw, own: Own) -> str:
    """A reply reaches its author only if it names them."""
    if not text.strip():
        raise Permanent("The answer is empty.")
    acct = plain(account_of(parent).get("acct"))
    if not acct or is_own(parent, own) or _full(acct, own) in _named(text, own):
        return text
    return f"@{acct} {text}"


def _named(text: str, own: Own) -> set[str]:
    return {_full(f"{found[1]}{found[2] or ''}", own) for found in _MENTION.finditer(text)}


def _full(acct: str, own: Own) -> str:
    return (acct if "@" in acct else f"{acct}@{own.domain}").rstrip(".").lower()


def _same(text: str) -> str:
    """A text as it can be compared: servers shorten @name@domain, re-wrap lines, and we put a name in front."""
    short = _MENTION.sub(lambda found: f"@{found[1]}", plain(text)).casefold()
    words = short.split()
    while words and words[0].startswith("@"):
        words.pop(0)
    return " ".join(words)


def _key(act: Act) -> str:
    return act.idempotency_key or f"tenth-action-{act.action_id}"


def _receipt(status: Raw) -> Receipt:
    at = when(status.get("created_at")) or datetime.now(UTC)
    return Receipt(remote_id=status_id(status), url=plain(status.get("url")) or plain(status.get("uri")), at=at)
