"""What a token of the server's staff does to accounts and reports, and what it may, server by server.

The API has no act on one post of somebody else and no rights for one community: all of this is for the whole server.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from moderation.model import Capability
from plugins.contract import Act, Ambiguous, Gone, MissingRight, Permanent, Receipt
from plugins.mastodon.client import Client, part
from plugins.mastodon.deliveries import Own, Raw
from plugins.mastodon.reports import PATH as REPORTS
from plugins.mastodon.server import path_in, server_name
from plugins.mastodon.text import plain

ACCOUNTS = "/api/v1/admin/accounts"
_IMPOSED = {Capability.WARN: "none", Capability.SILENCE: "silence", Capability.SUSPEND: "suspend"}
_LIFTED = {Capability.UNSILENCE: "unsilence", Capability.UNSUSPEND: "unsuspend"}
ON_ACCOUNTS = (*_IMPOSED, *_LIFTED)
#: What an account shows after an act, and whether it then holds.
_STATES = {
    Capability.SILENCE: ("silenced", True),
    Capability.UNSILENCE: ("silenced", False),
    Capability.SUSPEND: ("suspended", True),
    Capability.UNSUSPEND: ("suspended", False),
}
#: Seen on a real server: it takes no other type of action, and has no way back from this one.
_ONLY = {"GoToSocial": frozenset({Capability.SUSPEND})}
_ALL = frozenset({*ON_ACCOUNTS, Capability.RESOLVE_REPORT})
_NO_API = MissingRight("This server has no part of its API for moderators: do this on its own pages.", missing="API")
_NO_SUCH_ACT = MissingRight("This server's software takes no such act: do this on its own pages.", missing="API")
_NO_STAFF = MissingRight(
    "Only the server's staff may do this: give the account such a role there, then check the connection.",
    missing="role",
)
_NO_ROLE = MissingRight(
    "The account's role on the server does not include this: add it to the role there, then check the connection.",
    missing="role",
)
#: Bits of a role's permissions: administrator, reports, users.
_ADMINISTRATOR, _REPORTS, _USERS = 0x1, 0x10, 0x400


# ------------------------------------------------------------------ acting


def on_account(client: Client, act: Act, own: Own) -> Receipt:
    """Warns, silences or suspends, and lifts it again. The API knows no term: an end is another act."""
    if act.target == own.id:
        raise Permanent("This is the account that Tenth acts as; nothing was sent.")
    path = f"{ACCOUNTS}/{_path_id(act.target)}"
    if act.kind in _LIFTED:
        client.post(f"{path}/{_LIFTED[act.kind]}", {}, {})
    else:
        client.post(f"{path}/action", _form(act), {})
    return _receipt(client, act)


def _form(act: Act) -> dict[str, str]:
    """With words, the person gets them; without, Mastodon tells them nothing."""
    words = (act.text or plain(act.options.get("reason"))).strip()
    if act.kind is Capability.WARN and not words:
        raise Permanent("A warning needs words; nothing was sent.")
    told = {"text": words, "send_email_notification": "true"} if words else {}
    return {"type": _IMPOSED[act.kind], **told}


def resolve(client: Client, act: Act, _: Own) -> Receipt:
    """Marks a report as decided. Whom the decision agreed with is not something the API keeps."""
    answer = client.post(f"{REPORTS}/{_report_id(act)}/resolve", {}, {}).body
    if not isinstance(answer, dict) or answer.get("action_taken") is not True:
        raise Ambiguous("The server took the decision and did not show the report with it.")
    return _receipt(client, act)


def find(client: Client, act: Act) -> Receipt | None:
    """A receipt when the server shows an account or a report as the act wanted it.

    Raises Permanent for a warning: a server shows it to the person alone, so only they know.
    """
    if act.kind is Capability.RESOLVE_REPORT:
        path, field, wanted = f"{REPORTS}/{_report_id(act)}", "action_taken", True
    elif act.kind in _STATES:
        path, (field, wanted) = f"{ACCOUNTS}/{_path_id(act.target)}", _STATES[act.kind]
    else:
        raise Permanent("Whether a warning arrived cannot be looked up: the server shows it to the person alone.")
    shown = client.get(path).body
    return _receipt(client, act) if isinstance(shown, dict) and shown.get(field) is wanted else None


def _report_id(act: Act) -> str:
    """A report about several posts is several reports to us; a post's id stands behind the colon."""
    return _path_id(act.target.partition(":")[0])


def _path_id(remote_id: str) -> str:
    """An id as a step of a path; with none, or with dots, it would be another path."""
    if remote_id in {"", ".", ".."}:
        raise Gone("Nothing on the server has such an id.")
    return part(remote_id)


def _receipt(client: Client, act: Act) -> Receipt:
    on_report = act.kind is Capability.RESOLVE_REPORT
    where = f"reports/{_report_id(act)}" if on_report else f"accounts/{_path_id(act.target)}"
    return Receipt(act.target, f"{client.base}/admin/{where}", client.now())


# ------------------------------------------------------------------ what it may


@dataclass(frozen=True, slots=True)
class Standing:
    """What a token may do as staff, and in words what it may not."""

    may: frozenset[Capability] = frozenset()
    notes: tuple[str, ...] = ()
    lacks: Mapping[Capability, str] = field(default_factory=dict)


def standing(client: Client, instance: Raw, account: Raw) -> Standing:
    """Looks without changing anything: reads one report, and tries to write to what does not exist."""
    try:
        client.get(REPORTS, {"limit": 1})
    except MissingRight as error:
        note = f"No reports and no acts on accounts: the token lacks {error.missing}."
        return Standing(notes=(note,), lacks=_without(_ALL, error))
    except Gone:
        note = "This server has no part of its API for moderators: no reports, no acts on accounts."
        return Standing(notes=(note,), lacks=_without(_ALL, _NO_API))
    except Permanent:
        note = "The account is not of the server's staff: no reports, no acts on accounts."
        return Standing(notes=(note,), lacks=_without(_ALL, _NO_STAFF))
    refused = _may_write(client, f"{REPORTS}/0/resolve", {})
    also = _may_write(client, f"{ACCOUNTS}/0/action", {"type": "none"})
    only = _ONLY.get(server_name(instance).split(" ")[0], frozenset(ON_ACCOUNTS))
    lacks = (
        _without(frozenset(ON_ACCOUNTS) - only, _NO_SUCH_ACT)
        | _without({Capability.RESOLVE_REPORT}, _why_not(refused, account, _REPORTS))
        | _without(only, _why_not(also, account, _USERS))
    )
    told = tuple(f"The token lacks {e.missing}: what needs it is not offered." for e in (refused, also) if e)
    return Standing(_ALL - lacks.keys(), told, lacks)


def _without(kinds: Collection[Capability], why: MissingRight | None) -> dict[Capability, str]:
    return dict.fromkeys(kinds, str(why)) if why is not None else {}


def _why_not(refused: MissingRight | None, account: Raw, bit: int) -> MissingRight | None:
    return refused or (None if _role_has(account, bit) else _NO_ROLE)


def _may_write(client: Client, path: str, form: dict[str, str]) -> MissingRight | None:
    """Servers look at the right first, and nothing can come of an account or a report that does not exist."""
    try:
        client.post(path, form, {})
    except MissingRight as error:
        return error
    except (Permanent, Ambiguous):
        return None  # refused for the thing, or stumbled over it: the right is there
    return None


def _role_has(account: Raw, bit: int) -> bool:
    """Servers that say nothing of roles, or use bits of their own, are believed by what they let us read."""
    told = plain(path_in(account, "role", "permissions"))
    if not told.isdecimal() or path_in(account, "role", "id") is None:
        return True
    return bool(int(told) & (_ADMINISTRATOR | bit))
