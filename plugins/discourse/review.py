"""The forum's review queue: read page by page, and one entry of it decided."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from moderation.model import ReportOutcome
from plugins.contract import (
    Act,
    ConnectorError,
    CredentialsRefused,
    Delivery,
    Gone,
    Permanent,
    RateLimited,
    Receipt,
    Temporary,
)
from plugins.discourse.client import Client, number
from plugins.discourse.cursor import Reports
from plugins.discourse.reports import FLAGGED_POST, OUTCOMES, PENDING, slim_report
from plugins.discourse.settings import DiscourseSettings
from plugins.discourse.shape import Json, Maker

READ_QUEUE = "read the review queue (an account that may moderate)"
DECIDE = "decide flags in the review queue (an account that may moderate)"
#: Discourse's own; what is read begins a few entries early, so that one that was deleted shifts nothing out of sight.
PER_PAGE, OVERLAP = 10, 5
#: Entries asked for by themselves in one poll, because they wait no longer.
FOLLOW_UPS = 4
#: How long a queue that was refused, or that fails, is left alone. Reading the forum goes on.
ASK_AGAIN, TRY_AGAIN = timedelta(hours=6), timedelta(minutes=10)
#: What decides an entry and does nothing else, by outcome: the first that the entry offers. Which are offered depends
#: on the caller and on the post, hidden or not.
_WAYS = {
    ReportOutcome.UPHELD: ("agree_and_keep", "agree_and_keep_hidden", "agree_and_keep_deleted"),
    ReportOutcome.REJECTED: ("disagree", "disagree_and_restore"),
    ReportOutcome.CLOSED: ("ignore_and_do_nothing", "ignore"),
}
_TRIES = 2


# ------------------------------------------------------------------ reading


def step(client: Client, place: Reports, maker: Maker) -> tuple[list[Delivery], bool]:
    """One page, and whether the past goes on: in turn what is new, oldest first, and what waits for a decision."""
    if place.again_at > client.now().timestamp():
        return [], False
    try:
        if place.waiting_next:
            place.waiting_next = False
            return _waiting(client, place, maker), False
        return _newest(client, place, maker)
    except (CredentialsRefused, RateLimited):
        raise
    except ConnectorError as error:
        pause = ASK_AGAIN if isinstance(error, Permanent) else TRY_AGAIN
        place.again_at = (client.now() + pause).timestamp()
        return [], False


def _newest(client: Client, place: Reports, maker: Maker) -> tuple[list[Delivery], bool]:
    start = max(place.read - OVERLAP, 0)
    answer, rows = _page(client, "all", start)
    total = (answer.get("meta") or {}).get("total_rows_reviewables")
    place.read = start + len(rows)
    more = len(rows) >= PER_PAGE and isinstance(total, int) and place.read < total
    place.waiting_next = not more
    return _deliver(place, maker, answer, rows), more


def _waiting(client: Client, place: Reports, maker: Maker) -> list[Delivery]:
    """A page of what waits. At the end of a round, what was known to wait and was not met has been decided."""
    answer, rows = _page(client, "pending", place.at)
    place.met |= {row["id"] for row in rows}
    found = _deliver(place, maker, answer, rows)
    if len(rows) >= PER_PAGE:
        place.at += len(rows)
        return found
    decided = sorted(place.open - place.met)[:FOLLOW_UPS]
    place.at, place.met = 0, set()
    for entry_id in decided:
        found += _look_at(client, place, maker, entry_id)
    return found


def _look_at(client: Client, place: Reports, maker: Maker, entry_id: int) -> list[Delivery]:
    try:
        answer = client.get(f"/review/{entry_id}.json", READ_QUEUE)
    except Gone:
        place.open.discard(entry_id)
        return []
    return _deliver(place, maker, answer, [_entry(answer)])


def _page(client: Client, status: str, offset: int) -> tuple[Json, list[Json]]:
    asked = {"status": status, "type": FLAGGED_POST, "sort_order": "created_at_asc", "offset": offset}
    answer = client.get("/review.json", READ_QUEUE, asked)
    rows = answer.get("reviewables")
    if not isinstance(rows, list) or not all(isinstance(r, dict) and isinstance(r.get("id"), int) for r in rows):
        raise Temporary("The forum's answer has an unknown form.", detail="reviewables is not a list of entries")
    return answer, rows


def _deliver(place: Reports, maker: Maker, answer: Json, rows: list[Json]) -> list[Delivery]:
    for row in rows:
        place.note(row["id"], waits=row.get("status") == PENDING)
    return [maker.report(row, slim_report(row, answer)) for row in rows]


# ------------------------------------------------------------------ deciding


def resolve(client: Client, settings: DiscourseSettings, act: Act) -> Receipt:
    """Decides the entry that a report is in. An entry that changed since it was read is read again, once."""
    wanted = _outcome(act)
    for _ in range(_TRIES):
        answer = _read(client, act)
        entry = _entry(answer)
        if entry.get("status") != PENDING:
            return _decided(client, settings, act, entry, wanted)
        way = _way(answer, wanted)
        path = f"/review/{entry['id']}/perform/{way}?version={entry.get('version')}"
        try:
            client.write("PUT", path, DECIDE)
        except Permanent as refused:
            if refused.status != 409:
                raise
        else:
            return receipt(client, settings, act)
    raise Temporary("Somebody else is deciding this flag on the forum right now.")


def is_resolved(client: Client, act: Act) -> bool:
    """Whether the entry was decided as the act wants it."""
    return _agrees(_entry(_read(client, act)), _outcome(act))


def _outcome(act: Act) -> ReportOutcome:
    try:
        wanted = ReportOutcome(str(act.options.get("outcome")))
    except ValueError:
        wanted = ReportOutcome.OPEN
    if wanted not in _WAYS:
        raise Permanent("To decide a report needs the option “outcome”: upheld, rejected or closed.")
    return wanted


def _read(client: Client, act: Act) -> Json:
    return client.get(f"/review/{_entry_id(act)}.json", READ_QUEUE)


def _entry(answer: Json) -> Json:
    entry = answer.get("reviewable")
    if not isinstance(entry, dict) or not all(isinstance(entry.get(n), int) for n in ("id", "status", "version")):
        raise Temporary("The forum's answer has an unknown form.", detail="reviewable has no id, status or version")
    return entry


def _way(answer: Json, wanted: ReportOutcome) -> str:
    offered = _offered(answer)
    way = next((one for one in _WAYS[wanted] if one in offered), None)
    if way is None:
        raise Permanent(f"The forum does not offer to decide this flag as “{wanted}”.", detail=", ".join(offered))
    return way


def _offered(answer: Json) -> list[str]:
    """The acts that the forum lists for this entry and this caller. Older forums have no `server_action`."""
    found: Any = answer.get("actions")
    rows = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
    return [str(row.get("server_action") or row.get("id")) for row in rows]


def _agrees(entry: Json, wanted: ReportOutcome) -> bool:
    if entry["status"] == PENDING:
        return False
    return wanted is ReportOutcome.CLOSED or OUTCOMES.get(entry["status"]) is wanted


def _decided(client: Client, settings: DiscourseSettings, act: Act, entry: Json, wanted: ReportOutcome) -> Receipt:
    if not _agrees(entry, wanted):
        found = OUTCOMES.get(entry["status"], ReportOutcome.CLOSED)
        raise Permanent(f"Somebody has decided this flag on the forum already: {found}. Nothing was sent.")
    return receipt(client, settings, act)


def receipt(client: Client, settings: DiscourseSettings, act: Act) -> Receipt:
    return Receipt(act.target, f"{settings.url}/review/{_entry_id(act)}", client.now())


def _entry_id(act: Act) -> str:
    """A report's id is that of its entry and its own, with a colon between."""
    return number(act.target.partition(":")[0])
