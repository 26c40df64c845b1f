"""Whether an act was carried out whose answer was lost: looked up on the platform, which changes nothing."""

from __future__ import annotations

from datetime import datetime

from moderation.model import Capability
from plugins.contract import Act, Gone, Receipt
from plugins.mastodon import notices, staff
from plugins.mastodon.actions import ACTIONS, edited_text, given_warning, gone_receipt, read_status, receipt_for
from plugins.mastodon.client import Client, Position, part
from plugins.mastodon.compose import MENTION
from plugins.mastodon.deliveries import Own, is_own, objects
from plugins.mastodon.parse import when
from plugins.mastodon.text import from_html, plain

_PAGES = 3


def find_existing(client: Client, act: Act, own: Own, since: datetime) -> Receipt | None:
    """Our own earlier effect. Of an answer it is the post; of an edit and a deletion the state that they wanted."""
    if act.kind is Capability.REPLY:
        return _posted(client, act, own, since)
    if act.kind is Capability.EDIT:
        return _edited(client, act, own)
    if act.kind is Capability.DELETE:
        return _deleted(client, act)
    if act.kind is Capability.NOTIFY:
        return notices.find(client, act, own, since)
    return staff.find(client, act) if act.kind in ACTIONS else None


def _posted(client: Client, act: Act, own: Own, since: datetime) -> Receipt | None:
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
                return receipt_for(client, one)
        if not page.older or len(recent) < len(statuses):
            return None
        position = page.older
    return None


def _edited(client: Client, act: Act, own: Own) -> Receipt | None:
    """The source is what was sent, character by character; a post's HTML hides small changes."""
    status = read_status(client, act.target)
    if not is_own(status, own):
        return None
    source = client.get(f"/api/v1/statuses/{part(act.target)}/source").body
    if not isinstance(source, dict):
        return None
    warning = given_warning(act)
    same_words = plain(source.get("text")).split() == plain(edited_text(act, status, own)).split()
    same_warning = not warning or plain(status.get("spoiler_text")) == warning
    return receipt_for(client, status) if same_words and same_warning else None


def _deleted(client: Client, act: Act) -> Receipt | None:
    try:
        read_status(client, act.target)
    except Gone:
        return gone_receipt(client, act)
    return None


def _same(text: str) -> str:
    """A text as it can be compared: servers shorten @name@domain, re-wrap lines, and we put a name in front."""
    short = MENTION.sub(lambda found: f"@{found[1]}", plain(text)).casefold()
    words = short.split()
    while words and words[0].startswith("@"):
        words.pop(0)
    return " ".join(words)
