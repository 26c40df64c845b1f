"""Private words to one member, by the forum's chat: a room of two, that this account is in and nobody else.

A room can be public or hold others, so who is in it is read before anything is said.
"""

from __future__ import annotations

from datetime import datetime

from plugins.contract import Act, Ambiguous, Permanent, Receipt, Temporary
from plugins.nodebb.client import Client
from plugins.nodebb.compose import words_of
from plugins.nodebb.settings import NodebbSettings
from plugins.nodebb.shape import Json, is_on

CHAT = "write in the chat (global privilege “chat”)"
READ_CHAT = "read the account's own chats"


def send(client: Client, settings: NodebbSettings, act: Act) -> Receipt:
    """Writes to one account, in the room that the two share already or in a new one."""
    if not act.text.strip():
        raise Permanent("The message has no text; nothing was sent.")
    other = _other(settings, act)
    room = _shared_room(client, other) or _new_room(client, other)
    _must_be_ours(_room(client, room), settings, other)
    said = client.write("POST", f"/api/v3/chats/{room}", CHAT, {"message": act.text})
    mid = said.get("messageId") or said.get("mid")
    if isinstance(mid, bool) or not isinstance(mid, int):
        raise Ambiguous("The forum took the message and did not say which one it became.")
    return _receipt(client, settings, room, mid)


def find(client: Client, settings: NodebbSettings, act: Act, since: datetime) -> Receipt | None:
    """Our own message with these words in the room of the two, later than `since`."""
    room = _shared_room(client, _other(settings, act))
    if room is None:
        return None
    rows = _room(client, room).get("messages")
    for row in reversed([r for r in rows if isinstance(r, dict)] if isinstance(rows, list) else []):
        if row.get("fromuid") != settings.uid or not _is_later(row.get("timestamp"), since):
            continue
        # The list shows messages as HTML; only the message by itself has its source.
        mid = _number(row.get("messageId") or row.get("mid"), "a message has no number")
        source = client.get(f"/api/v3/chats/{room}/messages/{mid}/raw", READ_CHAT).get("content")
        if words_of(str(source or "")) == words_of(act.text):
            return _receipt(client, settings, room, mid)
    return None


# ------------------------------------------------------------------ the room


def _shared_room(client: Client, other: int) -> int | None:
    found = client.get(f"/api/v3/users/{other}/chat", READ_CHAT).get("roomId")
    return None if found is None else _number(found, "roomId is not a number")


def _new_room(client: Client, other: int) -> int:
    """Empty as yet, so one that nobody confirmed is no doubt about the words: it is found at the next try."""
    try:
        made = client.write("POST", "/api/v3/chats/", CHAT, {"uids": [other]})
    except Ambiguous as error:
        raise Temporary(f"The chat was not opened: {error}", detail=error.detail, status=error.status) from error
    return _number(made.get("roomId"), "the new room has no number")


def _room(client: Client, room: int) -> Json:
    return client.get(f"/api/v3/chats/{room}", READ_CHAT)


def _must_be_ours(room: Json, settings: NodebbSettings, other: int) -> None:
    users = room.get("users")
    inside = {one.get("uid") for one in users if isinstance(one, dict)} if isinstance(users, list) else set()
    if is_on(room.get("public")) or inside | {settings.uid} != {settings.uid, other}:
        raise Permanent("The chat of the two is open to others, too; nothing was sent.")


# ------------------------------------------------------------------ small parts


def _other(settings: NodebbSettings, act: Act) -> int:
    """An account of this forum; people of other servers have an address for a number, and no chat here."""
    if not (act.target.isascii() and act.target.isdecimal() and 0 < int(act.target) < 10**15):
        raise Permanent("Only an account of this forum can be written to; nothing was sent.")
    if int(act.target) == settings.uid:
        raise Permanent("This is the account that Tenth acts as; nothing was sent.")
    return int(act.target)


def _number(value: object, wrong: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise Temporary("The forum's answer has an unknown form.", detail=wrong)
    return value


def _is_later(stamp: object, since: datetime) -> bool:
    return isinstance(stamp, int) and stamp >= since.timestamp() * 1000


def _receipt(client: Client, settings: NodebbSettings, room: int, mid: int) -> Receipt:
    return Receipt(str(mid), f"{settings.url}/chats/{room}", client.now())
