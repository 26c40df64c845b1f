"""A look at the key and the account behind it; changes nothing."""

from __future__ import annotations

from moderation.model import Capability
from plugins.contract import Check, CredentialsRefused, Gone, MissingRight, Temporary
from plugins.discourse.actions import ACTIONS
from plugins.discourse.client import Client
from plugins.discourse.limits import limits
from plugins.discourse.reader import READ_POSTS
from plugins.discourse.settings import DiscourseSettings
from plugins.discourse.shape import Json

READ_ACCOUNT = "read the key's own account"
READ_ABOUT = "read the forum's about page"
_ANYBODY = frozenset({Capability.REPLY, Capability.EDIT, Capability.DELETE})
_STAFF_ONLY = frozenset(ACTIONS) - _ANYBODY


def check(client: Client, settings: DiscourseSettings) -> Check:
    """Three calls: who the key acts as, what runs there, what a post may be.

    A key limited to scopes may not ask for the first, and is tried out.
    """
    account = _account(client)
    limited = account is None
    staff = account is None or account.get("admin") is True or account.get("moderator") is True
    missing = _unreadable(client) if limited else []
    allowed, told = limits(client)
    return Check(
        account=str((account or {}).get("username") or settings.api_username),
        server=_server(client),
        may=frozenset(ACTIONS) if staff else _ANYBODY,
        missing=(*missing, *([] if staff else [_not_staff(settings)])),
        notes=tuple(_notes(settings, staff=staff, limited=limited, told=told)),
        limits=allowed,
    )


def _account(client: Client) -> Json | None:
    """None for a key that is limited to scopes: none of them covers this question."""
    try:
        account = client.get("/session/current.json", READ_ACCOUNT).get("current_user")
    except MissingRight:
        return None
    except Gone as error:
        raise CredentialsRefused("The key acts as nobody: check the user name it is used with.") from error
    if not isinstance(account, dict):
        raise Temporary("The forum's answer has an unknown form.", detail="current_user is missing")
    return account


def _server(client: Client) -> str:
    """The about page can be switched off; the version is for people only."""
    try:
        about = client.get("/about.json", READ_ABOUT).get("about")
    except (Gone, MissingRight):
        return "Discourse"
    version = about.get("version") if isinstance(about, dict) else None
    return f"Discourse {version}" if isinstance(version, str) else "Discourse"


def _unreadable(client: Client) -> list[str]:
    try:
        client.get("/posts.json", READ_POSTS)
    except MissingRight as error:
        return [f"{error.missing}: add this scope to the API key in the forum's admin pages."]
    return []


def _not_staff(settings: DiscourseSettings) -> str:
    names = ", ".join(sorted(_STAFF_ONLY))
    return (
        f"{names}: the account “{settings.api_username}” is no moderator. "
        "Make it one on the forum if Tenth is to moderate; answering works without."
    )


def _notes(settings: DiscourseSettings, *, staff: bool, limited: bool, told: bool) -> list[str]:
    notes = []
    if limited:
        notes.append("The key is limited to scopes, so what it may do shows only when it is done.")
    if not told:
        notes.append("The key may not read the forum's settings, so Discourse's default limits for a post are assumed.")
    if settings.webhook_secret is None:
        notes.append("No webhook secret is set: new posts come by polling only.")
    if not staff:
        notes.append("Deletions are noticed later than a moderator's account would notice them.")
    return notes
