"""Private words to one member: a status that is addressed to them alone.

A server's own default is public, and whoever is named in the text gets it too. So the visibility is always said, no
other name is left in the text, and what the server made of it is looked at; anything else is taken down at once.
"""

from __future__ import annotations

import re
from datetime import datetime

from plugins.contract import Act, Ambiguous, ConnectorError, Permanent, Receipt
from plugins.mastodon.client import Client, Position, part
from plugins.mastodon.deliveries import Own, Raw, objects, status_id
from plugins.mastodon.parse import when
from plugins.mastodon.text import from_html, plain

DIRECT = "direct"
_PAGES = 3
_ADDRESS = re.compile(r"[\w.-]+(@[\w.:-]+)?")
#: Where a server would read a name. An invisible character behind the sign keeps the words and ends the name.
_NAMING = re.compile(r"(?<![\w/])[@＠](?=\w)")
_UNSEEN = "\u200b"


def send(client: Client, act: Act, own: Own) -> Receipt:
    """Writes to one account, found by its id. The key is for servers that honour one."""
    if not act.text.strip():
        raise Permanent("The message has no text; nothing was sent.")
    if act.target == own.id:
        raise Permanent("This is the account that Tenth acts as; nothing was sent.")
    form = {"status": f"@{_address(client, act)} {unnamed(act.text)}", "visibility": DIRECT}
    key = act.idempotency_key or f"tenth-action-{act.action_id}"
    made = client.post("/api/v1/statuses", form, {"Idempotency-Key": key}).body
    if not isinstance(made, dict) or not status_id(made):
        raise Ambiguous("The server took the message but did not say which one it became.")
    if not _is_private(made, act, own):
        _take_down(client, made)
        raise Permanent("The server would have shown the message to others, so it was taken down again at once.")
    return _receipt(client, made)


def find(client: Client, act: Act, own: Own, since: datetime) -> Receipt | None:
    """Our own status with these words, for this account alone, made since then."""
    position: Position = {}
    for _ in range(_PAGES):
        path = f"/api/v1/accounts/{part(own.id)}/statuses"
        page = client.get(path, {"limit": 40, "exclude_reblogs": "true", **position})
        statuses = objects(page.body)
        recent = [one for one in statuses if (when(one.get("created_at")) or since) >= since]
        for one in recent:
            if _is_private(one, act, own) and _words(from_html(one.get("content"))) == _words(act.text):
                return _receipt(client, one)
        if not page.older or len(recent) < len(statuses):
            return None
        position = page.older
    return None


def unnamed(text: str) -> str:
    """The words, naming nobody: a quoted name would send them to its owner."""
    return _NAMING.sub(lambda found: found[0] + _UNSEEN, text)


def _is_private(status: Raw, act: Act, own: Own) -> bool:
    told = {status_id(one) for one in objects(status.get("mentions"))} - {own.id}
    return status.get("visibility") == DIRECT and told == {act.target}


def _take_down(client: Client, status: Raw) -> None:
    try:
        client.delete(f"/api/v1/statuses/{part(status_id(status))}")
    except ConnectorError as error:
        words = f"The server shows the message to others and does not take it down ({error}). Delete it there now."
        raise Permanent(words, detail=error.detail, status=error.status) from error


def _address(client: Client, act: Act) -> str:
    """What the account is called by now, as this server names it: a name can pass to somebody else, an id cannot."""
    if act.target in {"", ".", ".."}:
        raise Permanent("A message needs the id of an account; nothing was sent.")
    account = client.get(f"/api/v1/accounts/{part(act.target)}").body
    acct = plain(account.get("acct")) if isinstance(account, dict) else ""
    if status_id(account if isinstance(account, dict) else {}) != act.target or not _ADDRESS.fullmatch(acct):
        raise Permanent("The server does not say what this account is called; nothing was sent.")
    return acct


def _words(text: str) -> list[str]:
    """Without the name in front, and without what keeps names from being read."""
    words = text.replace(_UNSEEN, "").split()
    return words[1:] if words and words[0].startswith("@") else words


def _receipt(client: Client, status: Raw) -> Receipt:
    at = when(status.get("created_at")) or client.now()
    return Receipt(status_id(status), plain(status.get("url")) or plain(status.get("uri")) or client.base, at)
