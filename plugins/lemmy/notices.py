"""Private words to one member, by the server's own private messages."""

from __future__ import annotations

from datetime import datetime

from plugins.contract import Act, Ambiguous, Gone, Permanent, Receipt
from plugins.lemmy.api import Lemmy
from plugins.lemmy.client import Json, unknown_form
from plugins.lemmy.settings import LemmySettings
from plugins.lemmy.shape import moment, part, published
from plugins.lemmy.text import words_of

SEND = "write private messages"
READ_OWN = "read the account's own private messages"
MESSAGE = "private_message"
#: Rows of a page, and the pages of own messages that are looked through, newest first.
_ROWS, _PAGES = 50, 2


def send(lemmy: Lemmy, settings: LemmySettings, act: Act) -> Receipt:
    """Writes to one account, by its number, on this server or another."""
    if not act.text.strip():
        raise Permanent("The message has no text; nothing was sent.")
    body = {"recipient_id": _recipient(lemmy, act), "content": act.text}
    made = part(part(lemmy.write("POST", MESSAGE, SEND, body), f"{MESSAGE}_view"), MESSAGE)
    if not isinstance(made.get("id"), int):
        raise Ambiguous("The server took the message and did not say which one it became.")
    return _receipt(lemmy, settings, made)


def find(lemmy: Lemmy, settings: LemmySettings, act: Act, since: datetime) -> Receipt | None:
    """Our own message with these words to this account, later than `since`.

    Raises Permanent on 1.0 (v4), which lists the messages that an account got and not those that it sent.
    """
    recipient = _recipient(lemmy, act)
    if lemmy.v4:
        raise Permanent("Whether a message arrived cannot be looked up: the server shows it to the person alone.")
    for page in range(1, _PAGES + 1):
        rows = _own_messages(lemmy, page)
        for row in rows:
            mine = row.get("creator_id") == lemmy.me().id and row.get("recipient_id") == recipient
            same = words_of(str(row.get("content") or "")) == words_of(act.text)
            if mine and same and row.get("deleted") is not True and _is_later(row, since):
                return _receipt(lemmy, settings, row)
        if len(rows) < _ROWS:
            break
    return None


def _own_messages(lemmy: Lemmy, page: int) -> list[Json]:
    asked = {"unread_only": "false", "page": str(page), "limit": str(_ROWS)}
    found = lemmy.get(f"{MESSAGE}/list", **asked).get(f"{MESSAGE}s")
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise unknown_form(f"{MESSAGE}s is not a list of objects")
    return [part(one, MESSAGE) for one in found]


def _recipient(lemmy: Lemmy, act: Act) -> int:
    remote_id = act.target
    if not (remote_id.isascii() and remote_id.isdecimal() and len(remote_id) <= 18):
        raise Gone(f"“{remote_id}” is not an id of a Lemmy server.")
    if int(remote_id) == lemmy.me().id:
        raise Permanent("This is the account that Tenth acts as; nothing was sent.")
    return int(remote_id)


def _is_later(record: Json, since: datetime) -> bool:
    at = moment(published(record))
    return at is not None and at >= since


def _receipt(lemmy: Lemmy, settings: LemmySettings, message: Json) -> Receipt:
    return Receipt(f"message-{message['id']}", f"{settings.url}/inbox", lemmy.client.now())
