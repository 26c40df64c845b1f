"""Reading the forum's flags: its list tells which ones changed, and each of those is read by itself."""

from __future__ import annotations

from typing import Any

from plugins.contract import Delivery, Gone, MissingRight, Temporary
from plugins.nodebb.client import Client
from plugins.nodebb.cursor import Cursor
from plugins.nodebb.settings import NodebbSettings
from plugins.nodebb.shape import Json, flag_delivery

READ_FLAGS = "read flags (an administrator's or a moderator's account)"
READ_TOPICS = "read topics"
#: Flags that one poll reads by themselves.
AT_ONCE = 8


def read_flags(client: Client, settings: NodebbSettings, cursor: Cursor) -> tuple[list[Delivery], bool]:
    """One page of the list, and whether that is all for this turn.

    Every page the first time; then the newest page, and one older page in each turn.
    """
    try:
        answer = client.page("/api/flags", READ_FLAGS, page=cursor.flag_page)
    except MissingRight:
        return [], True
    rows = answer.get("flags")
    if not isinstance(rows, list) or not all(_is_row(row) for row in rows):
        raise Temporary("The forum's answer has an unknown form.", detail="flags is not a list of flags")
    changed = [row for row in rows if cursor.flags.get(str(row["flagId"])) != _mark(row)]
    made = [one for row in changed[:AT_ONCE] for one in _flag(client, settings, cursor, row)]
    if len(changed) > AT_ONCE:
        return made, False
    return made, _turn_the_page(cursor, _pages(answer))


def _turn_the_page(cursor: Cursor, count: int) -> bool:
    """Whether the turn's work is done. `flag_pages` is how many pages there were when all were read; 0: not yet."""
    if cursor.flag_pages == 0 and cursor.flag_page < count:
        cursor.flag_page += 1
        return False
    first = cursor.flag_page == 1
    cursor.flag_pages, older = count, 2 + cursor.turn % max(count - 1, 1)
    cursor.flag_page = older if first and older <= count else 1
    return cursor.flag_page == 1


def _flag(client: Client, settings: NodebbSettings, cursor: Cursor, row: Json) -> list[Delivery]:
    flag_id = str(row["flagId"])
    made: list[Delivery] = []
    try:
        flag = client.page(f"/api/flags/{int(flag_id)}", READ_FLAGS)
        if _wanted(client, settings, flag):
            made = [flag_delivery(flag)]
    except (Gone, MissingRight):
        pass  # it was removed since the list was made
    cursor.flags.pop(flag_id, None)
    cursor.flags[flag_id] = _mark(row)
    return made


def _wanted(client: Client, settings: NodebbSettings, flag: Json) -> bool:
    """Where only some categories are read, a flag on a post of another one is none of ours."""
    target = flag.get("target")
    tid = target.get("tid") if isinstance(target, dict) else None
    if not settings.categories or flag.get("type") != "post":
        return True
    if isinstance(tid, bool) or not isinstance(tid, int):
        return False
    topic: dict[str, Any] = client.get(f"/api/v3/topics/{tid}", READ_TOPICS)
    category = client.get(f"/api/v3/categories/{int(topic.get('cid') or 0)}", READ_TOPICS)
    return settings.takes(topic.get("cid"), str(category.get("slug") or ""))


def _is_row(row: object) -> bool:
    return isinstance(row, dict) and str(row.get("flagId", "")).isascii() and str(row.get("flagId", "")).isdecimal()


def _mark(row: Json) -> str:
    """What of a flag's row can change: its state, and how many stand by it."""
    return f"{str(row.get('state'))[:10]}{str(row.get('heat'))[:6]}"


def _pages(answer: Json) -> int:
    pages = answer.get("pagination")
    count = pages.get("pageCount") if isinstance(pages, dict) else None
    return count if isinstance(count, int) and not isinstance(count, bool) else 1
