"""What is done to an account: it is silenced or suspended for a term, and let go again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from moderation.model import Capability
from plugins.contract import Act, Permanent, Receipt, Temporary
from plugins.discourse.client import Client, number
from plugins.discourse.settings import DiscourseSettings
from plugins.discourse.shape import Json

SANCTION = "silence and suspend accounts (scope users: suspend, and a moderator's account)"
READ_USER = "read accounts (a moderator's account)"
#: Discourse takes no longer reason.
LONGEST_REASON = 300
#: Discourse knows no silence without an end; its own pages take a thousand years for one.
FOR_EVER = timedelta(days=365_000)
#: Of a sanction: its verb, and the field that says until when, as it is sent and as an account shows it.
_IMPOSED = {
    Capability.SILENCE: ("silence", "silenced_till", "silenced_till"),
    Capability.SUSPEND: ("suspend", "suspend_until", "suspended_till"),
}
_LIFTED = {
    Capability.UNSILENCE: ("unsilence", "silenced_till"),
    Capability.UNSUSPEND: ("unsuspend", "suspended_till"),
}


def impose(client: Client, settings: DiscourseSettings, act: Act) -> Receipt:
    """Silences or suspends. One who is already is left as they are, and it is said: terms are not added up."""
    verb, field, _ = _IMPOSED[act.kind]
    body = {field: _end(act, client.now()).isoformat(), "reason": _reason(act)}
    try:
        client.write("PUT", f"/admin/users/{number(act.target)}/{verb}.json", SANCTION, body)
    except Permanent as refused:
        if refused.status != 409:
            raise
        words = "The forum has silenced or suspended this account already. Lift that first if the term is to change."
        raise Permanent(words, detail=refused.detail, status=409) from refused
    return receipt(client, settings, act)


def lift(client: Client, settings: DiscourseSettings, act: Act) -> Receipt:
    verb, _ = _LIFTED[act.kind]
    client.write("PUT", f"/admin/users/{number(act.target)}/{verb}.json", SANCTION)
    return receipt(client, settings, act)


def holds(client: Client, act: Act, since: datetime) -> bool:
    """Whether the account is now as the act wanted it. A term that ends sooner than the wanted one is not it."""
    user = client.get(f"/admin/users/{number(act.target)}.json", READ_USER)
    if act.kind in _LIFTED:
        till = _time(user, _LIFTED[act.kind][1])
        return till is None or till <= client.now()
    till = _time(user, _IMPOSED[act.kind][2])
    return till is not None and till >= _end(act, since)


def _end(act: Act, start: datetime) -> datetime:
    hours = act.options.get("hours")
    if hours is None:
        return start + FOR_EVER
    if isinstance(hours, bool) or not isinstance(hours, int | float) or not 0 < hours < FOR_EVER / timedelta(hours=1):
        raise Permanent("The option “hours” is the length of the term in hours: a number above 0. Nothing was sent.")
    return start + timedelta(hours=hours)


def _reason(act: Act) -> str:
    reason = str(act.options.get("reason") or "").strip()
    if not reason:
        raise Permanent("A sanction needs the option “reason”: what the person is told. Nothing was sent.")
    return reason if len(reason) <= LONGEST_REASON else f"{reason[: LONGEST_REASON - 1]}…"


def _time(user: Json, field: str) -> datetime | None:
    stamp = user.get(field)
    if stamp is None:
        return None
    try:
        at = datetime.fromisoformat(str(stamp))
    except ValueError as error:
        raise Temporary("The forum's answer has an unknown form.", detail=f"{field} is not a time") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def receipt(client: Client, settings: DiscourseSettings, act: Act) -> Receipt:
    """The page of the account, where the handle is known; a person cannot be found by number."""
    handle = str(act.options.get("handle") or "")
    return Receipt(act.target, f"{settings.url}/u/{quote(handle, safe='')}" if handle else settings.url, client.now())
