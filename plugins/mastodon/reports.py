"""Reading reports with a token of the server's staff: the open ones in rounds, the decided ones once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from plugins.contract import ConnectorError, CredentialsRefused, Delivery, Gone, Permanent, RateLimited
from plugins.mastodon.client import Answer, Client, part
from plugins.mastodon.cursor import Reports
from plugins.mastodon.deliveries import Own, Raw, objects, of_report, status_id

PATH = "/api/v1/admin/reports"
PAGE = 100
#: Reports asked for by themselves in one step, because they are open no longer.
_LOOKS = 5
#: Open reports that are remembered.
_KEPT = 1_000
#: How long a server is left alone that does not show them to us, or fails at it. Reading the rest goes on.
_ASK_AGAIN, _TRY_AGAIN = timedelta(hours=6), timedelta(minutes=10)


def more(place: Reports, now: datetime) -> bool:
    """Whether a page follows at once."""
    return not _waits(place, now) and (bool(place.older) or not place.past_read)


def step(client: Client, place: Reports, own: Own, now: datetime) -> list[Delivery]:
    """A page of the open ones, and one of the past while there is any. Nothing for a token that is not staff's."""
    found: list[Raw] = []
    for read in (_open, _past):
        found += [] if _waits(place, now) else _tried(read, client, place, now)
    return [of_report(one, own) for one in found]


def _waits(place: Reports, now: datetime) -> bool:
    return place.again_at > now.timestamp()


def _tried(read: Callable[[Client, Reports], list[Raw]], client: Client, place: Reports, now: datetime) -> list[Raw]:
    """Where the scope, the role or the whole part of the API is missing, each server says so in its own way."""
    try:
        return read(client, place)
    except (CredentialsRefused, RateLimited):
        raise
    except ConnectorError as error:
        place.again_at = (now + (_ASK_AGAIN if isinstance(error, Permanent) else _TRY_AGAIN)).timestamp()
        return []


def _open(client: Client, place: Reports) -> list[Raw]:
    """Without `resolved`: Mastodon takes whatever it says for yes. Some servers list the decided ones here, too."""
    answer = client.get(PATH, {"limit": PAGE, **place.older})
    rows = objects(answer.body)
    _note(place, rows)
    place.met += [status_id(one) for one in rows]
    place.older = _further(answer, rows, place.older)
    if place.older:
        return rows
    decided = [one for one in place.open if one not in set(place.met)][:_LOOKS]
    place.met = []
    return rows + [found for one in decided for found in _look_at(client, place, one)]


def _look_at(client: Client, place: Reports, report_id: str) -> list[Raw]:
    try:
        rows = objects([client.get(f"{PATH}/{part(report_id)}").body])
    except Gone:
        rows = []
    place.open.remove(report_id)
    _note(place, rows)
    return rows


def _past(client: Client, place: Reports) -> list[Raw]:
    if place.past_read:
        return []
    answer = client.get(PATH, {"limit": PAGE, "resolved": "true", **place.past})
    rows = objects(answer.body)
    place.past = _further(answer, rows, place.past)
    place.past_read = not place.past
    return rows


def _further(answer: Answer, rows: list[Raw], position: dict[str, str]) -> dict[str, str]:
    """Where the next page is; {} at the end, and where a server turns in circles."""
    return {} if not rows or answer.older == position else answer.older


def _note(place: Reports, rows: list[Raw]) -> None:
    known = set(place.open)
    for row in rows:
        found = status_id(row)
        if row.get("action_taken") is not True and found not in known and len(place.open) < _KEPT:
            place.open.append(found)
        elif row.get("action_taken") is True and found in known:
            place.open.remove(found)
